import { watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Ticket } from './action/ticket.ts';
import { Actor, type ActorParts, commandActions } from './actor.ts';
import { type Config, loadConfig } from './config.ts';
import type { Run } from './enforce.ts';
import { Enforcer } from './enforcer.ts';
import { ConfigError, formatProblem, type Problem, reasonOf } from './errors.ts';
import { sweepFailures } from './failures.ts';
import type { FilterFailure, TimeWarning } from './filter.ts';
import { Gate } from './gate.ts';
import { withEarlier } from './health.ts';
import { openHome } from './home.ts';
import { type Candidate, takeFailure } from './intake.ts';
import type { Jail } from './jail.ts';
import { Keeper } from './keeper.ts';
import type { Level, Log } from './log.ts';
import { openNames } from './names.ts';
import { readServices } from './ports.ts';
import { Reading } from './reading.ts';
import type { Neighbours } from './rollup.ts';
import { callRoster, type Roster, refreshOwn, type WorkingJail } from './roster.ts';
import {
  expireBans,
  jailState,
  nextExpiry,
  type Order,
  purgePast,
  type State,
  type Waiting,
} from './state.ts';
import { settle } from './thrift.ts';
import { plainFields, ticketOf, totalsOf } from './tickets.ts';
import { programVersion } from './version.ts';
import { buildWall, busEnvironment, type Wall } from './wall.ts';

