import { type Dns, openDns } from '../../base/dns.ts';
import { programVersion } from '../../base/embedded.ts';
import { ConfigError, type Problem, UsageError } from '../../base/errors.ts';
import { bounded } from '../../base/timelimit.ts';
import { compileFilter } from '../../filter/compile.ts';
import { compileDates, type Dates, findStamp } from '../../filter/date/datepattern.ts';
import { DockerJson, readsDockerJson } from '../../filter/dockerjson.ts';
import { newFilterState } from '../../filter/line.ts';
import { PerLine, type StuckLine } from '../../filter/perline.ts';
import type { Filter, FilterState, LineOutcome } from '../../filter/types.ts';
import type { Call, Io, Subcommand } from '../command.ts';
import { treeOf } from '../context.ts';
import { tryAllFilters } from './allfilters.ts';
import { chooseFilter, chooseIgnore, type FilterChoice, refuseSwapped } from './choose.ts';
import { explainMiss, type Miss } from './explain.ts';
import { formatJson } from './json.ts';
import { type Input, type InputLine, JOURNAL, openInput, type Plain } from './lines.ts';
import { LISTED, OPTIONS, type RegexRequest, readWish } from './options.ts';
import { makeOthers } from './others.ts';
import { formatOut } from './out.ts';
import {
  addLate,
  addLine,
  formatReport,
  type LineReport,
  namesIn,
  newTally,
  noteSeveral,
  noteUndated,
  reportLine,
  stuckName,
  type Tally,
} from './report.ts';
import { explainUndated } from './undated.ts';
import { canSurvey, survey } from './wholefile.ts';
import { dateLines, debuggexLink, explanation } from './words.ts';
import { isDockerJson, WrappingCount } from './wrapping.ts';

/** `f2b regex`: tries a filter or a regex on a log; fail2ban-regex(1). */
export const regex: Subcommand = {
  name: 'regex',
  summary: 'try a filter or a regex on a log',
  usage: 'LOG [FILTER [IGNOREREGEX]]',
  options: OPTIONS,
  about: [
    'LOG is a log file (also .gz), - for standard input, systemd-journal, or a line in itself.',
    "FILTER is the name of a filter (sshd, sshd[mode=aggressive]) or of a jail, a filter's file,",
    "or a failregex. IGNOREREGEX is a regex or a filter's file. Without FILTER all filters are tried:",
    'which match how many lines of the log, and which jails use them?',
    '',
    'Under a missed line stands the regex that matched most of it; a caret shows where it stopped.',
    'The exit code is 0 whether anything matched or not.',
  ].join('\n'),
  examples: [
    ['f2b regex /var/log/auth.log', 'which filters match this log'],
    ['f2b regex /var/log/auth.log sshd', 'what the filter sshd finds'],
    ["f2b regex /var/log/auth.log 'sshd[mode=aggressive]'", 'the same with an option'],
    ['f2b regex access.log.1.gz flask-auth', "a jail's filter on an old log"],
    ["f2b regex '10.2.1.99 - - GET' '^<HOST> - .+GET'", 'one regex on one line'],
    ['f2b regex --json auth.log sshd', 'one JSON object a line'],
    ['f2b regex -o id auth.log sshd', 'only the addresses'],
  ],
  run: regexCommand,
};

/**
 * Runs `f2b regex`. Throws UsageError, ConfigError or MachineError if there is nothing to try; else returns
 * 0.
 */
