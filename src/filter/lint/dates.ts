import { compileDates } from '../date/datepattern.ts';
import { processLine } from '../line.ts';
import { matchText } from '../regex/failregex.ts';
import type { Node } from '../regex/tree.ts';
import { Sessions } from '../session/sessions.ts';
import type { Filter, FilterRegex } from '../types.ts';
import { findContent, sampleOf } from './sample.ts';
import { REAL, roomyParts } from './smuggle.ts';

/** The failregex whose line is misdated, the line, and a datepattern that prevents it, if one is known. */
export type DateHit = { readonly one: FilterRegex; readonly proof: string; readonly cure: string | null };

/** The time of the service's lines. */
const NOW = Date.UTC(2026, 10, 30, 20, 0, 7) / 1000;

/** NOW as services write it. */
const SERVICE_DATES = [
  '2026-11-30T20:00:07Z',
  '2026-11-30 20:00:07',
  '30/Nov/2026:20:00:07 +0000',
  'Nov 30 20:00:07',
  'Mon Nov 30 20:00:07 2026',
  '1796068807',
  '30/Nov/2026 20:00:07',
  '30.11.2026 20:00:07',
  '11/30/2026 20:00:07',
  '20261130-20:00:07',
];

/** Dates that a client writes, each with a text of the same form that is no date. */
const CLIENT_DATES: readonly (readonly [date: string, control: string])[] = [
  ['2020-01-01T00:00:00Z', '2020-01-01X00:00:00Z'],
  ['20200101T000000', '20200101X000000'],
  ['@4000000037c219bf2ef02e94', '@4000000037c219bf2ef02eX4'],
  ['01/Jan/2020:00:00:00', '01/Xan/2020:00:00:00'],
  ['01/Jan/2020:00:00:00 +0000', '01/Xan/2020:00:00:00 +0000'],
  ['2020-01-01 00:00:00', '2020-01-01 X0:00:00'],
  ['Jan 01 00:00:00 2020', 'Xan 01 00:00:00 2020'],
  ['01/Jan/2020 00:00:00', '01/Xan/2020 00:00:00'],
];

/** Most failregexes of a filter for which lines are built. */
const MOST_REGEXES = 30;
/** Mark the places of the date and of a client's text in a line; no sample contains them. */
const DATE = '\x02';
const CLIENT = '\x03';

/** A line of a service with DATE in it, and a form of date that the filter reads there. */
type Layout = {
  readonly one: FilterRegex;
  readonly line: string;
  readonly date: string;
  /** The same line with CLIENT in each part that has room for it. */
  readonly open: readonly string[];
};

/**
 * A line in which a date in a client's text hides the failure or moves it into years past; null if there is
 * none. The service's date is where the filter reads it when the client writes none.
 */
export function misdated(filter: Filter): DateHit | null {
  const counts = judgeOf(filter);
  const regexes = filter.failregex.filter(({ regex }) => !regex.fields.has('nofail')).slice(0, MOST_REGEXES);
  const layouts = regexes.flatMap((one) => layoutsOf(filter, one, counts));
  for (const layout of layouts) {
    const proof = attackOn(layout, counts);
    if (proof === null) continue;
    const cure = curesFor(layout).find((datepattern) => {
      const cured = judgeOf({ ...filter, datepattern });
      return layouts.every((each) => cured(written(each)) && attackOn(each, counts, cured) === null);
    });
    return { one: layout.one, proof, cure: cure ?? null };
  }
  return null;
}

const written = ({ line, date }: Layout): string => line.replace(DATE, date);

/** Whether a line counts for REAL, now. */
type Judge = (text: string) => boolean;

function judgeOf(filter: Filter): Judge {
  const dates = compileDates(filter.datepattern, 'UTC');
  return (text) => {
    dates.lastTime = null;
    const state = { dates, lastTime: null, lastDate: '', window: [], sessions: new Sessions() };
    const options = { mode: 'test', now: NOW, findtime: 600 } as const;
    const [failure] = processLine(filter, state, { text, time: null }, options).failures;
    return failure?.id === REAL && failure.time === NOW;
  };
}

