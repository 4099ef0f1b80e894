/**
 * Keeps the bans of the state standing in all firewalls while the daemon runs: queues, retries, repairs.
 * A ban's `pending` in the state is null once the kernel confirmed it, else the reason. Bans outlive close().
 *
 *     const enforcer = new Enforcer(plan, { state, run, env, dryRun: false, locked, onChanged, onTrouble, now });
 *     enforcer.add('sshd', '192.0.2.7', until);
 *     await enforcer.close();
 */

import type { Level } from '../base/log.ts';
import { type Following, follow, wasStartedHere } from '../base/process.ts';
import { noteRepair, type State } from '../state/state.ts';
import type { FirewallKind, Watched } from './backend.ts';
import { ConnectionCutter } from './connections.ts';
import { simulated } from './dryrun.ts';
import { type Author, monitorReader } from './nftables/monitor.ts';
import {
  busEnvironment,
  type FirewallPlan,
  isEnforceable,
  jailOfRule,
  unusedFirewalls,
  wantedEntries,
} from './plan.ts';
import { FirewallQueue, WAITING } from './queue.ts';
import { type Enforcement, flush, type RunProgram } from './reconcile.ts';

/** What the enforcer works with, and what it tells. */
export type EnforcerParts = {
  readonly state: State;
  readonly run: RunProgram;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The firewalls exist in memory only: their commands are printed by `run`. */
  readonly dryRun: boolean;
  /** Runs the work under the lock of the state; false when the lock could not be had. */
  locked(work: () => Promise<void>): Promise<boolean>;
  /** Resolves when the state as it is now is in its file, within reason. */
  saved(): Promise<void>;
  /** Some ban's `pending` changed. */
  onChanged(): void;
  /** Something to be logged: a ban that does not stand, damage that was repaired. */
  onTrouble(level: Level, text: string): void;
  /** Epoch seconds. */
  now(): number;
};

/** A firewall that tells of no changes is looked at this often, in milliseconds. */
const CHECK_MS = 4000;
/** One that tells of them, in case an event was lost: after so many such times. */
const WATCHED_CHECKS = 15;
/** Everything is compared this often, for what neither events nor looks show, in milliseconds. */
const COMPARE_MS = 300_000;
/** How long an end waits for connections to be ended, in milliseconds. */
const CUT_MS = 3000;

/** Makes the bans of the state stand in the firewalls of a plan, and keeps them standing. */
export class Enforcer {
  readonly #plan: FirewallPlan;
  readonly #parts: EnforcerParts;
  readonly #queues = new Map<FirewallKind, FirewallQueue>();
  readonly #cutters: ConnectionCutter[] = [];
  readonly #following: Following[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #clearing: Promise<void>;

  constructor(plan: FirewallPlan, parts: EnforcerParts) {
    this.#plan = plan;
    this.#parts = parts;
    for (const [jail, trouble] of plan.troubles) parts.onTrouble('ERROR', `[${jail}] ${trouble}`);
    for (const one of plan.notes) parts.onTrouble('INFO', one);
    for (const { firewall, rules } of plan.sections) {
      const used = parts.dryRun ? simulated(firewall) : firewall;
      const cutter = new ConnectionCutter({
        ...{ rules, run: parts.run },
        isWanted: ({ jail, address }) => parts.state.jails.get(jailOfRule(jail))?.bans.has(address) ?? false,
      });
      this.#cutters.push(cutter);
      const queue: FirewallQueue = new FirewallQueue(
        { firewall: used, rules, run: parts.run, cutter },
        {
          wanted: () => wantedEntries(parts.state, plan, firewall.kind),
          locked: (work) => parts.locked(work),
          saved: () => parts.saved(),
          onResult: (result) => this.#writePending(result),
          onDamage: (what, isRepaired) => {
            if (isRepaired) noteRepair(parts.state, firewall.kind, parts.now());
            this.#tell('WARNING', firewall.kind, what);
            parts.onChanged();
          },
          onAbsent: (what) => this.#tell('WARNING', firewall.kind, what),
          onCleared: (jails) => this.#tellCleared(firewall.kind, jails),
          now: () => parts.now(),
        },
      );
      this.#queues.set(firewall.kind, queue);
      queue.compare();
    }
    this.#clearing = parts.dryRun ? Promise.resolve() : this.#clearUnused();
  }

  /** Goes on looking whether others damage what stands. */
  watch(): void {
    this.#timers.push(setInterval(() => this.#compare(), COMPARE_MS));
    const env = busEnvironment(this.#parts.env);
    for (const queue of this.#queues.values()) {
      const watched = queue.job.firewall.watch();
      const following = watched === null ? null : this.#follow(queue, watched, env);
      let looks = 0;
      const look = (): void => {
        const isTold = watched?.isWhole === true && following?.isAlive === true;
        looks = isTold ? looks + 1 : 0;
        // The first look is for what happened before the program was ready.
        if (looks % WATCHED_CHECKS <= 1) void queue.check();
      };
      this.#timers.push(setInterval(look, CHECK_MS));
    }
  }

  #follow(queue: FirewallQueue, watched: Watched, env: Readonly<Record<string, string>>): Following {
    const read = monitorReader(watched.concerns);
    const onLine = (line: string): void => {
      const author = read(line);
      if (author === null || (author.pid !== null && wasStartedHere(author.pid))) return;
      queue.noticed(mayBeEcho(author));
    };
    const following = follow(watched.command, onLine, { env });
    this.#following.push(following);
    return following;
  }