async function regexCommand(call: Call): Promise<number> {
  const { words, io, options } = call;
  if (options['version'] === true) {
    io.stdout(`${programVersion()}\n`);
    return 0;
  }
  const [log, word, ignore, ...more] = words;
  if (log === undefined || more.length > 0)
    throw new UsageError('regex needs LOG and FILTER', 'see: f2b help regex');
  const wish = readWish(call);
  const tree = treeOf(call);
  if (word === undefined) return allFilters(call, log, wish);
  refuseSwapped(tree, log, word);
  const choice = chooseFilter(tree, word, JOURNAL.test(log) ? 'systemd' : 'auto');
  const ignoring = ignore === undefined ? null : chooseIgnore(tree, ignore);
  const whole = ignoring === null ? choice : withIgnore(choice, ignoring);
  const filter = compiled(whole, wish);
  const input = openInput(log, {
    encoding: wish.encoding ?? choice.encoding,
    journalmatch: wish.journalmatch === null ? choice.source.journalmatch : [wish.journalmatch],
    maxlines: filter.maxlines,
    stdin: io.stdin,
  });
  const run: RegexRun = {
    filter,
    wish,
    io,
    state: newFilterState(filter),
    tally: newTally(filter),
    dns: openDns(),
    names: new Map(),
    notes: new Map(),
    othersOf: wish.checkAll ? () => [] : makeOthers(filter, wish.now),
    wrappings: new WrappingCount(compileDates(filter.datepattern, filter.logtimezone), wish.now),
  };
  if (wish.json || wish.out !== null) await eachLine(run, input, wish.json ? printJson : printOut);
  else await report(run, input, [...whole.intro, ...patternIntro(run)]);
  return 0;
}

async function allFilters(call: Call, log: string, wish: RegexRequest): Promise<number> {
  const { io } = call;
  if (wish.out !== null) throw new UsageError('--out and --invert need a FILTER', 'see: f2b help regex');
  const journalmatch = wish.journalmatch === null ? [] : [wish.journalmatch];
  const input = openInput(log, { encoding: wish.encoding, journalmatch, maxlines: 1, stdin: io.stdin });
  const backend = JOURNAL.test(log) ? 'systemd' : 'auto';
  const isTerminal = process.stderr.isTTY === true;
  await tryAllFilters({ tree: treeOf(call), input, backend, wish, io, isTerminal });
  return 0;
}

function withIgnore(choice: FilterChoice, ignoring: ReturnType<typeof chooseIgnore>): FilterChoice {
  const ignoreregex = [...choice.source.ignoreregex, ...ignoring.regexes];
  return { ...choice, source: { ...choice.source, ignoreregex }, intro: [...choice.intro, ignoring.intro] };
}

function compiled(choice: FilterChoice, wish: RegexRequest): Filter {
  const problems: Problem[] = [];
  const datepattern =
    wish.datepattern === null
      ? choice.source.datepattern
      : { text: wish.datepattern, place: { file: 'command line', line: 0 } };
  const maxlines = wish.maxlines ?? choice.source.maxlines;
  const usedns = wish.usedns ?? choice.usedns ?? 'warn';
  const filter = compileFilter(
    { ...choice.source, datepattern, maxlines },
    {
      usedns: wish.raw && usedns !== 'no' ? 'raw' : usedns,
      logtimezone: wish.timezone ?? choice.logtimezone,
    },
    problems,
  );
  if (filter === null) throw new ConfigError(problems);
  return filter;
}

/** The state of a run. */
type RegexRun = {
  readonly filter: Filter;
  readonly wish: RegexRequest;
  readonly io: Io;
  readonly state: FilterState;
  readonly tally: Tally;
  readonly dns: Dns;
  /** Addresses of the names so far. */
  readonly names: Map<string, readonly string[]>;
  /** Why lines were missed although a regex matched. */
  readonly notes: Map<string, string>;
  /** See makeOthers(); nothing if the results tell of all regexes. */
  readonly othersOf: ReturnType<typeof makeOthers>;
  readonly wrappings: WrappingCount;
};

type Judged = { readonly number: number; readonly line: InputLine; readonly report: LineReport };
/** Receives a line's result; returns text to print at once. */
type Sink = (run: RegexRun, judged: Judged) => string;

