import { ActionRunner, commandActions, type RunnerParts } from '../action/runner.ts';
import { ticketOf, totalsOf } from '../action/tags.ts';
import { type Candidate, countAddress, handleFailure } from '../ban/failure.ts';
import type { RunningJail } from '../ban/jail.ts';
import { watchLogins } from '../ban/logins.ts';
import type { Neighbours } from '../ban/rollup.ts';
import type { Level, Log } from '../base/log.ts';
import type { Jail } from '../config/jail.ts';
import { Enforcer } from '../firewall/enforcer.ts';
import { busEnvironment, type FirewallPlan } from '../firewall/plan.ts';
import type { RunProgram } from '../firewall/reconcile.ts';
import type { Urgency } from '../state/saver.ts';
import {
  type Ban,
  type CommandOrder,
  expireBans,
  jailState,
  nextExpiry,
  type State,
} from '../state/state.ts';

/** What the warden works with, and whom it tells. */
export type BanManagerParts = {
  readonly state: State;
  readonly log: Log;
  readonly run: RunProgram;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The commands of firewalls and actions are printed in place of being executed. */
  readonly dryRun: boolean;
  /** Bans are made, but nobody stays to end them, and actions neither start nor stop. */
  readonly once: boolean;
  /** Runs the work while nobody else changes state or firewall; false when the lock could not be had. */
  locked(work: () => Promise<void>): Promise<boolean>;
  /** The state changed and has to be written. */
  changed(haste: Urgency): void;
  /** Epoch seconds. */
  now(): number;
};

/** How long a stop or a reload waits for the actions of one jail, in milliseconds. */
const ACTIONS_MS = 30_000;
/** Longest delay that setTimeout takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** Counts failures and carries bans out: in the state, at the firewalls and by actions, until their time is up. */
export class BanManager {
  readonly #parts: BanManagerParts;
  #enforcer: Enforcer | null = null;
  #plan: FirewallPlan | null = null;
  /** By jail; only jails with actions that are commands of their own. */
  #runners = new Map<string, ActionRunner>();
  readonly #protection = watchLogins();
  readonly #neighbours = new Map<string, Neighbours>();
  #expiry: NodeJS.Timeout | null = null;
  /** When the planned expiry is due, epoch seconds. */
  #expiryAt = Number.POSITIVE_INFINITY;
  #isEnding = false;

  constructor(parts: BanManagerParts) {
    this.#parts = parts;
  }

