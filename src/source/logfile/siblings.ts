import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { statOrNull } from '../../base/files.ts';

/** A file beside a log: perhaps an earlier one of it under its rotated name. Times are epoch seconds. */
export type Sibling = {
  readonly path: string;
  readonly dev: string;
  readonly ino: string;
  readonly size: number;
  readonly born: number;
  readonly written: number;
  /** Its name says that it is an earlier one of this log: `.1`, `-20261121`, `.old`. */
  readonly rotated: boolean;
  readonly compressed: boolean;
  /** It belongs to the log's owner or to root, and others could not have put it there. */
  readonly trusted: boolean;
};

/** More names than a log folder has; beyond it only those that begin like the log are looked at. */
const MANY = 5000;

const COMPRESSED = /\.(gz|xz|bz2|zst|lz4|lzma|zip|Z)$/;

/** Whether a name ends as compressed files do; such a file cannot be followed. */
export function isCompressed(name: string): boolean {
  return COMPRESSED.test(name);
}

/** A number after a dot or dash, or a date; logrotate adds `.backup` to what a service made before it could make its own. */
const BEHIND = /^(?:[._-]\d[\d._T:@-]*(?:\.backup)?|\d{6}[\d._T:@-]*|[._-]old)$/;
/** Before the extension a short number needs the dot: `app-2.log` is the log of a second app. */
const WITHIN = /^(?:\.\d{1,4}|[._-]?\d{6}[\d._T:@-]*)$/;

/** Whether `name` is what rotation makes of `base`: `app.log.1`, `app.log-20261121`, `app-20261121.log`, `app.log.old`. */
export function isRotatedName(base: string, name: string): boolean {
  const plain = name.replace(COMPRESSED, '');
  if (plain.startsWith(base)) return BEHIND.test(plain.slice(base.length));
  const extension = extname(base);
  const stem = base.slice(0, base.length - extension.length);
  if (extension === '' || !plain.startsWith(stem) || !plain.endsWith(extension)) return false;
  return WITHIN.test(plain.slice(stem.length, plain.length - extension.length));
}

/** logrotate's configuration, in which `olddir` names folders. */
const LOGROTATE = ['/etc/logrotate.conf', '/etc/logrotate.d'];
/** Folders below a log's that are looked into. */
const FOLDERS_MOST = 64;

/** Which names beside a log are looked at: `rotated` first, as a thousand logs in one folder may rotate together. */
export type Names = 'rotated' | 'all';

/**
 * The plain files beside a log, in its folder and its target's when it is a symlink; and those under a rotated name in the
 * folders below, and in every `olddir` of logrotate.
 */
export function listSiblings(path: string, names: Names = 'all', logrotate = LOGROTATE): readonly Sibling[] {
  const bases = new Map([[dirname(path), basename(path)]]);
  try {
    const real = realpathSync(path);
    bases.set(dirname(real), basename(real));
  } catch {
    // Nothing stands at the path at the moment; its own folder is enough.
  }
  const found = new Map<string, Sibling>();
  const olddirs = olddirsOf(logrotate);
  const owners = ownersOf(path);
  for (const [folder, base] of bases) {
    const others = new Set([...entriesIn(folder).folders, ...olddirs.map((one) => resolve(folder, one))]);
    const isRotated = (name: string): boolean => name === base || isRotatedName(base, name);
    for (const other of others) {
      for (const sibling of listFolder(other, { base, owners, isWanted: isRotated }))
        found.set(inodeOf(sibling), sibling);
    }
    for (const sibling of listFolder(folder, {
      base,
      owners,
      isWanted: names === 'all' ? () => true : isRotated,
    }))
      found.set(inodeOf(sibling), sibling);
  }
  return [...found.values()];
}

function inodeOf({ dev, ino }: Sibling): string {
  return `${dev}:${ino}`;
}

type Entries = { readonly names: readonly string[]; readonly folders: readonly string[] };