/** Matches every line; comments and empty lines are skipped, as in fail2ban-regex. */
async function eachLine(run: RegexRun, input: Input, sink: Sink): Promise<void> {
  const { filter, wish } = run;
  const { checkAll, now } = wish;
  const perLine = new PerLine({ ...run, checkAll, now, onStuck: (stuck) => noteStuck(run, stuck) });
  const docker = readsDockerJson(filter) ? new DockerJson() : null;
  let count = 0;
  for await (const batch of input.batches) {
    for (const line of batch) run.wrappings.note(line);
    const lines = batch.map((line) => {
      const plain = line.time === null ? docker?.unwrap(line.text) : null;
      return { number: ++count, line: plain ?? line };
    });
    const wanted = lines.filter(
      ({ line }) => line.time !== null || (line.text !== '' && !line.text.startsWith('#')),
    );
    let printed = '';
    for (const { number, line, outcome, before, after } of perLine.run(wanted)) {
      await resolveNames(run, namesIn(outcome));
      noteNames(run, line.text, outcome);
      printed += sink(run, { number, line, report: reportLine(outcome, run.names, run.wish.checkAll) });
      if (filter.maxlines > 1 && outcome.result !== 'missed') countLate(run, before, after);
    }
    if (printed !== '') run.io.stdout(printed);
  }
}

/** Counts a slow regex, and prints the first line that it was too slow on. */
function noteStuck({ tally, wish, io }: RegexRun, { regex, number, line }: StuckLine): void {
  const known = tally.stuck.get(regex);
  if (known !== undefined) {
    known.count++;
    return;
  }
  tally.stuck.set(regex, { count: 1, number, line: line.slice(0, 100) });
  if (wish.json || wish.out !== null)
    io.stderr(`f2b: ${stuckName(regex)} took too long on line ${number}, skipped: ${line.slice(0, 100)}\n`);
}

/**
 * Notes why a line with only a name counts as missed: the name has no address, or usedns does not allow
 * names.
 */
function noteNames({ notes, names }: RegexRun, line: string, outcome: LineOutcome): void {
  if (notes.size > 10 * LISTED) return;
  for (const name of namesIn(outcome)) {
    if (names.get(name)?.length === 0) notes.set(line, `a regex matches, but "${name}" has no address`);
  }
  if (outcome.failures.length === 0 && outcome.helpers.some(({ kind }) => kind === 'nobody')) {
    notes.set(line, 'a regex matches, but usedns = no wants an address and no name');
  }
}

/** Earlier lines of a match over several lines were counted as missed; corrects that. */
function countLate(
  { filter, tally, wish }: RegexRun,
  before: FilterState['window'],
  after: FilterState['window'],
): void {
  const left = before.slice(before.length >= filter.maxlines ? 1 : 0);
  for (const piece of left) {
    if (after.includes(piece)) continue;
    addLate(tally, piece.before + piece.date + piece.after, wish.report);
  }
}

const MOST_NAMES = 10_000;

/**
 * Looks up the addresses of names, once each; a failed look-up gives none. Raw names are used as they are.
 */
async function resolveNames({ wish, names, dns }: RegexRun, wanted: readonly string[]): Promise<void> {
  for (const name of wanted) {
    if (names.has(name)) continue;
    if (names.size >= MOST_NAMES) names.clear();
    names.set(name, wish.raw ? [name] : await dns.addressesOf(name));
  }
}

function printJson({ othersOf }: RegexRun, { number, line, report }: Judged): string {
  return `${formatJson(number, report, isHit(report.result) ? othersOf(line) : [])}\n`;
}

const isHit = (result: LineReport['result']): boolean => result === 'matched' || result === 'helper';

function printOut({ wish }: RegexRun, { report, line }: Judged): string {
  if (wish.invert) return report.result === 'matched' ? '' : `${line.text}\n`;
  if (report.result !== 'matched') return '';
  const rows = report.hits.flatMap((hit) => formatOut(wish.out ?? '', hit));
  return rows.map((row) => `${row}\n`).join('');
}

function patternIntro({ filter, state, wish }: RegexRun): readonly string[] {
  const isNamed = wish.maxlines !== null || filter.name !== 'command line';
  const { datepattern } = filter;
  const lines = isNamed ? [`Use         maxlines : ${filter.maxlines}`] : [];
  if (datepattern === null) return lines;
  const [only, ...others] = state.dates.choice.slots;
  const name = only !== undefined && others.length === 0 ? only.template.name : 'Default Detectors';
  return [...lines, `Use      datepattern : ${datepattern} : ${name}`];
}

