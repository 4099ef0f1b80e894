import type { RunningJail } from '../../ban/jail.ts';
import { parseDuration } from '../../base/duration.ts';
import { ConfigError, UsageError } from '../../base/errors.ts';
import { type Network, parseNetwork } from '../../base/ip.ts';
import type { Jail } from '../../config/jail.ts';
import { compileJails, limitsOf } from '../../daemon/jails.ts';
import { findDate } from '../../filter/date/datepattern.ts';
import { warmUpDates } from '../../filter/date/warmup.ts';
import { countLines, Engine } from '../../filter/engine.ts';
import type { Filter, FilterState } from '../../filter/types.ts';
import type { Call } from '../command.ts';
import { configOf, findJail } from '../context.ts';
import { printBacktest } from './print.ts';
import { showProgress } from './progress.ts';
import { type LogFile, openLogFile, readLog } from './readlog.ts';
import { type Outcome, Replay } from './replay.ts';
import { noteSuccesses, type Successes } from './successes.ts';
import { type Backtest, differenceOf, suspectsIn, type Trial } from './trial.ts';

type Read = { lines: number; names: number; from: number | null; to: number | null };

/** Runs `f2b backtest`; answers its exit code. */
export async function runBacktest(call: Call): Promise<number> {
  const [name, ...paths] = call.words;
  if (name === undefined || paths.length === 0)
    throw new UsageError('backtest needs a jail and logs', 'see: f2b help backtest');
  const own = given(call, 'own').map(networkOf);
  const changes = given(call, 'set');
  const config = configOf(call);
  const { jails, problems } = compileJails([findJail(config, name)]);
  const running = jails.get(name);
  if (running === undefined) throw new ConfigError(problems.filter(({ severity }) => severity === 'error'));
  const { filter, filterState } = running;
  if (filter === null || filterState === null) throw new UsageError(`the jail "${name}" reads no log`);
  const changed = changes.length === 0 ? null : changedJail(running, changes);
  const logs = await inOrder(paths.map(openLogFile), filterState, call.io.now());
  const replays = [running, ...(changed === null ? [] : [changed])].map((one) => {
    const withoutMatches = { ...one, limits: { ...one.limits, maxmatches: 0 } };
    return new Replay(withoutMatches, config.settings.dbpurgeage);
  });
  const successes: Successes = new Map();
  const read = await replay(
    call,
    { jail: running.jail, filter, state: filterState },
    { logs, replays, successes },
  );
  const [first, second] = replays.map((one) => one.outcome());
  if (first === undefined) throw new Error('no settings were tried');
  const trialOf = ({ jail }: RunningJail, outcome: Outcome): Trial => ({
    ...outcome,
    settings: { maxretry: jail.maxretry, findtime: jail.findtime, bantime: jail.bantime },
    suspects: suspectsIn(outcome, successes, own),
  });
  const answer: Backtest = {
    ...{ jail: name, logs: logs.map(({ path }) => path), ...read },
    configured: trialOf(running, first),
    changed: changed === null || second === undefined ? null : trialOf(changed, second),
  };
  call.io.stdout(
    call.global.json
      ? `${JSON.stringify(jsonOf(answer))}\n`
      : printBacktest(answer, call.options['all'] === true),
  );
  return 0;
}

function given({ options }: Call, name: string): readonly string[] {
  const text = options[name];
  return typeof text === 'string' ? text.split('\n') : [];
}

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  if (network === null) throw new UsageError(`--own: "${text}" is not an address or network`);
  return network;
}

/** The jail with other limits. Throws UsageError. */
function changedJail(running: RunningJail, changes: readonly string[]): RunningJail {
  let { jail } = running;
  for (const change of changes) {
    const [, key = '', value = ''] = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(change) ?? [];
    const wrong = (wanted: string): UsageError =>
      new UsageError(`--set ${change}: cannot read "${value}" as ${key}`, wanted);
    if (key === 'maxretry') {
      if (!/^[1-9]\d{0,8}$/.test(value)) throw wrong('write a number from 1');
      jail = { ...jail, maxretry: Number(value) };
    } else if (key === 'findtime' || key === 'bantime') {
      const seconds = parseDuration(value);
      const isForever = key === 'bantime' && seconds !== null && seconds < 0;
      if (seconds === null || (seconds <= 0 && !isForever)) throw wrong('write a time, for example 1h');
      jail = { ...jail, [key]: isForever ? null : seconds };
    } else throw new UsageError(`--set ${change}: cannot be compared`, 'maxretry, findtime and bantime can');
  }
  return { ...running, jail, limits: limitsOf(jail) };
}

