import type { Ticket } from '../action/tags.ts';
import { plainFields } from '../action/tags.ts';
import { isPlain } from '../ban/failure.ts';
import type { WorkingJail } from '../ban/jail.ts';
import { openNames } from '../base/dns.ts';
import { programVersion } from '../base/embedded.ts';
import { ConfigError, type Problem, reasonOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { compile, relax, settle, worked } from '../base/memory.ts';
import { readServices } from '../base/ports.ts';
import type { Config } from '../config/config.ts';
import type { FilterFailure } from '../filter/types.ts';
import { buildWall, type Wall } from '../firewall/plan.ts';
import type { Run } from '../firewall/reconcile.ts';
import { withEarlier } from '../source/health.ts';
import { sweepFailures } from '../state/failures.ts';
import { Keeper } from '../state/saver.ts';
import { jailState, purgePast, type State, type Waiting } from '../state/state.ts';
import { Warden } from './banmanager.ts';
import { callRoster, type Roster, refreshOwn } from './jails.ts';
import { Gate } from './lookups.ts';
import { Pump } from './loop.ts';
import { Herald } from './messages.ts';
import { Reading } from './reader.ts';

/** Everything the daemon is given. */
export type DaemonOptions = {
  /** Reads the configuration anew; called at the start and at each reload. */
  load(): Config;
  readonly statePath: string;
  /** As loaded from statePath under its lock. */
  readonly state: State;
  /** stampOf(statePath) from under that lock; '' = not known. */
  readonly stamp: string;
  readonly log: Log;
  readonly run: Run;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly services: string;
  readonly pollMs: number;
  /** Process what is there, enforce, save, end. */
  readonly once: boolean;
  /** Change nothing: neither the firewall (its commands are printed by `run`) nor the state file. */
  readonly dryRun: boolean;
  /** Epoch seconds. */
  now(): number;
};

/** Failures and bans are looked through this often; a ban's end does not wait for it. */
const SWEEP_MS = 10_000;
/** How often the files of ignoreip are looked at. */
const LISTS_MS = 2000;
const DAY = 86400;
/** How long a start waits for the bans of an earlier run to stand before it goes on, in milliseconds. */
const FIRST_MS = 1000;
/** So many bans are worth V8's compilers and the memory that they take. */
const MANY = 5000;
/** How long a stop waits for answers that failures wait for, in milliseconds. */
const GATE_MS = 10_000;

/** The loop: reads, counts, bans, enforces, saves; it wires the parts and holds no rules. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #state: State;
  readonly #herald: Herald;
  readonly #keeper: Keeper | null;
  readonly #warden: Warden;
  #roster: Roster = callRoster([]);
  #reading: Reading | null = null;
  readonly #timers: NodeJS.Timeout[] = [];
  /** Seconds that a ban which ended is remembered: dbpurgeage. */
  #purgeAge = DAY;
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Before that those who wait are only in the state. */
  #hasResumed = false;
  readonly #pump = new Pump(
    () => {
      const beginMs = performance.now();
      const isMore = this.#reading?.step() ?? false;
      if (!isMore) return false;
      worked(beginMs, performance.now());
      this.#keeper?.changed('calm');
      return true;
    },
    () => this.#keeper?.changed('calm'),
  );
  readonly #gate = new Gate({
    names: openNames(),
    onTrouble: (level, text) => this.#herald.filter(level, text),
    onPass: (working, id, { time, matches, fields }) =>
      this.#warden.judge(working, { id, time, lines: matches }, fields),
    onLeave: () => this.#keeper?.changed('calm'),
  });

  constructor(options: DaemonOptions) {
    const { state, log, run, env, dryRun, once } = options;
    const now = (): number => options.now();
    this.#options = options;
    this.#state = state;
    this.#herald = new Herald(log);
    this.#keeper = dryRun
      ? null
      : new Keeper(
          options.statePath,
          { state, stamp: options.stamp },
          {
            onOrders: (orders) => this.#warden.obey(orders),
            onTrouble: (reason) => this.#herald.saving(reason),
            beforeSave: () => this.#notePositions(),
            now,
          },
        );
    this.#warden = new Warden({
      ...{ state, log, run, env, dryRun, once, now },
      locked: (work) => this.#keeper?.locked(work) ?? work().then(() => true),
      changed: (haste) => this.#keeper?.changed(haste),
    });
  }

  /** Begins to work. Throws ConfigError when the configuration as a whole cannot be used. */
  async start(): Promise<void> {
    const config = this.#options.load();
    this.#herald.server('INFO', '-'.repeat(50));
    this.#herald.server('INFO', `Starting f2b v${programVersion()}, configuration ${config.tree}`);
    await this.#open(config, await this.#standFirst(config));
    settle();
    this.#warden.restore(this.#roster.jails.keys());
    this.#resumeWaiting();
    if (this.#options.once) return;
    this.#timers.push(setInterval(() => this.#sweep(), SWEEP_MS));
    this.#timers.push(setInterval(() => this.#readIgnoreFiles(), LISTS_MS));
    this.#warden.watch();
    this.#keeper?.watch();
    this.#warden.planExpiry();
    this.#pump.start();
  }

  /** Reads what is there and stops when nothing is left; for `--once`. */
  async drain(deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      this.#pump.start();
      await this.#pump.idle();
      if (this.#reading === null || this.#reading.isCaughtUp || performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#gate.idle(GATE_MS);
    this.#sweep();
    await this.#warden.idle();
  }

  /**
   * Takes in a changed configuration; counts, bans and positions stay. One that cannot be read as a whole changes nothing.
   * Several at a time happen one after the other.
   */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload());
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    if (this.#isClosed) return;
    this.#herald.server('NOTICE', 'Reload of the configuration');
    try {
      const config = this.#options.load();
      const unread = config.problems.find((one) => one.severity === 'error' && one.jail === null);
      if (unread !== undefined) throw new ConfigError([unread]);
      this.#notePositions();
      this.#closeReading();
      await this.#warden.close(false);
      await this.#open(config);
      settle();
      this.#warden.watch();
    } catch (error) {
      const why = `the configuration cannot be used, nothing was changed: ${reasonOf(error)}`;
      this.#herald.server('ERROR', why);
    }
    this.#options.log.reopen();
    this.#pump.start();
  }

  /** Stops reading, finishes what is under way and saves; bans stay unless they are to be lifted until the next start. */
  async stop(isLifting = false): Promise<void> {
    this.#isClosed = true;
    this.#pump.close();
    this.#warden.rest();
    await this.#reloading;
    for (const timer of this.#timers) clearInterval(timer);
    this.#notePositions();
    this.#closeReading();
    await this.#gate.idle(GATE_MS);
    await this.#warden.close(isLifting);
    await this.#keeper?.close();
    this.#options.log.flush();
  }

  /** What is wrong with the jails that cannot work, and what else was found in their filters. */
  get problems(): readonly Problem[] {
    return this.#roster.problems;
  }

  /** What could not be done so far: a state that is not saved, bans that do not stand; empty when all is well. */
  unfinished(): readonly string[] {
    const bans = [...this.#roster.jails.keys()].flatMap((name) => [...jailState(this.#state, name).bans]);
    const pending = bans
      .filter(([, ban]) => ban.pending !== null)
      .map(([id, ban]) => `${id}: ${ban.pending}`);
    const trouble = this.#keeper?.trouble ?? null;
    return trouble === null ? pending : [...pending, trouble];
  }

  /** Has the bans of an earlier run stand before filters are compiled, which takes longer. */
  async #standFirst({ jails }: Config): Promise<Wall | null> {
    const bans = jails.reduce((sum, { name }) => sum + (this.#state.jails.get(name)?.bans.size ?? 0), 0);
    if (bans === 0 || this.#options.dryRun) return null;
    if (bans > MANY) {
      settle();
      compile();
    }
    const wall = await buildWall(jails, readServices(this.#options.services), this.#options.env);
    this.#warden.enforce(wall);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FIRST_MS);
    });
    await Promise.race([this.#warden.idle(), limit]);
    clearTimeout(timer);
    return wall;
  }

  /** `early`: the wall that stands already for all jails, those that cannot be compiled among them. */
  async #open(config: Config, early: Wall | null = null): Promise<void> {
    this.#purgeAge = config.settings.dbpurgeage;
    const roster = callRoster(config.jails);
    for (const one of [...config.problems, ...roster.problems]) this.#herald.problem(one);
    for (const { name, isEnabled } of config.allJails) {
      if (isEnabled && !roster.jails.has(name))
        this.#herald.jail('ERROR', `Jail '${name}' is not started: its errors stand above`);
    }
    const jails = [...roster.jails.values()].map(({ jail }) => jail);
    this.#roster = roster;
    const isComplete = early !== null && jails.length === config.jails.length;
    const wall = isComplete
      ? early
      : await buildWall(jails, readServices(this.#options.services), this.#options.env);
    for (const { name } of jails) {
      jailState(this.#state, name);
      this.#herald.jail('INFO', `Creating new jail '${name}'`);
    }
    await this.#warden.open(jails, wall);
    this.#reading = this.#openReading();
    this.#reading.announce();
    for (const { name } of jails) this.#herald.jail('INFO', `Jail '${name}' started`);
  }

  #openReading(): Reading {
    const { pollMs, now } = this.#options;
    return new Reading(
      this.#roster.jails,
      { pollMs, positions: this.#state.positions },
      {
        say: this.#herald.source,
        onReady: () => this.#pump.start(),
        onFailure: (jail, failure) => this.#take(jail, failure),
        onAddress: (jail, ip, time) =>
          !Gate.concerns(jail, false) && isPlain(jail) && this.#warden.count(jail, ip, time),
        onTimeWarning: ({ jail }, source, warning) => this.#herald.oddTime(jail.name, source, warning, now()),
        now: () => now(),
      },
    );
  }

  #closeReading(): void {
    this.#reading?.close();
    this.#reading = null;
  }

  /** A failure goes on at once, or through the gate when somebody has to be asked first. */
  #take(working: WorkingJail, failure: FilterFailure): void {
    const { id, kind, matches, fields } = failure;
    const time = failure.time ?? this.#options.now();
    const isName = kind === 'dns';
    if (!Gate.concerns(working, isName)) {
      this.#warden.judge(working, { id, time, lines: matches }, fields);
      return;
    }
    this.#gate.enter(working, { ticket: asked(working, { id, time, matches, fields }), isName });
  }

  /** Failures that an earlier run had read but not counted are asked about again. */
  #resumeWaiting(): void {
    this.#hasResumed = true;
    for (const { jail, isName, ...failure } of this.#state.waiting) {
      const working = this.#roster.jails.get(jail);
      if (working !== undefined) this.#gate.enter(working, { ticket: asked(working, failure), isName });
    }
  }

  #sweep(): void {
    const now = this.#options.now();
    for (const { jail } of this.#roster.jails.values()) {
      const swept = sweepFailures(jailState(this.#state, jail.name).failures, now, jail.findtime);
      if (swept > 0) this.#keeper?.changed('calm');
    }
    this.#reading?.announce();
    purgePast(this.#state, now, this.#purgeAge);
    refreshOwn(this.#roster);
    relax();
    this.#warden.expire();
  }

  #readIgnoreFiles(): void {
    for (const { path, count, trouble } of this.#roster.files.refresh()) {
      if (trouble === null) this.#herald.filter('INFO', `ignoreip: read ${path} again, ${count} entries`);
      else this.#herald.filter('WARNING', `ignoreip: ${trouble}: what it held before goes on to count`);
    }
  }

  #notePositions(): void {
    if (this.#hasResumed) this.#state.waiting = this.#gate.waiting();
    if (this.#reading === null) return;
    this.#state.positions = this.#reading.positions();
    const earlier = this.#state.sources;
    const now = [...this.#reading.health()].map(
      ([name, health]) => [name, withEarlier(health, earlier.get(name))] as const,
    );
    this.#state.sources = new Map(now);
  }
}

/** What is told of a failure to those who are asked about it. */
function asked(
  { jail }: WorkingJail,
  {
    fields,
    ...failure
  }: Pick<Waiting, 'id' | 'time' | 'matches'> & {
    readonly fields: ReadonlyMap<string, unknown>;
  },
): Ticket {
  const rest = { failures: 1, bantime: jail.bantime, bancount: 0, restored: false };
  return { ...failure, fields: plainFields(fields), ...rest };
}
