import { fstatSync, readSync } from 'node:fs';
import { sha1 } from '../../base/digest.ts';
import { LINE_CAP } from '../source.ts';
import { Descriptor, type Descriptors, FileMoved, type Opened } from './descriptors.ts';
import { type Codec, cleanLines, firstLineEnd, lastLineEnd, readByteOrderMark, toUtf8 } from './encoding.ts';
import { followNuls } from './nuls.ts';
import type { FileMark, ReadPart } from './position.ts';

/** How many of a file's first bytes, and of those before the offset, it is known by. */
export const HEAD = 256;
export const TAIL = 64;
/** How much of the last line is kept. */
const LAST = 512;
/** NULs that are looked through before others get their turn. */
const NULS_AT_ONCE = 64 * 1024 * 1024;

/** One buffer for every file: what it holds is used up before the next read. */
const scratch = Buffer.allocUnsafeSlow(TAIL + LINE_CAP + 64);

/** What one attempt to read gave. `again`: nothing to hand out, but more to read. */
export type ReadResult =
  | { readonly kind: 'lines'; readonly bytes: Buffer; readonly start: number; readonly end: number }
  | { readonly kind: 'end' | 'again' | 'truncated' };

const END: ReadResult = { kind: 'end' };
const AGAIN: ReadResult = { kind: 'again' };
const TRUNCATED: ReadResult = { kind: 'truncated' };

/** A file to go on with: open, and the place from which on it is unread. */
export type FoundFile = {
  readonly opened: Opened;
  readonly path: string;
  readonly offset: number;
  readonly skip: boolean;
};

/** What is kept of bytes to know them again. */
export function fingerprint(bytes: Uint8Array): string {
  return sha1(bytes).slice(0, 16);
}

/** Up to `length` bytes of an open file. */
export function readAt(fd: number, from: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const more = readSync(fd, bytes, got, length - got, from + got);
    if (more === 0) break;
    got += more;
  }
  return bytes.subarray(0, got);
}

/** Whether an open file is the one the mark was made on, grown since: long enough, same beginning, same bytes before the offset. */
export function fits(fd: number, mark: FileMark): boolean {
  const head = readAt(fd, mark.base ?? 0, Math.min(HEAD, textOf(mark)));
  const tailLength = Math.min(TAIL, mark.offset);
  const tail = readAt(fd, mark.offset - tailLength, tailLength);
  return tail.length === tailLength && fingerprint(head) === mark.head && fingerprint(tail) === mark.tail;
}

/** How many bytes were read of the marked file, the NULs at its start apart. */
export function textOf(mark: FileMark): number {
  return mark.offset - (mark.base ?? 0);
}

/**
 * Whether the file begins as the marked one did: it is that one, or a copy of it. A file that is shorter than what
 * was read is judged by its first line. Always true of a mark with no text.
 */
export function beginsLike(fd: number, mark: FileMark): boolean {
  const known = Math.min(HEAD, textOf(mark));
  const head = readAt(fd, mark.base ?? 0, known);
  return head.length === known
    ? fingerprint(head) === mark.head
    : fingerprint(firstLine(head)) === mark.first;
}

function firstLine(head: Buffer): Buffer {
  const end = head.indexOf(10);
  return end < 0 ? head : head.subarray(0, end);
}

/** Whether so much was read that beginning and end cannot agree by chance, in a log with dates. */
export function isTelling(mark: FileMark): boolean {
  return textOf(mark) >= HEAD;
}

/**
 * One file that stands or stood at a log's path, with the place up to which it is handed out. It is held open as long as
 * there are descriptors enough, and opened again by its path when it is used after that.
 */
