import { fstatSync } from 'node:fs';
import type { DateOf } from '../source.ts';
import { followNuls } from './nuls.ts';
import { beginsLike, fingerprint, HEAD, isTelling, readAt, TAIL, textOf } from './openfile.ts';
import type { ReadPart } from './position.ts';
import { seekSince } from './seek.ts';

/** Where a rewritten file goes on; `skip`: in the middle of a line that was already handed out. */
export type Continuation = { readonly offset: number; readonly skip: boolean };

/** What a file is that stands where another one was read: that one, written anew, or a new log. */
export type Verdict = Continuation | 'new' | 'unclear';

/** What a file is judged by. */
export type Judging = {
  readonly dateOf: DateOf;
  /** Epoch seconds at which the part that was read was last seen. */
  readonly seen: number;
  /** What was read may still be there under another name, so that only a date older than the last one read is evidence. */
  readonly isReplaced: boolean;
  /** Nothing more is written to the file for now: `unclear` is no answer. */
  readonly isFinal: boolean;
};

const BLOCK = 1 << 20;
/** How much is searched, from the end on, for bytes that are known, and for bytes of which only a fingerprint is. */
const SEARCHED = 256 * BLOCK;
const SEARCHED_PRINTS = 16 * BLOCK;
/** The longest part of a line that a date is looked for in. */
const LINE = 4096;
/** How far, and in how many lines, the first date is looked for. */
const BEGINNING = 65536;
const LINES = 64;

/**
 * Whether a file holds what was read before, written anew by an editor, `sed -i`, or a script that trims the log, and
 * where it then goes on: behind the last of the lines that were read. When that line is not there, behind those that
 * are not younger. A log that was emptied and begins anew is told by its first line: its date is not before that of
 * the line that was read last, and it is not the first line of what was read.
 */
export function judge(fd: number, part: ReadPart, judging: Judging): Verdict {
  const { mark } = part;
  if (textOf(mark) === 0) return 'new';
  const { size } = fstatSync(fd);
  const low = followNuls(fd, 0, size).at;
  const { first, date } = beginningOf(readAt(fd, low, Math.min(BEGINNING, size - low)), judging.dateOf);
  if (first === null) return judging.isFinal ? 'new' : 'unclear';
  const until = part.last === null ? Math.floor(judging.seen) : judging.dateOf(part.last);
  if (date !== null && until !== null && date > until) return 'new';
  const isOlder = date !== null && until !== null && date < Math.floor(until);
  if (judging.isReplaced && !isOlder) return 'new';
  const isAlike = beginsLike(fd, mark) || fingerprint(first.subarray(0, HEAD)) === mark.first;
  const ends = findEnds(fd, part, [low, size]);
  const [last] = ends;
  const isProven = isOlder || (ends.length === 1 && (isAlike || (last ?? 0) - low >= HEAD));
  if (last !== undefined && isProven) return { offset: last, skip: mark.skip };
  if (!isOlder && !isAlike) return 'new';
  if (!judging.isFinal) return 'unclear';
  const isSame = isAlike || (part.first !== null && judging.dateOf(part.first) === date);
  if (isOlder && isSame)
    return { offset: firstBehind(fd, [low, size], { until, dateOf: judging.dateOf }), skip: false };
  return date === null && isTelling(mark) && beginsLike(fd, mark)
    ? { offset: endOfLines(fd, low, size), skip: false }
    : 'new';
}

/** The first line, null when it has no end yet, and the first date: a header may stand before it. */
function beginningOf(
  bytes: Buffer,
  dateOf: DateOf,
): { readonly first: Buffer | null; readonly date: number | null } {
  const end = bytes.indexOf(10);
  if (end < 0) return { first: bytes.length < BEGINNING ? null : bytes, date: null };
  let date: number | null = null;
  let start = 0;
  for (let lines = 0; lines < LINES && date === null; lines++) {
    const next = bytes.indexOf(10, start);
    if (next < 0) break;
    date = dateOf(bytes.toString('latin1', start, Math.min(next, start + LINE)));
    start = next + 1;
  }
  return { first: bytes.subarray(0, end), date };
}

/** The last two places, the last one first, behind what was read last: its last 64 bytes, else its last line. */
function findEnds(fd: number, part: ReadPart, range: readonly [number, number]): readonly number[] {
  const { mark, tail, last } = part;
  if (tail === null) return mark.skip ? [] : findPrint(fd, mark.tail, Math.min(TAIL, mark.offset), range);
  const ends = findBytes(fd, tail, range);
  if (ends.length > 0 || last === null || mark.skip) return ends;
  return findBytes(fd, Buffer.from(`${last}\n`, 'latin1'), range, true);
}

/** Where bytes end that are known. Those of a whole line, or of all that was read, count at a line's start only. */
function findBytes(
  fd: number,
  wanted: Buffer,
  [low, high]: readonly [number, number],
  isLine = wanted.length < TAIL,
): readonly number[] {
  const found: number[] = [];
  const bottom = Math.max(low, high - SEARCHED);
  for (let end = high; end - bottom >= wanted.length; ) {
    const start = Math.max(bottom, end - BLOCK);
    const bytes = readAt(fd, start, end - start);
    for (
      let at = bytes.lastIndexOf(wanted);
      at >= 0;
      at = at === 0 ? -1 : bytes.lastIndexOf(wanted, at - 1)
    ) {
      if (isLine && start + at > low && readAt(fd, start + at - 1, 1)[0] !== 10) continue;
      found.push(start + at + wanted.length);
      if (found.length === 2) return found;
    }
    if (start === bottom) break;
    end = start + wanted.length - 1;
  }
  return found;
}

/** Where bytes end, at a line's end, of which the fingerprint is known. */
function findPrint(
  fd: number,
  print: string,
  length: number,
  [low, high]: readonly [number, number],
): readonly number[] {
  const found: number[] = [];
  const bottom = Math.max(low, high - SEARCHED_PRINTS);
  for (let end = high; end - bottom >= length; ) {
    const start = Math.max(bottom, end - BLOCK);
    const bytes = readAt(fd, start, end - start);
    for (let at = bytes.lastIndexOf(10); at >= 0; at = at === 0 ? -1 : bytes.lastIndexOf(10, at - 1)) {
      if (at + 1 < length) break;
      if (fingerprint(bytes.subarray(at + 1 - length, at + 1)) !== print) continue;
      found.push(start + at + 1);
      if (found.length === 2) return found;
    }
    if (start === bottom) break;
    end = start + length - 1;
  }
  return found;
}

/** Where the first line behind a date begins; behind the last whole line when there is none. */
function firstBehind(
  fd: number,
  [low, high]: readonly [number, number],
  { until, dateOf }: { readonly until: number; readonly dateOf: DateOf },
): number {
  let at = seekSince(fd, [low, high], until, dateOf) ?? high;
  for (;;) {
    const bytes = readAt(fd, at, Math.min(BLOCK, high - at));
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      const date = dateOf(bytes.toString('latin1', start, Math.min(end, start + LINE)));
      if (date !== null && date > until) return at + start;
      start = end + 1;
    }
    if (start === 0) return at;
    at += start;
  }
}

function endOfLines(fd: number, low: number, high: number): number {
  const start = Math.max(low, high - BLOCK);
  return start + readAt(fd, start, high - start).lastIndexOf(10) + 1;
}
