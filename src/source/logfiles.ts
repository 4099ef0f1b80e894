/**
 * Every log file of every jail, as one group of sources. Each file is read once, however many jails look at it, and globs
 * are looked at again at intervals. No line is given twice or lost over rotation, globs that match rotated files, and restarts:
 *
 *     const files = new LogFiles([{ jail: 'sshd', logpath: [{ glob: '/var/log/secure*', start: 'catchup' }], .. }], options);
 *     for (let next = files.next(65536); next !== null; next = files.next(65536)) count(next.jails, next.batch);
 *     save(files.positions());
 */
import { lstatSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { LogPath } from '../config/jail.ts';
import { Descriptors } from './logfile/descriptors.ts';
import { codecOf } from './logfile/encoding.ts';
import { GLOB_MOST, hasMagic, leftOutText, pathsOf } from './logfile/glob.ts';
import { LogFile } from './logfile/logfile.ts';
import { type FileMark, type FilePosition, readFilePosition } from './logfile/position.ts';
import { inodeKey } from './logfile/recover.ts';
import { FolderWatch } from './logfile/watchfolder.ts';
import {
  type Batch,
  type DateOf,
  type Followed,
  makeIdle,
  type ReadingJail,
  type SourceGroup,
  type SourceOptions,
} from './source.ts';

/** What one jail wants to read. */
export type JailLogs = {
  readonly jail: string;
  readonly logpath: readonly LogPath[];
  /** `logencoding`. */
  readonly encoding: string;
  /** True for `backend = auto`: wake-ups by the kernel besides polling. */
  readonly wakeUps: boolean;
  /** Epoch seconds: lines before it do not matter to the jail (now - findtime). */
  readonly since: number;
  readonly dateOf: DateOf;
};

/** A jail that reads a file; one that begins at the `tail` must not be given batches that are not live. */
type JailReader = { readonly logs: JailLogs; readonly start: LogPath['start'] };

/** A file to follow. */
type FileTarget = { readonly path: string; readonly codec: string; readonly readers: JailReader[] };

/** How to follow them all. */
export type LogFilesOptions = SourceOptions & {
  /** Interval at which globs are looked at again, in milliseconds. */
  readonly globMs?: number;
};

const GLOB_MS = 10_000;
const SETTLE_MS = 50;
/** Positions of files that are gone, or left out, kept in case they come back. */
const GONE_MOST = GLOB_MOST;
/** Files are opened for so long before others get their turn, in milliseconds. */
const PIECE_MS = 100;
/** So many more files than are followed may be known by their inodes before those long gone are forgotten. */
const KNOWN_MORE = 10_000;

/** The files of a glob that are not followed, and who would read them. */
type LeftOut = { readonly paths: readonly string[]; readonly jails: readonly string[] };

type FollowedFile = {
  readonly key: string;
  readonly file: LogFile;
  readonly codec: string;
  readers: readonly JailReader[];
  isAnnounced: boolean;
};

/** What a jail wants of the log files. */
export function logsOf({ jail, since, dateOf }: ReadingJail): JailLogs {
  const { name, logpath, logencoding, backend } = jail;
  return { jail: name, logpath, encoding: logencoding, wakeUps: backend !== 'polling', since, dateOf };
}

/** The log files of all jails. */
export class LogFiles implements SourceGroup {
  readonly #wanted: readonly JailLogs[];
  readonly #options: LogFilesOptions;
  readonly #folderWatch: FolderWatch;
  readonly #entries = new Map<string, FollowedFile>();
  readonly #ready = new Set<FollowedFile>();
  readonly #gone = new Map<string, FilePosition>();
  readonly #stops: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #soon: NodeJS.Timeout | null = null;
  readonly #openedAt = Date.now() / 1000;
  /** Files that were there at the opening and were not opened yet. */
  readonly #first: Set<string>;
  /** Files that are to be opened next. */
  #waiting: Iterator<[string, FileTarget]> | null = null;
  #piece: NodeJS.Immediate | null = null;
  #closed = false;
  readonly #descriptors = new Descriptors();
  /** By the inode of a file the keys under which it may be known. */
  #knownBy = new Map<string, Set<string>>();
  /** By glob. */
  #left: ReadonlyMap<string, LeftOut> = new Map();
  /** How many left out files were told, by glob. */
  readonly #told = new Map<string, number>();

  constructor(wanted: readonly JailLogs[], options: LogFilesOptions) {
    this.#wanted = wanted;
    this.#options = options;
    for (const [key, saved] of options.positions) {
      const position = readFilePosition(saved);
      if (position !== null) this.#goes(key, position);
    }
    this.#folderWatch = new FolderWatch(options.say);
    const found = this.#expand();
    this.#first = new Set(found.keys());
    this.#take(found);
    this.#timer = setInterval(() => {
      this.#folderWatch.refresh();
      this.rescan();
    }, options.globMs ?? GLOB_MS);
    this.#watchGlobs();
  }

  /** The next batch of any file, the files in turn; null: nothing now. */
  next(maxBytes: number): (Followed & { readonly batch: Batch }) | null {
    for (const entry of this.#ready) {
      const batch = entry.file.read(maxBytes);
      this.#ready.delete(entry);
      if (batch === null) continue;
      this.#ready.add(entry);
      const heard = entry.readers.filter(({ start }) => batch.live || start !== 'tail');
      return { source: entry.file, jails: heard.map(({ logs }) => logs.jail), batch };
    }
    return null;
  }

  /** Every file that is followed, for `status --sources`. */
  all(): readonly Followed[] {
    const followed = [...this.#entries.values()].map(({ file, readers }) => ({
      source: file,
      jails: readers.map(({ logs }) => logs.jail),
    }));
    const left = [...this.#left].map(([glob, { paths, jails }]) => ({
      source: makeIdle(glob, leftOutText(paths), this.#openedAt),
      jails,
    }));
    return [...followed, ...left];
  }

  /** Where every file stands after everything that next() handed out, those that are gone too. */
  positions(): ReadonlyMap<string, FilePosition> {
    const all = new Map(this.#gone);
    for (const [key, entry] of this.#entries) {
      const position = entry.file.position();
      if (position !== null) all.set(key, position);
    }
    return all;
  }

  /** Looks at the globs again, at once. */
  rescan(): void {
    if (this.#closed) return;
    this.#take(this.#expand());
  }

  #take(found: ReadonlyMap<string, FileTarget>): void {
    const left = new Set([...this.#left.values()].flatMap(({ paths }) => paths));
    for (const [key, entry] of this.#entries) {
      const target = found.get(key);
      if (target !== undefined) entry.readers = target.readers;
      const isIdle = entry.file.isGone() || (left.has(entry.file.name) && !this.#ready.has(entry));
      if (target === undefined && isIdle) this.#drop(key, entry);
    }
    const known = [...found].filter(([key]) => !this.#entries.has(key));
    this.#waiting = known.length === 0 ? null : known.values();
    this.#openSome();
    for (const entry of this.#entries.values()) this.#announce(entry);
    this.#tellLeft();
    this.#forgetInodes();
  }

  /** Opens the files that wait for it, as long as it is its turn. */
  #openSome(): void {
    if (this.#piece !== null) clearImmediate(this.#piece);
    this.#piece = null;
    const endMs = this.#options.once === true ? Number.POSITIVE_INFINITY : performance.now() + PIECE_MS;
    while (this.#waiting !== null && performance.now() < endMs) {
      const next = this.#waiting.next();
      if (next.done === true) this.#waiting = null;
      else this.#announce(this.#open(...next.value));
    }
    if (this.#waiting === null) this.#trimGone();
    else this.#piece = setImmediate(() => this.#openSome());
  }

  /** Says which files are left out, again when they have doubled, and when there are none any more. */
  #tellLeft(): void {
    for (const [glob, { paths }] of this.#left) {
      if (paths.length < 2 * (this.#told.get(glob) ?? 0)) continue;
      this.#told.set(glob, paths.length);
      this.#options.say('error', `${glob}: ${leftOutText(paths)}`);
    }
    for (const glob of this.#told.keys()) {
      if (this.#left.has(glob)) continue;
      this.#told.delete(glob);
      this.#options.say('info', `${glob}: all files are followed again`);
    }
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#soon !== null) clearTimeout(this.#soon);
    if (this.#piece !== null) clearImmediate(this.#piece);
    for (const stop of this.#stops) stop();
    for (const entry of this.#entries.values()) entry.file.close();
    this.#folderWatch.close();
  }

  #expand(): ReadonlyMap<string, FileTarget> {
    const found = new Map<string, FileTarget>();
    const left = new Map<string, LeftOut>();
    const realOf = realPaths();
    for (const logs of this.#wanted) {
      const codec = codecOf(logs.encoding)?.name ?? 'raw';
      // Two names of one file are one file to a jail.
      const known = new Set<string>();
      for (const { glob, start } of logs.logpath) {
        const matched = pathsOf(glob);
        const jails = [...(left.get(glob)?.jails ?? []), logs.jail];
        if (matched.left.length > 0) left.set(glob, { paths: matched.left, jails });
        for (const path of matched.paths) {
          const real = realOf(path);
          if (known.has(real)) continue;
          known.add(real);
          const key = keyFor(path, codec);
          const target = found.get(key) ?? { path, codec, readers: [] };
          target.readers.push({ logs, start });
          found.set(key, target);
        }
      }
    }
    this.#left = left;
    return found;
  }

  #open(key: string, { path, codec, readers }: FileTarget): FollowedFile {
    const wanted = readers.map(({ logs }) => logs);
    const holder: { entry: FollowedFile | null } = { entry: null };
    const file = new LogFile(path, {
      position: this.#gone.get(key) ?? this.#gone.get(path) ?? null,
      start: earliest(readers),
      ...(this.#first.delete(key) ? {} : { bornSince: this.#openedAt }),
      since: Math.min(...wanted.map((one) => one.since)),
      dateOf: dateOfAll(wanted),
      encoding: wanted[0]?.encoding ?? 'auto',
      pollMs: this.#options.pollMs,
      folderWatch: wanted.some((one) => one.wakeUps) ? this.#folderWatch : null,
      descriptors: this.#descriptors,
      say: this.#options.say,
      onKnown: (file) => this.#knows(file, key),
      onReady: () => this.#wake(holder.entry),
      adopt: (file, accepts) => this.#adopt(file, { key, codec, accepts }),
      isFollowed: (other) => other !== path && this.#entries.has(keyFor(other, codec)),
    });
    this.#gone.delete(key);
    const entry = { key, file, codec, readers, isAnnounced: false };
    holder.entry = entry;
    this.#entries.set(key, entry);
    return entry;
  }

  /** Says that a file is followed, and where reading begins, once there is one. */
  #announce(entry: FollowedFile): void {
    if (entry.isAnnounced) return;
    const mark = entry.file.position()?.files.findLast(({ done }) => !done);
    if (mark === undefined) return;
    entry.isAnnounced = true;
    const { offset, head } = mark;
    this.#options.say('info', `Added logfile: '${entry.file.name}' (pos = ${offset}, hash = ${head})`);
  }

  #wake(entry: FollowedFile | null): void {
    if (entry === null || this.#closed) return;
    const idle = this.#ready.size === 0;
    this.#ready.add(entry);
    if (idle) this.#options.onReady();
  }

  /** A rotated file came to a path that is followed too: whoever read it under its former name gives it up. */
  #adopt(
    file: string,
    by: { readonly key: string; readonly codec: string; readonly accepts: (mark: FileMark) => boolean },
  ): FileMark | null {
    const { key, codec, accepts } = by;
    const keys = [...(this.#knownBy.get(file) ?? [])].filter((one) => one !== key);
    const others = keys.flatMap((one) => this.#entries.get(one) ?? []).filter((one) => one.codec === codec);
    const gone = keys.flatMap((one): [string, FilePosition][] => {
      const position = this.#gone.get(one);
      return position === undefined ? [] : [[one, position]];
    });
    const marks = [
      ...others.flatMap((one) => one.file.marksOf(file)),
      ...gone.flatMap(([, position]) => position.files.filter((one) => inodeKey(one) === file)),
    ].filter((one) => one.offset > 0 && accepts(one));
    if (marks.length === 0) return null;
    for (const one of others) one.file.forget(file);
    for (const [goneKey, position] of gone) {
      this.#gone.set(goneKey, { ...position, files: position.files.filter((one) => inodeKey(one) !== file) });
    }
    return marks.reduce((a, b) => (b.offset > a.offset ? b : a));
  }

  #drop(key: string, entry: FollowedFile): void {
    const position = entry.file.position();
    entry.file.close();
    this.#entries.delete(key);
    this.#ready.delete(entry);
    if (position !== null) this.#goes(key, position);
  }

  /** Keeps the position of a file that is not followed now. */
  #goes(key: string, position: FilePosition): void {
    this.#gone.set(key, position);
    for (const mark of position.files) this.#knows(inodeKey(mark), key);
  }

  #knows(file: string, key: string): void {
    const keys = this.#knownBy.get(file) ?? new Set();
    this.#knownBy.set(file, keys.add(key));
  }

  /** Inodes of files of which no mark is left are not kept for ever. */
  #forgetInodes(): void {
    if (this.#knownBy.size < 4 * (this.#entries.size + this.#gone.size) + KNOWN_MORE) return;
    this.#knownBy = new Map();
    for (const [key, { file }] of this.#entries) for (const one of file.known()) this.#knows(one, key);
    for (const [key, position] of this.#gone) this.#goes(key, position);
  }

  #trimGone(): void {
    if (this.#gone.size <= GONE_MOST) return;
    const oldestFirst = [...this.#gone].sort(([, a], [, b]) => a.seen - b.seen);
    for (const [key] of oldestFirst.slice(0, -GONE_MOST)) this.#gone.delete(key);
  }

  #watchGlobs(): void {
    const globs = this.#wanted
      .filter((one) => one.wakeUps)
      .flatMap((one) => one.logpath.map((path) => path.glob));
    const folders = new Set(globs.filter((glob) => hasMagic(glob) && !hasMagic(dirname(glob))).map(dirname));
    for (const folder of folders) {
      const stop = this.#folderWatch.subscribe(folder, null, (renamed) => {
        if (renamed && !this.#closed) this.#soon ??= setTimeout(() => this.#rescanSoon(), SETTLE_MS);
      });
      this.#stops.push(stop);
    }
  }

  #rescanSoon(): void {
    this.#soon = null;
    this.rescan();
  }
}

function keyFor(path: string, codec: string): string {
  return codec === 'raw' ? path : `${path} [${codec}]`;
}

/** realpath() for many files of few folders. */
function realPaths(): (path: string) => string {
  const folders = new Map<string, string>();
  return (path) => {
    try {
      if (lstatSync(path).isSymbolicLink()) return realpathSync(path);
      const folder = dirname(path);
      const real = folders.get(folder) ?? realpathSync(folder);
      folders.set(folder, real);
      return join(real, basename(path));
    } catch {
      return path;
    }
  };
}

function earliest(readers: readonly JailReader[]): LogPath['start'] {
  const starts = readers.map((one) => one.start);
  if (starts.includes('head')) return 'head';
  return starts.includes('catchup') ? 'catchup' : 'tail';
}

/** Reads a line's date as the first of the jails that can; one jail's as it is, the same for all of its files. */
function dateOfAll(wanted: readonly JailLogs[]): DateOf {
  const [only, ...others] = wanted;
  if (only !== undefined && others.length === 0) return only.dateOf;
  return (line) => {
    for (const one of wanted) {
      const date = one.dateOf(line);
      if (date !== null) return date;
    }
    return null;
  };
}
