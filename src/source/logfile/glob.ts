import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { statOrNull } from '../../base/files.ts';
import { isCompressed } from './siblings.ts';

/** So many of the files that a glob matches are followed: those that were written to last. */
export const GLOB_MOST = 10_000;
/** So many of the others are named. */
const NAMED = 3;

/** Whether a path holds `*`, `?` or `[`, as Python's glob.has_magic() sees it. */
export function hasMagic(path: string): boolean {
  return /[*?[]/.test(path);
}

/**
 * The paths that a glob matches, sorted; [] when none. Python's glob.glob() as fail2ban 1.0.2 uses it: `*`, `?` and
 * `[...]` within one part of the path, no braces, `**` is `*`, a leading dot is matched by a dot only. A path
 * without magic is answered when it exists.
 */
export function expandGlob(glob: string): readonly string[] {
  if (!hasMagic(glob)) return existsSync(glob) ? [glob] : [];
  const parts = glob.split('/');
  let found: readonly string[] = [parts[0] === '' ? '/' : '.'];
  for (const part of parts) {
    if (part === '') continue;
    found = found.flatMap((folder) => (hasMagic(part) ? matchIn(folder, part) : stepInto(folder, part)));
  }
  return [...found].sort();
}

/** What of a logpath is followed, and what its glob matches besides; a path without magic need not exist. */
export function pathsOf(
  glob: string,
  most = GLOB_MOST,
): { readonly paths: readonly string[]; readonly left: readonly string[] } {
  if (!hasMagic(glob)) return { paths: [glob], left: [] };
  const all = expandGlob(glob).filter((path) => !isCompressed(path));
  if (all.length <= most) return { paths: all, left: [] };
  const written = all.map((path) => ({ path, at: statOrNull(path)?.mtimeMs ?? 0 }));
  const newestFirst = written.sort((a, b) => b.at - a.at).map(({ path }) => path);
  return { paths: newestFirst.slice(0, most).sort(), left: newestFirst.slice(most) };
}

/** That files of a glob are not followed, in words. */
export function leftOutText(left: readonly string[]): string {
  const more = left.length > NAMED ? ` and ${left.length - NAMED} more` : '';
  return `only the ${GLOB_MOST} files that were written to last are followed, not ${left.slice(0, NAMED).join(', ')}${more}`;
}

function stepInto(folder: string, name: string): readonly string[] {
  const path = join(folder, name);
  try {
    lstatSync(path);
    return [path];
  } catch {
    return [];
  }
}

function matchIn(folder: string, pattern: string): readonly string[] {
  const regex = globPart(pattern);
  try {
    return readdirSync(folder)
      .filter((name) => regex.test(name) && (pattern.startsWith('.') || !name.startsWith('.')))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** One part of a glob as a regex over a file's whole name, as Python's fnmatch.translate() reads it. */
export function globPart(pattern: string): RegExp {
  let source = '';
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? '';
    if (char === '*') source += '[\\s\\S]*';
    else if (char === '?') source += '[\\s\\S]';
    else if (char === '[') {
      const close = pattern.indexOf(']', at + (/[!]/.test(pattern[at + 1] ?? '') ? 3 : 2));
      if (close < 0) source += '\\[';
      else {
        source += charClass(pattern.slice(at + 1, close));
        at = close;
      }
    } else source += escaped(char);
  }
  return new RegExp(`^${source}$`);
}

/** The inside of `[...]`; a range that runs backwards holds nothing. */
function charClass(inner: string): string {
  const negated = inner.startsWith('!');
  const body = (negated ? inner.slice(1) : inner).replace(
    /([\s\S])-([\s\S])|([\s\S])/g,
    (_whole, low, high, single) => {
      if (single !== undefined) return escaped(single);
      return low <= high ? `${escaped(low)}-${escaped(high)}` : '';
    },
  );
  return `[${negated ? '^' : ''}${body}]`;
}

function escaped(char: string): string {
  return char.replace(/[\\^$.|+(){}*?[\]/-]/g, '\\$&');
}
