import { clean } from '../../base/visible.ts';
import type { Fields } from '../../filter/fields.ts';
import type { Filter, FilterFailure, LineOutcome, LineVerdict } from '../../filter/types.ts';

/** A failregex that matched a line; `id` is null until the session names an address. */
export type RegexHit = {
  readonly regex: number;
  readonly id: string | null;
  /** Epoch seconds. */
  readonly time: number | null;
  readonly fields: Fields;
  readonly failure: FilterFailure | null;
  /** Matched without a failure, for example because of F-NOFAIL. */
  readonly isHelper: boolean;
};

/** A line's outcome for the report; regex numbers count from 0. */
export type LineReport = {
  readonly result: 'matched' | 'missed' | 'ignored' | 'helper';
  readonly hits: readonly RegexHit[];
  /** Number of the ignoreregex that matched. */
  readonly ignoredBy: number | null;
  readonly time: number | null;
  readonly isPrefixed: boolean;
};

/** Addresses by name; a missing name could not be resolved. */
type Names = ReadonlyMap<string, readonly string[]>;

/** Names in the outcome's failures, to be resolved before reportLine(). */
export function namesIn(outcome: LineOutcome): readonly string[] {
  return outcome.failures.flatMap(({ kind, id }) => (kind === 'dns' ? [id] : []));
}

/**
 * Classifies a line. A name counts as its addresses, if it has any. A failure whose session has not named an
 * address yet is a helper, as in a jail; with `isAll` it counts as matched (fail2ban-regex 1.0.2 behaviour).
 */
export function reportLine(outcome: LineOutcome, names: Names, isAll: boolean): LineReport {
  const failures = outcome.failures.flatMap((failure): RegexHit[] => {
    const ids = failure.kind === 'dns' ? (names.get(failure.id) ?? []) : [failure.id];
    const { regex, time, fields } = failure;
    return ids.map((id) => ({ regex, id, time, fields, failure, isHelper: false }));
  });
  const helpers = outcome.helpers.flatMap(({ regex, kind, fields }): RegexHit[] =>
    kind === 'nobody'
      ? []
      : [
          {
            regex,
            id: idOf(fields),
            time: outcome.time,
            fields,
            failure: null,
            isHelper: kind === 'helper' || !isAll,
          },
        ],
  );
  const hits = [...failures, ...helpers].sort((a, b) => a.regex - b.regex);
  const { time, isPrefixed } = outcome;
  if (outcome.result === 'ignored')
    return { result: 'ignored', hits, ignoredBy: outcome.regex, time, isPrefixed };
  const isHelper = hits.some((hit) => hit.isHelper);
  const result = hits.length === 0 ? 'missed' : isHelper ? 'helper' : 'matched';
  return { result, hits, ignoredBy: null, time, isPrefixed };
}

function idOf(fields: Fields): string | null {
  for (const name of ['fid', 'ip4', 'ip6', 'dns']) {
    const value = fields.get(name);
    if (typeof value === 'string' && value !== '') return value;
  }
  return null;
}

/** Which lines the report lists. */
export type Listing = 'all' | 'some' | 'none';

/** Limits of the report. */
export type ReportOptions = {
  readonly matched: Listing;
  readonly missed: Listing;
  readonly ignored: Listing;
  /** `some` lists lines if there are fewer than this. */
  readonly maxlines: number;
  readonly verbose: boolean;
};

/** A match, for the verbose report. */
type SeenRegex = {
  readonly id: string | null;
  readonly time: number | null;
  readonly isSeveral: boolean;
};

type Kept = { count: number; readonly lines: string[] };

/** The totals of a run; changed by addLine(). */
export type Tally = {
  lines: number;
  readonly matched: Kept;
  readonly ignored: Kept;
  readonly missed: Kept;
  prefixed: number;
  readonly failHits: number[];
  readonly ignoreHits: number[];
  readonly seen: SeenRegex[][];
  /** Lines that more than one failregex matched. */
  readonly several: Kept;
  /**
   * By regex (null = date, prefregex or ignoreregex): number of lines it was too slow on, and the first of
   * them.
   */
  /** Lines without a date, and the first of them. */
  readonly undated: Kept;
  readonly stuck: Map<number | null, { count: number; readonly number: number; readonly line: string }>;
};

