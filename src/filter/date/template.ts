import type { Expanded } from '../regex/tags.ts';
import { fieldOfGroup, tokens } from './tokens.ts';
import { DatePatternError, plain, splice, translate } from './translate.ts';

/** How the matched text is converted to a time. */
export type DateReading = 'fields' | 'epoch' | 'longepoch' | 'tai64n';

/** The regexes of a date form, and the meaning of their groups. */
export type Compiled = {
  readonly ascii: RegExp;
  readonly exact: () => RegExp;
  /** Group numbers and the fields they fill, in the order of the pattern. */
  readonly fields: readonly (readonly [group: number, field: string])[];
  /** The group with the number of an epoch form. */
  readonly valueGroup: number;
  /** The group that is cut out of the line. */
  readonly spanGroup: number;
  /** The group of the text before it; 0 if there is none. */
  readonly prefixGroup: number;
  /** The text that is cut out contains every field. */
  readonly isTextAll: boolean;
};

/** One date form, and how it is anchored. */
export type Template = {
  /** Its name in reports. */
  readonly name: string;
  /** The source pattern. */
  readonly pattern: string;
  /** Compiles on first call: most of the default forms are never tried. */
  readonly compiled: () => Compiled;
  readonly reading: DateReading;
  /**
   * The span's group ends where the match ends. Otherwise, and without a prefixGroup, flag d provides the
   * bounds.
   */
  readonly isTail: boolean;
  /** Anchored at the line's beginning. */
  readonly atStart: boolean;
  /** Anchored at the line's beginning or end, so that a match needs no comparison with others. */
  readonly anchored: boolean;
  readonly weight: number;
  /** Matches every ASCII line that the template matches; null if unknown. */
  readonly hint: RegExp | null;
  /** A default form or made from one: every match contains a CORE (lastdate.ts). */
  readonly hasCore: boolean;
  /** A default form itself, so that its end is known without running the regex (lastdate.ts). */
  readonly isForm: boolean;
  /** No other default form matches inside the text of this one. */
  readonly isSolitary: boolean;
};

/** The boundary before a pattern: none, a word's edge, or the line's beginning. */
type Begin = 'none' | 'word' | 'line';

const EPOCH = '\\d{10,11}\\b(?:\\.\\d{3,6})?';
const LONG_EPOCH = '\\d{10,11}(?:\\d{3}(?:\\.\\d{1,6}|\\d{3})?)?';
const EPOCH_TAG = /(?<!\\)\{(L?)EPOCH\}/gi;
const LINE_BEGIN = '{^LN-BEG}';
const UNBOUND = '{UNB}';

/**
 * Compiles one line of a datepattern, without {DATE}, {DEFAULT} and {NONE}, which stand for whole lists.
 * Throws DatePatternError. Boundaries and grouping follow fail2ban 1.0.2.
 */
export function compileTemplate(pattern: string): Template {
  const template = makeTemplate(pattern);
  template.compiled();
  return template;
}

/** Like compileTemplate(), but reports a broken pattern on first use. */
export function makeTemplate(pattern: string): Template {
  const keyword = pattern.includes('%') ? null : keywordTemplate(pattern.toUpperCase());
  if (keyword !== null) return keyword;
  const { text, ...bounds } = splitBounds(pattern);
  const shift = pattern.length - text.length;
  const long = /\{LEPOCH\}/i.test(text);
  if (long || /(?<!\\)\{EPOCH\}/i.test(text))
    return epochTemplate(pattern, plain(text, shift), { ...bounds, long });
  const name = wordsOf(text);
  return build(
    expandTokens(text, shift),
    { ...bounds, ignoreCase: /(?<!%)%[aAbBpc]/.test(text) },
    { name: bounds.begin === 'line' ? LINE_BEGIN + name : name, pattern, reading: 'fields' },
  );
}

