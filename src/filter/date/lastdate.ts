import { asciiText } from '../ascii.ts';

/**
 * A date's text but for what changes from line to line: its seconds and a fraction of them, which no time counts. Lines within a
 * minute differ in nothing else, so that one reading of a date serves for all of them.
 */
export type Clock = {
  /** The characters up to the seconds, and from behind them or their fraction on. */
  readonly before: Uint8Array;
  readonly after: Uint8Array;
  /** The same as texts. */
  readonly beforeText: string;
  readonly afterText: string;
  /** The character code before a fraction, and the digits of that; 0 = there is none. */
  readonly point: number;
  readonly digits: number;
  /** The time without the seconds, epoch seconds. */
  readonly minute: number;
};

/** A colon may stand before the hour as well. More digits might be taken for a date without separators. */
const CLOCK = /\d:[0-5]\d:([0-5]\d)(?:([.,])(\d{1,6}))?(?![\d:])/;

/** The clock in a date's text (ASCII), which means `time`; null where there is none. `from`: where in the text the date begins. */
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
 * Bits of the places that change: where any digit may stand, and where one up to 5; null where they are not among the text's
 * first 31.
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

/** The text of a date of this clock that stands there. */
export function clockText(
  { before, digits, beforeText, afterText }: Clock,
  codes: Uint8Array,
  at: number,
): string {
  const from = at + before.length;
  const to = from + 2 + (digits === 0 ? 0 : 1 + digits);
  return beforeText + asciiText(codes, from, to) + afterText;
}

/** The time (epoch seconds) that the line says there, -1 where that is not this clock with other seconds. */
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

/** Whether these characters stand there; dates of neighbours differ in their last ones. */
export function standsAt(codes: Uint8Array, part: Uint8Array, at: number): boolean {
  for (let i = part.length - 1; i >= 0; i--) if (codes[at + i] !== part[i]) return false;
  return true;
}

/**
 * What saves asking thirty regexes about each line. Every default form holds a clock (`h:m:s`), eight digits and a gap, an
 * epoch's ten digits or a TAI64N label: a line of ASCII characters without any of these has no date.
 */
const CORE = /\d:[0-5]?\d:[0-5]?\d|\d{8}[T ]|\d{10}|@[0-9a-f]{24}/;

/** Where the first part stands that a default form cannot do without, -1 when there is none. */
export function firstCore(line: string): number {
  return line.search(CORE);
}

/** What stands for a character that is not ASCII. */
const OTHER = 0xff;

/** The first so many characters of a text as bytes, in `into` where that is given; what is not ASCII is none of what is looked for. */
export function codesOf(text: string, count: number, into: Uint8Array = new Uint8Array(count)): Uint8Array {
  for (let i = 0; i < count; i++) {
    const code = text.charCodeAt(i);
    into[i] = code < 0x80 ? code : OTHER;
  }
  return into;
}

/** Whether firstCore() could find anything in `codes[start..end)`; quicker where it cannot, as before most access logs' dates. */
export function mayHoldCore(codes: Uint8Array, start: number, end: number): boolean {
  let digits = 0;
  for (let at = start; at < end; at++) {
    const code = codes[at] ?? 0;
    digits = code >= 0x30 && code <= 0x39 ? digits + 1 : 0;
    if (code === 0x3a || code === 0x40 || digits === 8) return firstCore(asciiText(codes, start, end)) >= 0;
  }
  return false;
}

/** A sign that stands inside no default form, so that none reaches over it: one of `" ' ( = [ { |`. */
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
 * Whether a default form that reached `at` in a line that ends at `end` ends there whatever follows: neither a fraction, a year, a zone
 * nor AM or PM can begin, and it is a word's end. False when in doubt.
 */
export function endsThere(codes: Uint8Array, at: number, end: number): boolean {
  if (at >= end) return true;
  const code = codes[at] ?? 0;
  if (code === 0x20) return at + 1 >= end || beginsNothing(codes, at + 1);
  // The zone +02 may be the beginning of +02:00.
  if (code === 0x3a) return !isDigit(codes[at + 1] ?? 0);
  // " ' ) ; ] |
  return code === 0x5d || code === 0x22 || code === 0x29 || code === 0x27 || code === 0x3b || code === 0x7c;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Behind a blank: no digit, sign or further blank, and not what a zone (Z, UTC, GMT), AM or PM begins with. */
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
