import { ConfigError, UsageError } from '../../base/errors.ts';
import { formatIp4 } from '../../base/ip.ts';
import { clean } from '../../base/visible.ts';
import { parseNamed } from '../../config/brackets.ts';
import { loadConfig } from '../../config/config.ts';
import { filterNames } from '../../config/readfilter.ts';
import type { ConfigTree } from '../../config/tree.ts';
import { compileFilter } from '../../filter/compile.ts';
import { compileDates, findStamp } from '../../filter/date/datepattern.ts';
import { DockerJson, readsDockerJson } from '../../filter/dockerjson.ts';
import { Engine } from '../../filter/engine.ts';
import { newFilterState } from '../../filter/line.ts';
import type { Worker } from '../../filter/types.ts';
import type { Batch } from '../../source/source.ts';
import type { Io } from '../command.ts';
import { chooseFilter } from './choose.ts';
import type { Input, InputLine } from './lines.ts';
import type { RegexRequest } from './options.ts';
import { explainUndated } from './undated.ts';
import { WrappingCount } from './wrapping.ts';

/** How old a failure may be, in seconds: all count. */
const EVER = 1e10;
/** Most addresses that are told apart, for each filter. */
const MOST_IDS = 100_000;
const PROGRESS_MS = 500;

/** What one filter found. */
type Finding = { readonly name: string; lines: number; readonly ids: Set<string>; readonly jails: string };

/** The log, the configuration, and where to write. */
export type AllCourse = {
  readonly tree: ConfigTree;
  readonly input: Input;
  readonly backend: string;
  readonly wish: RegexRequest;
  readonly io: Io;
  /** Standard error is a terminal: it shows how far the work is. */
  readonly isTerminal: boolean;
};

/** Tries all filters of the tree on a log and prints which match how many of its lines. */
export async function tryAllFilters(course: AllCourse): Promise<void> {
  const { input, wish, io, tree } = course;
  const workers = workersOf(course);
  const jails = jailsByFilter(tree);
  const found = workers.map(({ jail }): Finding => {
    return { name: jail, lines: 0, ids: new Set(), jails: jails.get(jail) ?? 'no jail' };
  });
  if (!wish.json) {
    const using = `Use          filters : ${workers.length} of ${tree.name}`;
    io.stdout(['', 'Running tests', '=============', '', ...input.intro, using, '', ''].join('\n'));
  }
  const { lines, undated, wrapping } = await countAll(course, workers, found);
  const hits = found.filter((one) => one.lines > 0).sort((a, b) => b.lines - a.lines);
  if (wish.json) {
    const rows = hits.map(({ name, lines: count, ids, jails: known }) => ({
      ...{ filter: name, lines: count, addresses: ids.size, jails: known },
    }));
    io.stdout(`${JSON.stringify({ lines, filters: rows })}\n`);
    return;
  }
  const counts = [...wrapping, `Lines: ${lines} lines`, ''];
  io.stdout([...reportOf(hits), ...undatedNote(undated, wish), '', ...counts].join('\n'));
}

/** A worker for each filter that can be used by itself; parts of filters and broken ones are left out. */
function workersOf({ tree, wish, backend }: AllCourse): readonly Worker[] {
  return filterNames(tree).flatMap((name): Worker[] => {
    try {
      const { source, usedns } = chooseFilter(tree, name, backend);
      const { datepattern } = wish;
      const own = datepattern === null ? source.datepattern : { text: datepattern, place: COMMAND_LINE };
      const options = { usedns: wish.usedns ?? usedns ?? 'warn', logtimezone: wish.timezone };
      const filter = compileFilter({ ...source, datepattern: own }, options, []);
      if (filter === null) return [];
      return [{ jail: name, filter, state: newFilterState(filter), findtime: EVER, keepsFields: false }];
    } catch (error) {
      if (error instanceof ConfigError || error instanceof UsageError) return [];
      throw error;
    }
  });
}

const COMMAND_LINE = { file: 'command line', line: 0 };

/** The jails of each filter, in words. */
function jailsByFilter(tree: ConfigTree): ReadonlyMap<string, string> {
  const rows = loadConfig(tree).allJails.map(({ name, isEnabled, options }) => {
    const named = parseNamed(options.get('filter') ?? '');
    const filter = typeof named === 'string' ? '' : named.name;
    return { filter, text: `jail ${name}${isEnabled ? ', enabled' : ''}` };
  });
  const byFilter = Map.groupBy(rows, ({ filter }) => filter);
  return new Map([...byFilter].map(([filter, list]) => [filter, list.map(({ text }) => text).join('; ')]));
}