/** An empty tally. */
export function newTally(filter: Filter): Tally {
  const kept = (): Kept => ({ count: 0, lines: [] });
  return {
    lines: 0,
    matched: kept(),
    ignored: kept(),
    missed: kept(),
    prefixed: 0,
    failHits: filter.failregex.map(() => 0),
    ignoreHits: filter.ignoreregex.map(() => 0),
    seen: filter.failregex.map(() => []),
    several: kept(),
    undated: kept(),
    stuck: new Map(),
  };
}

/** Counts one line. */
export function addLine(tally: Tally, line: string, report: LineReport, options: ReportOptions): void {
  tally.lines++;
  if (report.isPrefixed) tally.prefixed++;
  const { ignoredBy, hits, result } = report;
  if (ignoredBy !== null) tally.ignoreHits[ignoredBy] = (tally.ignoreHits[ignoredBy] ?? 0) + 1;
  for (const { regex, id, time } of hits) {
    tally.failHits[regex] = (tally.failHits[regex] ?? 0) + 1;
    if (options.verbose) tally.seen[regex]?.push({ id, time, isSeveral: hits.length > 1 });
  }
  const regexes = [...new Set(hits.map((hit) => hit.regex))];
  noteSeveral(tally, line, regexes);
  keep(tally, listFor(result), line, options);
}

/** Notes a line if more than one failregex matched it; numbers from 0, the one that counts first. */
export function noteSeveral({ several }: Tally, line: string, regexes: readonly number[]): void {
  if (regexes.length < 2) return;
  several.count++;
  if (several.lines.length < MOST_SEVERAL)
    several.lines.push(`${regexes.map((each) => each + 1).join(', ')}: ${line}`);
}

const MOST_SEVERAL = 20;

/** A line of the fast matcher; `text` only if wantsText() is true. */
type ShortLine = {
  readonly report: LineVerdict;
  readonly regex: number;
  readonly isPrefixed: boolean;
  readonly text: string | null;
};

/** Counts `lines` lines of the fast matcher in everything except `tally.lines`. */
export function countShort(tally: Tally, { report, regex, isPrefixed, text }: ShortLine, lines = 1): void {
  if (isPrefixed) tally.prefixed += lines;
  if (report === 'ignored') tally.ignoreHits[regex] = (tally.ignoreHits[regex] ?? 0) + lines;
  if (report === 'matched' || report === 'helper')
    tally.failHits[regex] = (tally.failHits[regex] ?? 0) + lines;
  const kept = tally[listFor(report)];
  kept.count += lines;
  if (text !== null) kept.lines.push(text);
}

/** Whether a line with this verdict may still be listed. */
export function wantsText(tally: Tally, report: LineVerdict, options: ReportOptions): boolean {
  const kind = listFor(report);
  return options[kind] === 'some' && tally[kind].lines.length <= options.maxlines;
}

/** The lists of lines in the report. */
type ListName = 'matched' | 'ignored' | 'missed';

function listFor(report: LineVerdict): ListName {
  return report === 'matched' || report === 'missed' ? report : 'ignored';
}

function keep(tally: Tally, kind: ListName, line: string, options: ReportOptions): void {
  const kept = tally[kind];
  kept.count++;
  const isListed = options[kind] === 'some' && kept.lines.length <= options.maxlines;
  if (options[kind] === 'all' || isListed) kept.lines.push(line);
}

/** Counts a line without a date. */
export function noteUndated({ undated }: Tally, line: string): void {
  undated.count++;
  if (undated.lines.length === 0) undated.lines.push(line);
}

function undatedLines({ tally, explainDate }: ReportInput): readonly string[] {
  const { count, lines } = tally.undated;
  const shown = lines.flatMap((line) => [clean(line), ...explainDate(line)]);
  return boxed(shown, `No date was found in ${count} line${count === 1 ? '' : 's'}, first:`);
}

/** Moves a missed line to the matched ones, after a match over several lines. */
export function addLate(tally: Tally, line: string, options: ReportOptions): void {
  const place = tally.missed.lines.indexOf(line);
  if (place >= 0) tally.missed.lines.splice(place, 1);
  tally.missed.count--;
  keep(tally, 'matched', line, options);
}

/** Input of the report in addition to the totals. */
type ReportInput = {
  readonly filter: Filter;
  readonly tally: Tally;
  /** Lines of the section on date forms. */
  readonly dates: readonly string[];
  /** Seconds. */
  readonly elapsed: number;
  readonly options: ReportOptions;
  /** The text under a missed line; may be empty. */
  readonly explain: (line: string) => readonly string[];
  /** The text under a line without a date. */
  readonly explainDate: (line: string) => readonly string[];
  /** In which wrapping the lines came. */
  readonly wrapping?: readonly string[];
};