export class OpenFile {
  readonly descriptor: Descriptor;
  readonly dev: string;
  readonly ino: string;
  /** True from the moment that its end was reached, or at once for a file born after the opening of the source. */
  live = false;
  /** A copy that somebody made: nobody goes on writing to it. */
  isCopy = false;
  cutLines = 0;
  skippedBytes = 0;
  #codec: Codec;
  #offset = 0;
  #head: Buffer = Buffer.alloc(0);
  #tail: Buffer = Buffer.alloc(0);
  /** The last line that was handed out, or its beginning. */
  #last: Buffer | null = null;
  /** Of #head and #tail; null = they have changed. */
  #prints: Pick<FileMark, 'head' | 'first' | 'tail'> | null = null;
  #skip = false;
  #partialLength = 0;
  #partialSince = 0;
  /** Where its text begins: behind the NULs that a writer without O_APPEND leaves at the start of an emptied file. */
  #base = 0;
  /** Up to where NULs were seen from the offset on; 0: none. */
  #nulsTo = 0;
  #quietSince: number;
  /** How far bytes were seen. */
  #end = 0;
  #isClosed = false;
  constructor(opened: Opened, codec: Codec, nowMs: number, descriptors: Descriptors | null = null) {
    this.descriptor = new Descriptor(opened, descriptors);
    this.dev = String(opened.stat.dev);
    this.ino = String(opened.stat.ino);
    this.#codec = codec;
    this.#quietSince = nowMs;
  }

