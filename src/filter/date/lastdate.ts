import { asciiText } from '../ascii.ts';

/**
 * A date's text without its seconds and their fraction, which f2b ignores. Lines within a minute differ in
 * nothing else, so reading one date serves for all of them.
 */
export type Clock = {
  /** The text before the seconds, and the text after the seconds or their fraction. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** The same as strings. */
  readonly beforeText: string;
  readonly afterText: string;
  /** The code of the decimal point and the number of digits after it; 0 = no fraction. */
  readonly point: number;
  readonly digits: number;
  /** The time without seconds, in epoch seconds. */
  readonly minute: number;
};

/** A colon may also precede the hour. With more digits it could be a date without separators. */
const CLOCK = /\d:[0-5]\d:([0-5]\d)(?:([.,])(\d{1,6}))?(?![\d:])/;

/**
 * Finds the clock in a date's text (ASCII) with the meaning `time`; null if there is none. `from`: offset of
 * the date.
 */
export function clockIn(text: string, from: number, time: number): Clock | null {
  const found = CLOCK.exec(text.slice(from));
  if (found === null) return null;
  const [whole, second = '', point = '', fraction = ''] = found;
  const end = from + found.index + whole.length;
  const rest = fraction === '' ? 0 : 1 + fraction.length;
  const [beforeText, afterText] = [text.slice(0, end - rest - 2), text.slice(end)];
  return {
    before: Buffer.from(beforeText, 'latin1'),
    after: Buffer.from(afterText, 'latin1'),
    ...{ beforeText, afterText },
    point: point.charCodeAt(0),
    digits: fraction.length,
    minute: time - Number(second),
  };
}

/**
 * Bit masks of the variable characters: those that can be any digit, and those up to 5; null if one lies
 * beyond the first 31 characters.
 */
export function placesIn({
  before,
  digits,
}: Clock): { readonly digits: number; readonly upToFive: number } | null {
  if (before.length + 3 + digits > 31) return null;
  const upToFive = 1 << before.length;
  const fraction = ((1 << digits) - 1) << (before.length + 3);
  return { digits: (upToFive << 1) | fraction, upToFive };
}

/** The text of the date at `at`, which has this clock. */
export function clockText(
  { before, digits, beforeText, afterText }: Clock,
  codes: Uint8Array,
  at: number,
): string {
  const from = at + before.length;
  const to = from + 2 + (digits === 0 ? 0 : 1 + digits);
  return beforeText + asciiText(codes, from, to) + afterText;
}

/** The time (epoch seconds) of the date at `at`; -1 if it is not this clock with other seconds. */
export function timeAt(clock: Clock, codes: Uint8Array, at: number): number {
  const { before, after, digits } = clock;
  let to = at + before.length;
  const tens = (codes[to] ?? 0) - 48;
  const ones = (codes[to + 1] ?? 0) - 48;
  if (!(tens >= 0 && tens <= 5 && ones >= 0 && ones <= 9)) return -1;
  to += 2;
  if (digits > 0) {
    if (codes[to] !== clock.point) return -1;
    for (let i = 1; i <= digits; i++) {
      const digit = (codes[to + i] ?? 0) - 48;
      if (!(digit >= 0 && digit <= 9)) return -1;
    }
    to += 1 + digits;
  }
  return standsAt(codes, before, at) && standsAt(codes, after, to) ? clock.minute + tens * 10 + ones : -1;
}

/** Whether `part` stands at `at`; compares backwards, since neighbouring dates differ near their end. */
export function standsAt(codes: Uint8Array, part: Uint8Array, at: number): boolean {
  for (let i = part.length - 1; i >= 0; i--) if (codes[at + i] !== part[i]) return false;
  return true;
}

/**
 * Saves trying thirty regexes on each line. Every default form contains a clock (`h:m:s`), eight digits and a
 * gap, the ten digits of an epoch, or a TAI64N label. An ASCII line without any of these has no date.
 */
const CORE = /\d:[0-5]?\d:[0-5]?\d|\d{8}[T ]|\d{10}|@[0-9a-f]{24}/;

/** Offset of the first CORE in the line; -1 if there is none. */
export function firstCore(line: string): number {
  return line.search(CORE);
}

/** Replaces every character that is not ASCII. */
const OTHER = 0xff;

/**
 * The first `count` characters of a text as bytes, in `into` if given; characters that are not ASCII become
 * OTHER.
 */
export function codesOf(text: string, count: number, into: Uint8Array = new Uint8Array(count)): Uint8Array {
  for (let i = 0; i < count; i++) {
    const code = text.charCodeAt(i);
    into[i] = code < 0x80 ? code : OTHER;
  }
  return into;
}

/**
 * Whether firstCore() could find anything in `codes[start..end)`. Quick if it cannot, as before the date of
 * most access logs.
 */
export function mayHoldCore(codes: Uint8Array, start: number, end: number): boolean {
  let digits = 0;
  for (let at = start; at < end; at++) {
    const code = codes[at] ?? 0;
    digits = code >= 0x30 && code <= 0x39 ? digits + 1 : 0;
    if (code === 0x3a || code === 0x40 || digits === 8) return firstCore(asciiText(codes, start, end)) >= 0;
  }
  return false;
}

/** Whether the character is a wall: `" ' ( = [ { |` occur inside no default form. */
export function isWall(code: number): boolean {
  return (
    code === 0x5b ||
    code === 0x22 ||
    code === 0x28 ||
    code === 0x27 ||
    code === 0x3d ||
    code === 0x7b ||
    code === 0x7c
  );
}

/**
 * Whether a default form that reaches `at` ends there: a word ends, and no fraction, year, zone or AM/PM can
 * follow. False if unsure. `end` is the end of the line.
 */
export function endsThere(codes: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return true;
  const code = codes[at] ?? 0;
  if (code === 0x20) return at + 1 >= end || beginsNothing(codes, at + 1);
  // The zone +02 may continue as +02:00.
  if (code === 0x3a) return !isDigit(codes[at + 1] ?? 0);
  // " ' ) ; ] |
  return code === 0x5d || code === 0x22 || code === 0x29 || code === 0x27 || code === 0x3b || code === 0x7c;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/**
 * Whether no date can continue after a blank: no digit, sign or blank follows, and no letter that begins a
 * zone (Z, UTC, GMT), AM or PM.
 */
function beginsNothing(codes: Uint8Array, at: number): boolean {
  const code = codes[at] ?? 0;
  if (code >= 0x80 || code <= 0x20 || code === 0x2b || code === 0x2d) return false;
  if (isDigit(code)) return false;
  const letter = code | 0x20;
  const next = (codes[at + 1] ?? 0) | 0x20;
  if (letter === 0x7a) return false;
  if (letter === 0x75) return next !== 0x74;
  return !(letter === 0x67 || letter === 0x61 || letter === 0x70) || next !== 0x6d;
}