/** The second half of the report, from "Results" on, in the format of fail2ban-regex(1). */
export function formatReport(input: ReportInput): string {
  const { filter, tally, options } = input;
  const { prefregex } = filter;
  return [
    '',
    'Results',
    '=======',
    ...(prefregex === null
      ? []
      : ['', `Prefregex: ${tally.prefixed} total`, ...boxed([prefregex.source.text], null)]),
    '',
    `Failregex: ${sum(tally.failHits)} total`,
    ...boxed(regexLines(input), HEADER),
    '',
    `Ignoreregex: ${sum(tally.ignoreHits)} total`,
    ...boxed(numbered(filter.ignoreregex, tally.ignoreHits, options.verbose).flat(), HEADER),
    '',
    ...stuckLines(tally),
    'Date template hits:',
    ...boxed(input.dates, '[# of hits] date format'),
    ...undatedLines(input),
    '',
    ...(input.wrapping ?? []),
    `Lines: ${tally.lines} lines, ${tally.ignored.count} ignored, ${tally.matched.count} matched, ${tally.missed.count} missed`,
    `[processed in ${input.elapsed.toFixed(2)} sec]`,
    '',
    ...severalLines(tally),
    ...listed('matched', input),
    ...listed('ignored', input),
    ...listed('missed', input),
    '',
  ].join('\n');
}

const HEADER = ' #) [# of hits] regular expression';

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}

/** A list between rulers; empty if the list is. */
function boxed(lines: readonly string[], header: string | null): readonly string[] {
  if (lines.length === 0) return [];
  return [...(header === null ? [] : [`|- ${header}`]), ...lines.map((line) => `|  ${line}`), '`-'];
}

/** For each regex that matched, or for all of them, its text in a numbered list. */
function numbered(regexes: Filter['failregex'], hits: readonly number[], all: boolean): readonly string[][] {
  return regexes.map(({ index, source }) => {
    const count = hits[index] ?? 0;
    return count > 0 || all ? [`${String(index + 1).padStart(2)}) [${count}] ${source.text}`] : [];
  });
}

function regexLines({ filter, tally, options }: ReportInput): readonly string[] {
  return numbered(filter.failregex, tally.failHits, options.verbose).flatMap((line, index) => [
    ...line,
    ...(tally.seen[index] ?? []).map(
      ({ id, time, isSeveral }) =>
        `    ${id ?? 'None'}  ${time === null ? '-' : spellTime(time)}${isSeveral ? ' (multiple regex matched)' : ''}`,
    ),
  ]);
}

/** Epoch seconds in local time as `Fri Aug 14 11:59:58 2026`. */
function spellTime(time: number): string {
  const [weekday, month, day, year, clock] = new Date(time * 1000).toString().split(' ');
  return `${weekday} ${month} ${day} ${clock} ${year}`;
}

function severalLines({ several }: Tally): readonly string[] {
  const { count, lines } = several;
  const more = count > lines.length ? [`... and ${count - lines.length} more`] : [];
  return boxed([...lines.map(clean), ...more], 'Hit by more than one regex (the first one counts):');
}

/** The name of a slow regex in messages. */
export function stuckName(regex: number | null): string {
  return regex === null ? 'date, prefregex or ignoreregex' : `failregex ${regex + 1}`;
}

function stuckLines({ stuck }: Tally): readonly string[] {
  const lines = [...stuck].flatMap(([regex, { count, number, line }]) => [
    `${stuckName(regex)}: on ${count} line${count === 1 ? '' : 's'}, skipped there, first on line ${number}:`,
    `  ${clean(line)}`,
  ]);
  return lines.length === 0 ? [] : ['Took too long:', ...boxed(lines, null), ''];
}

function listed(kind: ListName, { tally, options, explain }: ReportInput): readonly string[] {
  const { count, lines } = tally[kind];
  if (count === 0 || options[kind] === 'none') return [];
  const header = `${kind.charAt(0).toUpperCase()}${kind.slice(1)} line(s):`;
  if (options[kind] === 'some' && count >= options.maxlines)
    return [`${header} too many to print.  Use --print-all-${kind} to print all ${count} lines`];
  const shown = lines.flatMap((line) => [clean(line.trimEnd()), ...(kind === 'missed' ? explain(line) : [])]);
  return boxed(
    shown.map((line) => line.trimEnd()),
    header,
  );
}