/** Everything the daemon is given. */
export type DaemonOptions = {
  /** Reads the configuration anew; called at the start and at each reload. */
  load(): Config;
  readonly statePath: string;
  /** As loaded from statePath under its lock. */
  readonly state: State;
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
/** A stretch of reading after which everybody else gets a turn, in milliseconds. */
const SLICE_MS = 20;
const DAY = 86400;
/** How long a stop waits for answers that failures wait for, in milliseconds. */
const GATE_MS = 10_000;
/** How long a stop or a reload waits for the actions of one jail, in milliseconds. */
const ACTIONS_MS = 30_000;
/** Longest delay that setTimeout takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** The loop: reads, counts, bans, enforces, saves; it wires the parts and holds no rules. */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #state: State;
  readonly #log: Log;
  readonly #keeper: Keeper | null;
  #roster: Roster = callRoster([]);
  #reading: Reading | null = null;
  #enforcer: Enforcer | null = null;
  /** By jail; only jails with actions that are commands of their own. */
  #actors = new Map<string, Actor>();
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #home = openHome();
  readonly #neighbours = new Map<string, Neighbours>();
  /** Seconds that a ban which ended is remembered: dbpurgeage. */
  #purgeAge = DAY;
  #expiry: NodeJS.Timeout | null = null;
  /** When the planned expiry is due, epoch seconds. */
  #expiryAt = Number.POSITIVE_INFINITY;
  #isPumping = false;
  #reloading: Promise<void> = Promise.resolve();
  #isClosed = false;
  #onIdle: (() => void) | null = null;
  /** When each time warning was last given, by jail and kind, epoch seconds. */
  readonly #warned = new Map<string, number>();
  readonly #gate = new Gate({
    names: openNames(),
    onTrouble: (level, text) => this.#say(level, 'fail2ban.filter', text),
    onPass: (working, id, { time, matches, fields }) =>
      this.#judge(working, { id, time, lines: matches }, fields),
    onLeave: () => this.#keeper?.changed('calm'),
  });

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#state = options.state;
    this.#log = options.log;
    this.#keeper = options.dryRun
      ? null
      : new Keeper(options.statePath, options.state, {
          onOrders: (orders) => this.#obey(orders),
          onTrouble: (reason) => this.#tellSaving(reason),
          beforeSave: () => this.#notePositions(),
          now: () => options.now(),
        });
  }

  /** Begins to work. Throws ConfigError when the configuration as a whole cannot be used. */
  async start(): Promise<void> {
    const config = this.#options.load();
    this.#say('INFO', 'fail2ban.server', '-'.repeat(50));
    this.#say('INFO', 'fail2ban.server', `Starting f2b v${programVersion()}, configuration ${config.tree}`);
    await this.#open(config);
    settle();
    this.#restore();
    this.#resumeWaiting();
    if (this.#options.once) return;
    this.#timers.push(setInterval(() => this.#sweep(), SWEEP_MS));
    this.#timers.push(setInterval(() => this.#readIgnoreFiles(), LISTS_MS));
    this.#enforcer?.watch();
    this.#watchState();
    this.#planExpiry();
    this.#pump();
  }

  /** Reads what is there and stops when nothing is left; for `--once`. */
  async drain(deadlineMs: number): Promise<void> {
    const end = performance.now() + deadlineMs;
    for (;;) {
      this.#pump();
      await this.#idle();
      if (this.#reading === null || this.#reading.isCaughtUp || performance.now() > end) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.#gate.idle(GATE_MS);
    this.#sweep();
    await this.#enforcer?.idle();
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
    this.#say('NOTICE', 'fail2ban.server', 'Reload of the configuration');
    try {
      const config = this.#options.load();
      const unread = config.problems.find((one) => one.severity === 'error' && one.jail === null);
      if (unread !== undefined) throw new ConfigError([unread]);
      this.#notePositions();
      this.#reading?.close();
      this.#reading = null;
      await this.#enforcer?.close();
      await this.#closeActors();
      await this.#open(config);
      settle();
      this.#enforcer?.watch();
    } catch (error) {
      this.#say(
        'ERROR',
        'fail2ban.server',
        `the configuration cannot be used, nothing was changed: ${reasonOf(error)}`,
      );
    }
    this.#log.reopen();
    this.#pump();
  }

  /** Stops reading, finishes what is under way and saves; bans stay unless they are to be lifted until the next start. */
  async stop(isLifting = false): Promise<void> {
    this.#isClosed = true;
    await this.#reloading;
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#notePositions();
    this.#reading?.close();
    this.#reading = null;
    await this.#gate.idle(GATE_MS);
    await this.#enforcer?.close();
    if (isLifting) await this.#enforcer?.lift();
    await this.#closeActors();
    await this.#keeper?.close();
    this.#log.flush();
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

  async #open(config: Config): Promise<void> {
    this.#purgeAge = config.settings.dbpurgeage;
    this.#neighbours.clear();
    const roster = callRoster(config.jails);
    for (const one of [...config.problems, ...roster.problems]) this.#tellProblem(one);
    for (const { name, isEnabled } of config.allJails) {
      if (isEnabled && !roster.jails.has(name))
        this.#say('ERROR', 'fail2ban.jail', `Jail '${name}' is not started: its errors stand above`);
    }
    const jails = [...roster.jails.values()].map(({ jail }) => jail);
    this.#roster = roster;
    const wall = await buildWall(jails, readServices(this.#options.services), this.#options.env);
    for (const { name } of jails) {
      jailState(this.#state, name);
      this.#say('INFO', 'fail2ban.jail', `Creating new jail '${name}'`);
    }
    this.#enforcer = this.#openEnforcer(wall);
    this.#actors = this.#openActors(jails);
    this.#reading = new Reading(
      roster.jails,
      { pollMs: this.#options.pollMs, positions: this.#state.positions },
      {
        say: (level, text) =>
          this.#say(
            level === 'info' ? 'INFO' : level === 'warning' ? 'WARNING' : 'ERROR',
            'fail2ban.filter',
            text,
          ),
        onReady: () => this.#pump(),
        onFailure: (jail, failure) => this.#take(jail, failure),
        onTimeWarning: (jail, source, warning) => this.#warnOfTime(jail, source, warning),
        now: () => this.#options.now(),
      },
    );
    this.#reading.announce();
    for (const { name } of jails) this.#say('INFO', 'fail2ban.jail', `Jail '${name}' started`);
  }

  #openEnforcer(wall: Wall): Enforcer {
    const { run, env, dryRun, now } = this.#options;
    return new Enforcer(wall, {
      state: this.#state,
      run,
      env,
      dryRun,
      locked: (work) => this.#keeper?.locked(work) ?? work().then(() => true),
      onChanged: () => this.#keeper?.changed('now'),
      onTrouble: (level, text) => this.#say(level, 'fail2ban.actions', text),
      now,
    });
  }

  #openActors(jails: readonly Jail[]): Map<string, Actor> {
    const withCommands = jails.filter((jail) => commandActions(jail).length > 0);
    const actors = new Map(withCommands.map((jail) => [jail.name, new Actor(jail, this.#actorParts())]));
    if (this.#options.once) return actors;
    for (const [name, actor] of actors) {
      actor.start();
      for (const [id, ban] of jailState(this.#state, name).bans) {
        if (ban.until === null || ban.until > this.#options.now())
          actor.ban(ticketOf(id, ban, { restored: true }));
      }
    }
    return actors;
  }

  #actorParts(): ActorParts {
    return {
      onTrouble: (level, text) => this.#say(level, 'fail2ban.actions', text),
      totals: (jail) => totalsOf(jailState(this.#state, jail)),
      env: busEnvironment(this.#options.env),
      print: this.#options.dryRun ? (text) => process.stdout.write(text) : null,
    };
  }

  /** Has the actions undo what they did and waits for them, within reason. */
  async #closeActors(): Promise<void> {
    if (!this.#options.once) for (const actor of this.#actors.values()) actor.stop();
    for (const actor of this.#actors.values()) await actor.idle(ACTIONS_MS);
  }

  #restore(): void {
    for (const name of this.#roster.jails.keys()) {
      for (const [id, ban] of jailState(this.#state, name).bans) {
        if (ban.until !== null && ban.until <= this.#options.now()) continue;
        this.#say('NOTICE', 'fail2ban.actions', `[${name}] Restore Ban ${id}`);
      }
    }
  }

  /** A failure goes on at once, or through the gate when somebody has to be asked first. */
  #take(working: WorkingJail, failure: FilterFailure): void {
    const { id, kind, matches, fields } = failure;
    const time = failure.time ?? this.#options.now();
    const isName = kind === 'dns';
    if (!Gate.concerns(working, isName)) {
      this.#judge(working, { id, time, lines: matches }, fields);
      return;
    }
    this.#gate.enter(working, { ticket: asked(working, { id, time, matches, fields }), isName });
  }

  /** Failures that an earlier run had read but not counted are asked about again. */
  #resumeWaiting(): void {
    for (const { jail, isName, ...failure } of this.#state.waiting) {
      const working = this.#roster.jails.get(jail);
      if (working !== undefined) this.#gate.enter(working, { ticket: asked(working, failure), isName });
    }
  }

  #judge(working: WorkingJail, candidate: Candidate, fields: ReadonlyMap<string, unknown>): void {
    const now = this.#options.now();
    takeFailure(
      {
        state: this.#state,
        log: this.#log,
        home: this.#home,
        neighbours: this.#neighbours,
        onBan: (jail, who, ban) => {
          ban.pending = this.#enforcer?.firstReason(jail.jail.name, who) ?? null;
          this.#enforcer?.add(jail.jail.name, who, ban.until);
          this.#actors.get(jail.jail.name)?.ban(ticketOf(who, ban, { fields }));
          this.#keeper?.changed('soon');
          this.#planExpiry(ban.until);
        },
        onReplaced: (jail, ids) => {
          for (const who of ids) {
            this.#enforcer?.remove(jail.jail.name, who);
            this.#actors.get(jail.jail.name)?.unban(ticketOf(who, null));
          }
        },
        onStillThere: () => this.#enforcer?.check(),
      },
      working,
      candidate,
      now,
    );
    this.#keeper?.changed('calm');
  }

  #obey(orders: readonly Order[]): void {
    for (const order of orders) {
      const { kind, jail, id } = order;
      this.#say('NOTICE', 'fail2ban.actions', `[${jail}] ${kind === 'ban' ? 'Ban' : 'Unban'} ${id}`);
      if (order.kind === 'ban') {
        this.#enforcer?.add(jail, id, order.ban.until);
        this.#actors.get(jail)?.ban(ticketOf(id, order.ban));
      } else {
        this.#enforcer?.remove(jail, id);
        this.#actors.get(jail)?.unban(ticketOf(id, null));
      }
    }
    this.#planExpiry();
  }

  #expire(): void {
    const expired = expireBans(this.#state, this.#options.now());
    for (const { jail, id, ban } of expired) {
      this.#say('NOTICE', 'fail2ban.actions', `[${jail}] Unban ${id}`);
      this.#enforcer?.remove(jail, id);
      this.#actors.get(jail)?.unban(ticketOf(id, ban));
    }
    if (expired.length > 0) this.#keeper?.changed('soon');
    this.#planExpiry();
  }

  /** Plans for the end of the next ban; `until` when only one ban is new, so that the others need not be asked. */
  #planExpiry(until?: number | null): void {
    const next = until === undefined ? nextExpiry(this.#state) : until;
    if (until !== undefined && (next ?? Number.POSITIVE_INFINITY) >= this.#expiryAt) return;
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#expiry = null;
    this.#expiryAt = next ?? Number.POSITIVE_INFINITY;
    if (next === null || this.#isClosed || this.#options.once) return;
    const inMs = Math.min(LONGEST_MS, Math.max(0, (next - this.#options.now()) * 1000 + 5));
    this.#expiry = setTimeout(() => this.#expire(), inMs);
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
    this.#expire();
  }

  #readIgnoreFiles(): void {
    for (const { path, count, trouble } of this.#roster.files.refresh()) {
      if (trouble === null)
        this.#say('INFO', 'fail2ban.filter', `ignoreip: read ${path} again, ${count} entries`);
      else
        this.#say('WARNING', 'fail2ban.filter', `ignoreip: ${trouble}: what it held before goes on to count`);
    }
  }

  /** Reads as long as there is something, in slices, so that timers and firewalls get their turns. */
  #pump(): void {
    if (this.#isPumping || this.#isClosed) return;
    this.#isPumping = true;
    const slice = (): void => {
      const end = performance.now() + SLICE_MS;
      let more = true;
      while (more && performance.now() < end) more = this.#reading?.step() ?? false;
      if (more && !this.#isClosed) {
        setImmediate(slice);
        return;
      }
      this.#isPumping = false;
      this.#keeper?.changed('calm');
      this.#onIdle?.();
    };
    slice();
  }

  async #idle(): Promise<void> {
    while (this.#isPumping) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
      this.#onIdle = null;
    }
  }

  #notePositions(): void {
    this.#state.waiting = this.#gate.waiting();
    if (this.#reading === null) return;
    this.#state.positions = this.#reading.positions();
    const earlier = this.#state.sources;
    const now = [...this.#reading.health()].map(
      ([name, health]) => [name, withEarlier(health, earlier.get(name))] as const,
    );
    this.#state.sources = new Map(now);
  }

  #watchState(): void {
    const { statePath } = this.#options;
    if (this.#keeper === null) return;
    try {
      const watcher = watch(dirname(statePath), (_, name) => {
        if (name === basename(statePath)) this.#keeper?.look();
      });
      watcher.on('error', () => watcher.close());
      watcher.unref();
    } catch {
      // Looking at intervals serves where the kernel has no watches left.
    }
    this.#timers.push(setInterval(() => this.#keeper?.look(), 1000));
  }

  #warnOfTime({ jail }: WorkingJail, source: string, warning: TimeWarning): void {
    if (warning.kind === 'old') return;
    const now = this.#options.now();
    const key = `${jail.name} ${source} ${warning.kind}`;
    if ((this.#warned.get(key) ?? 0) > now - DAY) return;
    this.#warned.set(key, now);
    this.#say('WARNING', 'fail2ban.filter', `[${jail.name}] ${source}: ${timeWarning(warning)}`);
  }

  #tellProblem(problem: Problem): void {
    const level = problem.severity === 'error' ? 'ERROR' : 'WARNING';
    this.#say(level, 'fail2ban.jail', formatProblem(problem));
    // A hint of two lines has a caret in the second, which must stay below what it points at.
    const lines = problem.hint?.split('\n') ?? [];
    for (const [i, line] of lines.entries())
      this.#say(level, 'fail2ban.jail', `${i === 0 ? 'hint:' : '     '} ${line}`);
  }

  #tellSaving(reason: string | null): void {
    if (reason === null) this.#say('NOTICE', 'fail2ban.server', 'the state can be saved again');
    else this.#say('ERROR', 'fail2ban.server', `the state cannot be saved, bans go on: ${reason}`);
  }

  #say(level: Level, channel: Parameters<Log['write']>[1], text: string): void {
    this.#log.write(level, channel, text);
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

/** Reads a configuration from a tree with the host's port names. */
export function loader(tree: () => Parameters<typeof loadConfig>[0], services: string): () => Config {
  return () => loadConfig(tree(), { services });
}

function timeWarning({ kind, seconds }: TimeWarning): string {
  if (kind === 'undated')
    return 'lines that match have no date; they are counted as of now (see datepattern)';
  const off = `${Math.abs(Math.round(seconds))} s in the ${seconds < 0 ? 'past' : 'future'}`;
  if (kind === 'latency') return `lines come ${off}; they are counted as of now`;
  return `lines come ${off}: is logtimezone right? They are counted as of now`;
}
