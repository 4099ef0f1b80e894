import { parse } from '../failregex/parse.ts';
import { print } from '../failregex/print.ts';
import { RegexError } from '../failregex/regexerror.ts';
import type { Expanded } from '../failregex/tags.ts';

/** A template's regexes and the native numbers of its named groups, in the order of the pattern. */
export type Translated = {
  /** For lines of ASCII characters; flag g. */
  readonly ascii: RegExp;
  /** For every line; flag g; made at the first use. */
  readonly exact: () => RegExp;
  readonly groups: ReadonlyMap<string, number>;
};

/** A datepattern that cannot be had, and where in its text (characters from 0). */
export class DatePatternError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'DatePatternError';
    this.offset = offset;
  }
}

/**
 * Turns Python's regex syntax into native regexes that keep the named groups; `places` asks for the places of groups
 * (flag d). Throws DatePatternError.
 */
export function translate(python: Expanded, places: boolean): Translated {
  try {
    const tree = parse(python, false);
    const ascii = print(tree, 'ascii');
    const groups = new Map([...tree.names].map(([name, index]) => [name, ascii.numbers.get(index) ?? 0]));
    const flags = places ? 'gd' : 'g';
    let exact: RegExp | null = null;
    return {
      ascii: new RegExp(ascii.source, ascii.flags + flags),
      exact: () => {
        if (exact !== null) return exact;
        const printed = print(tree, 'exact');
        exact = new RegExp(printed.source, printed.flags + flags);
        return exact;
      },
      groups,
    };
  } catch (error) {
    if (error instanceof RegexError) throw new DatePatternError(error.message, error.offset);
    throw error;
  }
}

/** The text with `inserted` in place of `removed` characters at `at`; what is inserted stems from that place. */
export function splice(text: Expanded, at: number, removed: number, inserted: string): Expanded {
  const origin = text.origins[at] ?? (text.origins.at(-1) ?? -1) + 1;
  return {
    text: text.text.slice(0, at) + inserted + text.text.slice(at + removed),
    origins: [
      ...text.origins.slice(0, at),
      ...new Array<number>(inserted.length).fill(origin),
      ...text.origins.slice(at + removed),
    ],
  };
}

/** A text whose characters stem from `origin` on. */
export function plain(text: string, origin: number): Expanded {
  return { text, origins: Array.from({ length: text.length }, (_, i) => origin + i) };
}
