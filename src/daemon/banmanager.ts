import { ActionRunner, commandActions, type RunnerParts } from '../action/runner.ts';
import { ticketOf, totalsOf } from '../action/tags.ts';
import { bansBefore, type Failure, makeBan } from '../ban/ban.ts';
import { bansNamed, refusalOf } from '../ban/byhand.ts';
import { bannedId, countPlain, type FailureContext, handleFailure, protectedFor } from '../ban/failure.ts';
import type { RunningJail } from '../ban/jail.ts';
import { watchLogins } from '../ban/logins.ts';
import { noteEnd, type Room } from '../ban/maxbans.ts';
import { visible } from '../base/visible.ts';
import type { Jail } from '../config/jail.ts';
import { Enforcer, type EnforcerParts } from '../firewall/enforcer.ts';
import { busEnvironment, type FirewallPlan } from '../firewall/plan.ts';
import type { Urgency } from '../state/saver.ts';
import {
  addBan,
  type Ban,
  expireBans,
  jailState,
  liftBan,
  nextExpiry,
  type ObeyedOrder,
} from '../state/state.ts';
import type { Messages } from './messages.ts';

/** What the manager works with, and what it reports to. */
export type BanManagerParts = Omit<EnforcerParts, 'onChanged' | 'onTrouble'> & {
  readonly messages: Messages;
  /** Bans are made but not ended, since the process ends first; actions neither start nor stop. */
  readonly once: boolean;
  /** The state changed and has to be written. */
  changed(urgency: Urgency): void;
};

/** A failure with the captures of its failregex, for actions. */
export type FailureWithFields = Failure & { readonly fields: ReadonlyMap<string, unknown> };

/** How long a stop or a reload waits for the actions of one jail, in milliseconds. */
const ACTIONS_MS = 30_000;
/** Between two looks for bans that are over pass so many times as long as one takes. */
const REST = 20;
/** Longest delay that setTimeout takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** Counts failures and carries bans out: in the state, at the firewalls and by actions, until their time is up. */
export class BanManager {
  readonly #parts: BanManagerParts;
  readonly #context: FailureContext;
  #enforcer: Enforcer | null = null;
  #plan: FirewallPlan | null = null;
  /** By jail; only jails with actions that are commands of their own. */
  #runners = new Map<string, ActionRunner>();
  /** Jails of which it was said that they have no room for bans. */
  readonly #full = new Set<string>();
  #expiry: NodeJS.Timeout | undefined;
  /** When the planned expiry is due, epoch seconds. */
  #expiryAt = Number.POSITIVE_INFINITY;
  #restMs = 0;
  #isEnding = false;

