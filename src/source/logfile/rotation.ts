import type { SourceStats } from '../status.ts';
import type { Descriptors, Opened } from './descriptors.ts';
import type { Codec } from './encoding.ts';
import { type FoundFile, fits, isTelling, OpenFile } from './openfile.ts';
import type { FileMark } from './position.ts';
import { COARSE, inodeKey } from './recover.ts';

/** How long a copy, which nobody writes to, and the oldest of too many files are still watched, in milliseconds. */
const COPY_MS = 1000;
const CROWD_MS = 1000;
/** Files held open for one path at the most. */
const OPEN_MOST = 256;
/** Files that were done with, remembered to know them again: in memory, and in what is saved. */
const PAST_MEMORY = 256;
const PAST_SAVED = 2;

/** What a succession is made with. */
export type SuccessionParts = {
  readonly codec: Codec;
  /** Epoch seconds: a file born since is new. */
  readonly bornSince: number;
  /** How long a file that left the path is still watched after it fell silent, in milliseconds. */
  readonly drainMs: number;
  readonly health: SourceStats;
  /** Shared by all logs; null: as many as it takes. */
  readonly descriptors: Descriptors | null;
  /** Called with each file (`dev:ino`) that becomes known. */
  readonly onKnown: (key: string) => void;
};

/** The files to which one path led, oldest first: those that are open, and the marks of those that are done with. */
export class RotatedFiles {
  readonly #parts: SuccessionParts;
  #open: readonly OpenFile[] = [];
  #past: readonly FileMark[] = [];
  /** Whether the last of the open ones is what the path leads to. */
  atPath = false;

  constructor(parts: SuccessionParts) {
    this.#parts = parts;
  }

  get open(): readonly OpenFile[] {
    return this.#open;
  }

  get past(): readonly FileMark[] {
    return this.#past;
  }

  get newest(): OpenFile | undefined {
    return this.#open.at(-1);
  }

  get isFull(): boolean {
    return this.#open.length >= OPEN_MOST;
  }

  isAtPath(one: OpenFile): boolean {
    return this.atPath && one === this.newest;
  }

  /** What is saved of it. */
  marks(): readonly FileMark[] {
    return [...this.#past.slice(-PAST_SAVED), ...this.#open.map((one) => one.mark())];
  }

  /** Marks of every file that is known. */
  known(): readonly FileMark[] {
    return [...this.#past, ...this.#open.map((one) => one.mark())];
  }

  /** An open file that is to become part of it. */
  adopt(opened: Opened): OpenFile {
    const { codec, descriptors } = this.#parts;
    const generation = new OpenFile(opened, codec, performance.now(), descriptors);
    this.#parts.onKnown(inodeKey(generation));
    const born = Number(opened.stat.birthtimeNs / 1000n) / 1e6;
    generation.live = born >= this.#parts.bornSince - COARSE;
    return generation;
  }

  push(one: OpenFile): void {
    this.#open = [...this.#open, one];
  }

  /** A file that is open already came to the path again; false when there is none of that key. */
  comesBack(key: string): boolean {
    const back = this.#open.find((one) => inodeKey(one) === key);
    if (back !== undefined) this.#open = [...this.#open.filter((one) => one !== back), back];
    return back !== undefined;
  }

  /** Takes in files that were found elsewhere: before one of the open ones, else behind all of them. */
  take(found: readonly FoundFile[], before: OpenFile | null, areCopies: boolean): void {
    const added = found.map((one) => this.adopt(one.opened));
    try {
      for (const [i, { offset, skip }] of found.entries()) if (offset > 0) added[i]?.seek(offset, skip);
    } catch (error) {
      for (const one of added) one.close();
      throw error;
    }
    for (const one of added) one.isCopy = areCopies;
    const at = before === null ? -1 : this.#open.indexOf(before);
    this.#open = this.#open.toSpliced(at < 0 ? this.#open.length : at, 0, ...added);
  }

  /** The mark of `next` from which on it is unread, when it is no new file: it came back, or was written anew. */
  markOf(next: OpenFile): FileMark | null {
    const own = (mark: FileMark): boolean => mark.ino === next.ino && mark.offset > 0 && fits(next.fd, mark);
    const back = this.#past.findLast(own);
    if (back !== undefined) return back;
    const candidates = this.newest === undefined ? this.#past : [this.newest.mark()];
    return candidates.findLast((mark) => isTelling(mark) && fits(next.fd, mark)) ?? null;
  }

  /** The newest file is not at the path any more. */
  leave(nowMs: number): void {
    if (this.atPath) this.newest?.leave(nowMs);
    this.atPath = false;
  }

  /** Closes a file that is done with; it stays known. */
  retire(one: OpenFile): void {
    const { counts } = this.#parts.health;
    counts.cutLines += one.cutLines;
    counts.skippedBytes += one.skippedBytes;
    if (one === this.newest) this.atPath = false;
    this.remember(one.mark(true));
    this.#open = this.#open.filter((other) => other !== one);
    one.close();
  }

  /** Closes those that left the path and have been silent for long enough. */
  retireQuiet(nowMs: number): void {
    for (const one of this.#open) {
      if (this.isAtPath(one)) continue;
      const drainMs = one.isCopy ? COPY_MS : this.#parts.drainMs;
      const enough = this.#open.length > OPEN_MOST / 2 ? Math.min(CROWD_MS, drainMs) : drainMs;
      if (nowMs - one.quietSince >= enough) this.retire(one);
    }
  }

  remember(...marks: readonly FileMark[]): void {
    for (const mark of marks) this.#parts.onKnown(inodeKey(mark));
    const isNew = (mark: FileMark): boolean => !this.#past.some((one) => isSame(one, mark));
    this.#past = [...this.#past, ...marks.filter(isNew)].slice(-PAST_MEMORY);
  }

  close(): void {
    for (const one of this.#open) one.close();
    this.#open = [];
  }
}

function isSame(a: FileMark, b: FileMark): boolean {
  return inodeKey(a) === inodeKey(b) && a.offset === b.offset && a.head === b.head && a.tail === b.tail;
}
