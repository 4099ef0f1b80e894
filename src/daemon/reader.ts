import { commandActions } from '../action/runner.ts';
import type { RunningJail } from '../ban/jail.ts';
import { formatIp4 } from '../base/ip.ts';
import { bounded } from '../base/timelimit.ts';
import { type Dates, findDate } from '../filter/date/datepattern.ts';
import { Engine, type Stuck } from '../filter/engine.ts';
import type { FilterFailure, TimeWarning, Worker } from '../filter/types.ts';
import type { JailHealth, SourceHealth, StuckHealth } from '../source/health.ts';
import { type Journal, journalKey, journalTrouble, openJournal } from '../source/journal/journal.ts';
import { type JailLogs, type JailReader, type LogFiles, openLogFiles } from '../source/logfiles.ts';
import type { Batch, FilePosition, JournalPosition, LineSource, Say } from '../source/source.ts';
import type { Positions } from '../state/state.ts';
import { checkFormat, type FormatCheck, newFormatCheck } from './formatcheck.ts';
import { keepPace, newPace, pause } from './pace.ts';

/** A date that is looked for longer than this is none, in milliseconds. */
const DATE_MS = 20;

/** Of a source whose lines a jail has not seen yet. */
const UNSEEN: JailHealth = { lastMatch: null, sampled: 0, dated: 0, prefixed: null, stuck: [] };

/** What reading tells the daemon. */
export type ReaderEvents = {
  readonly say: Say;
  onReady(): void;
  onFailure(jail: RunningJail, failure: FilterFailure): void;
  /** A failure of which only the IPv4 address (an unsigned number) and the time are known; false: it is for onFailure(). */
  onAddress(jail: RunningJail, ip: number, time: number): boolean;
  onTimeWarning(jail: RunningJail, source: string, warning: TimeWarning): void;
  /** Epoch seconds. */
  now(): number;
};

/** How to read. */
export type ReaderOptions = { readonly pollMs: number; readonly positions: Positions };

type JournalSource = {
  readonly key: string;
  readonly journal: Journal;
  readonly jails: readonly RunningJail[];
};

/** All log sources of all jails, read and taken through the jails' filters. */
export class LogReader {
  readonly #jails: ReadonlyMap<string, RunningJail>;
  readonly #events: ReaderEvents;
  readonly #files: LogFiles;
  readonly #journals: JournalSource[] = [];
  readonly #others: Positions;
  readonly #announced = new Set<string>();
  readonly #engines = new Map<string, Engine>();
  /** By source and jail. */
  readonly #formatChecks = new Map<string, Map<string, FormatCheck>>();
  #current = '';
  readonly #pace = newPace();
  /** Whose turn it is: 0 the files', 1 the first journal's. */
  #turn = 0;

