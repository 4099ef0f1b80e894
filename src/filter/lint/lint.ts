import type { Place } from '../../base/errors.ts';
import { type Failregex, matchText } from '../regex/failregex.ts';
import type { Filter, FilterRegex } from '../types.ts';
import { misdated } from './dates.ts';
import { findContent, sampleOf } from './sample.ts';
import { addressIn, floating, REAL, smuggled, VICTIM } from './smuggle.ts';

/** A weakness of a filter's regex, and a line (without its date) that exploits it. */
export type Finding = {
  readonly kind: 'unanchored' | 'smuggle' | 'date';
  /** `prefregex`, or `failregex` with its number from 1. */
  readonly key: string;
  readonly place: Place;
  readonly text: string;
  readonly proof: string;
};

const TEXTS = {
  unanchored: `has no anchor: behind any text it takes an address, here ${VICTIM}; begin it with ^`,
  smuggle: `could take the address ${VICTIM} that an attacker wrote, while ${REAL} failed`,
  date: 'takes a date that a client wrote for the date of the line, so that a failure does not count',
} as const;

/**
 * Finds weaknesses that an attacker could exploit: a failregex without anchor, or a wildcard that lets a
 * second address into the line. With `isDated`, for lines that hold their own date, also a date that a client
 * writes. A line is built from the pattern and reported only if the whole filter then
 * returns the wrong address. Patterns from which no line can be built are skipped.
 */
export function lintFilter(filter: Filter, isDated = true): readonly Finding[] {
  const found = filter.failregex.flatMap((one) => {
    const proven = (content: string): string | null => proofOf(filter, one, content);
    return lintOne(one.regex, proven).map((finding) => ({
      ...finding,
      one,
      key: `failregex ${one.index + 1}`,
    }));
  });
  const told = lintPrefregex(filter).map((finding) => ({ ...finding, key: 'prefregex' }));
  const all = [...told, ...found].map(({ kind, key, proof, one }): Finding => {
    return { kind, key, place: one.source.place, text: TEXTS[kind], proof };
  });
  return isDated ? [...all, ...lintDates(filter)] : all;
}

function lintDates(filter: Filter): Finding[] {
  const hit = misdated(filter);
  if (hit === null) return [];
  const { one, proof, cure } = hit;
  const advice = cure === null ? 'have the service write its date first' : `write datepattern = ${cure}`;
  const key = `failregex ${one.index + 1}`;
  return [{ kind: 'date', key, place: one.source.place, text: `${TEXTS.date}; ${advice}`, proof }];
}

type LintHit = { readonly kind: 'unanchored' | 'smuggle'; readonly proof: string };

/**
 * The most serious finding of one pattern. `proven` turns a text that the pattern matches into a whole line;
 * null if that proves nothing.
 */
function lintOne(regex: Failregex, proven: (content: string) => string | null): readonly LintHit[] {
  const loose = floating(regex);
  const proof = loose === null ? null : proven(loose);
  if (proof !== null) return [{ kind: 'unanchored', proof }];
  for (const line of smuggled(regex)) {
    const whole = proven(line);
    if (whole !== null) return [{ kind: 'smuggle', proof: whole }];
  }
  return [];
}

/** A prefregex that captures the address is tested together with the failregexes. */
function lintPrefregex(filter: Filter): readonly (LintHit & { readonly one: FilterRegex })[] {
  const one = filter.prefregex;
  const group = one === null ? null : findContent(one.regex.tree.root);
  if (one === null) return [];
  for (const { regex } of filter.failregex) {
    const content = sampleOf(regex.tree.root, { address: REAL, through: [], fills: new Map() });
    const given = new Map(group === null || content === null ? [] : [[group, content]]);
    const proof = smuggled(one.regex, given).find((line) => isFailure(filter, one.regex, line));
    if (proof !== undefined) return [{ kind: 'smuggle', proof, one }];
  }
  return [];
}

/** Whether a failregex without an address of its own matches after prefregex. */
function isFailure(filter: Filter, prefregex: Failregex, line: string): boolean {
  const content = matchText(prefregex, `${line}\n`)?.groups[prefregex.fields.get('content') ?? -1] ?? line;
  if (isIgnored(filter, [line, content])) return false;
  const first = filter.failregex.find((one) => matchText(one.regex, `${content}\n`) !== null);
  return first !== undefined && !first.regex.fields.has('nofail') && addressIn(first.regex, content) === null;
}

function isIgnored(filter: Filter, texts: readonly string[]): boolean {
  return filter.ignoreregex.some(({ regex }) => texts.some((text) => matchText(regex, `${text}\n`) !== null));
}

/** A line whose content is `content`, if the filter then returns VICTIM by this failregex. */
function proofOf(filter: Filter, { regex, index }: FilterRegex, content: string): string | null {
  if (regex.fields.has('nofail')) return null;
  const line = filter.prefregex === null ? content : lineWith(filter.prefregex.regex, content);
  if (line === null) return null;
  if (isIgnored(filter, [line, content])) return null;
  const first = filter.failregex.find((one) => matchText(one.regex, `${content}\n`) !== null);
  return first?.index === index && addressIn(regex, content) === VICTIM ? line : null;
}

/** A line in which prefregex captures this content; null if none can be built. */
function lineWith(prefregex: Failregex, content: string): string | null {
  const group = findContent(prefregex.tree.root);
  if (group === null) return matchText(prefregex, `${content}\n`) === null ? null : content;
  const wish = { address: REAL, through: [group], fills: new Map([[group, content]]) };
  const line = sampleOf(prefregex.tree.root, wish);
  if (line === null) return null;
  const found = matchText(prefregex, `${line}\n`);
  return found?.groups[prefregex.fields.get('content') ?? -1] === content ? line : null;
}
