import type { Ticket } from '../action/tags.ts';
import { plainFields } from '../action/tags.ts';
import { isPlain } from '../ban/failure.ts';
import type { RunningJail } from '../ban/jail.ts';
import { openDns } from '../base/dns.ts';
import { programVersion } from '../base/embedded.ts';
import { ConfigError, type Problem, reasonOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { collectGarbage, collectIfWorthwhile, enableJit, noteWork } from '../base/memory.ts';
import { readServices } from '../base/ports.ts';
import type { Config } from '../config/config.ts';
import type { FilterFailure } from '../filter/types.ts';
import { type FirewallPlan, planFirewalls } from '../firewall/plan.ts';
import type { RunProgram } from '../firewall/reconcile.ts';
import { withEarlier } from '../source/health.ts';
import { StateSaver } from '../state/saver.ts';
import { jailState, purgePast, type State, type Waiting } from '../state/state.ts';
import { BanManager } from './banmanager.ts';
import { compileJails, type RunningJails, refreshOwnAddresses } from './jails.ts';
import { PendingLookups } from './lookups.ts';
import { WorkLoop } from './loop.ts';
import { Messages } from './messages.ts';
import { LogReader } from './reader.ts';

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
  readonly run: RunProgram;
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
const LOOKUPS_MS = 10_000;

/** The loop: reads, counts, bans, enforces, saves; it wires the parts and holds no rules. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #state: State;
  readonly #messages: Messages;
  readonly #saver: StateSaver | null;
  readonly #bans: BanManager;
  #jails: RunningJails = compileJails([]);
  #reader: LogReader | null = null;
  readonly #timers: NodeJS.Timeout[] = [];
  /** Seconds that a ban which ended is remembered: dbpurgeage. */
  #purgeAge = DAY;
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** Before that those who wait are only in the state. */
  #hasResumed = false;
  readonly #loop = new WorkLoop(
    () => {
      const beginMs = performance.now();
      const isMore = this.#reader?.step() ?? false;
      if (!isMore) return false;
      noteWork(beginMs, performance.now());
      this.#saver?.changed('calm');
      return true;
    },
    () => this.#saver?.changed('calm'),
  );
  readonly #lookups = new PendingLookups({
    names: openDns(),
    onTrouble: (level, text) => this.#messages.filter(level, text),
    onAnswered: (working, id, { time, matches, fields }) =>
      this.#bans.handleFailure(working, { id, time, lines: matches }, fields),
    onDone: () => this.#saver?.changed('calm'),
  });

  constructor(options: DaemonOptions) {
    const { state, log, run, env, dryRun, once } = options;
    const now = (): number => options.now();
    this.#options = options;
    this.#state = state;
    this.#messages = new Messages(log);
    this.#saver = dryRun
      ? null
      : new StateSaver(
          options.statePath,
          { state, stamp: options.stamp },
          {
            onOrders: (orders) => this.#bans.applyOrders(orders),
            onTrouble: (reason) => this.#messages.saving(reason),
            onDamage: (warning) => this.#messages.server('ERROR', warning),
            beforeSave: () => this.#notePositions(),
            now,
          },
        );
    this.#bans = new BanManager({
      ...{ state, log, run, env, dryRun, once, now },
      locked: (work) => this.#saver?.locked(work) ?? work().then(() => true),
      changed: (haste) => this.#saver?.changed(haste),
    });
  }

  /** Begins to work. Throws ConfigError when the configuration as a whole cannot be used. */
  async start(): Promise<void> {
    const config = this.#options.load();
    this.#messages.server('INFO', '-'.repeat(50));
    this.#messages.server('INFO', `Starting f2b v${programVersion()}, configuration ${config.tree}`);
    await this.#open(config, await this.#enforceFirst(config));
    collectGarbage();
    this.#bans.restore(this.#jails.jails.keys());
    this.#resumeWaiting();
    if (this.#options.once) return;
    this.#timers.push(setInterval(() => this.#sweep(), SWEEP_MS));
    this.#timers.push(setInterval(() => this.#readIgnoreFiles(), LISTS_MS));
    this.#bans.watch();
    this.#saver?.watch();
    this.#bans.planExpiry();
    this.#loop.start();
  }

  /** Reads what is there and stops when nothing is left; for `--once`. */
  async drain(deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      this.#loop.start();
      await this.#loop.idle();
      if (this.#reader === null || this.#reader.isCaughtUp || performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#lookups.idle(LOOKUPS_MS);
    this.#sweep();
    await this.#bans.idle();
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
    this.#messages.server('NOTICE', 'Reload of the configuration');
    try {
      const config = this.#options.load();
      const unread = config.problems.find((one) => one.severity === 'error' && one.jail === null);
      if (unread !== undefined) throw new ConfigError([unread]);
      this.#notePositions();
      this.#closeReader();
      await this.#bans.close(false);
      await this.#open(config);
      collectGarbage();
      this.#bans.watch();
    } catch (error) {
      const why = `the configuration cannot be used, nothing was changed: ${reasonOf(error)}`;
      this.#messages.server('ERROR', why);
    }
    this.#options.log.reopen();
    this.#loop.start();
  }

  /** Stops reading, finishes what is under way and saves; bans stay unless they are to be lifted until the next start. */
  async stop(isLifting = false): Promise<void> {
    this.#isClosed = true;
    this.#loop.close();
    this.#bans.stopExpiry();
    await this.#reloading;
    for (const timer of this.#timers) clearInterval(timer);
    this.#notePositions();
    this.#closeReader();
    await this.#lookups.idle(LOOKUPS_MS);
    await this.#bans.close(isLifting);
    await this.#saver?.close();
    this.#options.log.flush();
  }

  /** What is wrong with the jails that cannot work, and what else was found in their filters. */
  get problems(): readonly Problem[] {
    return this.#jails.problems;
  }

  /** What could not be done so far: a state that is not saved, bans that do not stand; empty when all is well. */
  unfinished(): readonly string[] {
    const bans = [...this.#jails.jails.keys()].flatMap((name) => [...jailState(this.#state, name).bans]);
    const pending = bans
      .filter(([, ban]) => ban.pending !== null)
      .map(([id, ban]) => `${id}: ${ban.pending}`);
    const trouble = this.#saver?.trouble ?? null;
    return trouble === null ? pending : [...pending, trouble];
  }

  /** Has the bans of an earlier run stand before filters are compiled, which takes longer. */
  async #enforceFirst({ jails }: Config): Promise<FirewallPlan | null> {
    const bans = jails.reduce((sum, { name }) => sum + (this.#state.jails.get(name)?.bans.size ?? 0), 0);
    if (bans === 0 || this.#options.dryRun) return null;
    if (bans > MANY) {
      collectGarbage();
      enableJit();
    }
    const plan = await planFirewalls(jails, readServices(this.#options.services), this.#options.env);
    this.#bans.enforce(plan);
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FIRST_MS);
    });
    await Promise.race([this.#bans.idle(), limit]);
    clearTimeout(timer);
    return plan;
  }

  /** `early`: the wall that stands already for all jails, those that cannot be compiled among them. */
  async #open(config: Config, early: FirewallPlan | null = null): Promise<void> {
    this.#purgeAge = config.settings.dbpurgeage;
    const running = compileJails(config.jails);
    for (const one of [...config.problems, ...running.problems]) this.#messages.problem(one);
    for (const { name, isEnabled } of config.allJails) {
      if (isEnabled && !running.jails.has(name))
        this.#messages.jail('ERROR', `Jail '${name}' is not started: its errors stand above`);
    }
    const jails = [...running.jails.values()].map(({ jail }) => jail);
    this.#jails = running;
    const isComplete = early !== null && jails.length === config.jails.length;
    const plan = isComplete
      ? early
      : await planFirewalls(jails, readServices(this.#options.services), this.#options.env);
    for (const { name } of jails) {
      jailState(this.#state, name);
      this.#messages.jail('INFO', `Creating new jail '${name}'`);
    }
    await this.#bans.open(jails, plan);
    this.#reader = this.#openReader();
    for (const { name } of jails) this.#messages.jail('INFO', `Jail '${name}' started`);
  }

  #openReader(): LogReader {
    const { pollMs, now } = this.#options;
    return new LogReader(
      this.#jails.jails,
      { pollMs, positions: this.#state.positions },
      {
        say: this.#messages.source,
        onReady: () => this.#loop.start(),
        onFailure: (jail, failure) => this.#onFailure(jail, failure),
        onAddress: (jail, ip, time) =>
          !PendingLookups.needsLookup(jail, false) && isPlain(jail) && this.#bans.count(jail, ip, time),
        onTimeWarning: ({ jail }, source, warning) =>
          this.#messages.oddTime(jail.name, source, warning, now()),
        now: () => now(),
      },
    );
  }

  #closeReader(): void {
    this.#reader?.close();
    this.#reader = null;
  }

  /** A failure goes on at once, or through the gate when somebody has to be asked first. */
  #onFailure(working: RunningJail, failure: FilterFailure): void {
    const { id, kind, matches, fields } = failure;
    const time = failure.time ?? this.#options.now();
    const isName = kind === 'dns';
    if (!PendingLookups.needsLookup(working, isName)) {
      this.#bans.handleFailure(working, { id, time, lines: matches }, fields);
      return;
    }
    this.#lookups.add(working, { ticket: asked(working, { id, time, matches, fields }), isName });
  }

  /** Failures that an earlier run had read but not counted are asked about again. */
  #resumeWaiting(): void {
    this.#hasResumed = true;
    for (const { jail, isName, ...failure } of this.#state.waiting) {
      const working = this.#jails.jails.get(jail);
      if (working !== undefined) this.#lookups.add(working, { ticket: asked(working, failure), isName });
    }
  }

  #sweep(): void {
    const now = this.#options.now();
    for (const { jail } of this.#jails.jails.values()) {
      const { failures } = jailState(this.#state, jail.name);
      if (failures.sweep(now - jail.findtime) > 0) this.#saver?.changed('calm');
    }
    purgePast(this.#state, now, this.#purgeAge);
    refreshOwnAddresses(this.#jails);
    collectIfWorthwhile();
    this.#bans.expire();
  }

  #readIgnoreFiles(): void {
    for (const { path, count, trouble } of this.#jails.files.refresh()) {
      if (trouble === null) this.#messages.filter('INFO', `ignoreip: read ${path} again, ${count} entries`);
      else this.#messages.filter('WARNING', `ignoreip: ${trouble}: what it held before goes on to count`);
    }
  }

  #notePositions(): void {
    if (this.#hasResumed) this.#state.waiting = this.#lookups.waiting();
    if (this.#reader === null) return;
    this.#state.positions = this.#reader.positions();
    const earlier = this.#state.sources;
    const now = [...this.#reader.health()].map(
      ([name, health]) => [name, withEarlier(health, earlier.get(name))] as const,
    );
    this.#state.sources = new Map(now);
  }
}

/** What is told of a failure to those who are asked about it. */
function asked(
  { jail }: RunningJail,
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
