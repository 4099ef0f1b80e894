import { closeSync } from 'node:fs';
import { openPlain } from './descriptors.ts';
import { type FoundFile, fits } from './openfile.ts';
import type { FileMark } from './position.ts';
import type { Sibling } from './siblings.ts';
import { type Unpacked, unpack } from './unpack.ts';

/** A compressed file that was unpacked, or could not be, and the open one that it came from. */
type Opened = { readonly unpacked: Unpacked; readonly stat: FoundFile['opened']['stat'] };

/** The compressed files beside a log, oldest first, unpacked when they are asked for. Must be closed. */
export class PackedFiles {
  readonly #files: readonly Sibling[];
  readonly #opened = new Map<Sibling, Opened | null>();
  readonly #taken = new Set<Sibling>();

  /** Those that were written to before `since` (epoch seconds) hold no line that matters. */
  constructor(siblings: readonly Sibling[], since: number) {
    this.#files = siblings
      .filter((one) => one.compressed && one.rotated && one.written >= since)
      .sort((a, b) => a.written - b.written || (a.path < b.path ? -1 : 1));
  }

  /** The file that was read up to the mark, among those born since (epoch seconds), or the one that the mark names. */
  find(mark: FileMark, born: number): FoundFile | null {
    for (const one of this.#files.toReversed()) {
      const isNamed = one.ino === mark.ino;
      if (!isNamed && (mark.offset === 0 || one.born < born)) continue;
      const fd = this.#open(one)?.unpacked.fd ?? null;
      if (fd !== null && fits(fd, mark)) return this.#take(one, mark.offset, mark.skip);
    }
    return null;
  }

  /** Those that were never seen: born and written to since, and not familiar. */
  unseen(since: number, isFamiliar: (fd: number) => boolean): readonly FoundFile[] {
    return this.#files
      .filter((one) => one.born >= since && one.written >= since)
      .flatMap((one) => {
        const fd = this.#open(one)?.unpacked.fd ?? null;
        return fd === null || isFamiliar(fd) ? [] : (this.#take(one, 0, false) ?? []);
      });
  }

  /** Why a file that may hold what is behind the mark was of no use; null when there is none. */
  trouble(mark: FileMark): string | null {
    for (const [one, opened] of this.#opened) {
      if (opened === null || opened.unpacked.fd !== null) continue;
      const { size, trouble } = opened.unpacked;
      const rest =
        size === null || size < mark.offset ? 'its rest' : `the ${size - mark.offset} bytes behind that`;
      return `${one.path} may hold ${rest}, but ${trouble}`;
    }
    return null;
  }

  /** Closes what was not taken. */
  close(): void {
    for (const [one, opened] of this.#opened) {
      if (opened !== null && opened.unpacked.fd !== null && !this.#taken.has(one))
        closeSync(opened.unpacked.fd);
    }
    this.#opened.clear();
  }

  #open(one: Sibling): Opened | null {
    if (this.#taken.has(one)) return null;
    const known = this.#opened.get(one);
    if (known !== undefined) return known;
    const opened = openAndUnpack(one);
    this.#opened.set(one, opened);
    return opened;
  }

  /** It keeps the compressed file's identity, under which a saved position finds it again. */
  #take(one: Sibling, offset: number, skip: boolean): FoundFile | null {
    const opened = this.#opened.get(one);
    if (opened === undefined || opened === null || opened.unpacked.fd === null) return null;
    this.#taken.add(one);
    return { opened: { fd: opened.unpacked.fd, stat: opened.stat }, path: one.path, offset, skip };
  }
}

function openAndUnpack(one: Sibling): Opened | null {
  let packed: FoundFile['opened'];
  try {
    packed = openPlain(one.path);
  } catch {
    return null;
  }
  try {
    return { unpacked: unpack(packed.fd, one.path), stat: packed.stat };
  } finally {
    closeSync(packed.fd);
  }
}
