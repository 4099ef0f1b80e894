import { readFileSync, statSync } from 'node:fs';
import { codeOf, reasonOf } from '../base/errors.ts';
import { stampOf } from '../base/files.ts';
import { type Network, parseNetwork } from '../base/ip.ts';
import { fillPart, type IgnorePart, newPart } from './ignore.ts';

/** What became of a list that changed: how many addresses and networks it has now, or why the earlier ones go on to count. */
export type FileNews = { readonly path: string } & (
  | { readonly count: number; readonly trouble: null }
  | { readonly count: null; readonly trouble: string }
);

/** A list is no larger than this, in bytes: a path that is mistyped may be anything. */
const LARGEST = 64 * 1024 * 1024;

type File = { readonly part: IgnorePart; stamp: string; trouble: string | null };

/**
 * The `file:PATH` lists of ignoreip: addresses and networks, several a line or one, `#` and `;` begin remarks. Each is read
 * when it is first asked for, and again when it has changed; one that is broken then keeps what it had.
 */
export class IgnoreFiles {
  readonly #files = new Map<string, File>();

  /** What stands in the file now, and will later; `trouble` when some of it, or all, cannot be read. */
  open(path: string): { readonly part: IgnorePart; readonly trouble: string | null } {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const stamp = stampOf(path);
    const { networks, trouble } = read(path);
    const file: File = { part: newPart(networks), stamp, trouble };
    this.#files.set(path, file);
    return file;
  }

  /** Reads those that changed; each trouble is told once. */
  refresh(): readonly FileNews[] {
    return [...this.#files].flatMap(([path, file]): FileNews[] => {
      const stamp = stampOf(path);
      if (stamp === file.stamp) return [];
      file.stamp = stamp;
      const { networks, trouble } = read(path);
      if (trouble === null) {
        fillPart(file.part, networks);
        file.trouble = null;
        return [{ path, count: networks.length, trouble }];
      }
      if (trouble === file.trouble) return [];
      file.trouble = trouble;
      return [{ path, count: null, trouble }];
    });
  }
}

function read(path: string): { readonly networks: readonly Network[]; readonly trouble: string | null } {
  try {
    const { size } = statSync(path);
    if (size > LARGEST) throw new Error(`it is larger than ${LARGEST / 1024 / 1024} MB`);
    return parse(path, readFileSync(path, 'utf8'));
  } catch (error) {
    return { networks: [], trouble: `cannot read ${path}: ${codeOf(error) || reasonOf(error)}` };
  }
}

function parse(path: string, text: string): ReturnType<typeof read> {
  const networks: Network[] = [];
  let trouble: string | null = null;
  for (const [index, line] of text.split('\n').entries()) {
    for (const word of line.replace(/[#;].*$/, '').split(/[\s,]+/)) {
      const network = word === '' ? null : parseNetwork(word);
      if (network !== null) networks.push(network);
      else if (word !== '') trouble ??= `${path}:${index + 1}: "${word}" is not an address or network`;
    }
  }
  return { networks, trouble };
}