async function report(run: RegexRun, input: Input, intro: readonly string[]): Promise<void> {
  const isDocker = input.plain !== null && readsDockerJson(run.filter) && isDockerJson(input.plain);
  const canRead = !isDocker && canSurvey(run.filter, run.wish, input.plain?.encoding ?? '');
  const plain = canRead ? input.plain : null;
  const { io, filter, tally, wish, state } = run;
  io.stdout(['', 'Running tests', '=============', '', ...intro, ...input.intro, '', ''].join('\n'));
  const dates = plain === null ? state.dates : compileDates(filter.datepattern, filter.logtimezone);
  const started = io.now();
  if (plain === null) {
    let left = MOST_PROBED;
    const own = compileDates(filter.datepattern, filter.logtimezone);
    await eachLine(run, input, (_, { line, report }) => {
      addLine(tally, line.text, report, wish.report);
      if (line.time === null && findStamp(own, line.text, wish.now) === null) noteUndated(tally, line.text);
      if (isHit(report.result) && left-- > 0) noteSeveral(tally, line.text, run.othersOf(line));
      return '';
    });
  } else {
    run.wrappings.noteFile(plain);
    await surveyFile(run, dates, plain);
  }
  const elapsed = Math.max(0, io.now() - started);
  const text = formatReport({
    filter,
    tally,
    elapsed,
    options: wish.report,
    wrapping: wish.checkAll ? [] : run.wrappings.report(),
    dates: dateLines(dates, wish),
    explain: explainer(run),
    explainDate: (line) =>
      explainUndated(compileDates(filter.datepattern, filter.logtimezone), line, wish.now),
  });
  io.stdout(text);
}

/** For so many lines with a hit the other regexes are tried, too. */
const MOST_PROBED = 100;

async function surveyFile(run: RegexRun, dates: Dates, plain: Plain): Promise<void> {
  const { path, encoding } = plain;
  const { filter, state, tally, wish } = run;
  let left = wish.checkAll ? 0 : MOST_PROBED;
  const count = (outcome: LineOutcome, text: string): void => {
    if (isHit(outcome.result === 'old' ? 'missed' : outcome.result) && left-- > 0)
      noteSeveral(tally, text, run.othersOf({ text, time: null }));
    noteNames(run, text, outcome);
    addLine(tally, text, reportLine(outcome, run.names, run.wish.checkAll), wish.report);
  };
  await survey(path, encoding, {
    ...{ filter, state, tally, wish, dates },
    onStuck: (stuck) => noteStuck(run, stuck),
    wantsHits: () => left > 0,
    onHit(text) {
      left--;
      noteSeveral(tally, text, run.othersOf({ text, time: null }));
    },
    onLong(outcome, text) {
      const names = namesIn(outcome);
      if (names.length > 0) return resolveNames(run, names).then(() => count(outcome, text));
      count(outcome, text);
      return null;
    },
  });
}

/** Milliseconds; a line that takes longer is not explained. */
const EXPLAIN_MS = 2000;

/** A function for the text under a missed line; explains only a limited number of lines. */
function explainer({ filter, wish, notes }: RegexRun): (line: string) => readonly string[] {
  const dates: Dates = compileDates(filter.datepattern, filter.logtimezone);
  let left = wish.isExplaining ? LISTED : 0;
  return (line) => {
    const links = wish.isDebuggex
      ? filter.failregex.map(({ source }) => debuggexLink(source.text, line))
      : [];
    if (left-- <= 0) return links;
    const note = notes.get(line);
    if (note !== undefined) return [`^ ${note}`, ...links];
    let miss: Miss | null = null;
    const explain = (): void => {
      miss = explainMiss(filter, dates, line, wish.now);
    };
    if (!bounded(EXPLAIN_MS, explain)) return links;
    return miss === null ? links : [explanation(miss, line), ...links];
  };
}