  /** Why a ban that was just decided does not stand yet; null where no firewall is to block it. */
  firstReason(jail: string, id: string): string | null {
    if (!isEnforceable(id)) return null;
    const isBlocked = (this.#plan.rulesByJail.get(jail) ?? []).length > 0;
    return this.#plan.troubles.get(jail) ?? (isBlocked ? WAITING : null);
  }

  /** Bans behind every rule of the jail; an id that is no address needs no firewall. */
  add(jail: string, id: string, until: number | null): void {
    this.#each(jail, id, (queue, rule) => queue.add({ jail: rule, address: id, until }));
  }

  /** Lifts the ban behind every rule of the jail. */
  remove(jail: string, id: string): void {
    this.#each(jail, id, (queue, rule) => queue.remove({ jail: rule, address: id, until: null }));
  }

  /** Looks whether our rules or sets are damaged, and repairs them. */
  check(): void {
    for (const queue of this.#queues.values()) void queue.check();
  }

  /** A command banned the id, or unbanned it, in state and firewall. */
  repeat(jail: string, id: string, ban: { readonly until: number | null } | null): void {
    const until = ban?.until ?? null;
    this.#each(jail, id, (queue, rule) => queue.repeat({ jail: rule, address: id, until }, ban !== null));
  }

  /** Resolves when nothing is queued or running. */
  async idle(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.idle();
    for (const cutter of this.#cutters) await cutter.idle(CUT_MS);
  }

  /** Finishes what is queued and stops; bans stay in the kernel. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    for (const one of this.#following) one.stop();
    for (const queue of this.#queues.values()) await queue.close();
    await this.#clearing;
    for (const cutter of this.#cutters) cutter.stop();
  }

  /** After close(): removes everything of ours from the firewalls; the state keeps its bans. */
  async lift(): Promise<void> {
    await this.#parts.locked(async () => {
      for (const { job } of this.#queues.values()) {
        const { trouble } = await flush(job, this.#parts.now());
        for (const one of trouble) this.#parts.onTrouble('ERROR', `bans cannot be lifted: ${one}`);
      }
    });
  }

  /** What an earlier configuration left in firewalls that are used no more goes after the bans stand in those that are. */
  async #clearUnused(): Promise<void> {
    for (const queue of this.#queues.values()) await queue.idle();
    const { run, locked, now } = this.#parts;
    for (const firewall of await unusedFirewalls(this.#plan, run)) {
      await locked(async () => {
        const { repaired, trouble } = await flush({ firewall, rules: [], run }, now());
        const { strays } = repaired;
        if (trouble.length === 0) this.#tellCleared(firewall.kind, strays);
        else if (strays.length > 0)
          this.#tell(
            'ERROR',
            firewall.kind,
            `cannot be cleared of ${strays.join(', ')}: ${trouble.join('; ')}`,
          );
        else this.#tell('INFO', firewall.kind, `not looked at for leftovers: ${trouble.join('; ')}`);
      });
    }
  }

  #tellCleared(kind: FirewallKind, jails: readonly string[]): void {
    if (jails.length > 0)
      this.#tell('NOTICE', kind, `removed what an earlier configuration left: ${jails.join(', ')}`);
  }

  #tell(level: Level, kind: FirewallKind, text: string): void {
    this.#parts.onTrouble(level, `${kind}: ${text}`);
  }

  #compare(): void {
    for (const queue of this.#queues.values()) queue.compare();
  }

  #each(jail: string, id: string, work: (queue: FirewallQueue, rule: string) => void): void {
    if (!isEnforceable(id)) return;
    for (const { kind, rule } of this.#plan.rulesByJail.get(jail) ?? []) {
      const queue = this.#queues.get(kind);
      if (queue !== undefined) work(queue, rule);
    }
  }

  /** Writes into the bans that were handed over why they do not stand yet, or that they do. */
  #writePending(result: Enforcement): void {
    let changed = false;
    for (const { jail: rule, address } of [...result.enforced, ...result.pending.map(({ entry }) => entry)]) {
      const jail = jailOfRule(rule);
      const ban = this.#parts.state.jails.get(jail)?.bans.get(address);
      if (ban === undefined) continue;
      let pending: string | null = null;
      this.#each(jail, address, (queue, own) => {
        pending ??= queue.reason(own, address);
      });
      if (ban.pending === pending) continue;
      // What the firewall has no place for is told once, and not for each address.
      if (pending !== null && pending !== WAITING && !result.absent.includes(pending))
        this.#parts.onTrouble('ERROR', `[${jail}] ${address} is not banned yet: ${pending}`);
      ban.pending = pending;
      changed = true;
    }
    if (changed) this.#parts.onChanged();
  }
}

/** An author that is not named may be us. */
function mayBeEcho({ name }: Author): boolean {
  return name === null;
}
