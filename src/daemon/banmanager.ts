import { Actor, type ActorParts, commandActions } from '../action/runner.ts';
import { ticketOf, totalsOf } from '../action/tags.ts';
import { type Candidate, countAddress, takeFailure } from '../ban/failure.ts';
import type { WorkingJail } from '../ban/jail.ts';
import { openHome } from '../ban/logins.ts';
import type { Neighbours } from '../ban/rollup.ts';
import type { Level, Log } from '../base/log.ts';
import type { Jail } from '../config/jail.ts';
import { Enforcer } from '../firewall/enforcer.ts';
import { busEnvironment, type Wall } from '../firewall/plan.ts';
import type { Run } from '../firewall/reconcile.ts';
import type { Haste } from '../state/saver.ts';
import { type Ban, expireBans, jailState, nextExpiry, type Order, type State } from '../state/state.ts';

/** What the warden works with, and whom it tells. */
export type WardenParts = {
  readonly state: State;
  readonly log: Log;
  readonly run: Run;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The commands of firewalls and actions are printed in place of being executed. */
  readonly dryRun: boolean;
  /** Bans are made, but nobody stays to end them, and actions neither start nor stop. */
  readonly once: boolean;
  /** Runs the work while nobody else changes state or firewall; false when the lock could not be had. */
  locked(work: () => Promise<void>): Promise<boolean>;
  /** The state changed and has to be written. */
  changed(haste: Haste): void;
  /** Epoch seconds. */
  now(): number;
};

/** How long a stop or a reload waits for the actions of one jail, in milliseconds. */
const ACTIONS_MS = 30_000;
/** Longest delay that setTimeout takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** Counts failures and carries bans out: in the state, at the firewalls and by actions, until their time is up. */
export class Warden {
  readonly #parts: WardenParts;
  #enforcer: Enforcer | null = null;
  #wall: Wall | null = null;
  /** By jail; only jails with actions that are commands of their own. */
  #actors = new Map<string, Actor>();
  readonly #home = openHome();
  readonly #neighbours = new Map<string, Neighbours>();
  #expiry: NodeJS.Timeout | null = null;
  /** When the planned expiry is due, epoch seconds. */
  #expiryAt = Number.POSITIVE_INFINITY;
  #isEnding = false;

  constructor(parts: WardenParts) {
    this.#parts = parts;
  }

  /** Makes the bans of the state stand behind this wall. */
  enforce(wall: Wall): void {
    const { state, run, env, dryRun } = this.#parts;
    this.#wall = wall;
    this.#enforcer = new Enforcer(wall, {
      ...{ state, run, env, dryRun },
      locked: (work) => this.#parts.locked(work),
      onChanged: () => this.#parts.changed('now'),
      onTrouble: (level, text) => this.#say(level, text),
      now: () => this.#parts.now(),
    });
  }

  /** Begins to keep these jails; what stood behind other walls and actions before was closed, or is closed now. */
  async open(jails: readonly Jail[], wall: Wall): Promise<void> {
    this.#neighbours.clear();
    if (this.#wall !== wall) {
      await this.#enforcer?.close();
      this.enforce(wall);
    }
    this.#actors = this.#openActors(jails);
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
  judge(working: WorkingJail, candidate: Candidate, fields: ReadonlyMap<string, unknown>): void {
    const { state, log } = this.#parts;
    takeFailure(
      {
        state,
        log,
        home: this.#home,
        neighbours: this.#neighbours,
        onBan: ({ jail }, who, ban) => {
          ban.pending = this.#enforcer?.firstReason(jail.name, who) ?? null;
          this.#enforcer?.add(jail.name, who, ban.until);
          this.#actors.get(jail.name)?.ban(ticketOf(who, ban, { fields }));
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
  count(working: WorkingJail, ip: number, time: number): boolean {
    return countAddress(this.#parts, working, ip, time);
  }

  /** Carries out what commands ordered; it stands in the state already. */
  obey(orders: readonly Order[]): void {
    for (const order of orders) {
      const { kind, jail, id } = order;
      this.#say('NOTICE', `[${jail}] ${kind === 'ban' ? 'Ban' : 'Unban'} ${id}`);
      if (order.kind === 'unban') this.#lift(jail, id, null);
      else {
        this.#enforcer?.add(jail, id, order.ban.until);
        this.#actors.get(jail)?.ban(ticketOf(id, order.ban));
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
  rest(): void {
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
    if (!this.#parts.once) for (const actor of this.#actors.values()) actor.stop();
    for (const actor of this.#actors.values()) await actor.idle(ACTIONS_MS);
  }

  #lift(jail: string, id: string, ban: Ban | null): void {
    this.#enforcer?.remove(jail, id);
    this.#actors.get(jail)?.unban(ticketOf(id, ban));
  }

  #openActors(jails: readonly Jail[]): Map<string, Actor> {
    const withCommands = jails.filter((jail) => commandActions(jail).length > 0);
    const actors = new Map(withCommands.map((jail) => [jail.name, new Actor(jail, this.#actorParts())]));
    if (this.#parts.once) return actors;
    for (const [name, actor] of actors) {
      actor.start();
      for (const [id, ban] of jailState(this.#parts.state, name).bans)
        if (this.#isRunning(ban)) actor.ban(ticketOf(id, ban, { restored: true }));
    }
    return actors;
  }

  #actorParts(): ActorParts {
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
