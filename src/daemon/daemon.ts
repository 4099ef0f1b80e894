/**
 * The running daemon. It wires the parts together and holds no rules:
 *
 *     LogReader -> PendingLookups -> BanManager -> Enforcer (firewalls), ActionRunner
 *                                        |
 *                  StateSaver <----------+           Messages: every line of the log
 *
 * Positions, counts and bans are saved together: no line counts twice, and none is lost. A broken jail goes on with its earlier
 * settings, or is left out where there are none; that is told.
 *
 *     const daemon = new Daemon(options);
 *     await daemon.start(); // throws ConfigError when the configuration as a whole cannot be used
 *     await daemon.stop();
 */

import { plainFields } from '../action/tags.ts';
import type { RunningJail } from '../ban/jail.ts';
import { openDns } from '../base/dns.ts';
import { programVersion } from '../base/embedded.ts';
import { ConfigError, type Problem, reasonOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { collectGarbage, collectIfWorthwhile, enableJit, noteWork } from '../base/memory.ts';
import { type Clock, steppedClock } from '../base/steppedclock.ts';
import { settledWithin } from '../base/timeout.ts';
import type { Config } from '../config/config.ts';
import type { Jail } from '../config/jail.ts';
import type { Settings } from '../config/settings.ts';
import type { FilterFailure } from '../filter/types.ts';
import { type FirewallPlan, planFirewalls } from '../firewall/plan.ts';
import type { RunProgram } from '../firewall/reconcile.ts';
import { withEarlier } from '../source/health.ts';
import { type DaemonNote, monotonicSeconds, NO_NOTE } from '../state/runlock.ts';
import { type SaverEvents, StateSaver, type Urgency } from '../state/saver.ts';
import { jailState, purgePast, type State, shiftBans } from '../state/state.ts';
import { BanManager } from './banmanager.ts';
import { chooseJails, jailChanges, linesOf, onlyJail, type ReloadResult } from './changes.ts';
import { compileJails, type RunningJails, refreshOwnAddresses } from './jails.ts';
import { needsLookup, PendingLookups } from './lookups.ts';
import { WorkLoop } from './loop.ts';
import { Messages } from './messages.ts';
import { LogReader, type ReaderEvents } from './reader.ts';

/** Everything the daemon is given. */
export type DaemonOptions = {
  /** Reads the configuration anew; called at the start and at each reload. */
  load(): Config;
  readonly statePath: string;
  /** As loaded from statePath under its lock. */
  readonly state: State;
  /** stampOf(statePath) from under that lock; '' = not known. */
  readonly stamp: string;
  /** The state is empty since its file could not be read. */
  readonly isUnread?: boolean;
  readonly log: Log;
  /** The whole configuration was read anew. */
  onReload?(settings: Settings): void;
  /** Tells commands what the state cannot say. */
  tell(note: DaemonNote): void;
  readonly run: RunProgram;
  readonly env: Readonly<Record<string, string | undefined>>;
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
/** How soon it is noticed that the clock was set, where nothing else asks for the time. */
const CLOCK_MS = 1000;
/** How long a start waits for the bans of an earlier run to stand before it goes on, in milliseconds. */
const FIRST_MS = 1000;
/** So many bans are worth V8's compilers and the memory that they take. */
const MANY = 5000;
/** How long a stop waits for answers that failures wait for, in milliseconds. */
const LOOKUPS_MS = 10_000;

/** Reads, counts, bans, enforces and saves until it is stopped; see above. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #clock: Clock;
  readonly #messages: Messages;
  /** null: nothing is saved. */
  readonly #saver: StateSaver | null;
  readonly #bans: BanManager;
  readonly #lookups: PendingLookups;
  readonly #loop: WorkLoop;
  readonly #readerEvents: ReaderEvents;
  #running: RunningJails = compileJails([]);
  #reader: LogReader | null = null;
  readonly #timers: NodeJS.Timeout[] = [];
  /** Seconds that a ban which ended is remembered: dbpurgeage. */
  purgeAge = 86_400;
  #settings: Settings | null = null;
  /** Jails that read nothing for now. */
  #idle: ReadonlySet<string> = new Set();
  /** Where the bans of jails that do not work stand. */
  #blocking: Config['blocking'] = [];
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;
  #note = NO_NOTE;
  #plan: FirewallPlan | null = null;
  /** By performance.now(): reading ends then. */
  #deadlineMs = Number.POSITIVE_INFINITY;
  /** Before that the failures that wait are only in the state. */
  #hasResumed = false;

  /** The whole wiring: which part tells which other one what. */
  constructor(options: DaemonOptions) {
    const { statePath, state, stamp, isUnread = false, run, env, dryRun, once } = options;
    const now = (): number => this.#now();
    this.#clock = steppedClock(options.now);
    const changed = (urgency: Urgency): void => this.#saver?.changed(urgency);
    const messages = new Messages(options.log);
    this.#options = options;
    this.#messages = messages;
    this.#readerEvents = {
      say: messages.source,
      onReady: () => this.#loop.start(),
      countPlain: (jail, ip, time) => this.#bans.countPlain(jail, ip, time),
      onFailure: (jail, failure) => this.#handleFailure(jail, failure),
      onTimeWarning: ({ jail }, source, warning) => messages.oddTime(jail.name, source, warning, now()),
      now,
    };
    this.#loop = new WorkLoop(
      () => this.#readBatch(),
      () => changed('calm'),
    );
    this.#lookups = new PendingLookups({
      ...{ dns: openDns(), messages },
      onAnswered: (jail, failure) => this.#bans.handleFailure(jail, failure),
      onDone: () => changed('calm'),
    });
    this.#bans = new BanManager({
      ...{ state, messages, run, env, dryRun, once, changed, now },
      locked: (work) => this.#saver?.locked(work) ?? work().then(() => true),
      saved: async () => this.#saver?.saved(),
    });
    const events: SaverEvents = {
      onOrders: (orders) => this.#bans.carryOutOrders(orders),
      onTrouble: (unsaved) => {
        messages.saving(unsaved);
        this.#tell({ unsaved });
      },
      onDamage: (warning) => messages.stateDamaged(warning),
      beforeSave: () => this.#recordProgress(),
      now,
    };
    this.#saver = dryRun ? null : new StateSaver(statePath, { state, stamp, isUnread }, events);
  }

  /** Begins to work. Throws ConfigError when the configuration as a whole cannot be used. */
  async start(): Promise<void> {
    const config = this.#options.load();
    this.#messages.starting(programVersion(), config.tree);
    await this.#open(config, await this.#enforceFirst(config));
    collectGarbage();
    this.#bans.logRestored(this.#running.jails.keys());
    this.#resumeWaiting();
    if (this.#options.once) return;
    this.#timers.push(setInterval(() => this.#sweep(), SWEEP_MS));
    this.#timers.push(setInterval(() => this.#refreshIgnoreFiles(), LISTS_MS));
    this.#timers.push(setInterval(() => this.#now(), CLOCK_MS));
    this.#bans.watch();
    this.#saver?.watch();
    this.#loop.start();
    // At once: whether it can be saved is to be known from the start.
    this.#saver?.changed('now');
  }

  /** Reads what is there and stops when nothing is left; for `--once`. */
  async drain(deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    this.#deadlineMs = end;
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
   * Takes in a changed configuration; counts, bans and positions stay. One that cannot be read as a whole changes nothing, and a
   * jail with mistakes goes on with its earlier settings. What was set at run time is over. Several reloads at a time happen one
   * after the other. With a name only that jail is taken in; null: there is none.
   */
  reload(jail: string | null = null): Promise<ReloadResult | null> {
    return this.#inTurn(() => this.#reload(jail));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#reloading.then(work);
    this.#reloading = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  async #reload(only: string | null): Promise<ReloadResult | null> {
    const before = this.#running.jails;
    const began = monotonicSeconds();
    let errors: readonly string[] = [];
    let isDone = true;
    const result = (): ReloadResult => ({
      ...jailChanges(before, this.#running.jails),
      ...{ errors, isDone, skipped: isDone ? [...this.#note.kept, ...this.#note.broken] : [] },
    });
    if (this.#isClosed) return result();
    this.#messages.reloading();
    try {
      const all = this.#options.load();
      const config = only === null ? all : onlyJail(all, only, before);
      if (config === null) return null;
      const unread = config.problems.filter((one) => one.severity === 'error' && one.jail === null);
      if (unread.length > 0) throw new ConfigError(unread);
      this.#recordProgress();
      this.#closeReader();
      await this.#bans.close(false);
      if (only === null) this.#options.onReload?.(config.settings);
      this.#idle = new Set();
      errors = await this.#open(config);
      collectGarbage();
      this.#bans.watch();
    } catch (error) {
      const why = error instanceof ConfigError ? linesOf(error.problems) : [reasonOf(error)];
      errors = [...why, 'the configuration cannot be used, nothing was changed'];
      isDone = false;
      this.#messages.notReloaded(reasonOf(error));
    }
    this.#options.log.reopen();
    this.#tell({ reload: { began, ...result() } });
    this.#loop.start();
    return result();
  }

  /**
   * From now on these jails work, and those that are no longer among them end; until the next reload. The idle ones read nothing.
   * Throws ConfigError when one of them has mistakes, and nothing is changed.
   */
  replace(jails: readonly Jail[], idle: ReadonlySet<string>): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#isClosed) return;
      const running = compileJails(jails, new Map(), this.#running);
      const errors = running.problems.filter(({ severity }) => severity === 'error');
      if (errors.length > 0) throw new ConfigError(errors);
      this.#recordProgress();
      this.#closeReader();
      const { added, removed } = jailChanges(this.#running.jails, running.jails);
      this.#running = running;
      this.#idle = idle;
      if (added.length + removed.length > 0) {
        await this.#bans.close(false);
        await this.#openBans(jails);
        this.#bans.watch();
      }
      this.#openReader();
      this.#loop.start();
    });
  }

  #tell(news: Partial<DaemonNote>): void {
    this.#note = { ...this.#note, ...news };
    this.#options.tell(this.#note);
  }

  /** Stops reading, finishes what is under way and saves; bans stay unless they are to be lifted until the next start. */
  async stop(isLifting = false): Promise<void> {
    this.#isClosed = true;
    this.#loop.close();
    this.#bans.stopExpiry();
    await this.#reloading;
    for (const timer of this.#timers) clearInterval(timer);
    this.#recordProgress();
    this.#closeReader();
    await this.#lookups.idle(LOOKUPS_MS);
    await this.#bans.close(isLifting);
    await this.#saver?.close();
    this.#options.log.flush();
  }

  /** The jails at work, with what was set at run time. */
  get jails(): RunningJails['jails'] {
    return this.#running.jails;
  }

  get idle(): ReadonlySet<string> {
    return this.#idle;
  }

  /** What fail2ban.conf says; null before the start. */
  get settings(): Settings | null {
    return this.#settings;
  }

  /** Bans, and what commands ask of them. */
  get bans(): BanManager {
    return this.#bans;
  }

  /** What is wrong with the jails that cannot work, and what else was found in their filters. */
  get problems(): readonly Problem[] {
    return this.#running.problems;
  }

  /** Whether all was done so far: the state is saved, and every ban stands. */
  get isFinished(): boolean {
    const bans = [...this.#running.jails.keys()].flatMap((name) => [
      ...jailState(this.#options.state, name).bans.values(),
    ]);
    return (this.#saver?.trouble ?? null) === null && bans.every(({ pending }) => pending === null);
  }

  /** Has the bans of an earlier run stand before filters are compiled, which takes longer. */
  async #enforceFirst({ blocking }: Config): Promise<FirewallPlan | null> {
    const bans = blocking.reduce(
      (sum, { name }) => sum + (this.#options.state.jails.get(name)?.bans.size ?? 0),
      0,
    );
    if (bans === 0 || this.#options.dryRun) return null;
    if (bans > MANY) {
      collectGarbage();
      enableJit();
    }
    const plan = planFirewalls(blocking);
    this.#bans.enforce(plan);
    await settledWithin(FIRST_MS, this.#bans.idle());
    return plan;
  }

  /** `early`: the firewalls that stand already. Answers what is wrong with jails, as lines. */
  async #open(config: Config, early: FirewallPlan | null = null): Promise<readonly string[]> {
    this.purgeAge = config.settings.dbpurgeage;
    this.#settings = config.settings;
    this.#blocking = config.blocking;
    const { jails: wanted, refused } = chooseJails(config, this.#running.jails, this.#plan);
    const running = compileJails(wanted, this.#running.jails);
    const problems = [...config.problems, ...running.problems, ...refused];
    for (const one of problems) this.#messages.problem(one);
    const results = this.#tellBroken(config, running);
    const jails = [...running.jails.values()].map(({ jail }) => jail);
    this.#running = { ...running, problems: [...running.problems, ...refused] };
    await this.#openBans(jails, early);
    this.#openReader();
    for (const { name } of jails) this.#messages.jailStarted(name);
    this.#messages.ignoredBans(running.jails, this.#options.state, this.#now());
    return results.length === 0 ? [] : [...linesOf(problems), ...results];
  }

  async #openBans(jails: readonly Jail[], early: FirewallPlan | null = null): Promise<void> {
    // The bans of a broken jail stand as well, where it is known how.
    const broken = this.#blocking.filter(({ name }) => this.#note.broken.includes(name));
    const plan = early ?? planFirewalls([...jails, ...broken]);
    this.#plan = plan;
    for (const { name } of jails) {
      jailState(this.#options.state, name);
      this.#messages.jailCreated(name);
    }
    await this.#bans.open(jails, plan);
  }

  #openReader(): void {
    const { pollMs, once, state } = this.#options;
    const reading = [...this.#running.jails].filter(([name]) => !this.#idle.has(name));
    const how = { pollMs, once, positions: state.positions };
    this.#reader = new LogReader(new Map(reading), how, this.#readerEvents);
  }

  /** Says what becomes of the jails with mistakes, to the log and to commands; answers it. */
  #tellBroken(config: Config, { jails }: RunningJails): readonly string[] {
    const kept: string[] = [];
    const broken: string[] = [];
    const told: string[] = [];
    for (const { name, isEnabled, jail } of config.allJails) {
      const working = jails.get(name)?.jail;
      if (!isEnabled || (working !== undefined && working === jail)) continue;
      (working === undefined ? broken : kept).push(name);
      const bans = this.#options.state.jails.get(name)?.bans.size ?? 0;
      const isBlocking = config.blocking.some((one) => one.name === name);
      told.push(this.#messages.jailBroken(name, { isKept: working !== undefined, isBlocking, bans }));
    }
    this.#tell({ kept, broken });
    return told;
  }

  #closeReader(): void {
    this.#reader?.close();
    this.#reader = null;
  }

  /** One step of the loop: reads a batch of lines; false when there is none. */
  #readBatch(): boolean {
    const beginMs = performance.now();
    const isMore = beginMs < this.#deadlineMs && (this.#reader?.step() ?? false);
    if (!isMore) return false;
    noteWork(beginMs, performance.now());
    this.#saver?.changed('calm');
    return true;
  }

  /** A failure counts at once, or after the answer that it has to wait for. */
  #handleFailure(running: RunningJail, failure: FilterFailure): void {
    const { id, kind, matches, fields } = failure;
    const time = failure.time ?? this.#now();
    const isName = kind === 'dns';
    if (!needsLookup(running, isName)) this.#bans.handleFailure(running, { id, time, matches, fields });
    else {
      const jail = running.jail.name;
      this.#lookups.add(running, { jail, id, isName, time, matches, fields: plainFields(fields) });
    }
  }

  /** Failures that an earlier run had read but not counted are looked up again. */
  #resumeWaiting(): void {
    this.#hasResumed = true;
    for (const failure of this.#options.state.waiting) {
      const running = this.#running.jails.get(failure.jail);
      if (running !== undefined) this.#lookups.add(running, failure);
    }
  }

  /** Epoch seconds. Where the clock was set, bans go on for as long as they were to last, as they do in the kernel. */
  #now(): number {
    const { now, step } = this.#clock.read();
    if (step !== 0) {
      shiftBans(this.#options.state, step);
      this.#messages.clockSet(step);
      this.#saver?.changed('now');
      this.#bans.clockSet();
    }
    return now;
  }

  #sweep(): void {
    const now = this.#now();
    for (const { jail } of this.#running.jails.values()) {
      const { failures } = jailState(this.#options.state, jail.name);
      if (failures.sweep(now - jail.findtime) > 0) this.#saver?.changed('calm');
    }
    purgePast(this.#options.state, now, this.purgeAge);
    refreshOwnAddresses(this.#running);
    collectIfWorthwhile();
    this.#bans.expire();
  }

  #refreshIgnoreFiles(): void {
    for (const news of this.#running.files.refresh()) this.#messages.ignoreFile(news);
  }

  /** Puts into the state where the sources stand and how they fare, and the failures that wait. */
  #recordProgress(): void {
    const { state } = this.#options;
    if (this.#hasResumed) state.waiting = this.#lookups.waiting();
    if (this.#reader === null) return;
    state.positions = this.#reader.positions();
    const earlier = state.sources;
    state.sources = new Map(
      [...this.#reader.health()].map(([name, health]) => [name, withEarlier(health, earlier.get(name))]),
    );
  }
}
