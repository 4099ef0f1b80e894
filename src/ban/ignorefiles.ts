import { readFileSync, statSync } from 'node:fs';
import { codeOf, reasonOf } from '../base/errors.ts';
import { stampOf } from '../base/files.ts';
import { type Network, parseNetwork } from '../base/ip.ts';
import { fillPart, type IgnorePart, newPart } from './ignore.ts';

/**
 * A list that changed: how many addresses and networks it now has, or why the earlier ones stay in effect.
 */
export type FileNews = { readonly path: string } & (
  | { readonly count: number; readonly trouble: null }
  | { readonly count: null; readonly trouble: string }
);

/** Most bytes of a list: a mistyped path may lead to any file. */
const LARGEST = 64 * 1024 * 1024;

type File = { readonly part: IgnorePart; stamp: string; trouble: string | null };

/**
 * The `file:PATH` lists of ignoreip: addresses and networks, one or more per line; `#` and `;` begin
 * comments. Each is read on first use and again when it changes. A broken list keeps its earlier content.
 */
export class IgnoreFiles {
  readonly #files = new Map<string, File>();

  /** The content of the file, kept up to date; `trouble` if some or all of it cannot be read. */
  open(path: string): { readonly part: IgnorePart; readonly trouble: string | null } {
    const known = this.#files.get(path);
    if (known !== undefined) return known;
    const stamp = stampOf(path);
    const { networks, trouble } = read(path);
    const file: File = { part: newPart(networks), stamp, trouble };
    this.#files.set(path, file);
    return file;
  }

  /** Reads the files that changed; reports each trouble once. */
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