  /** Makes the bans of the state stand behind this wall. */
  enforce(plan: FirewallPlan): void {
    const { state, run, env, dryRun } = this.#parts;
    this.#plan = plan;
    this.#enforcer = new Enforcer(plan, {
      ...{ state, run, env, dryRun },
      locked: (work) => this.#parts.locked(work),
      onChanged: () => this.#parts.changed('now'),
      onTrouble: (level, text) => this.#say(level, text),
      now: () => this.#parts.now(),
    });
  }

  /** Begins to keep these jails; what stood behind other walls and actions before was closed, or is closed now. */
  async open(jails: readonly Jail[], plan: FirewallPlan): Promise<void> {
    this.#neighbours.clear();
    if (this.#plan !== plan) {
      await this.#enforcer?.close();
      this.enforce(plan);
    }
    this.#runners = this.#openRunners(jails);
  }

  /** Goes on looking whether others damage what stands in the firewalls. */
  watch(): void {
    this.#enforcer?.watch();
  }

  /** Says which bans of an earlier run go on. */
  restore(jails: Iterable<string>): void {
    for (const name of jails) {
      for (const [id, ban] of jailState(this.#parts.state, name).bans)
        if (this.#isRunning(ban)) this.#say('NOTICE', `[${name}] Restore Ban ${id}`);
    }
  }

  /** Counts a failure, and bans when the count is reached. */
  handleFailure(working: RunningJail, candidate: Candidate, fields: ReadonlyMap<string, unknown>): void {
    const { state, log } = this.#parts;
    handleFailure(
      {
        state,
        log,
        protection: this.#protection,
        neighbours: this.#neighbours,
        onBan: ({ jail }, who, ban) => {
          ban.pending = this.#enforcer?.firstReason(jail.name, who) ?? null;
          this.#enforcer?.add(jail.name, who, ban.until);
          this.#runners.get(jail.name)?.ban(ticketOf(who, ban, { fields }));
          this.#parts.changed('soon');
          this.planExpiry(ban.until);
        },
        onReplaced: ({ jail }, ids) => {
          for (const who of ids) this.#lift(jail.name, who, null);
        },
        onStillThere: () => this.#enforcer?.check(),
      },
      working,
      candidate,
      this.#parts.now(),
    );
    this.#parts.changed('calm');
  }

  /** Counts a failure of which only the IPv4 address and the time are known; false: it is for judge(). */
  count(working: RunningJail, ip: number, time: number): boolean {
    return countAddress(this.#parts, working, ip, time);
  }

  /** Carries out what commands ordered; it stands in the state already. */
  applyOrders(orders: readonly CommandOrder[]): void {
    for (const order of orders) {
      const { kind, jail, id } = order;
      this.#say('NOTICE', `[${jail}] ${kind === 'ban' ? 'Ban' : 'Unban'} ${id}`);
      if (order.kind === 'unban') this.#lift(jail, id, null);
      else {
        this.#enforcer?.add(jail, id, order.ban.until);
        this.#runners.get(jail)?.ban(ticketOf(id, order.ban));
      }
    }
    this.planExpiry();
  }

  /** Ends the bans whose time is up. */
  expire(): void {
    const expired = expireBans(this.#parts.state, this.#parts.now());
    for (const { jail, id, ban } of expired) {
      this.#say('NOTICE', `[${jail}] Unban ${id}`);
      this.#lift(jail, id, ban);
    }
    if (expired.length > 0) this.#parts.changed('soon');
    this.planExpiry();
  }

  /** Plans for the end of the next ban; `until` when only one ban is new, so that the others need not be asked. */
  planExpiry(until?: number | null): void {
    const next = until === undefined ? nextExpiry(this.#parts.state) : until;
    if (until !== undefined && (next ?? Number.POSITIVE_INFINITY) >= this.#expiryAt) return;
    if (this.#expiry !== null) clearTimeout(this.#expiry);
    this.#expiry = null;
    this.#expiryAt = next ?? Number.POSITIVE_INFINITY;
    if (next === null || this.#isEnding || this.#parts.once) return;
    const inMs = Math.min(LONGEST_MS, Math.max(0, (next - this.#parts.now()) * 1000 + 5));
    this.#expiry = setTimeout(() => this.expire(), inMs);
  }

  /** Resolves when no firewall has anything left to do. */
  async idle(): Promise<void> {
    await this.#enforcer?.idle();
  }

  /** From now on no ban is ended. */
  stopExpiry(): void {
    this.#isEnding = true;
    if (this.#expiry !== null) clearTimeout(this.#expiry);
  }

  /**
   * Finishes what is under way at firewalls and actions; bans stay in the kernel unless they are to be lifted. Actions undo
   * what they did, and are waited for within reason.
   */
  async close(isLifting: boolean): Promise<void> {
    await this.#enforcer?.close();
    if (isLifting) await this.#enforcer?.lift();
    if (!this.#parts.once) for (const runner of this.#runners.values()) runner.stop();
    for (const runner of this.#runners.values()) await runner.idle(ACTIONS_MS);
  }

  #lift(jail: string, id: string, ban: Ban | null): void {
    this.#enforcer?.remove(jail, id);
    this.#runners.get(jail)?.unban(ticketOf(id, ban));
  }

  #openRunners(jails: readonly Jail[]): Map<string, ActionRunner> {
    const withCommands = jails.filter((jail) => commandActions(jail).length > 0);
    const runners = new Map(
      withCommands.map((jail) => [jail.name, new ActionRunner(jail, this.#runnerParts())]),
    );
    if (this.#parts.once) return runners;
    for (const [name, runner] of runners) {
      runner.start();
      for (const [id, ban] of jailState(this.#parts.state, name).bans)
        if (this.#isRunning(ban)) runner.ban(ticketOf(id, ban, { restored: true }));
    }
    return runners;
  }

  #runnerParts(): RunnerParts {
    const { state, env, dryRun } = this.#parts;
    return {
      onTrouble: (level, text) => this.#say(level, text),
      totals: (jail) => totalsOf(jailState(state, jail)),
      env: busEnvironment(env),
      print: dryRun ? (text) => process.stdout.write(text) : null,
    };
  }

  #isRunning({ until }: Ban): boolean {
    return until === null || until > this.#parts.now();
  }

  #say(level: Level, text: string): void {
    this.#parts.log.write(level, 'fail2ban.actions', text);
  }
}
