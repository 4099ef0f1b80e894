import {
  chmodSync,
  constants,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { sha256 } from '../../base/digest.ts';
import { codeOf, MachineError, reasonOf } from '../../base/errors.ts';
import { isRecord } from '../../source/source.ts';
import type { InstallFile, InstallLink } from './files.ts';

/** What f2b put onto the host, so that it can take it back: by path, the hash of a file or the target of a link. */
export type Manifest = {
  /** Hash of the file's text, or `-> TARGET`. */
  readonly files: Readonly<Record<string, string>>;
  /** Folders that were made. */
  readonly folders: readonly string[];
  /** Whether fail2ban's place was taken, and whether it was enabled then. */
  readonly fail2ban: { readonly wasEnabled: boolean } | null;
};

const NOTHING: Manifest = { files: {}, folders: [], fail2ban: null };

/** Where the manifest lies; it is there as long as something is installed. */
const MANIFEST = '/usr/local/share/f2b/installed.json';

/** What happened to a path, or would happen. */
export type Change = {
  readonly what: 'write' | 'link' | 'remove' | 'keep';
  readonly path: string;
  /** Why it stays as it is. */
  readonly why?: string;
};

/** The files of a host below `root`, and what was installed there. With `isDry` nothing is changed. */
export class Place {
  readonly changes: Change[] = [];
  readonly #root: string;
  readonly #isDry: boolean;
  readonly #onChange: (change: Change) => void;
  #manifest: Manifest;

  constructor(root: string, isDry: boolean, onChange: (change: Change) => void) {
    this.#root = root;
    this.#isDry = isDry;
    this.#onChange = onChange;
    this.#manifest = readManifest(join(root, MANIFEST));
  }

  get manifest(): Manifest {
    return this.#manifest;
  }

  /** Whether this path is there, as whatever it may be. */
  has(path: string): boolean {
    return lstatSync(join(this.#root, path), { throwIfNoEntry: false }) !== undefined;
  }

  /** Copies the binary, unless the same is there already; it is ours then as well. A running one goes on as it is. */
  copyBinary(from: string, to: string): void {
    const target = join(this.#root, to);
    if (existsSync(target) && readFileSync(target).equals(readFileSync(from))) {
      this.#note(to, 'binary');
      return;
    }
    this.#put(to, 'write', 'binary', () => {
      const fresh = `${target}.new`;
      rmSync(fresh, { force: true });
      copyFileSync(from, fresh, constants.COPYFILE_EXCL);
      chmodSync(fresh, 0o755);
      renameSync(fresh, target);
    });
  }

  /** Writes a file, unless it is there with that text. One that is not ours, or was changed by the admin, stays and is told. */
  write({ path, text }: InstallFile): void {
    const target = join(this.#root, path);
    const hash = sha256(text);
    const standing = this.has(path) ? sha256(readFileSync(target, 'utf8')) : null;
    if (standing === hash) this.#note(path, hash);
    else if (standing !== null && standing !== this.#manifest.files[path])
      this.#tell({ what: 'keep', path, why: 'it was changed by others' });
    else
      this.#put(path, 'write', hash, () => {
        replaceFile(target, text);
      });
  }

  /** Throws MachineError when something else has the name of a link. */
  assertFree(links: readonly InstallLink[]): void {
    for (const link of links)
      if (!this.isLinked(link) && this.has(link.path) && this.#manifest.files[link.path] === undefined)
        throw new MachineError(`${link.path} is there already and is not f2b's: move it away first`);
  }

  /** Whether the link is there as it has to be. */
  isLinked({ path, target }: InstallLink): boolean {
    const place = join(this.#root, path);
    const stat = lstatSync(place, { throwIfNoEntry: false });
    return stat?.isSymbolicLink() === true && readlinkSync(place) === target;
  }

  /** Makes a link whose name is free. */
  link({ path, target }: InstallLink): void {
    if (this.isLinked({ path, target })) {
      this.#note(path, `-> ${target}`);
      return;
    }
    const place = join(this.#root, path);
    this.#put(path, 'link', `-> ${target}`, () => {
      rmSync(place, { force: true });
      symlinkSync(target, place);
    });
  }

  /** Takes back the paths that f2b put there; a file that was changed since stays and is told. */
  takeBack(paths: readonly string[]): void {
    for (const path of paths) {
      const known = this.#manifest.files[path];
      if (known === undefined || this.changes.some((one) => one.path === path)) continue;
      if (!this.has(path)) this.#forget(path);
      else if (known !== 'binary' && known !== this.#standing(path))
        this.#tell({ what: 'keep', path, why: 'it was changed since it was installed' });
      else {
        this.#tell({ what: 'remove', path });
        this.#assertInside(path);
        if (this.#isDry) continue;
        rmSync(join(this.#root, path), { force: true });
        this.#forget(path);
      }
    }
  }

  /** Remembers that fail2ban's place was taken, or given back. */
  setFail2ban(fail2ban: Manifest['fail2ban']): void {
    if (this.#isDry) return;
    this.#manifest = { ...this.#manifest, fail2ban };
    this.save();
  }

  /** Writes the manifest; without anything installed it goes, with the folders that were made. */
  save(): void {
    if (this.#isDry) return;
    const path = join(this.#root, MANIFEST);
    if (Object.keys(this.#manifest.files).length > 0 || this.#manifest.fail2ban !== null) {
      this.#assertInside(MANIFEST);
      this.#makeFolder(dirname(MANIFEST));
      replaceFile(path, `${JSON.stringify(this.#manifest, null, 2)}\n`);
      return;
    }
    rmSync(path, { force: true });
    for (const folder of [...this.#manifest.folders].sort().reverse()) {
      this.#assertInside(folder);
      removeEmpty(join(this.#root, folder));
    }
  }

  #tell(change: Change): void {
    this.changes.push(change);
    this.#onChange(change);
  }

  #standing(path: string): string {
    const place = join(this.#root, path);
    return lstatSync(place).isSymbolicLink()
      ? `-> ${readlinkSync(place)}`
      : sha256(readFileSync(place, 'utf8'));
  }

  #put(path: string, what: 'write' | 'link', known: string, work: () => void): void {
    this.#tell({ what, path });
    this.#assertInside(path);
    if (this.#isDry) return;
    try {
      this.#makeFolder(dirname(path));
      work();
    } catch (error) {
      throw new MachineError(`cannot write ${path}: ${reasonOf(error)}`);
    }
    this.#note(path, known);
  }

  /** Throws MachineError when a link of an image leads out of it. */
  #assertInside(path: string): void {
    const root = realpathSync(this.#root);
    let at = dirname(join(root, path));
    while (!existsSync(at)) at = dirname(at);
    const real = realpathSync(at);
    if (root !== '/' && real !== root && !real.startsWith(`${root}/`))
      throw new MachineError(`${path} leads out of ${this.#root}`);
  }

  #note(path: string, known: string): void {
    this.#manifest = { ...this.#manifest, files: { ...this.#manifest.files, [path]: known } };
  }

  #forget(path: string): void {
    const { [path]: _, ...files } = this.#manifest.files;
    this.#manifest = { ...this.#manifest, files };
  }

  #makeFolder(folder: string): void {
    if (this.has(folder)) return;
    this.#makeFolder(dirname(folder));
    mkdirSync(join(this.#root, folder), { mode: 0o755 });
    this.#manifest = { ...this.#manifest, folders: [...this.#manifest.folders, folder] };
  }
}

function readManifest(path: string): Manifest {
  try {
    const json: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (!isRecord(json)) throw new Error('it is no object');
    const { files, folders = [], fail2ban = null } = json;
    if (!isRecord(files) || !Array.isArray(folders)) throw new Error('it names no files and folders');
    const known = Object.entries(files).map(([file, hash]) => [pathOf(file), textOf(hash)] as const);
    const wasEnabled = isRecord(fail2ban) && fail2ban['wasEnabled'] === true;
    return {
      files: Object.fromEntries(known),
      folders: folders.map(pathOf),
      fail2ban: fail2ban === null ? null : { wasEnabled },
    };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return NOTHING;
    throw new MachineError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** A path below the root: an image may have been made by others. */
function pathOf(value: unknown): string {
  const path = textOf(value);
  if (!isAbsolute(path) || normalize(path) !== path)
    throw new Error(`${JSON.stringify(path)} is no path of a host`);
  return path;
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`${JSON.stringify(value)} is no text`);
  return value;
}

/** Writes a file beside and puts it in place: a link that has either name is replaced, never followed. */
function replaceFile(path: string, text: string): void {
  const fresh = `${path}.new`;
  rmSync(fresh, { force: true });
  writeFileSync(fresh, text, { mode: 0o644, flag: 'wx' });
  renameSync(fresh, path);
}

/** A folder in which others have put something stays. */
function removeEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'ENOENT') throw error;
  }
}
