// AssemblyScript, not TypeScript: build.sh compiles it to ../scan.wasm.ts. Finds literals in the bytes of a log sixteen at
// a time and notes the lines that hold them. Three bytes of each literal (its window) are looked up by their halves in
// tables of 16 bits-of-8-buckets; what passes is looked up by a hash of the window and then compared whole.
// The tables are made by ../wasmfinder.ts, which knows this layout.

import { isSame, lineEnd, wallAfter } from './bytes';

export { vary } from './bytes';
export { atLane, atRecord, drive, outEnd } from './drive';

const NIBBLES: usize = 0; // 6 x 16 bytes: low and high halves of the window's three bytes
const HEADS: usize = 128; // 4096 x u16: 1 + the first literal with that hash, 0 = none
const STAMPS: usize = 8320; // 2048 x i32: the line on which the literal was noted last
const LITERALS: usize = 16512; // 2048 x 16 bytes: text i32, length u16, window's offset u16, next u16, folded u16
const RECORDS: usize = 49280 + 32768; // behind the texts; ints: line start, line end, n, n literals
const ROOM: i32 = 16384; // ints

/** Where to go on after a call; the end when all was seen. */
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
  const length = <usize>load<u16>(literal, 4);
  if (load<u16>(literal, 10)) {
    for (let i: usize = 0; i < length; i++) if (fold(load<u8>(at + i)) != load<u8>(text + i)) return false;
  } else {
    for (let i: usize = 0; i < length; i++) if (load<u8>(at + i) != load<u8>(text + i)) return false;
  }
  return true;
}

/** Bytes of `from..to` from where on a line may be new, and the record that is being written. */
let record: usize = 0;
let known: usize = 0;

/** Compares what may stand at `at`; false when there is no more room for a line. */
function check(at: usize, from: usize, to: usize, count: i32): bool {
  const window = (load<u32>(at) & 0xffffff) | 0x202020;
  for (let n = <u32>load<u16>(HEADS + (((window * 0x9e3779b1) >>> 20) << 1)); n; ) {
    const literal = LITERALS + ((n - 1) << 4);
    const begin = at - load<u16>(literal, 6);
    if (begin >= from && begin + load<u16>(literal, 4) <= to && stands(literal, begin)) {
      if (at >= known) {
        const start = lineStart(begin, from);
        const next = record ? record + 12 + (<usize>load<u32>(record, 8) << 2) : RECORDS;
        if (<i32>((next - RECORDS) >> 2) + 3 + count > ROOM) {
          resume = <i32>start;
          return false;
        }
        record = next;
        serial++;
        known = lineEnd(at, to);
        store<u32>(record, start);
        store<u32>(record, known, 4);
        store<u32>(record, 0, 8);
      }
      const stamp = STAMPS + ((n - 1) << 2);
      if (load<i32>(stamp) != serial) {
        store<i32>(stamp, serial);
        const already = load<u32>(record, 8);
        store<u32>(record + (already << 2), n - 1, 12);
        store<u32>(record, already + 1, 8);
      }
    }
    n = load<u16>(literal, 8);
  }
  return true;
}

/**
 * Notes the lines of `from..to` (whole lines) that hold a literal, of `count` there are; answers where the records end.
 * Reads up to 18 bytes behind `to`.
 */
export function scan(from: usize, to: usize, count: i32): usize {
  const low0 = v128.load(NIBBLES);
  const high0 = v128.load(NIBBLES, 16);
  const low1 = v128.load(NIBBLES, 32);
  const high1 = v128.load(NIBBLES, 48);
  const low2 = v128.load(NIBBLES, 64);
  const high2 = v128.load(NIBBLES, 80);
  const half = i8x16.splat(15);
  const zero = i8x16.splat(0);
  record = 0;
  known = from;
  resume = <i32>to;
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
      if (!check(at + ctz(mask), from, to, count)) return end();
      mask &= mask - 1;
    }
  }
  return end();
}

@inline function end(): usize {
  return record ? record + 12 + (<usize>load<u32>(record, 8) << 2) : RECORDS;
}

/** As scan(), but notes every line, with the literals in it or none. */
export function scanAll(from: usize, to: usize, count: i32): usize {
  let last = RECORDS;
  for (let line = from; line < to; ) {
    const stop = lineEnd(line, to);
    if (<i32>((last - RECORDS) >> 2) + 3 + count > ROOM) {
      resume = <i32>line;
      return last;
    }
    store<u32>(last, line);
    store<u32>(last, stop, 4);
    store<u32>(last, 0, 8);
    record = last;
    known = stop;
    serial++;
    walk(line, stop, count);
    last = end();
    line = stop + 1;
  }
  resume = <i32>to;
  return last;
}

function walk(from: usize, to: usize, count: i32): void {
  const half = i8x16.splat(15);
  const zero = i8x16.splat(0);
  for (let at = from; at < to; at += 16) {
    const a = v128.load(at);
    const b = v128.load(at, 1);
    let found = v128.and(
      i8x16.swizzle(v128.load(NIBBLES), v128.and(a, half)),
      i8x16.swizzle(v128.load(NIBBLES, 16), i8x16.shr_u(a, 4)),
    );
    found = v128.and(found, i8x16.swizzle(v128.load(NIBBLES, 32), v128.and(b, half)));
    found = v128.and(found, i8x16.swizzle(v128.load(NIBBLES, 48), i8x16.shr_u(b, 4)));
    if (!v128.any_true(found)) continue;
    let mask = ~i8x16.bitmask(i8x16.eq(found, zero)) & 0xffff;
    while (mask) {
      const place = at + ctz(mask);
      if (place < to) check(place, from, to, count);
      mask &= mask - 1;
    }
  }
}

/** How many newlines there are in `from..to`, whole lines. Reads up to 16 bytes behind `to`. */
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

/** Of the last sameHead() or sameWalled(): the last line that counted, and where the date began in it. */
export let last: i32 = 0;
export let place: i32 = 0;

/**
 * How many lines in a row from `from` on begin with the `length` bytes (48 at the most) at `head`; `resume` is where the first
 * other one begins.
 */
export function sameHead(from: usize, to: usize, head: usize, length: i32): i32 {
  let count = 0;
  place = 0;
  while (from < to) {
    if (!isSame(from, head, length)) break;
    count++;
    last = <i32>from;
    from = lineEnd(from, to) + 1;
  }
  resume = <i32>from;
  return count;
}

/**
 * As sameHead() for a date in the middle: lines whose first `wall` is followed by the `length` bytes (48 at the most) at `text`, a
 * date and one more, behind at least two characters, none of which could belong to a date. `begun` is where the last date began in
 * its line.
 */
export function sameWalled(from: usize, to: usize, text: usize, length: i32, wall: i32, begun: i32): i32 {
  let count = 0;
  place = begun;
  while (from < to) {
    // A comment is no line.
    if (load<u8>(from) == 35) break;
    let at = wallAfter(from, <u8>wall);
    if (!at) break;
    at++;
    const start = <i32>(at - from);
    if (start <= 2 || place >= start + length - 1 || !isSame(at, text, length)) break;
    count++;
    last = <i32>from;
    place = start;
    from = lineEnd(at, to) + 1;
  }
  resume = <i32>from;
  return count;
}
