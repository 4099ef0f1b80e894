/**
 * Lines that an attacker would write to make matching slow: from the syntax tree of a filter's regexes, each span that the
 * pattern repeats without limit grown to a length, behind a real date and what the prefregex wants, with an end that lets
 * the match fail as late as can be.
 */

import { newFilterState, processLine } from '../../src/filter/line.ts';
import { accepts, sampleOf } from '../../src/filter/lint/sample.ts';
import type { Failregex } from '../../src/filter/regex/failregex.ts';
import type { Node } from '../../src/filter/regex/tree.ts';
import { childrenOf } from '../../src/filter/regex/tree.ts';
import type { Filter } from '../../src/filter/types.ts';

/** The lengths that a span is grown to, in characters. */
export const LENGTHS: readonly number[] = [1000, 10_000, 64_000];

/** A line for one span of one regex; `key` is `failregex 1`, `prefregex` or `ignoreregex 1`. */
export type PumpedLine = { readonly key: string; readonly length: number; readonly text: string };

const ADDRESS = '192.0.2.1';
const MARK = '\x00';
/** Spans of a pattern, and units of a span, that are tried at the most. */
const MOST_SPANS = 24;
const MOST_UNITS = 6;
/** Log files cut lines there. */
const MOST_BYTES = 65_530;

/** The lines for every regex of the filter, dated `now` (epoch seconds). */
export function pumpedLines(
  filter: Filter,
  now: number,
  lengths: readonly number[] = LENGTHS,
): readonly PumpedLine[] {
  const frames = filter.failregex.map(({ regex, index }) => frameOf(filter, { regex, index }, now));
  const [first = null] = frames;
  const outside: Frame = { prefix: null, date: first?.date ?? iso(now), at: '' };
  const jobs = [
    ...filter.failregex.map(({ regex, index }) => ({
      key: `failregex ${index + 1}`,
      regex,
      frame: frames[index] ?? first ?? outside,
    })),
    ...filter.ignoreregex.map(({ regex, index }) => ({
      key: `ignoreregex ${index + 1}`,
      regex,
      frame: outside,
    })),
    ...(filter.prefregex === null
      ? []
      : [{ key: 'prefregex', regex: filter.prefregex.regex, frame: outside }]),
  ];
  return jobs.flatMap(({ key, regex, frame }) =>
    lengths.flatMap((length) =>
      pumpedTexts(regex, length).map((text) => ({
        key,
        length,
        text: framed(filter, frame, text).slice(0, MOST_BYTES),
      })),
    ),
  );
}

/** What turns a text that a failregex matches into a line that its filter takes. */
export type Frame = {
  /** Parts of the prefregex that are written although they may be left out. */
  readonly prefix: readonly Node[] | null;
  readonly date: string;
  /** The date stands behind this beginning of the text. */
  readonly at: string;
};

/** The frame in which the filter takes the failregex's own text; null when none of those that are tried is right. */
export function frameOf(
  filter: Filter,
  { regex, index }: { readonly regex: Failregex; readonly index: number },
  now: number,
): Frame | null {
  const text = plainText(regex);
  for (const frame of framesFor(filter, text, now)) {
    const line = { text: framed(filter, frame, text), time: null };
    const options = { mode: 'live', findtime: 600, now, checkAll: true } as const;
    const { hits, time } = processLine(filter, newFilterState(filter), line, options);
    if (hits.includes(index) && time !== null) return frame;
  }
  return null;
}

/** The shortest text that the pattern takes, as far as one can be made up. */
export function plainText({ tree: { root } }: Failregex): string {
  return sampleOf(root, { address: ADDRESS, through: [], fills: new Map() }) ?? '';
}

/** The whole line around a text for a failregex. */
export function framed(filter: Filter, { prefix, date, at }: Frame, text: string): string {
  const whole = prefix === null ? text : behindPrefix(filter, text, prefix);
  const place = whole.startsWith(at) ? at.length : 0;
  return whole.slice(0, place) + date + whole.slice(place);
}

function* framesFor(filter: Filter, text: string, now: number): Generator<Frame> {
  const optional = filter.prefregex === null ? [] : optionalParts(filter.prefregex.regex.tree.root);
  const prefixes = filter.prefregex === null ? [null] : [optional, [], ...optional.map((part) => [part])];
  for (const prefix of prefixes) {
    const whole = prefix === null ? text : behindPrefix(filter, text, prefix);
    const places = [
      0,
      ...[...whole.slice(0, 150).matchAll(/(?<=[\s"[,{:])|(?=["\]])/g)].map(({ index }) => index),
    ];
    for (const place of new Set(places)) {
      for (const date of datesFor(now)) yield { prefix, date, at: whole.slice(0, place) };
    }
  }
}