  /** Its descriptor; FileMoved when it was closed and its path leads elsewhere by now. */
  get fd(): number {
    return this.descriptor.fd;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Since when its end has not moved, on the caller's clock (milliseconds). */
  get quietSince(): number {
    return this.#quietSince;
  }

  /** It left the path: from now on silence counts. */
  leave(nowMs: number): void {
    this.#quietSince = nowMs;
  }

  /** Whether an unfinished line waits at its end. */
  get hasPartial(): boolean {
    return this.#partialLength > 0;
  }

  /** Bytes behind the offset, and behind the NULs that wait there; 0 when the size cannot be had. */
  lag(): number {
    const size = this.descriptor.size();
    return size === null ? 0 : Math.max(0, size - Math.max(this.#offset, this.#nulsTo));
  }

  /** Whether no name leads to it any more; false when it was closed, or cannot be asked. */
  get isRemoved(): boolean {
    try {
      return !this.#isClosed && fstatSync(this.fd).nlink === 0;
    } catch (error) {
      return error instanceof FileMoved;
    }
  }

  /** Whether it was last written to so long ago, in milliseconds. */
  isQuiet(ms: number): boolean {
    return Date.now() - fstatSync(this.fd).mtimeMs > ms;
  }

  /** Bytes that were seen behind the offset, also when they are gone by now. */
  get unread(): number {
    return Math.max(0, this.#end - this.#offset);
  }

  /** Goes to a place in the file; the caller vouches that a line, or the skipped rest of one, begins there. */
  seek(offset: number, skip = false): void {
    this.#base = followNuls(this.fd, 0, offset).at;
    this.#nulsTo = 0;
    this.#end = offset;
    this.#head = readAt(this.fd, this.#base, Math.min(HEAD, offset - this.#base));
    const length = Math.min(TAIL, offset);
    const before = readAt(this.fd, Math.max(0, offset - LAST), Math.min(LAST, offset));
    this.#tail = before.subarray(before.length - length);
    this.#last = skip || offset === 0 ? null : before.subarray(before.lastIndexOf(10, -2) + 1, -1);
    this.#prints = null;
    this.#offset = offset;
    this.#skip = skip;
    this.#partialLength = 0;
    if (offset > 0) this.#readMark(this.#head);
  }

  /** The start of the line that reaches to `size`, looked for in the last 64 KB; `size` itself when none begins there. */
  lineStartBefore(size: number): number {
    const from = Math.max(0, size - LINE_CAP);
    const bytes = readAt(this.fd, from, size - from);
    this.#readMark(readAt(this.fd, 0, 3));
    const at = lastLineEnd(this.#codec, bytes, 0, bytes.length);
    if (at < 0) return from === 0 ? 0 : size;
    return from + at;
  }

  mark(done = false): FileMark {
    this.#prints ??= {
      head: fingerprint(this.#head),
      first: fingerprint(firstLine(this.#head)),
      tail: fingerprint(this.#tail),
    };
    const { dev, ino } = this;
    const base = this.#base === 0 ? {} : { base: this.#base };
    return { dev, ino, offset: this.#offset, ...base, ...this.#prints, skip: this.#skip, done };
  }

  /** What was read of it, to find that again where the file is written anew. */
  part(): ReadPart {
    const first = firstLine(this.#head).toString('latin1');
    return { mark: this.mark(), first, last: this.#last?.toString('latin1') ?? null, tail: this.#tail };
  }

  /**
   * The next whole lines, up to `max` bytes unless one line is longer. An unfinished last line is handed out, with
   * a newline, once it has not grown for `partialMs` (0: at once); its rest will be skipped.
   */
  read(max: number, nowMs: number, partialMs: number): ReadResult {
    const want = Math.min(LINE_CAP, Math.max(max, 1024)) & ~1;
    const outcome = this.#readChunk(want, nowMs, partialMs);
    if (outcome !== null) return outcome;
    return this.#readChunk(LINE_CAP, nowMs, partialMs) ?? AGAIN;
  }

  close(): void {
    this.#isClosed = true;
    this.descriptor.close();
  }

  /** Null: not one whole line lies in `want` bytes, and more bytes may follow. */
  #readChunk(want: number, nowMs: number, partialMs: number): ReadResult | null {
    const from = this.#tail.length;
    const end = readSync(this.fd, scratch, 0, from + want, this.#offset - from);
    if (end < from || this.#tail.compare(scratch, 0, from) !== 0) return TRUNCATED;
    this.#end = Math.max(this.#end, this.#offset + end - from);
    if (end === from) {
      this.live = true;
      return END;
    }
    if (this.#offset === 0) {
      if (end < 3 && !scratch.subarray(0, end).includes(10)) return END;
      const length = this.#readMark(scratch.subarray(0, end));
      if (length > 0) return this.#pass(0, length, nowMs);
    }
    if (this.#skip) return this.#skipRest(from, end, nowMs);
    if (this.#beginsWithNul(from, end)) return this.#skipNuls(from, end, nowMs);
    const lineEnd = lastLineEnd(this.#codec, scratch, from, end);
    if (lineEnd >= 0) return this.#lines(from, lineEnd, nowMs);
    if (end - from >= LINE_CAP) return this.#cut(from, from + LINE_CAP, nowMs);
    if (end - from >= want) return null;
    return this.#partial(from, end, { nowMs, partialMs });
  }

  /** Whether a whole character is NUL: in UTF-16 half of most others are. */
  #beginsWithNul(from: number, end: number): boolean {
    return scratch[from] === 0 && (this.#codec.unit === 1 || (from + 1 < end && scratch[from + 1] === 0));
  }

  /** Takes the byte-order mark into account and answers its length; an explicit logencoding is overruled by UTF-16's only. */
  #readMark(first: Buffer): number {
    const { length, codec } = readByteOrderMark(first);
    if (codec !== null) this.#codec = codec;
    return codec === null && length === 3 && this.#codec.unit === 2 ? 0 : length;
  }

  #lines(from: number, to: number, nowMs: number): ReadResult {
    const start = Math.max(from, scratch.lastIndexOf(10, to - 2) + 1);
    this.#last = Buffer.from(scratch.subarray(start, Math.min(to - 1, start + LAST)));
    this.#advance(from, to, nowMs);
    return this.#handOut(from, to);
  }

  /** Hands out the beginning of a line; its rest is skipped. */
  #cut(from: number, to: number, nowMs: number): ReadResult {
    this.#skip = true;
    this.cutLines++;
    this.#advance(from, to, nowMs);
    const newline = this.#codec.newline;
    newline.copy(scratch, to);
    return this.#handOut(from, to + newline.length);
  }

  #handOut(from: number, to: number): ReadResult {
    const text = toUtf8(this.#codec, scratch.subarray(from, to));
    const inPlace = text.buffer === scratch.buffer;
    const [bytes, start, end] = inPlace ? [scratch, from, to] : [text, 0, text.length];
    return { kind: 'lines', bytes, start, end: cleanLines(bytes, start, end) };
  }

  #partial(
    from: number,
    end: number,
    time: { readonly nowMs: number; readonly partialMs: number },
  ): ReadResult {
    this.live = true;
    const length = end - from;
    if (length !== this.#partialLength) {
      this.#partialLength = length;
      this.#partialSince = time.nowMs;
      this.#quietSince = time.nowMs;
    }
    if (time.nowMs - this.#partialSince < time.partialMs) return END;
    const whole = length - (length % this.#codec.unit);
    return whole === 0 ? END : this.#cut(from, from + whole, time.nowMs);
  }

  #skipRest(from: number, end: number, nowMs: number): ReadResult {
    const lineEnd = firstLineEnd(this.#codec, scratch, from, end);
    if (lineEnd >= 0) this.#skip = false;
    // The newline of a line that was cut at its very end is no loss.
    const passed = lineEnd >= 0 ? lineEnd - from - this.#codec.newline.length : end - from;
    const to = lineEnd >= 0 ? lineEnd : end - ((end - from) % this.#codec.unit);
    if (to === from) return END;
    this.skippedBytes += passed;
    return this.#pass(from, to, nowMs);
  }

  /** Passes over NULs that text follows; NULs up to the file's end may yet be written over, so they are waited for. */
  #skipNuls(from: number, end: number, nowMs: number): ReadResult {
    let to = from;
    while (to < end && scratch[to] === 0) to++;
    if (to < end) return this.#passNuls(this.#offset + to - from, nowMs);
    if (fstatSync(this.fd).size < this.#nulsTo) this.#nulsTo = 0;
    const { at, isText, isEnd } = followNuls(
      this.fd,
      Math.max(this.#nulsTo, this.#offset + end - from),
      NULS_AT_ONCE,
    );
    if (isText) return this.#passNuls(at, nowMs);
    this.#nulsTo = at;
    if (!isEnd) return { kind: 'lines', bytes: scratch, start: 0, end: 0 };
    this.live = true;
    return END;
  }

  #passNuls(at: number, nowMs: number): ReadResult {
    const length = at - this.#offset - ((at - this.#offset) % this.#codec.unit);
    if (length === 0) return END;
    if (this.#head.length === 0) this.#base = this.#offset + length;
    const missing = this.#head.length === 0 ? 0 : HEAD - this.#head.length;
    this.#head = Buffer.concat([this.#head, Buffer.alloc(Math.min(missing, length))]);
    this.#tail = Buffer.concat([this.#tail, Buffer.alloc(Math.min(TAIL, length))]).subarray(-TAIL);
    this.skippedBytes += length;
    this.#moved(length, nowMs);
    return AGAIN;
  }

  #pass(from: number, to: number, nowMs: number): ReadResult {
    this.#advance(from, to, nowMs);
    return AGAIN;
  }

  /** Moves the offset to `scratch[to]`; before the bytes are cleaned, since the fingerprints are of the file's. */
  #advance(from: number, to: number, nowMs: number): void {
    if (this.#head.length < HEAD) {
      const more = scratch.subarray(from, Math.min(to, from + HEAD - this.#head.length));
      this.#head = Buffer.concat([this.#head, more]);
    }
    const last = scratch.subarray(Math.max(0, to - TAIL), to);
    if (this.#tail.length === last.length) last.copy(this.#tail);
    else this.#tail = Buffer.from(last);
    this.#moved(to - from, nowMs);
  }

  #moved(length: number, nowMs: number): void {
    this.#prints = null;
    this.#offset += length;
    this.#nulsTo = 0;
    this.#partialLength = 0;
    this.#quietSince = nowMs;
  }
}