/** Names of the folder that was read last; a change of them is a change of the folder. */
let last: Entries & { readonly folder: string; readonly changed: bigint } = {
  folder: '',
  changed: 0n,
  names: [],
  folders: [],
};
/** A folder that was changed so recently may have been changed twice at one time of its clock, in nanoseconds. */
const RECENT_NS = 100_000_000n;

function entriesIn(folder: string): Entries {
  try {
    const changed = statSync(folder, { bigint: true }).mtimeNs;
    if (last.folder === folder && last.changed === changed) return last;
    const entries = readdirSync(folder, { withFileTypes: true });
    const folders = entries.filter((one) => one.isDirectory()).slice(0, FOLDERS_MOST);
    const isOld = BigInt(Date.now()) * 1_000_000n - changed > RECENT_NS;
    const read = {
      names: entries.map(({ name }) => name),
      folders: folders.map(({ name }) => join(folder, name)),
    };
    last = { folder: isOld ? folder : '', changed, ...read };
    return read;
  } catch {
    return { names: [], folders: [] };
  }
}

/** What stands behind `olddir` in logrotate's files, and in those of its folders; relative to a log's folder. */
export function olddirsOf(paths: readonly string[]): readonly string[] {
  const texts = paths.flatMap(
    (path) => readText(path) ?? namesIn(path).flatMap((name) => readText(join(path, name)) ?? []),
  );
  const found = texts.flatMap((text) => [...text.matchAll(/^[ \t]*olddir[ \t]+["']?([^"'\s]+)/gm)]);
  return [...new Set(found.flatMap(([, folder]) => folder ?? []))];
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Owners of files that may pass for the log: root, and the owner of the log, else of its folder. */
function ownersOf(path: string): ReadonlySet<number> {
  const uid = (statOrNull(path) ?? statOrNull(dirname(path)))?.uid;
  return new Set(uid === undefined ? [0] : [0, uid]);
}

/** Whether every user may put files of others into the folder: /tmp is sticky, there only the owner can. */
function isOpenToAll(folder: string, owners: ReadonlySet<number>): boolean {
  const stat = statOrNull(folder);
  if (stat === null || (stat.mode & 0o002) === 0) return false;
  return (stat.mode & 0o1000) === 0 || !owners.has(stat.uid);
}

type Listing = {
  readonly base: string;
  readonly owners: ReadonlySet<number>;
  readonly isWanted: (name: string) => boolean;
};

function listFolder(folder: string, { base, owners, isWanted }: Listing): readonly Sibling[] {
  const isOpen = isOpenToAll(folder, owners);
  const names = entriesIn(folder).names.filter(isWanted);
  const stem = base.slice(0, base.length - extname(base).length);
  const near = names.length > MANY ? names.filter((name) => name.startsWith(stem)) : names;
  return near.flatMap((name) =>
    look(folder, name, base).map(({ uid, ...one }) => ({ ...one, trusted: !isOpen && owners.has(uid) })),
  );
}

function look(
  folder: string,
  name: string,
  base: string,
): readonly (Omit<Sibling, 'trusted'> & { readonly uid: number })[] {
  const path = join(folder, name);
  try {
    const stat = statSync(path, { bigint: true });
    if (!stat.isFile()) return [];
    return [
      {
        path,
        dev: String(stat.dev),
        ino: String(stat.ino),
        size: Number(stat.size),
        born: Number(stat.birthtimeNs / 1000n) / 1e6,
        written: Number(stat.mtimeNs / 1000n) / 1e6,
        rotated: isRotatedName(base, name),
        compressed: isCompressed(name),
        uid: Number(stat.uid),
      },
    ];
  } catch {
    return [];
  }
}

/**
 * Orders rotated files from the oldest to the newest: by birth, by last writing, and, since those clocks tick only
 * some 250 times a second, by name: `.2` before `.1`, dates as they go.
 */
export function byAge(a: Sibling, b: Sibling): number {
  return a.born - b.born || a.written - b.written || turnOf(b) - turnOf(a) || (a.path < b.path ? -1 : 1);
}

function turnOf(one: Sibling): number {
  const turn = /\.(\d{1,4})(?:\.\w+)?$/.exec(one.path);
  return turn === null ? 0 : Number(turn[1]);
}