/** The logs by their first dates; one without a date stays where it is named. */
async function inOrder(
  logs: readonly LogFile[],
  state: FilterState,
  now: number,
): Promise<readonly LogFile[]> {
  if (logs.length === 1) return logs;
  const dated: { readonly log: LogFile; readonly first: number }[] = [];
  for (const log of logs) {
    const first = await firstDate(log, state, now);
    dated.push({ log, first: first ?? dated.at(-1)?.first ?? Number.NEGATIVE_INFINITY });
  }
  return dated.sort((a, b) => a.first - b.first).map(({ log }) => log);
}

/** Lines in which the first date is looked for. */
const FIRST_LINES = 100;

async function firstDate(log: LogFile, { dates }: FilterState, now: number): Promise<number | null> {
  for await (const { bytes, start, end } of readLog(log)) {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.min(end - start, 65536));
    for (const line of text.toString('latin1').split('\n', FIRST_LINES)) {
      warmUpDates(dates, line);
      const found = findDate(dates, line, clockOf(log, now));
      if (found !== null) return found.time;
    }
    return null;
  }
  return null;
}

/** 2000-01-01: a file that seems older got its time from an archive. */
const OLDEST = 946_684_800;
const DAY = 86_400;

/** A date without a year is from before the file was written last; one day is for time zones. */
function clockOf({ writtenAt }: LogFile, now: number): number {
  return writtenAt > OLDEST ? Math.min(writtenAt + DAY, now) : now;
}

type Matched = { readonly jail: Jail; readonly filter: Filter; readonly state: FilterState };
type Work = {
  readonly logs: readonly LogFile[];
  readonly replays: readonly Replay[];
  readonly successes: Successes;
};

/** Takes all lines through the filter, and their failures through each choice of settings. */
async function replay(call: Call, { jail, filter, state }: Matched, work: Work): Promise<Read> {
  const read: Read = { lines: 0, names: 0, from: null, to: null };
  const progress = showProgress(work.logs.reduce((sum, { size }) => sum + size, 0));
  const onStuck = (stuck: { readonly line: string }): void =>
    call.io.stderr(
      `f2b: a regex of ${jail.name} took too long on a line of ${stuck.line.length} characters\n`,
    );
  try {
    for (const log of work.logs) {
      const now = clockOf(log, call.io.now());
      // A line of any age counts.
      const worker = { jail: jail.name, filter, state, findtime: now, keepsFields: false };
      const engine = new Engine([worker], onStuck);
      for await (const stretch of readLog(log, progress.add)) {
        read.lines += countLines(stretch);
        noteSuccesses(work.successes, stretch);
        const batch = { ...stretch, bytes: asBuffer(stretch.bytes), times: null, live: false };
        count(engine.run(batch, now), work.replays, read);
      }
    }
  } finally {
    progress.end();
  }
  return read;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function count(results: ReturnType<Engine['run']>, replays: readonly Replay[], read: Read): void {
  const note = (time: number): void => {
    read.from = Math.min(read.from ?? time, time);
    read.to = Math.max(read.to ?? time, time);
  };
  for (let at = 0; at < results.length; at++) {
    const outcome = results.outcome(at);
    if (outcome === null) {
      const [ip, time] = [results.ip(at), results.time(at)];
      note(time);
      for (const one of replays) one.countIp4(ip, time);
      continue;
    }
    for (const { id, kind, time } of outcome.failures) {
      if (kind === 'dns') read.names += 1;
      if (kind === 'dns' || time === null) continue;
      note(time);
      for (const one of replays) one.count(id, time);
    }
  }
}

function jsonOf({ configured, changed, ...more }: Backtest) {
  const trial = ({ spared, ...rest }: Trial) => ({ ...rest, spared: Object.fromEntries(spared) });
  const difference = changed === null ? null : differenceOf(configured, changed);
  return {
    ...more,
    configured: trial(configured),
    changed: changed === null ? null : { ...trial(changed), ...difference },
  };
}
