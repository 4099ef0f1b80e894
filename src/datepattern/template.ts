import { fieldOfGroup, tokens } from './tokens.ts';
import { DatePatternError, translate } from './translate.ts';

/** How the matched text becomes a time. */
export type Reading = 'fields' | 'epoch' | 'longepoch' | 'tai64n';

/** One date form: its regex, what its groups mean, and how it is anchored. */
export type Template = {
  /** What reports call it. */
  readonly name: string;
  readonly regex: RegExp;
  readonly reading: Reading;
  /** Group numbers and the field that each fills, in the order of the pattern. */
  readonly fields: readonly (readonly [group: number, field: string])[];
  /** The group that holds the number of an epoch form. */
  readonly valueGroup: number;
  /** Bound to the line's beginning. */
  readonly atStart: boolean;
  /** Bound to the line's beginning or end: once it hits there is nothing to weigh. */
  readonly anchored: boolean;
  /** The date's text reaches up to the match's end (true), or is group 1 wherever that is (false). */
  readonly wholeMatch: boolean;
  readonly weight: number;
};

/** Where a pattern wants its boundary: nowhere, at a word's edge, or at the line's beginning. */
type Begin = 'none' | 'word' | 'line';

const EPOCH = '\\d{10,11}\\b(?:\\.\\d{3,6})?';
const LONG_EPOCH = '\\d{10,11}(?:\\d{3}(?:\\.\\d{1,6}|\\d{3})?)?';
const EPOCH_TAG = /(?<!\\)\{(L?)EPOCH\}/i;
const LINE_BEGIN = '{^LN-BEG}';
const UNBOUND = '{UNB}';

/**
 * Compiles one line of a datepattern (without {DATE}, {DEFAULT}, {NONE}, which stand for whole lists). Throws
 * DatePatternError. Boundaries and grouping follow fail2ban 1.0.2.
 */
export function compileTemplate(pattern: string): Template {
  const keyword = pattern.includes('%') ? null : keywordTemplate(pattern.toUpperCase());
  if (keyword !== null) return keyword;
  const { text, begin, end } = takeBounds(pattern);
  const tag = EPOCH_TAG.exec(text);
  if (tag !== null) return epochTemplate(pattern, text, { begin, long: tag[1] !== '' });
  const { regex, name } = expandTokens(text, pattern.length - text.length);
  const ignoreCase = /(?<!%)%[aAbBpc]/.test(text) ? '(?iu)' : '';
  return build(ignoreCase + regex, { begin, end }, { name: begin === 'line' ? LINE_BEGIN + name : name });
}

/** The same template with another weight in the order of trial. */
export function withWeight(template: Template, weight: number): Template {
  return { ...template, weight };
}

/** `EPOCH`, `LEPOCH` and `TAI64N` as whole patterns, alone or at the line's beginning. */
function keywordTemplate(key: string): Template | null {
  const [, anchor, word] = /^(\{\^LN-BEG\}|\^|)(EPOCH|LEPOCH|TAI64N)$/.exec(key) ?? [];
  if (anchor === undefined || word === undefined) return null;
  const begin: Begin = anchor === '' ? 'none' : 'line';
  const name =
    (begin === 'line' ? LINE_BEGIN : '') + { EPOCH: 'Epoch', LEPOCH: 'LongEpoch', TAI64N: 'TAI64N' }[word];
  if (word === 'TAI64N') return build('@[0-9a-f]{24}', { begin, end: true }, { name, reading: 'tai64n' });
  const number = word === 'LEPOCH' ? LONG_EPOCH : EPOCH;
  const place = begin === 'line' ? '' : '(?:^|(?<=^\\[)|(?<=\\baudit\\())';
  const reading = word === 'LEPOCH' ? 'longepoch' : 'epoch';
  return build(`(${place}${number})`, { begin, end: true }, { name, reading });
}

