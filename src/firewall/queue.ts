import { isFull } from './apply.ts';
import type { BanEntry } from './backend.ts';
import { type Enforcement, enforceNow, type FirewallJob, findDamage, reconcile } from './reconcile.ts';

/** A reconcile that left something undone is repeated after this long, then after twice as long, ... */
const FIRST_RETRY_MS = 1000;
const LONGEST_RETRY_MS = 60_000;
/** The firewall's news of our own changes come within this time. */
const ECHO_MS = 300;
/** Changes of others that come together lead to one comparison. */
const SETTLE_MS = 20;
/** After a comparison that others caused, the next one waits this many times as long as it took, up to a limit. */
const REST = 10;
const LONGEST_REST_MS = 5000;
/** The same for cheap looks, so that each of the regular ones is taken. */
const LONGEST_CHECK_REST_MS = 1000;

/** Why a ban does not stand of which the firewall has said nothing yet. */
export const WAITING = 'not yet handed to the firewall';

/** What the queue asks of the daemon and tells it. */
type QueueEvents = {
  /** Every ban that should stand in this firewall now. */
  wanted(): readonly BanEntry[];
  /** Runs the work under the lock of the state; false when the lock could not be had. */
  locked(work: () => Promise<void>): Promise<boolean>;
  /** Resolves when what was decided is in the state's file, within reason. */
  saved(): Promise<void>;
  /** Some bans stand now, or do not; reason() has the details. */
  onResult(result: Enforcement): void;
  /** Others damaged our rules or sets; said once it was repaired, or could not be. */
  onDamage(what: string, isRepaired: boolean): void;
  /** The firewall has no place for something, and why; each reason is said once. */
  onAbsent(what: string): void;
  /** What an earlier configuration left of these jails was removed. */
  onCleared(jails: readonly string[]): void;
  /** Epoch seconds. */
  now(): number;
};

/**
 * One firewall under the daemon's care: bans and unbans are queued and travel together, one job at a time;
 * what failed is tried again with growing pauses, and damage that others did is repaired.
 */
export class FirewallQueue {
  readonly job: FirewallJob;
  readonly #events: QueueEvents;
  #add = new Map<string, BanEntry>();
  #remove = new Map<string, BanEntry>();
  /** Entries that were handed over and of which the firewall has said nothing yet. */
  readonly #waiting = new Set<string>();
  /** Why each entry that should stand does not, by `jail address`. */
  readonly #pending = new Map<string, string>();
  #isWhole = false;
  /** The rules stood once: what is missing after that was taken by others. */
  #hasStood = false;
  #isHealing = false;
  /** The last trouble told while healing. */
  #said: string | null = null;
  /** The absences that were told. */
  readonly #absent = new Set<string>();
  #running: Promise<void> | null = null;
  #retryMs = FIRST_RETRY_MS;
  #retry: NodeJS.Timeout | null = null;
  #isClosed = false;
  #endedMs = 0;
  #noticed: NodeJS.Timeout | null = null;
  /** Of what was noticed something was surely done by others. */
  #isForeign = false;
  /** Until then what others do is not compared again, so that a busy firewall does not make us busy as well. */
  #restedMs = 0;
  /** No cheap look before; infinite while one is under way. */
  #nextCheckMs = 0;

  constructor(job: FirewallJob, events: QueueEvents) {
    this.job = job;
    this.#events = events;
  }

  /** Why the ban does not stand; null when the kernel confirmed it. */
  reason(jail: string, address: string): string | null {
    const key = `${jail} ${address}`;
    return this.#pending.get(key) ?? (this.#waiting.has(key) ? WAITING : null);
  }

  /** Queues a ban. */
  add(entry: BanEntry): void {
    const key = `${entry.jail} ${entry.address}`;
    this.#remove.delete(key);
    this.#add.set(key, entry);
    this.#waiting.add(key);
    this.#kick();
  }

  /** Queues an unban. */
  remove(entry: BanEntry): void {
    const key = `${entry.jail} ${entry.address}`;
    this.#add.delete(key);
    this.#waiting.delete(key);
    this.#pending.delete(key);
    this.#remove.set(key, entry);
    this.#kick();
  }

