import { commandActions } from '../action/runner.ts';
import type { RunningJail } from '../ban/jail.ts';
import { formatIp4 } from '../base/ip.ts';
import { bounded } from '../base/timelimit.ts';
import { type Dates, findDate } from '../filter/date/datepattern.ts';
import { warmUpDates } from '../filter/date/warmup.ts';
import { DockerJson, readsDockerJson } from '../filter/dockerjson.ts';
import { Engine, type Stuck } from '../filter/engine.ts';
import type { FilterFailure, TimeWarning, Worker } from '../filter/types.ts';
import { type SourceHealth, type StuckHealth, UNSEEN } from '../source/health.ts';
import { openSources } from '../source/open.ts';
import type {
  Batch,
  Followed,
  LineSource,
  Position,
  ReadingJail,
  Say,
  SourceGroup,
} from '../source/source.ts';
import type { Positions } from '../state/state.ts';
import { checkFormat, type FormatCheck, newFormatCheck } from './formatcheck.ts';
import { keepPace, newPace, pause } from './pace.ts';

/** A date that is looked for longer than this is none, in milliseconds. */
const DATE_MS = 20;

/** What reading tells the daemon. */
export type ReaderEvents = {
  readonly say: Say;
  onReady(): void;
  onFailure(jail: RunningJail, failure: FilterFailure): void;
  /** A failure of which only the IPv4 address (an unsigned number) and the time are known; false: it is for onFailure(). */
  countPlain(jail: RunningJail, ip: number, time: number): boolean;
  onTimeWarning(jail: RunningJail, source: string, warning: TimeWarning): void;
  /** Epoch seconds. */
  now(): number;
};

/** How to read. */
export type ReaderOptions = {
  readonly pollMs: number;
  readonly positions: Positions;
  /** Read what is there and end there, in place of following. */
  readonly once?: boolean;
};

/** What is kept of a source: how its lines look to each jail, and an engine for each set of jails that reads together. */
type SourceWork = {
  readonly name: string;
  readonly checks: Map<string, FormatCheck>;
  readonly engines: Map<string, Engine>;
  readonly docker: DockerJson;
};

function newWork(name: string, docker: DockerJson): SourceWork {
  return { name, checks: new Map(), engines: new Map(), docker };
}

/** Under which key the state of a log's DockerJson is saved, beside the log's position. */
const dockerKey = (name: string): string => `docker-json ${name}`;

/** All log sources of all jails, read and taken through the jails' filters. */
export class LogReader {
  readonly #jails: ReadonlyMap<string, RunningJail>;
  readonly #events: ReaderEvents;
  readonly #groups: readonly SourceGroup[];
  /** A log with the date in its name is another source every day. */
  readonly #works = new WeakMap<LineSource, SourceWork>();
  readonly #pace = newPace();
  /** As they were saved. */
  readonly #saved: Positions;
  /** The group whose turn it is. */
  #turn = 0;

  constructor(jails: ReadonlyMap<string, RunningJail>, options: ReaderOptions, events: ReaderEvents) {
    this.#jails = jails;
    this.#events = events;
    this.#saved = options.positions;
    const readers = [...jails.values()].filter(({ filter }) => filter !== null);
    this.#groups = openSources(
      readers.map((one) => this.#reading(one)),
      { ...options, say: events.say, onReady: () => events.onReady() },
    );
  }