/** `EPOCH`, `LEPOCH` and `TAI64N` as whole patterns, alone or at the line's beginning. */
function keywordTemplate(key: string): Template | null {
  const [, anchor, word] = /^(\{\^LN-BEG\}|\^|)(EPOCH|LEPOCH|TAI64N)$/.exec(key) ?? [];
  if (anchor === undefined || word === undefined) return null;
  const atLine = anchor !== '';
  const bounds: Bounds = { begin: atLine ? 'line' : 'none', end: true };
  const named = (name: string, reading: DateReading): Naming => ({
    name: atLine ? LINE_BEGIN + name : name,
    pattern: key,
    reading,
  });
  if (word === 'TAI64N') return build(plain('@[0-9a-f]{24}', 0), bounds, named('TAI64N', 'tai64n'));
  const place = atLine ? '' : '(?:^|(?<=^\\[)|(?<=\\baudit\\())';
  const long = word === 'LEPOCH';
  const regex = plain(`(${place}${long ? LONG_EPOCH : EPOCH})`, 0);
  return build(regex, bounds, long ? named('LongEpoch', 'longepoch') : named('Epoch', 'epoch'));
}

function epochTemplate(pattern: string, text: Expanded, form: Bounds & { readonly long: boolean }): Template {
  const number = `(?P<epoch>${form.long ? LONG_EPOCH : EPOCH})`;
  let regex = text;
  for (const tag of [...text.text.matchAll(EPOCH_TAG)].reverse()) {
    regex = splice(regex, tag.index, tag[0].length, number);
  }
  const wrapped = splice(splice(regex, regex.text.length, 0, ')'), 0, 0, '(');
  return build(wrapped, form, { name: pattern, pattern, reading: form.long ? 'longepoch' : 'epoch' });
}

type Bounds = { readonly begin: Begin; readonly end: boolean; readonly ignoreCase?: boolean };

function splitBounds(pattern: string): Bounds & { readonly text: string } {
  if (pattern.startsWith(UNBOUND)) return { text: pattern.slice(UNBOUND.length), begin: 'none', end: false };
  const atLine = pattern.startsWith(LINE_BEGIN);
  return {
    text: atLine ? pattern.slice(LINE_BEGIN.length) : pattern,
    begin: atLine ? 'line' : 'word',
    end: true,
  };
}

const TOKEN = /%(Ex[A-Za-z]|.?)/gs;

function expandTokens(text: string, shift: number): Expanded {
  let regex = '';
  const origins: number[] = [];
  const copy = (from: number, to: number): void => {
    regex += text.slice(from, to);
    for (let at = from; at < to; at++) origins.push(at + shift);
  };
  let done = 0;
  for (const { 0: piece, 1: token = '', index } of text.matchAll(TOKEN)) {
    const exact = tokens.get(token);
    if (exact === undefined) {
      throw new DatePatternError(
        `cannot read "${piece}" as a part of a date (a percent sign itself is %%)`,
        index + shift,
      );
    }
    copy(done, index);
    regex += exact.regex;
    for (let at = 0; at < exact.regex.length; at++) origins.push(index + shift);
    done = index + piece.length;
  }
  copy(done, text.length);
  return { text: regex, origins };
}

function wordsOf(text: string): string {
  return text.replace(TOKEN, (piece: string, token: string) => tokens.get(token)?.word ?? piece);
}