  /**
   * A command banned or unbanned it in state and firewall. To do so twice does harm where an exit code proves nothing, as a
   * rule can stand twice there: everything is compared instead.
   */
  repeat(entry: BanEntry, isBan: boolean): void {
    if (!this.job.firewall.exitProves) this.#isWhole = false;
    if (isBan) this.add(entry);
    else this.remove(entry);
  }

  /** Compares everything with the kernel and mends the difference. */
  compare(): void {
    this.#isWhole = false;
    this.#kick();
  }

  /**
   * The firewall was changed: everything is compared soon. What may be the echo of our own change, as it comes while
   * we are at work or just after it, is only looked at cheaply.
   */
  noticed(mayBeEcho: boolean): void {
    if (this.#isClosed) return;
    const isNear = this.#running !== null || performance.now() - this.#endedMs < ECHO_MS;
    if (!(mayBeEcho && isNear)) this.#isForeign = true;
    // A reload of firewalld goes on for some time: half of it would look like damage.
    const inMs = mayBeEcho ? ECHO_MS : Math.max(SETTLE_MS, this.#restedMs - performance.now());
    this.#noticed ??= setTimeout(() => void this.#lookAfter(), inMs);
  }

  /** Looks cheaply whether our rules or sets are damaged, and repairs them. */
  async check(): Promise<void> {
    if (this.#running !== null || this.#isClosed || !this.#isWhole || !this.#hasStood) return;
    // A flood of failures of banned ids asks for it all the time.
    const beginMs = performance.now();
    if (beginMs < this.#nextCheckMs) return;
    this.#nextCheckMs = Number.POSITIVE_INFINITY;
    let counts: ReadonlyMap<string, number> | null = null;
    const probe = await findDamage(this.job, {
      get: (jail) => {
        counts ??= this.#wantedCounts();
        return counts.get(jail);
      },
    });
    const endMs = performance.now();
    this.#nextCheckMs = endMs + Math.min(LONGEST_CHECK_REST_MS, REST * (endMs - beginMs));
    const isDamaged = typeof probe === 'string' || probe.damaged.size > 0;
    if (!isDamaged || this.#running !== null || this.#isClosed) return;
    this.#isHealing = true;
    this.compare();
    await this.#running;
  }

  #wantedCounts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { jail, address } of this.#events.wanted()) {
      // What found no place, as in a full set, was not taken by others.
      if (!this.#pending.has(`${jail} ${address}`)) counts.set(jail, (counts.get(jail) ?? 0) + 1);
    }
    return counts;
  }

  /** Resolves when nothing is queued or running; retries to come are not waited for. */
  async idle(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Finishes what is queued and stops; bans stay in the kernel. */
  async close(): Promise<void> {
    await this.idle();
    this.#isClosed = true;
    if (this.#noticed !== null) clearTimeout(this.#noticed);
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  async #lookAfter(): Promise<void> {
    await this.idle();
    this.#noticed = null;
    if (!this.#isForeign) return this.check();
    this.#isForeign = false;
    if (this.#isClosed || !this.#isWhole) return;
    this.#isHealing = this.#hasStood;
    const beginMs = performance.now();
    this.compare();
    await this.idle();
    const endMs = performance.now();
    this.#restedMs = endMs + Math.min(LONGEST_REST_MS, (endMs - beginMs) * REST);
  }

  #kick(): void {
    if (this.#running !== null || this.#isClosed) return;
    this.#running = this.#work().finally(() => {
      this.#running = null;
      this.#endedMs = performance.now();
      if (this.#add.size > 0 || this.#remove.size > 0 || !this.#isWhole) this.#kick();
    });
  }

  async #work(): Promise<void> {
    // What is decided in the same turn of the loop travels together.
    await new Promise((resolve) => setImmediate(resolve));
    do {
      if (this.#isWhole) await this.#send();
      else await this.#reconcile();
    } while (this.#isWhole && (this.#add.size > 0 || this.#remove.size > 0));
  }

  async #send(): Promise<void> {
    const { add, remove } = this.#takeQueued();
    await this.#events.saved();
    let [handed, decided] = [[...add], add.length + remove.length];
    const result = await enforceNow(
      this.job,
      {
        add,
        remove,
        wanted: async () => {
          // What was decided meanwhile is wanted as well, and would be handed over twice.
          const more = this.#takeQueued();
          [handed, decided] = [[...add, ...more.add], decided + more.add.length + more.remove.length];
          return this.#wantedAndSaved();
        },
        alone: (compare) => this.#alone(compare),
      },
      this.#events.now(),
    );
    // More had to be done than was asked for: the damage was met before a look found it.
    const { jails, added } = result.repaired;
    if (this.#hasStood && (jails.length > 0 || added > handed.length)) this.#isHealing = true;
    this.#settle(result, handed, decided);
  }

  async #reconcile(): Promise<void> {
    await this.#alone(async () => {
      const { add, remove } = this.#takeQueued();
      this.#isWhole = true;
      const wanted = await this.#wantedAndSaved();
      const result = await reconcile(this.job, wanted, this.#events.now());
      this.#pending.clear();
      this.#settle(result, add, add.length + remove.length);
    });
  }

  /** Every ban that should stand now. After a crash a ban that was seen to stand is not counted anew. */
  async #wantedAndSaved(): Promise<readonly BanEntry[]> {
    const wanted = this.#events.wanted();
    await this.#events.saved();
    return wanted;
  }

  #takeQueued(): { readonly add: readonly BanEntry[]; readonly remove: readonly BanEntry[] } {
    const [add, remove] = [[...this.#add.values()], [...this.#remove.values()]];
    this.#add = new Map();
    this.#remove = new Map();
    return { add, remove };
  }

  /**
   * Runs the work while no command changes state and firewall, after obeying those that did: what they have just lifted
   * would otherwise be put back.
   */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    const answers: { readonly value: T }[] = [];
    await this.#events.locked(async () => {
      answers.push({ value: await work() });
    });
    const [answer] = answers;
    // A state file that cannot be locked is no reason to leave attackers in.
    return answer === undefined ? work() : answer.value;
  }

  /** `decided`: how many changes were decided here, those of `handed` among them; they are no damage. */
  #settle(result: Enforcement, handed: readonly BanEntry[], decided: number): void {
    for (const { jail, address } of handed) {
      const key = `${jail} ${address}`;
      // The firewall has answered, unless the same entry was handed over once more meanwhile.
      if (!this.#add.has(key)) this.#waiting.delete(key);
    }
    for (const { jail, address } of result.enforced) this.#pending.delete(`${jail} ${address}`);
    for (const { entry, reason } of result.pending)
      this.#pending.set(`${entry.jail} ${entry.address}`, reason);
    this.#hasStood ||= result.isSetUp;
    if (this.#isHealing) this.#tellRepair(result, decided);
    if (result.repaired.strays.length > 0 && result.trouble.length === 0)
      this.#events.onCleared(result.repaired.strays);
    for (const one of result.absent) if (!this.#absent.has(one)) this.#events.onAbsent(one);
    for (const one of result.absent) this.#absent.add(one);
    this.#events.onResult(result);
    // A full set has room again when a ban ends: to look for that often would only hold up the rest.
    const areFull = result.pending.length > 0 && result.pending.every(({ reason }) => isFull(reason));
    if (areFull) this.#retryMs = LONGEST_RETRY_MS;
    if (result.pending.length > 0 || result.trouble.length > 0) this.#later();
    else this.#retryMs = FIRST_RETRY_MS;
  }

  /** Healing goes on over retries; each trouble on the way is said once. */
  #tellRepair({ repaired, trouble }: Enforcement, decided: number): void {
    const { jails, added, removed } = repaired;
    if (trouble.length > 0) {
      const what = `was changed by others and cannot be repaired yet: ${trouble.join('; ')}`;
      if (what !== this.#said) this.#events.onDamage(what, false);
      this.#said = what;
      return;
    }
    this.#isHealing = false;
    if (jails.length === 0 && added + removed <= decided && this.#said === null) return;
    this.#said = null;
    const rules = jails.length === 0 ? '' : `the rules of ${jails.join(', ')} and `;
    this.#events.onDamage(`was changed by others: repaired ${rules}${added} bans`, true);
  }

  #later(): void {
    if (this.#retry !== null || this.#isClosed) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      this.compare();
    }, this.#retryMs);
    this.#retryMs = Math.min(LONGEST_RETRY_MS, this.#retryMs * 2);
  }
}
