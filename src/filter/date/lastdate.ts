import { textOf } from './shortcut.ts';

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
export function textAt(
  { before, digits, beforeText, afterText }: Clock,
  codes: Uint8Array,
  at: number,
): string {
  const from = at + before.length;
  const to = from + 2 + (digits === 0 ? 0 : 1 + digits);
  return beforeText + textOf(codes, from, to) + afterText;
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