const STARTS_BOUND = /^\(*(?:\(\?\w+\))?(?:\^|\(*\*\*|\((?:\?:)?\^)/;
const ENDS_BOUND = /(?<!\\)(?:\$\)?|\\b|\\s|\*\*\)*)$/;
const AT_START = /^(?:\(\?\w+\))?(?:\^|\((?:\?:)?\^(?!\|))/;
const AT_END = /(?<![\\|])(?:\$\)?)$/;
const FIRST_GROUP = /(?<!\(\?)(?<!\\)\((?!\?)/;
const FREE_START = /^(\(*(?:\(\?\w+\))?\(*)\*\*/;
const FREE_END = /(?<!\\)\*\*(?=\)*$)/;
const SPAN = '_date';

type Naming = { readonly name: string; readonly pattern: string; readonly reading: DateReading };

/** Names group 1 of the pattern. A pattern whose groups are all fields becomes a group as a whole. */
function withSpan(python: Expanded): {
  readonly python: Expanded;
  readonly span: string;
  readonly isTail: boolean;
} {
  const { text } = python;
  if (!FIRST_GROUP.test(text)) {
    const from = text.startsWith('^') ? 1 : 0;
    const to = text.endsWith('$') ? text.length - 1 : text.length;
    return { python: splice(splice(python, to, 0, ')'), from, 0, `(?P<${SPAN}>`), span: SPAN, isTail: true };
  }
  const first = /(?<!\\)\((?:(?!\?)|\?P<(\w+)>)/.exec(text);
  if (first?.[1] !== undefined) return { python, span: first[1], isTail: false };
  return { python: splice(python, (first?.index ?? 0) + 1, 0, `?P<${SPAN}>`), span: SPAN, isTail: false };
}

function build(source: Expanded, bounds: Bounds, naming: Naming): Template {
  const { text } = source;
  const isFree = STARTS_BOUND.test(text);
  const front =
    bounds.begin === 'none' || isFree ? '' : bounds.begin === 'line' ? '^(?:\\W{0,2})?' : '(?=^|\\b|\\W)';
  const back = bounds.end && !ENDS_BOUND.test(text) ? '(?=\\b|\\W|$)' : '';
  const { python, span, isTail } = withSpan(withoutStars(source));
  const framed = splice(splice(python, python.text.length, 0, back), 0, 0, front);
  const atStart = AT_START.test(front + text);
  const flagged = withFlags(framed, bounds.ignoreCase === true);
  let compiled: Compiled | null = null;
  return {
    ...naming,
    compiled: () => (compiled ??= compileForms(flagged, span, isTail)),
    isTail,
    atStart,
    anchored: atStart || AT_END.test(text + back),
    weight: 1,
    hint: null,
    hasCore: false,
    isForm: false,
    isSolitary: false,
  };
}

function compileForms(python: Expanded, span: string, isTail: boolean): Compiled {
  const { ascii, exact, groups, prefix, outside } = translate(python, span, isTail);
  return {
    ascii,
    exact,
    fields: [...groups].flatMap(([name, group]): [number, string][] => {
      const field = fieldOfGroup.get(name);
      return field === undefined ? [] : [[group, field]];
    }),
    valueGroup: groups.get('epoch') ?? groups.get(span) ?? 0,
    prefixGroup: prefix,
    isTextAll: outside.every((name) => !fieldOfGroup.has(name)),
    spanGroup: groups.get(span) ?? 0,
  };
}

/** `**` at either end only means that there is no boundary. */
function withoutStars(python: Expanded): Expanded {
  const start = FREE_START.exec(python.text);
  const trimmed = start === null ? python : splice(python, start[1]?.length ?? 0, 2, '');
  const end = FREE_END.exec(trimmed.text);
  return end === null ? trimmed : splice(trimmed, end.index, 2, '');
}

function withFlags(python: Expanded, ignoreCase: boolean): Expanded {
  return ignoreCase ? splice(python, 0, 0, '(?i)') : python;
}

/** The bounds of the date in a match, which is cut out of the line. */
export function spanOf(template: Template, match: RegExpExecArray): readonly [start: number, end: number] {
  const { spanGroup, prefixGroup } = template.compiled();
  const end = match.index + match[0].length;
  if (template.isTail) return [end - (match[spanGroup] ?? '').length, end];
  if (prefixGroup > 0) {
    const start = match.index + (match[prefixGroup] ?? '').length;
    return [start, start + (match[spanGroup] ?? '').length];
  }
  return match.indices?.[spanGroup] ?? [match.index, match.index];
}