/**
 * A line with a client's date that does not count, while by `counts` the same line without that date does.
 * `reads`: the same filter with another datepattern.
 */
function attackOn(layout: Layout, counts: Judge, reads: Judge = counts): string | null {
  const [before = '', after = ''] = layout.line.split(DATE);
  const lead = unquoted(/\S{0,3}\W?$/.exec(before)?.[0] ?? '');
  const tail = unquoted(/^\W{0,2}/.exec(after)?.[0] ?? '');
  for (const open of layout.open) {
    for (const [date, control] of CLIENT_DATES) {
      for (const wrap of new Set(['', lead + DATE + tail, ` ${lead}${DATE}${tail} `])) {
        const put = (text: string): string =>
          open.replace(CLIENT, wrap === '' ? text : wrap.replace(DATE, text)).replace(DATE, layout.date);
        if (!counts(put(control))) continue;
        const fooling = [date, control].find((text) => !reads(put(text)));
        if (fooling !== undefined) return put(fooling);
      }
    }
  }
  return null;
}

/** A service escapes these in a client's text. */
const unquoted = (text: string): string => text.replace(/["'\\]/g, '');

/**
 * The lines of one failregex, with their date at the line's beginning, else where the pattern leaves a gap
 * for it, else in a wildcard of JSON or an access line, else at the end.
 */
function layoutsOf(filter: Filter, one: FilterRegex, counts: Judge): Layout[] {
  const prefix = filter.prefregex?.regex.tree.root;
  const parts = [...roomyParts(one.regex.tree.root), ...(prefix === undefined ? [] : roomyParts(prefix))];
  const matches = (fills: ReadonlyMap<Node, string>): boolean =>
    matchText(one.regex, `${sampleOf(one.regex.tree.root, wishFor(fills))}\n`) !== null;
  // A lookaround may want a text in a part that can be empty.
  const filled = parts.map((part): [Node, string] => [part, 'x']).find((each) => matches(new Map([each])));
  const base = filled === undefined || matches(new Map()) ? [] : [filled];
  const texts = [CLIENT, `"user":"${CLIENT}",`];
  const build: Placing = (fills) => lineOf(filter, one, new Map([...base, ...fills]));
  const plain = build(new Map());
  if (plain === null || /[\n\x02\x03]/.test(plain)) return [];
  for (const placings of placingsOf(plain, parts, build)) {
    const layouts = placings.flatMap((place): Layout[] => {
      const line = place(new Map());
      if (line === null) return [];
      const date = SERVICE_DATES.find((text) => counts(line.replace(DATE, text)));
      if (date === undefined) return [];
      const open = parts.flatMap((part) => {
        const lines = texts.map((text) => place(new Map([[part, text]])));
        return lines.find((each) => each !== null && isClients(each)) ?? [];
      });
      return [{ one, line, date, open }];
    });
    if (layouts.length > 0) return layouts;
  }
  return [];
}

/** Whether a client can write the text at CLIENT: in JSON a value, and nowhere the service's own date. */
function isClients(line: string): boolean {
  return (line.startsWith('{') ? VALUE_PART : ANY_PART).test(line) && !SERVICE_PART.test(line);
}

/** A line with DATE in it; the texts of some parts are given. */
type Placing = (fills: ReadonlyMap<Node, string>) => string | null;

/** A gap in a pattern, which stays when the date between is cut out. */
const GAP = /\[ ?\]|\(\)|(?<=[:=\s]|^)""|''|<>| {2}/g;
/** Names of the time in JSON lines. */
const JSON_KEYS = ['time', 'ts', '@timestamp', 'timestamp', 'StartUTC'];
const VALUE_PART = new RegExp(`:\\s*"${CLIENT}`);
const ANY_PART = new RegExp(CLIENT);
/** A client's text cannot be here: the value of a time, and the brackets before a request. */
const SERVICE_PART = new RegExp(`"(?:${JSON_KEYS.join('|')})"\\s*:\\s*"?${CLIENT}|\\[${CLIENT}\\] "`);
/** How the date stands in lines of JSON, and before a request. */
const JSON_DATE = new RegExp(`"(?:${JSON_KEYS.join('|')})"\\s*:\\s*"?${DATE}`);
const ACCESS_DATE = new RegExp(`\\[${DATE}\\] "`);
/** Texts of a wildcard that holds what a client writes and the date, in JSON and in access lines. */
const JSON_TEXTS = JSON_KEYS.map((key) => `","user":"${CLIENT}","${key}":"${DATE}","x":"`);
const ACCESS_TEXTS = [` - ${CLIENT} [${DATE}] `, ` - ${CLIENT} [${DATE}] "`];

/** Places of the date, the likeliest first. */
function placingsOf(plain: string, parts: readonly Node[], build: Placing): readonly (readonly Placing[])[] {
  const around =
    (put: (line: string) => string): Placing =>
    (fills) => {
      const line = build(fills);
      return line === null ? null : put(line);
    };
  const ahead = [`${DATE} `, `[${DATE}] `, `${DATE}: `, ...(/^[\w{]/.test(plain) ? [] : [DATE])].map((text) =>
    around((line) => text + line),
  );
  const opened = parts.map((part) => build(new Map([[part, CLIENT]])));
  const gaps = [...plain.matchAll(GAP)].flatMap(({ index }) => {
    // A part that can be empty looks like a gap.
    if (opened.some((line) => line?.charAt(index + 1) === CLIENT)) return [];
    const isThere = plain.slice(0, index + 2);
    return around((line) => {
      const at = line.startsWith(isThere) ? index : line.length - (plain.length - index);
      return `${line.slice(0, at + 1)}${DATE}${line.slice(at + 1)}`;
    });
  });
  const inside = (texts: readonly string[], wanted: RegExp): Placing[] =>
    parts.flatMap((part) =>
      texts.map(
        (text): Placing =>
          (fills) => {
            const line = build(new Map([...fills, [part, text.replace(CLIENT, fills.get(part) ?? 'x')]]));
            return line !== null && wanted.test(line) ? line : null;
          },
      ),
    );
  const behind = (/ $/.test(plain) ? [DATE] : [` at ${DATE}`, ` ${DATE}`]).map((text) =>
    around((line) => line + text),
  );
  return [
    ahead,
    gaps,
    inside([DATE], JSON_DATE),
    plain.includes('":') ? inside(JSON_TEXTS, JSON_DATE) : [],
    /"|GET|POST/.test(plain) ? inside(ACCESS_TEXTS, ACCESS_DATE) : [],
    behind,
  ];
}

const wishFor = (fills: ReadonlyMap<Node, string>) => ({ address: REAL, through: [...fills.keys()], fills });

/** A line of the filter that this failregex matches. */
function lineOf(filter: Filter, one: FilterRegex, fills: ReadonlyMap<Node, string>): string | null {
  const content = sampleOf(one.regex.tree.root, wishFor(fills));
  if (filter.prefregex === null || content === null) return content;
  const { root } = filter.prefregex.regex.tree;
  const group = findContent(root);
  const line = sampleOf(root, wishFor(group === null ? fills : new Map([...fills, [group, content]])));
  return group === null && line !== null ? content : line;
}

/** Datepatterns for such lines, the simplest first: the line's beginning, or the text around the date. */
function curesFor({ line }: Layout): readonly string[] {
  const [before = '', after = ''] = line.split(DATE);
  const lead = escaped(/(?:"[^"]*"\s*:\s*"?|[^\w\s]+|\b[a-z]+ )$/i.exec(before)?.[0] ?? '');
  const tail = after.trim() === '' ? '\\s*$' : escaped(/^(?:[^\w\s]+(?: ")?|\s*\w+)/.exec(after)?.[0] ?? '');
  return [
    '{^LN-BEG}',
    ...(before.endsWith('[') ? ['^[^\\[]*\\[({DATE})'] : []),
    ...(lead === '' ? [] : [`${lead}({DATE})`]),
    ...(tail === '' ? [] : [`({DATE})${tail}`, `${lead}({DATE})${tail}`, `^.*${lead}({DATE})${tail}`]),
    ...(lead === '' ? [] : [`^.*${lead}({DATE})`]),
  ];
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
