import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { getAsset, isSea } from 'node:sea';

/** The folders embedded in the binary, and which of their files are. */
const folders: readonly (readonly [folder: string, wanted: RegExp])[] = [
  ['action.d', /\.conf$/],
  ['filter.d', /\.conf$/],
  ['jail.d', /\.conf$/],
  ['share', /\.(service|timer|logrotate)$/],
];

let known: ReadonlyMap<string, string> | null = null;

/**
 * The files that f2b ships with, by their path in the project (`filter.d/sshd.conf`), sorted by path. Read
 * from the binary, or from the checkout if f2b runs from source.
 */
export function embeddedFiles(): ReadonlyMap<string, string> {
  known ??= isSea() ? fromBinary() : fromCheckout(join(import.meta.dirname, '../..'));
  return known;
}

function fromBinary(): ReadonlyMap<string, string> {
  const files: unknown = JSON.parse(getAsset('defaults', 'utf8'));
  return new Map(Object.entries(files ?? {}).map(([path, text]) => [path, String(text)]));
}

function fromCheckout(root: string): ReadonlyMap<string, string> {
  const paths = folders.flatMap(([folder, wanted]) =>
    namesIn(join(root, folder))
      .filter((name) => wanted.test(name) && !name.startsWith('.'))
      .map((name) => `${folder}/${name}`),
  );
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** A missing folder is empty: not every checkout has all of them. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Set by build.sh; undefined if f2b runs from source. The commit is '' in a build that is no release. */
declare const F2B_VERSION: string | undefined;
declare const F2B_COMMIT: string | undefined;

/** The commit a release was built of; null for other builds. */
export function programCommit(): string | null {
  return typeof F2B_COMMIT === 'string' && F2B_COMMIT !== '' ? F2B_COMMIT : null;
}

/** The version in package.json, such as `0.1.0`. */
export function programVersion(): string {
  return typeof F2B_VERSION === 'string' ? F2B_VERSION : versionOfCheckout();
}

function versionOfCheckout(): string {
  const text = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
  return /"version":\s*"([^"]+)"/.exec(text)?.[1] ?? 'unknown';
}