  /** Jails whose backend is `systemd` read the journal; where there is none, their log files, and that is said. */
  constructor(jails: ReadonlyMap<string, RunningJail>, options: ReaderOptions, events: ReaderEvents) {
    this.#jails = jails;
    this.#events = events;
    this.#others = new Map(options.positions);
    const readers = [...jails.values()].filter(({ filter }) => filter !== null);
    const journals = readers.filter((one) => this.#readsJournal(one));
    for (const [key, group] of Map.groupBy(journals, (one) => journalKey(selectionOf(one)))) {
      this.#openJournal(key, group, options);
    }
    const files = readers.filter((one) => !journals.includes(one) && one.jail.logpath.length > 0);
    this.#files = openLogFiles(
      files.map((one) => this.#wanted(one)),
      {
        positions: Object.fromEntries(this.#filePositions(options.positions)),
        pollMs: options.pollMs,
        say: events.say,
        onReady: () => events.onReady(),
      },
    );
  }

  /** Says which log files are followed now that were not said before, and where reading begins; forgets those that are gone. */
  announce(): void {
    this.#forgetGone();
    for (const { source } of this.#files.all()) {
      const position = source.position();
      const mark = position?.kind === 'file' ? position.files.findLast(({ done }) => !done) : undefined;
      if (mark === undefined || this.#announced.has(source.name)) continue;
      this.#announced.add(source.name);
      this.#events.say('info', `Added logfile: '${source.name}' (pos = ${mark.offset}, hash = ${mark.head})`);
    }
  }

  /** Takes the next lines of some source through the filters, all files and each journal in turn; false: none now. */
  step(): boolean {
    const kinds = 1 + this.#journals.length;
    for (let tried = 0; tried < kinds; tried++) {
      const kind = this.#turn;
      this.#turn = (this.#turn + 1) % kinds;
      const beginMs = performance.now();
      if (!(kind === 0 ? this.#stepFiles() : this.#stepJournal(kind - 1))) continue;
      keepPace(this.#pace, performance.now() - beginMs);
      return true;
    }
    pause(this.#pace);
    return false;
  }

  #stepFiles(): boolean {
    const next = this.#files.next(this.#pace.bytes);
    if (next === null) return false;
    this.#readBatch(next.source.name, next.batch, this.#workers(next.readers, next.batch.live));
    return true;
  }

  #stepJournal(number: number): boolean {
    const { journal, jails } = this.#journals[number] ?? {};
    const batch = journal?.read(this.#pace.bytes) ?? null;
    if (journal === undefined || jails === undefined || batch === null) return false;
    this.#readBatch(journal.name, batch, jails);
    return true;
  }

  /** Where everything stands after the steps that were taken. */
  positions(): Positions {
    const all: Positions = new Map(Object.entries(this.#files.positions()));
    for (const { key, journal } of this.#journals) {
      const position = journal.position() ?? this.#others.get(key);
      if (position !== undefined) all.set(key, position);
    }
    return all;
  }

  /** Every source and the names of the jails that read it. */
  sources(): readonly { readonly source: LineSource; readonly jails: readonly string[] }[] {
    const files = this.#files
      .all()
      .map(({ source, readers }) => ({ source, jails: readers.map(({ jail }) => jail) }));
    return [
      ...files,
      ...this.#journals.map(({ journal, jails }) => ({
        source: journal,
        jails: jails.map(({ jail }) => jail.name),
      })),
    ];
  }

  /** How every source fares, by its name. */
  health(): Map<string, SourceHealth> {
    const all = this.sources().map(({ source, jails }): [string, SourceHealth] => {
      const { live: _, ...status } = source.status();
      const checks = this.#formatChecks.get(source.name);
      const known = jails.map((jail) => {
        const health = checks?.get(jail)?.health ?? UNSEEN;
        return [jail, { ...health, stuck: this.#stuck(source.name, jail) }] as const;
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
    this.#files.close();
    for (const { journal } of this.#journals) journal.close();
  }

  /** A log with the date in its name is another one every day. */
  #forgetGone(): void {
    const names = new Set(this.sources().map(({ source }) => source.name));
    for (const key of this.#engines.keys()) {
      if (!names.has(key.slice(0, key.indexOf('\n')))) this.#engines.delete(key);
    }
    for (const known of [this.#formatChecks, this.#announced]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    }
  }

  #stuck(source: string, jail: string): readonly StuckHealth[] {
    return [...this.#engines].flatMap(([key, engine]) =>
      key.startsWith(`${source}\n`) ? stuckOf(engine, jail) : [],
    );
  }

  #readBatch(source: string, batch: Batch, jails: readonly RunningJail[]): void {
    const checks = this.#formatChecksOf(source, jails);
    checkFormat(checks, batch, this.#events.now());
    this.#current = source;
    this.#scan(source, batch, jails);
  }

  #formatChecksOf(source: string, jails: readonly RunningJail[]): readonly FormatCheck[] {
    const known = this.#formatChecks.get(source) ?? new Map<string, FormatCheck>();
    this.#formatChecks.set(source, known);
    for (const { jail, filter } of jails) {
      if (filter !== null && !known.has(jail.name)) known.set(jail.name, newFormatCheck(filter));
    }
    return jails.flatMap(({ jail }) => known.get(jail.name) ?? []);
  }

  #noteTime({ jail }: RunningJail, time: number | null): void {
    const health = this.#formatChecks.get(this.#current)?.get(jail.name)?.health;
    if (health !== undefined) health.lastMatch = time;
  }

  #noteMatch(working: RunningJail, failure: FilterFailure): void {
    this.#noteTime(working, failure.time);
    this.#events.onFailure(working, failure);
  }

  #readsJournal({ jail }: RunningJail): boolean {
    if (jail.backend !== 'systemd') return false;
    const trouble = journalTrouble(jail.backendOptions);
    if (trouble === null) return true;
    const instead = jail.logpath.length > 0 ? 'reading its log files instead' : 'it has no log files either';
    this.#events.say('warning', `[${jail.name}] ${trouble}: ${instead}`);
    return false;
  }

  #openJournal(key: string, jails: readonly RunningJail[], options: ReaderOptions): void {
    const [first] = jails;
    if (first === undefined) return;
    const saved = options.positions.get(key);
    const findtime = Math.max(...jails.map(({ jail }) => jail.findtime));
    const journal = openJournal({
      ...selectionOf(first),
      position: isJournalPosition(saved) ? saved : null,
      since: this.#events.now() - findtime,
      say: this.#events.say,
      onReady: () => this.#events.onReady(),
    });
    this.#journals.push({ key, journal, jails });
  }

  #wanted(working: RunningJail): JailLogs {
    const { jail, filterState } = working;
    return {
      jail: jail.name,
      logpath: jail.logpath,
      encoding: jail.logencoding,
      wakeUps: jail.backend !== 'polling',
      since: this.#events.now() - jail.findtime,
      dateOf: (line) => (filterState === null ? null : dateIn(filterState.dates, line, this.#events.now())),
    };
  }

  #filePositions(positions: Positions): [string, FilePosition][] {
    return [...positions].flatMap(([key, value]): [string, FilePosition][] =>
      isFilePosition(value) ? [[key, value]] : [],
    );
  }

  #workers(readers: readonly JailReader[], isLive: boolean): readonly RunningJail[] {
    const heard = readers.filter(({ start }) => isLive || start !== 'tail');
    return heard.flatMap(({ jail }) => this.#jails.get(jail) ?? []);
  }

  #scan(source: string, batch: Batch, jails: readonly RunningJail[]): void {
    const engine = this.#engineFor(source, jails);
    const now = this.#events.now();
    const workings = engine.workers.map(({ jail }) => this.#jails.get(jail));
    const results = engine.run(batch, now);
    /** By worker the time that was noted last. */
    const noted: (number | undefined)[] = [];
    for (let at = 0; at < results.length; at++) {
      const working = workings[results.worker(at)];
      if (working === undefined) continue;
      const outcome = results.outcome(at);
      if (outcome === null) {
        const [worker, ip, time] = [results.worker(at), results.ip(at), results.time(at)];
        if (!this.#events.onAddress(working, ip, time)) this.#noteMatch(working, plainFailure(ip, time));
        else if (noted[worker] !== time) this.#noteTime(working, time);
        noted[worker] = time;
        continue;
      }
      noted[results.worker(at)] = undefined;
      if (outcome.warning !== null) this.#events.onTimeWarning(working, source, outcome.warning);
      for (const failure of outcome.failures) this.#noteMatch(working, failure);
    }
  }

  /** One engine serves all jails that read a source; there is another one where some of them do not listen yet. */
  #engineFor(source: string, jails: readonly RunningJail[]): Engine {
    const key = `${source}\n${jails.map(({ jail }) => jail.name).join('\n')}`;
    const known = this.#engines.get(key);
    if (known !== undefined) return known;
    const workers = jails.flatMap(workersOf);
    const engine = new Engine(workers, (stuck) => this.#events.say('error', stuckText(stuck, source)));
    this.#engines.set(key, engine);
    return engine;
  }
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

function selectionOf({ jail }: RunningJail) {
  const matches = jail.journalmatch.length > 0 ? jail.journalmatch : jail.filter.journalmatch;
  return { matches, options: jail.backendOptions };
}

function dateIn(dates: Dates, line: string, now: number): number | null {
  let time: number | null = null;
  const look = (): void => {
    time = findDate(dates, line, now)?.time ?? null;
  };
  return bounded(DATE_MS, look) ? time : null;
}

function isFilePosition(value: unknown): value is FilePosition {
  return hasKind(value, 'file');
}

function isJournalPosition(value: unknown): value is JournalPosition {
  return hasKind(value, 'journal');
}

function hasKind(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}