function iso(now: number): string {
  return new Date(now * 1000).toISOString().slice(0, 19);
}

/** UTC written out in the forms that logs have, with what stands around them. */
function datesFor(now: number): string[] {
  const [year = '', month = '', day = '', time = ''] = iso(now).split(/[-T]/);
  const name = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')[Number(month) - 1] ?? '';
  const grafana = `t=${year}-${month}-${day}T${time}+0000`;
  const tai = `@400000${Math.floor(now + 10)
    .toString(16)
    .padStart(10, '0')}00000000`;
  const forms = [
    `${year}-${month}-${day} ${time}`,
    `${day}/${name}/${year}:${time} +0000`,
    `${name} ${day} ${time}`,
    `${year}-${month}-${day}T${time}.000Z`,
    `${day}/${name}/${year} ${time}`,
    `${Math.floor(now)}.000`,
    `${String(Math.floor(now)).slice(0, 10)}`,
    `${month}/${day}/${year}:${time}`,
    `${month}/${day}/${year} ${time}`,
    `${day}-${month}-${year} ${time}`,
    tai,
    grafana,
  ];
  return [
    ...forms.flatMap((form) => [
      `${form} `,
      form,
      `[${form}] `,
      `[${form}]`,
      `"time":"${form}",`,
      `- [${form}] `,
    ]),
    '- ',
  ];
}

function optionalParts(node: Node): Node[] {
  if (node.kind === 'look' || (node.kind === 'group' && node.name === 'content')) return [];
  const own = node.kind === 'repeat' && node.min === 0 ? [node] : [];
  return [...own, ...childrenOf(node).flatMap(optionalParts)];
}

function behindPrefix(filter: Filter, text: string, optional: readonly Node[]): string {
  const root = filter.prefregex?.regex.tree.root;
  const content =
    root === undefined ? null : findNode(root, (node) => node.kind === 'group' && node.name === 'content');
  if (root === undefined || content === null) return text;
  const wish = { address: ADDRESS, through: [content, ...optional], fills: new Map([[content, text]]) };
  return sampleOf(root, wish) ?? text;
}

/** Texts for one pattern by itself. */
export function pumpedTexts({ tree: { root } }: Failregex, length: number): readonly string[] {
  const host = findNode(
    root,
    ({ kind, ...node }) => kind === 'group' && 'name' in node && /^(?:ip4|fid)$/.test(node.name ?? ''),
  );
  const all = new Set<string>();
  for (const span of longRepeats(root).slice(0, MOST_SPANS)) {
    const through = host === null ? [span] : [span, host];
    const plain = sampleOf(root, { address: ADDRESS, through, fills: new Map([[span, MARK]]) });
    const [before = '', after = ''] = (plain ?? '').split(MARK);
    for (const unit of unitsOf(span, before, after).slice(0, MOST_UNITS)) {
      const blown = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
      // Fails behind the span; at the very end; and with everything there but in the wrong order.
      for (const end of [`\x01${after}`, `${after}\x01`, `\x01${after} ${before}`])
        all.add(`${before}${blown}${end}`);
    }
  }
  return [...all].map((text) => text.replaceAll('\n', ' '));
}

function unitsOf(span: Node, before: string, after: string): string[] {
  if (span.kind !== 'repeat') return [];
  const own = sampleOf(span.body, { address: ADDRESS, through: [], fills: new Map() }) ?? '';
  // What follows the span, again and again: each time it could be the end.
  const words = [
    after.slice(0, 1),
    after.slice(0, 8),
    after.trim().split(' ')[0] ?? '',
    after,
    before.slice(-8),
    before,
  ];
  const set = span.body.kind === 'set' ? span.body.set : null;
  const fits = (text: string): boolean =>
    text !== '' && (set === null || [...text].every((char) => accepts(set, char.charCodeAt(0))));
  return [
    ...new Set(
      [own, ...[' ', 'a', '1'], ...words.filter((word) => word.length < 200)].filter((text, i) =>
        i === 0 ? text !== '' : fits(text),
      ),
    ),
  ];
}

function longRepeats(node: Node): Node[] {
  const own = node.kind === 'repeat' && node.max > 100 ? [node] : [];
  return [...own, ...childrenOf(node).flatMap(longRepeats)];
}

function findNode(node: Node, test: (node: Node) => boolean): Node | null {
  if (test(node)) return node;
  for (const child of childrenOf(node)) {
    const found = findNode(child, test);
    if (found !== null) return found;
  }
  return null;
}
