// AssemblyScript: functions shared by the other files here.

@inline export function lineEnd(at: usize, end: usize): usize {
  const newline = i8x16.splat(10);
  for (; at < end; at += 16) {
    const mask = i8x16.bitmask(i8x16.eq(v128.load(at), newline));
    if (mask) {
      at += ctz(mask);
      break;
    }
  }
  return min(at, end);
}

/** Bit masks of 32 bytes: those that can be any digit, and those up to 5. */
let digits: i32 = 0;
let tens: i32 = 0;

/** Sets the digits that may vary in the next sameDates(). */
export function vary(any: i32, upToFive: i32): void {
  digits = any;
  tens = upToFive;
}

@inline function lessThan(bytes: v128, limit: u8): i32 {
  return i8x16.bitmask(i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(48)), i8x16.splat(limit)));
}

/** A mask of the first `length` of 32 bits. */
@inline function maskOf(length: i32): i32 {
  return length >= 32 ? -1 : (1 << length) - 1;
}

/** Whether the bytes at `at` equal those at `text`, apart from digits that vary. */
@inline export function isSame(at: usize, text: usize, length: i32): bool {
  const mask = maskOf(length);
  if (length > 32) {
    const rest = maskOf(length - 32);
    if ((i8x16.bitmask(i8x16.eq(v128.load(at, 32), v128.load(text, 32))) & rest) != rest) return false;
  }
  const a = v128.load(at);
  const b = v128.load(at, 16);
  let same =
    i8x16.bitmask(i8x16.eq(a, v128.load(text))) | (i8x16.bitmask(i8x16.eq(b, v128.load(text, 16))) << 16);
  if (digits) {
    same |= (lessThan(a, 10) | (lessThan(b, 10) << 16)) & digits;
    same |= (lessThan(a, 6) | (lessThan(b, 6) << 16)) & tens;
  }
  return (same & mask) == mask;
}

@inline function bitsEqual(low: v128, high: v128, byte: u8): i32 {
  const same = i8x16.splat(byte);
  return i8x16.bitmask(i8x16.eq(low, same)) | (i8x16.bitmask(i8x16.eq(high, same)) << 16);
}

/**
 * The address where a date of `length` bytes may begin, after the first `wall`. 0 if fewer than two
 * characters or a possible date come before, or if the date would begin after the end of the last one, at
 * `place` in the line before.
 */
@inline export function dateAfter(line: usize, wall: u8, length: i32, place: i32): usize {
  const at = wallAfter(line, wall);
  if (!at) return 0;
  const start = <i32>(at - line) + 1;
  return start <= 2 || place >= start + length ? 0 : at + 1;
}

/**
 * The address of the first `wall` in the line's first 32 bytes; 0 if there is none, or a date may come before
 * it.
 */
@inline function wallAfter(from: usize, wall: u8): usize {
  const low = v128.load(from);
  const high = v128.load(from, 16);
  const walls = bitsEqual(low, high, wall);
  if (!walls) return 0;
  const before = (1 << ctz(walls)) - 1;
  // Bytes above 127 are not ASCII.
  const odd = i8x16.bitmask(low) | (i8x16.bitmask(high) << 16);
  const signs = odd | bitsEqual(low, high, 10) | bitsEqual(low, high, 58) | bitsEqual(low, high, 64);
  if (signs & before) return 0;
  let digits = (lessThan(low, 10) | (lessThan(high, 10) << 16)) & before;
  digits &= digits >>> 1;
  digits &= digits >>> 2;
  // Eight digits in a row.
  return digits & (digits >>> 4) ? 0 : from + ctz(walls);
}
