import { readdirSync, readFileSync, statSync } from 'node:fs';
import { isAbsolute, join, normalize } from 'node:path';
import { codeOf, MachineError, UsageError } from '../base/errors.ts';

/**
 * A source of configuration files: a folder on disk, or the defaults inside the binary. Paths are relative to
 * the root (`jail.d/sshd.conf`); a path from an include may be absolute.
 */
export type ConfigTree = {
  /** Its name in messages: the folder's path, or `embedded`. */
  readonly name: string;
  /** The file's text; null if there is none. Throws MachineError if it exists and cannot be read. */
  read(path: string): string | null;
  /** Sorted names in a folder; empty if there is none. Throws MachineError if it cannot be read. */
  list(folder: string): readonly string[];
  /** How a file of this tree is cited in messages. */
  show(path: string): string;
};

const MAX_BYTES = 16 * 1024 * 1024;

/** A tree for a folder on disk. */
export function diskTree(root: string): ConfigTree {
  const at = (path: string): string => (isAbsolute(path) ? path : join(root, path));
  return {
    name: root,
    read: (path) => readText(at(path)),
    list: (folder) => listFolder(at(folder)),
    show: (path) => normalize(at(path)),
  };
}

function readText(path: string): string | null {
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new MachineError(`cannot read ${path}: not a file`);
    if (stat.size > MAX_BYTES) throw new MachineError(`cannot read ${path}: larger than 16 MB`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw refusal('read', path, error);
  }
}

function listFolder(path: string): readonly string[] {
  try {
    return readdirSync(path).sort();
  } catch (error) {
    if (isMissing(error)) return [];
    throw refusal('read the folder', path, error);
  }
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
}

function refusal(what: string, path: string, error: unknown): MachineError {
  if (error instanceof MachineError) return error;
  return new MachineError(`cannot ${what} ${path}: ${codeOf(error) || String(error)}`);
}

/** The name of the tree inside the binary. */
const EMBEDDED = 'embedded';

/** Whether a place is in a file that f2b brings along. */
export function isEmbedded({ file }: { readonly file: string }): boolean {
  return file.startsWith(`${EMBEDDED}:`);
}

/** A tree in memory, path -> text; used for the files in the binary. */
export function memoryTree(files: ReadonlyMap<string, string>, name = EMBEDDED): ConfigTree {
  const clean = (path: string): string => normalize(path);
  return {
    name,
    read: (path) => files.get(clean(path)) ?? null,
    list: (folder) => {
      const prefix = `${clean(folder)}/`;
      const inside = [...files.keys()].filter((path) => path.startsWith(prefix));
      return inside
        .map((path) => path.slice(prefix.length))
        .filter((rest) => !rest.includes('/'))
        .sort();
    },
    show: (path) => `${name}:${clean(path)}`,
  };
}

/**
 * Prefix for jail files of the lower tree: each is read in addition to an upper one of the same name, and
 * before all of those.
 */
const BENEATH = '@';

/** Whether a jail file is of the lower tree. */
export function isBeneath(path: string): boolean {
  return path.startsWith(`jail.d/${BENEATH}`);
}

/**
 * A tree that looks in `upper` first, then in `lower`. Filters and actions of the lower tree are used if the
 * upper one lacks the name. The lower jail.d is read before the upper one, so that `enabled = true` suffices
 * in an upper file. If the upper tree has a jail.conf, it defines all jails itself.
 */
export function overlayTree(upper: ConfigTree, lower: ConfigTree): ConfigTree {
  const beneath = (path: string): string | null => {
    const found = /^jail\.d\/@([^/]+)$/.exec(normalize(path));
    return found === null || has(upper, 'jail.conf') ? null : `jail.d/${found[1]}`;
  };
  const isAlone = (path: string): boolean => {
    const found = /^(filter|action)\.d(?:\/([^/]+?)(?:\.conf|\.local|\.d)(?:\/.*)?)?$/.exec(normalize(path));
    if (found === null) return true;
    const [, kind = '', name] = found;
    // If the upper tree has the .conf of a name, its .local and .d come from there, too.
    return name !== undefined && has(upper, `${kind}.d/${name}.conf`);
  };
  return {
    name: upper.name,
    read: (path) => {
      const under = beneath(path);
      if (under !== null) return lower.read(under);
      const own = upper.read(path);
      return own !== null || isAlone(path) ? own : lower.read(path);
    },
    list: (folder) => {
      const own = upper.list(folder);
      if (normalize(folder) === 'jail.d' && !has(upper, 'jail.conf')) {
        return [...lower.list(folder).map((name) => `${BENEATH}${name}`), ...own];
      }
      return isAlone(folder) ? own : [...new Set([...own, ...lower.list(folder)])].sort();
    },
    show: (path) => {
      const under = beneath(path);
      if (under !== null) return lower.show(under);
      const isLower = !isAlone(path) && !has(upper, path) && lower.read(path) !== null;
      return isLower ? lower.show(path) : upper.show(path);
    },
  };
}

/** Whether the file exists; true even if it cannot be read. */
function has(tree: ConfigTree, path: string): boolean {
  try {
    return tree.read(path) !== null;
  } catch {
    return true;
  }
}

/** Input of findConfigTree(): `--config DIR`, and the defaults inside the binary (null if there are none). */
export type TreeOptions = { readonly config: string | null; readonly embedded: ConfigTree | null };

/** Default folders, in order. */
export const CONFIG_FOLDERS: readonly string[] = ['/etc/f2b', '/etc/fail2ban'];

/**
 * The configuration to use: `--config DIR`, `$F2B_CONFIG`, /etc/f2b, /etc/fail2ban, the embedded default. A
 * named folder must exist (UsageError) and be readable (MachineError); filters it lacks come from the
 * embedded ones.
 */
export function findConfigTree(
  options: TreeOptions,
  env: Readonly<Record<string, string | undefined>>,
  folders: readonly string[] = CONFIG_FOLDERS,
): ConfigTree {
  const named = options.config ?? (env['F2B_CONFIG'] || null);
  const root = named ?? folders.find((folder) => isFolder(folder)) ?? null;
  const embedded = options.embedded ?? memoryTree(new Map());
  if (root === null) return embedded;
  if (!isFolder(root)) {
    const origin = options.config === null ? ' (from $F2B_CONFIG)' : '';
    throw new UsageError(`cannot read the configuration folder ${root}${origin}: no such folder`);
  }
  const tree = diskTree(root);
  tree.list('.');
  return overlayTree(tree, embedded);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw refusal('read the configuration folder', path, error);
  }
}