type Counted = {
  readonly lines: number;
  readonly undated: { count: number; first: string };
  readonly wrapping: readonly string[];
};

async function countAll(
  { input, wish, io, isTerminal }: AllCourse,
  workers: readonly Worker[],
  found: readonly Finding[],
): Promise<Counted> {
  const count = makeCounter(workers, found);
  const wrappings = new WrappingCount(compileDates(wish.datepattern, wish.timezone), wish.now);
  const dates = compileDates(wish.datepattern, wish.timezone);
  const undated = { count: 0, first: '' };
  let lines = 0;
  let toldMs = performance.now();
  for await (const batch of input.batches) {
    const some = batch.filter(({ text, time }) => time !== null || (text !== '' && !text.startsWith('#')));
    for (const line of some) wrappings.note(line);
    for (const { text, time } of some) {
      if (time !== null || findStamp(dates, text, wish.now) !== null) continue;
      if (undated.count++ === 0) undated.first = text;
    }
    lines += some.length;
    count(some, wish.now);
    if (isTerminal && performance.now() - toldMs > PROGRESS_MS) {
      toldMs = performance.now();
      io.stderr(`\r${lines} lines, ${found.filter((one) => one.lines > 0).length} filters match `);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  if (isTerminal) io.stderr(`\r${' '.repeat(60)}\r`);
  return { lines, undated, wrapping: wrappings.report() };
}

/** A function that counts lines. Docker's entries are taken out of their JSON for the filters that name them. */
function makeCounter(workers: readonly Worker[], found: readonly Finding[]) {
  const byName = new Map(found.map((one) => [one.name, one]));
  const docker = new DockerJson();
  const whole = new Engine(workers, () => undefined);
  const { own = [], others = [] } = Object.groupBy(workers, ({ filter }) =>
    readsDockerJson(filter) ? 'own' : 'others',
  );
  const inside = new Engine(own, () => undefined);
  const outside = new Engine(others, () => undefined);
  return (lines: readonly InputLine[], now: number): void => {
    const bytes = Buffer.from(lines.map(({ text }) => `${text}\n`).join(''));
    const known = lines.flatMap(({ time }) => time ?? []);
    const times = known.length === 0 ? null : known;
    const batch = { bytes, start: 0, end: bytes.length, times, live: false };
    const plain = docker.unwrapBatch(batch);
    if (plain === batch) countBatch(whole, byName, batch, now);
    else {
      countBatch(inside, byName, plain, now);
      countBatch(outside, byName, batch, now);
    }
  };
}

function countBatch(engine: Engine, found: ReadonlyMap<string, Finding>, batch: Batch, now: number): void {
  for (const { worker, ip, outcome } of engine.run(batch, now)) {
    const one = found.get(engine.workers[worker]?.jail ?? '');
    const ids = outcome === null ? [formatIp4(ip)] : outcome.failures.map(({ id }) => id);
    if (one === undefined || ids.length === 0) continue;
    one.lines++;
    for (const id of ids) if (one.ids.size < MOST_IDS) one.ids.add(id);
  }
}

function reportOf(hits: readonly Finding[]): readonly string[] {
  if (hits.length === 0) return ['No filter matches a line of this log'];
  const width = Math.max(...hits.map(({ name }) => name.length));
  const rows = hits.map(({ name, lines, ids, jails }) => {
    const counts = `${String(lines).padStart(8)} ${String(ids.size).padStart(10)}`;
    return `|  ${counts}  ${name.padEnd(width)}  ${jails}`;
  });
  return ['Filters that match:', '|-    lines  addresses  filter', ...rows, '`-'];
}

function undatedNote({ count, first }: Counted['undated'], wish: RegexRequest): readonly string[] {
  if (count === 0) return [];
  const why = explainUndated(compileDates(wish.datepattern, wish.timezone), first, wish.now);
  const head = `No date was found in ${count} line${count === 1 ? '' : 's'}, first:`;
  return ['', `|- ${head}`, ...[clean(first), ...why].map((line) => `|  ${line}`), '`-'];
}