  /** Takes the next lines of some source through the filters, the groups of sources in turn; false: none now. */
  step(): boolean {
    for (let tried = 0; tried < this.#groups.length; tried++) {
      const group = this.#groups[this.#turn];
      this.#turn = (this.#turn + 1) % this.#groups.length;
      const beginMs = performance.now();
      const next = group?.next(this.#pace.bytes) ?? null;
      if (next === null) continue;
      this.#readBatch(next.source, next.batch, this.#running(next.jails));
      keepPace(this.#pace, performance.now() - beginMs);
      return true;
    }
    pause(this.#pace);
    return false;
  }

  /** Where everything stands after the steps that were taken. */
  positions(): Positions {
    const inside = this.sources().flatMap(({ source }): [string, Position][] => {
      const position = (this.#works.get(source)?.docker ?? this.#savedDocker(source)).position();
      return position === null ? [] : [[dockerKey(source.name), position]];
    });
    return new Map([...this.#groups.flatMap((group) => [...group.positions()]), ...inside]);
  }

  #savedDocker({ name }: LineSource): DockerJson {
    return new DockerJson(this.#saved.get(dockerKey(name)));
  }

  /** Every source and the names of the jails that read it. */
  sources(): readonly Followed[] {
    return this.#groups.flatMap((group) => group.all());
  }

  /** How every source fares, by its name. */
  health(): Map<string, SourceHealth> {
    const all = this.sources().map(({ source, jails }): [string, SourceHealth] => {
      const { live: _, ...status } = source.status();
      const work = this.#works.get(source);
      const known = jails.map((jail) => {
        const health = work?.checks.get(jail)?.health ?? UNSEEN;
        const engines = [...(work?.engines.values() ?? [])];
        return [jail, { ...health, stuck: engines.flatMap((engine) => stuckOf(engine, jail)) }] as const;
      });
      return [source.name, { ...status, jails: Object.fromEntries(known) }];
    });
    return new Map(all);
  }

  /** Whether everything that stood in the logs when they were opened has been read. */
  get isCaughtUp(): boolean {
    return this.sources().every(({ source }) => {
      const { live, state } = source.status();
      return live || state !== 'reading';
    });
  }

  close(): void {
    for (const group of this.#groups) group.close();
  }

  #readBatch(source: LineSource, batch: Batch, jails: readonly RunningJail[]): void {
    const work = this.#works.get(source) ?? newWork(source.name, this.#savedDocker(source));
    this.#works.set(source, work);
    const plain = work.docker.unwrapBatch(batch);
    if (plain === batch) this.#readLines(work, batch, jails);
    else {
      const isFor = ({ filter }: RunningJail): boolean => filter !== null && readsDockerJson(filter);
      const [own, others] = [jails.filter(isFor), jails.filter((jail) => !isFor(jail))];
      if (own.length > 0) this.#readLines(work, plain, own);
      if (others.length > 0) this.#readLines(work, batch, others);
    }
  }

  #readLines(work: SourceWork, batch: Batch, jails: readonly RunningJail[]): void {
    checkFormat(checksOf(work, jails), batch, this.#events.now());
    this.#scan(work, this.#engineFor(work, jails), batch);
  }

  #noteMatch(running: RunningJail, failure: FilterFailure, work: SourceWork): void {
    noteTime(work, running, failure.time);
    this.#events.onFailure(running, failure);
  }

  #running(names: readonly string[]): readonly RunningJail[] {
    return names.flatMap((name) => this.#jails.get(name) ?? []);
  }

  #reading({ jail, filterState }: RunningJail): ReadingJail {
    const now = (): number => this.#events.now();
    return {
      jail,
      since: now() - jail.findtime,
      dateOf: (line) => (filterState === null ? null : dateIn(filterState.dates, line, now())),
    };
  }

  #scan(work: SourceWork, engine: Engine, batch: Batch): void {
    const workings = engine.workers.map(({ jail }) => this.#jails.get(jail));
    const results = engine.run(batch, this.#events.now());
    /** By worker the time that was noted last. */
    const noted: (number | undefined)[] = [];
    for (let at = 0; at < results.length; at++) {
      const working = workings[results.worker(at)];
      if (working === undefined) continue;
      const outcome = results.outcome(at);
      if (outcome === null) {
        const [worker, ip, time] = [results.worker(at), results.ip(at), results.time(at)];
        if (!this.#events.countPlain(working, ip, time))
          this.#noteMatch(working, plainFailure(ip, time), work);
        else if (noted[worker] !== time) noteTime(work, working, time);
        noted[worker] = time;
        continue;
      }
      noted[results.worker(at)] = undefined;
      if (outcome.warning !== null) this.#events.onTimeWarning(working, work.name, outcome.warning);
      for (const failure of outcome.failures) this.#noteMatch(working, failure, work);
    }
  }

  /** One engine serves all jails that read a source; there is another one where some of them do not listen yet. */
  #engineFor(work: SourceWork, jails: readonly RunningJail[]): Engine {
    const key = jails.map(({ jail }) => jail.name).join('\n');
    const known = work.engines.get(key);
    if (known !== undefined) return known;
    const workers = jails.flatMap(workersOf);
    const engine = new Engine(workers, (stuck) => this.#events.say('error', stuckText(stuck, work.name)));
    work.engines.set(key, engine);
    return engine;
  }
}

function checksOf({ checks }: SourceWork, jails: readonly RunningJail[]): readonly FormatCheck[] {
  for (const { jail, filter } of jails) {
    if (filter !== null && !checks.has(jail.name)) checks.set(jail.name, newFormatCheck(filter));
  }
  return jails.flatMap(({ jail }) => checks.get(jail.name) ?? []);
}

function noteTime({ checks }: SourceWork, { jail }: RunningJail, time: number | null): void {
  const health = checks.get(jail.name)?.health;
  if (health !== undefined) health.lastMatch = time;
}

function stuckOf(engine: Engine, jail: string): readonly StuckHealth[] {
  return engine.stuck().flatMap(({ worker, ...one }) => {
    const { jail: name, filter } = engine.workers[worker] ?? {};
    if (name !== jail || filter === undefined) return [];
    const regex = one.regex === null ? filter.prefregex : filter.failregex[one.regex];
    return [{ ...one, text: regex?.source.text ?? '' }];
  });
}

function stuckText({ worker, regex, line, from }: Stuck, source: string): string {
  const what = regex === null ? 'the date, prefregex or ignoreregex' : `failregex ${regex + 1}`;
  const after =
    from === null
      ? 'skipped for this line'
      : `not used on lines of ${from} characters and more until the next reload`;
  return `[${worker.jail}] ${what} took too long on a line of ${source}, ${after}: ${line}`;
}

function workersOf({ jail, limits, filter, filterState }: RunningJail): Worker[] {
  if (filter === null || filterState === null) return [];
  const { name, findtime, ignore } = jail;
  const keepsFields = limits.maxmatches > 0 || ignore.command !== null || commandActions(jail).length > 0;
  return [{ jail: name, filter, state: filterState, findtime, keepsFields }];
}

/** A failure of which nobody wants to know more. */
function plainFailure(ip: number, time: number): FilterFailure {
  return { regex: 0, id: formatIp4(ip), kind: 'ip', time, fields: NO_FIELDS, users: [], matches: [] };
}

const NO_FIELDS: FilterFailure['fields'] = new Map();

function dateIn(dates: Dates, line: string, now: number): number | null {
  let time: number | null = null;
  warmUpDates(dates, line);
  const look = (): void => {
    time = findDate(dates, line, now)?.time ?? null;
  };
  return bounded(DATE_MS, look) ? time : null;
}
