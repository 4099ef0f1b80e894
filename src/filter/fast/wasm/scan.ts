// AssemblyScript, not TypeScript; build.sh compiles it to scan.wasm.ts. Finds literals in the bytes of a log,
// sixteen at a time, and records the lines that contain them. Three bytes of each literal (its window) are
// looked up by their halves in tables of 16 x 8 bits. Candidates are looked up by a hash of the window and
// then compared completely. ../finder.ts builds the tables.

import { dateAfter, isSame, lineEnd } from './bytes';
import * as layout from './layout';

export { vary } from './bytes';
export { atLane, atRecord, drive, outEnd } from './drive';

/** Where to continue after a call; the end if nothing is left. */
export let resume: i32 = 0;
let serial: i32 = 0;

@inline function fold(byte: u32): u32 {
  return byte - 65 < 26 ? byte + 32 : byte;
}

@inline function lineStart(at: usize, start: usize): usize {
  while (at > start && load<u8>(at - 1) != 10) at--;
  return at;
}

function stands(literal: usize, at: usize): bool {
  const text = <usize>load<u32>(literal);
  const length = <usize>load<u16>(literal, layout.LITERAL_LENGTH);
  if (load<u16>(literal, layout.LITERAL_FOLDED)) {
    for (let i: usize = 0; i < length; i++) if (fold(load<u8>(at + i)) != load<u8>(text + i)) return false;
  } else {
    for (let i: usize = 0; i < length; i++) if (load<u8>(at + i) != load<u8>(text + i)) return false;
  }
  return true;
}

/** The offset from which on a line is new, and the record being written. */
let record: usize = 0;
let known: usize = 0;

/**
 * Begins the record of a line; false, with `resume` at that line, if there is no room for `count` literals.
 */
function begin(start: usize, stop: usize, count: i32): bool {
  const next = end();
  if (<i32>(next - layout.RECORDS) + layout.RECORD + (count << 2) > layout.RECORDS_ROOM) {
    resume = <i32>start;
    return false;
  }
  record = next;
  known = stop;
  serial++;
  store<u32>(record, start);
  store<u32>(record, stop, layout.RECORD_END);
  store<u32>(record, 0, layout.RECORD_COUNT);
  return true;
}

/** End of the records. */
@inline function end(): usize {
  return record ? record + layout.RECORD + (<usize>load<u32>(record, layout.RECORD_COUNT) << 2) : layout.RECORDS;
}

/** Compares the candidates at `at`; false if there is no room for another line. */
function check(at: usize, from: usize, to: usize, count: i32): bool {
  const window = (load<u32>(at) & 0xffffff) | 0x202020;
  for (let n = <u32>load<u16>(layout.HASHES + (((window * 0x9e3779b1) >>> 20) << 1)); n; ) {
    const literal = <usize>(layout.LITERALS + (n - 1) * layout.LITERAL);
    const first = at - load<u16>(literal, layout.LITERAL_WINDOW);
    if (first >= from && first + load<u16>(literal, layout.LITERAL_LENGTH) <= to && stands(literal, first)) {
      if (at >= known) {
        const start = lineStart(first, from);
        if (!begin(start, lineEnd(at, to), count)) return false;
      }
      const stamp = layout.STAMPS + ((n - 1) << 2);
      if (load<i32>(stamp) != serial) {
        store<i32>(stamp, serial);
        const already = load<u32>(record, layout.RECORD_COUNT);
        store<u32>(record + (already << 2), n - 1, layout.RECORD);
        store<u32>(record, already + 1, layout.RECORD_COUNT);
      }
    }
    n = load<u16>(literal, layout.LITERAL_NEXT);
  }
  return true;
}

/**
 * Finds the lines in `from..to` (whole lines) that contain one of `count` literals; returns the end of the
 * records. Reads up to 18 bytes beyond `to`.
 */
export function scan(from: usize, to: usize, count: i32): usize {
  record = 0;
  known = from;
  resume = <i32>to;
  search(from, to, count);
  return end();
}

/** Like scan(), but records every line, with its literals if any. */
export function scanAll(from: usize, to: usize, count: i32): usize {
  record = 0;
  resume = <i32>to;
  for (let line = from; line < to; line = known + 1) {
    if (!begin(line, lineEnd(line, to), count)) break;
    search(line, known, count);
  }
  return end();
}

/** Searches for literals; stops before the first line for which there is no room. */
function search(from: usize, to: usize, count: i32): void {
  const low0 = v128.load(layout.NIBBLES);
  const high0 = v128.load(layout.NIBBLES, 16);
  const low1 = v128.load(layout.NIBBLES, 32);
  const high1 = v128.load(layout.NIBBLES, 48);
  const low2 = v128.load(layout.NIBBLES, 64);
  const high2 = v128.load(layout.NIBBLES, 80);
  const half = i8x16.splat(15);
  const zero = i8x16.splat(0);
  for (let at = from; at < to; at += 16) {
    const a = v128.load(at);
    const b = v128.load(at, 1);
    const c = v128.load(at, 2);
    let found = v128.and(i8x16.swizzle(low0, v128.and(a, half)), i8x16.swizzle(high0, i8x16.shr_u(a, 4)));
    found = v128.and(found, i8x16.swizzle(low1, v128.and(b, half)));
    found = v128.and(found, i8x16.swizzle(high1, i8x16.shr_u(b, 4)));
    found = v128.and(found, i8x16.swizzle(low2, v128.and(c, half)));
    found = v128.and(found, i8x16.swizzle(high2, i8x16.shr_u(c, 4)));
    if (!v128.any_true(found)) continue;
    let mask = ~i8x16.bitmask(i8x16.eq(found, zero)) & 0xffff;
    while (mask) {
      if (!check(at + ctz(mask), from, to, count)) return;
      mask &= mask - 1;
    }
  }
}

/** The number of newlines in `from..to`, whole lines. Reads up to 16 bytes beyond `to`. */
export function countLines(from: usize, to: usize): i32 {
  const newline = i8x16.splat(10);
  let count = 0;
  for (let at = from; at < to; at += 16) {
    let ends = i8x16.bitmask(i8x16.eq(v128.load(at), newline));
    const left = <i32>(to - at);
    if (left < 16) ends &= (1 << left) - 1;
    count += popcnt(ends);
  }
  return count;
}

/** Result of the last sameDates(): the last line with the date, and its offset in that line. */
export let last: i32 = 0;
export let place: i32 = 0;

/**
 * Counts consecutive lines from `from` on with the `length` bytes (48 at most) at DATE, of which the last
 * `closing` follow the date. They are at the beginning of the line, or after the first `wall` (0 = none) as
 * in dateAfter(). `begun`: offset of the date in the line before. `resume` is set to the first other line.
 */
export function sameDates(from: usize, to: usize, length: i32, closing: i32, wall: i32, begun: i32): i32 {
  let count = 0;
  place = begun;
  while (from < to) {
    let at = from;
    if (wall) {
      // Comments are not lines of the log.
      if (load<u8>(from) == 35) break;
      at = dateAfter(from, <u8>wall, length - closing, place);
    }
    if (!at || !isSame(at, layout.DATE, length)) break;
    count++;
    last = <i32>from;
    place = <i32>(at - from);
    from = lineEnd(at, to) + 1;
  }
  resume = <i32>from;
  return count;
}