  constructor(parts: BanManagerParts) {
    this.#parts = parts;
    this.#context = {
      state: parts.state,
      protection: watchLogins(),
      neighbours: new Map(),
      logBans: new Map(),
    };
  }

  /** Applies all bans in the state to these firewalls. */
  enforce(plan: FirewallPlan): void {
    const { state, run, env, dryRun, locked, saved, changed, messages, now } = this.#parts;
    this.#plan = plan;
    this.#enforcer = new Enforcer(plan, {
      ...{ state, run, env, dryRun, locked, saved, now },
      onChanged: () => changed('now'),
      onTrouble: messages.actions,
    });
  }

  /** Begins to keep these jails; the firewalls of another plan and earlier actions were closed, or are closed now. */
  async open(jails: readonly Jail[], plan: FirewallPlan): Promise<void> {
    this.#context.neighbours.clear();
    if (this.#plan !== plan) {
      await this.#enforcer?.close();
      this.enforce(plan);
    }
    this.#runners = this.#openRunners(jails);
  }

  /** Goes on looking whether others damage what stands in the firewalls, and ends bans in time. */
  watch(): void {
    this.#enforcer?.watch();
    this.#planExpiry();
  }

  /** Logs which bans of an earlier run go on. */
  logRestored(jails: Iterable<string>): void {
    for (const name of jails) {
      for (const id of this.#standing(name).keys()) this.#parts.messages.restored(name, id);
    }
  }

  /**
   * Counts a failure of which only the IPv4 address, an unsigned number, and the time are known. False, and nothing done: it is for
   * handleFailure().
   */
  countPlain(running: RunningJail, ip: number, time: number): boolean {
    const { state, messages } = this.#parts;
    if (!countPlain(state, running, ip, time)) return false;
    messages.foundIp4(running.jail.name, ip, time);
    return true;
  }

  /** Counts a failure, and bans when the count is reached. */
  handleFailure(running: RunningJail, failure: FailureWithFields): void {
    const { messages, changed, now } = this.#parts;
    const { name } = running.jail;
    const decision = handleFailure(this.#context, running, failure, now());
    if (decision.kind === 'ignored') messages.ignored(name, failure.id, decision.because);
    else messages.found(name, failure.id, failure.time);
    if (decision.kind === 'guarded') messages.guarded(name, decision.id, decision.because);
    if (decision.kind === 'already') {
      messages.alreadyBanned(name, decision.id);
      this.#enforcer?.check();
    }
    if (decision.kind === 'prolonged') this.#prolong(name, decision.id);
    if (decision.kind === 'full') this.#tellFull(running.jail, decision.id);
    if (decision.kind === 'ban') {
      const { id, ban } = decision;
      messages.ban(name, id);
      if (ban.count > 1 && running.limits.increment.enabled) messages.incremented(name, id, ban.count);
      this.#banNow(name, id, ban, failure.fields);
    }
    if ('room' in decision) this.#makeRoom(running.jail.name, decision.room, failure.fields);
    changed('calm');
  }

  /** Bans by hand for as long as the jail bans: whether it is a new ban, or why there is none. */
  banByHand(
    running: RunningJail,
    asked: string,
  ): { readonly isNew: boolean; readonly refusal: string | null } {
    const { state, messages, now } = this.#parts;
    const { jail, limits, ignore } = running;
    const protection = protectedFor(jail, this.#context.protection());
    const refusal = refusalOf({ jail, ignored: ignore }, protection, asked, false);
    if (refusal !== null) {
      const text = `${asked} is never banned: ${refusal.why}`;
      messages.refused(jail.name, text);
      return { isNew: false, refusal: text };
    }
    const id = bannedId(asked, jail.ipv6prefix, ignore, protection);
    const before = bansBefore(state, jail.name, id, limits);
    const ban = makeBan(limits, before, { now: now(), count: null, origin: 'hand' });
    const effect = addBan(state, jail.name, id, ban);
    if (effect === 'prolonged') this.#prolong(jail.name, id);
    if (effect !== 'new') return { isNew: false, refusal: null };
    messages.ban(jail.name, id);
    this.#banNow(jail.name, id, ban, new Map());
    return { isNew: true, refusal: null };
  }

  /** Lifts bans by hand, null = all of the jail; answers how many. */
  unbanByHand(jail: string, ids: readonly string[] | null, prefix: number): number {
    const { state, messages, changed } = this.#parts;
    const bans = state.jails.get(jail)?.bans ?? new Map<string, Ban>();
    let count = 0;
    for (const id of bansNamed(bans, ids, prefix)) {
      const ban = bans.get(id) ?? null;
      if (!liftBan(state, jail, id)) continue;
      messages.unban(jail, id);
      this.#lift(jail, id, ban);
      count += 1;
    }
    changed('soon');
    return count;
  }

  /** Carries out what commands ordered; it stands in the state already. */
  carryOutOrders(orders: readonly ObeyedOrder[]): void {
    const { messages } = this.#parts;
    for (const { order, effect } of orders) {
      const { jail, id, kind } = order;
      if (kind === 'past') continue;
      if (kind === 'unban') {
        messages.unban(jail, id);
        this.#enforcer?.repeat(jail, id, null);
        this.#runners.get(jail)?.unban(ticketOf(id, null));
      } else if (effect === 'new') {
        const restored = kind === 'restore';
        if (restored) messages.restored(jail, id);
        else messages.ban(jail, id);
        this.#enforcer?.repeat(jail, id, order.ban);
        this.#runners.get(jail)?.ban(ticketOf(id, order.ban, { restored }));
      } else this.#prolong(jail, id);
    }
    this.#planExpiry();
  }

  /** Ends the bans whose time is up. */
  expire(): void {
    const { state, messages, changed, now } = this.#parts;
    const beginMs = performance.now();
    const expired = expireBans(state, now());
    for (const { jail, id, ban } of expired) {
      messages.unban(jail, id);
      this.#lift(jail, id, ban);
      const known = this.#context.logBans.get(jail);
      if (known !== undefined) noteEnd(known, id, ban);
    }
    for (const name of this.#full) if (!this.#context.logBans.has(name)) this.#full.delete(name);
    if (expired.length > 0) changed('soon');
    const next = nextExpiry(state) ?? Number.POSITIVE_INFINITY;
    this.#restMs = REST * (performance.now() - beginMs);
    this.#expireAt(next);
  }

  /** The ends of all bans were moved, as the clock was set. */
  clockSet(): void {
    this.#planExpiry();
  }

  /** Plans for the end of the next ban. */
  #planExpiry(): void {
    this.#expireAt(nextExpiry(this.#parts.state) ?? Number.POSITIVE_INFINITY);
  }

  /** Resolves when no firewall has anything left to do. */
  async idle(): Promise<void> {
    await this.#enforcer?.idle();
  }

  /** From now on no ban is ended. */
  stopExpiry(): void {
    this.#isEnding = true;
    clearTimeout(this.#expiry);
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

  /** Carries out a ban that was just decided. */
  #banNow(jail: string, id: string, ban: Ban, fields: ReadonlyMap<string, unknown>): void {
    ban.pending = this.#enforcer?.firstReason(jail, id) ?? null;
    this.#apply(jail, id, ban, fields);
    // At once, as the firewall waits for it: who kills the daemon when the ban is seen has no line read twice.
    this.#parts.changed('now');
    if (ban.until !== null && ban.until < this.#expiryAt) this.#expireAt(ban.until);
  }

  /** Carries out what made room for a ban. */
  #makeRoom(name: string, { rolledUp }: Room, fields: ReadonlyMap<string, unknown>): void {
    for (const { network, ban, hosts } of rolledUp) {
      this.#parts.messages.ban(name, network);
      this.#parts.messages.rolledUp(name, network, hosts.length);
      this.#banNow(name, network, ban, fields);
      for (const host of hosts) this.#lift(name, host, null);
    }
  }

  /** Says once that a jail has as many bans as it may; again after most of them are over. */
  #tellFull({ name, maxbans }: Jail, id: string): void {
    if (this.#full.has(name)) return;
    this.#full.add(name);
    this.#parts.messages.full(name, id, maxbans);
  }

  /** Gives a ban that stands the end that it has in the state by now. */
  #prolong(jail: string, id: string): void {
    const ban = this.#parts.state.jails.get(jail)?.bans.get(id);
    if (ban === undefined) return;
    this.#parts.messages.prolonged(jail, id, ban.until);
    this.#enforcer?.repeat(jail, id, ban);
    this.#parts.changed('soon');
  }

  #apply(jail: string, id: string, ban: Ban, fields: ReadonlyMap<string, unknown> = new Map()): void {
    this.#enforcer?.add(jail, id, ban.until);
    this.#runners.get(jail)?.ban(ticketOf(id, ban, { fields }));
  }

  #lift(jail: string, id: string, ban: Ban | null): void {
    this.#enforcer?.remove(jail, id);
    this.#runners.get(jail)?.unban(ticketOf(id, ban));
  }

  #expireAt(time: number): void {
    clearTimeout(this.#expiry);
    this.#expiryAt = time;
    if (time === Number.POSITIVE_INFINITY || this.#isEnding || this.#parts.once) return;
    const inMs = Math.min(LONGEST_MS, Math.max(this.#restMs, (time - this.#parts.now()) * 1000 + 5));
    this.#expiry = setTimeout(() => this.expire(), inMs);
  }

  #openRunners(jails: readonly Jail[]): Map<string, ActionRunner> {
    const withCommands = jails.filter((jail) => commandActions(jail).length > 0);
    const runners = new Map(
      withCommands.map((jail) => [jail.name, new ActionRunner(jail, this.#runnerParts())]),
    );
    if (this.#parts.once) return runners;
    for (const [name, runner] of runners) {
      runner.start();
      for (const [id, ban] of this.#standing(name)) runner.ban(ticketOf(id, ban, { restored: true }));
    }
    return runners;
  }

  #runnerParts(): RunnerParts {
    const { state, env, dryRun, messages } = this.#parts;
    return {
      onTrouble: messages.actions,
      totals: (jail) => totalsOf(jailState(state, jail)),
      env: busEnvironment(env),
      print: dryRun ? (text) => process.stdout.write(visible(text)) : null,
    };
  }

  /** The bans of a jail whose time is not up. */
  #standing(jail: string): ReadonlyMap<string, Ban> {
    const { state, now } = this.#parts;
    const bans = [...jailState(state, jail).bans];
    return new Map(bans.filter(([, { until }]) => until === null || until > now()));
  }
}