function epochTemplate(pattern: string, text: string, form: { begin: Begin; long: boolean }): Template {
  const number = `(?P<epoch>${form.long ? LONG_EPOCH : EPOCH})`;
  const regex = `(${text.replace(new RegExp(EPOCH_TAG, 'gi'), () => number)})`;
  const bounds: Bounds = { begin: form.begin, end: true };
  return build(regex, bounds, { name: pattern, reading: form.long ? 'longepoch' : 'epoch' });
}

type Bounds = { readonly begin: Begin; readonly end: boolean };

function takeBounds(pattern: string): Bounds & { readonly text: string } {
  const unbound = pattern.startsWith(UNBOUND);
  const text = unbound ? pattern.slice(UNBOUND.length) : pattern;
  if (unbound) return { text, begin: 'none', end: false };
  const atLine = text.startsWith(LINE_BEGIN);
  return { text: atLine ? text.slice(LINE_BEGIN.length) : text, begin: atLine ? 'line' : 'word', end: true };
}

const TOKEN = /%(Ex[A-Za-z]|.?)/gs;

function expandTokens(text: string, shift: number): { readonly regex: string; readonly name: string } {
  const expand = (part: 'regex' | 'word'): string =>
    text.replace(TOKEN, (piece: string, token: string, at: number) => {
      const exact = tokens.get(token);
      if (exact !== undefined) return exact[part];
      throw new DatePatternError(
        `cannot read "${piece}" as a token of a date (a percent sign itself is %%)`,
        at + shift,
      );
    });
  return { regex: expand('regex'), name: expand('word') };
}

const STARTS_BOUND = /^\(*(?:\(\?\w+\))?(?:\^|\(*\*\*|\((?:\?:)?\^)/;
const ENDS_BOUND = /(?<!\\)(?:\$\)?|\\b|\\s|\*\*\)*)$/;
const AT_START = /^(?:\(\?\w+\))?(?:\^|\((?:\?:)?\^(?!\|))/;
const AT_END = /(?<![\\|])(?:\$\)?)$/;
const HAS_GROUP = /(?<!\(\?)(?<!\\)\((?!\?)/;
const GLOBAL_FLAGS = /\(\?[a-z]+\)/;

type Naming = { readonly name: string; readonly reading?: Reading };

function build(python: string, bounds: Bounds, naming: Naming): Template {
  const trimmed = python.trim();
  const flags = GLOBAL_FLAGS.exec(trimmed)?.[0] ?? '';
  const bare = flags === '' ? trimmed : trimmed.replace(flags, '');
  const atWord = bounds.begin !== 'none' && !STARTS_BOUND.test(bare);
  const grouped = HAS_GROUP.test(bare);
  const body = grouped ? bare : bare.replace(/^(\^?)(.*?)(\$?)$/s, '$1($2)$3');
  const front = !atWord ? '' : bounds.begin === 'line' ? '^(?:\\W{0,2})?' : '(?=^|\\b|\\W)';
  const back = bounds.end && !ENDS_BOUND.test(bare) ? '(?=\\b|\\W|$)' : '';
  const framed = front + body + back;
  const full = framed.replace(/^(\(*(?:\(\?\w+\))?\(*)\*\*/, '$1').replace(/(?<!\\)\*\*(\)*)$/, '$1');
  const atStart = (atWord && bounds.begin === 'line') || AT_START.test(framed);
  const { regex, groups } = translate(flags + full, grouped);
  return {
    name: naming.name,
    regex,
    reading: naming.reading ?? 'fields',
    fields: groups.flatMap((name, group): [number, string][] => {
      const field = name === null ? undefined : fieldOfGroup.get(name);
      return field === undefined ? [] : [[group, field]];
    }),
    valueGroup: Math.max(1, groups.indexOf('epoch')),
    atStart,
    anchored: atStart || AT_END.test(framed),
    wholeMatch: !grouped,
    weight: 1,
  };
}
