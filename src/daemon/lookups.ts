import { hostname } from 'node:os';
import { fillTags } from '../action/shelltext.ts';
import { tagsOf } from '../action/tags.ts';
import { fillPart, type IgnoreList, ignoredBy } from '../ban/ignore.ts';
import type { RunningJail } from '../ban/jail.ts';
import type { Dns } from '../base/dns.ts';
import { reasonOf } from '../base/errors.ts';
import { parseNetwork } from '../base/ip.ts';
import { command, failureOf, run } from '../base/process.ts';
import { settledWithin } from '../base/timeout.ts';
import type { Waiting } from '../state/state.ts';
import type { Messages } from './messages.ts';

/**
 * Asks for the addresses of the names in a list (all at once, within the service's time limit); a name without an answer
 * keeps those it had.
 */
export async function learnNames({ names }: IgnoreList, dns: Dns): Promise<void> {
  await Promise.all(
    [...names].map(async ([name, part]) => {
      const networks = (await dns.addressesOf(name)).flatMap((address) => parseNetwork(address) ?? []);
      if (networks.length > 0) fillPart(part, networks);
    }),
  );
}

/** What the lookups work with, and what they report to. */
export type LookupParts = {
  readonly dns: Dns;
  readonly messages: Messages;
  /** The failure counts; a name has become an address. */
  onAnswered(running: RunningJail, failure: Waiting): void;
  /** One failure waits no more; whatever counts of it was passed on in the same turn. */
  onDone(): void;
};

/** Addresses of one jail that may wait; more than that are not asked about but counted as they are. */
const MOST_WAITING = 10_000;
/** Failures of names that may wait in one jail; more than that do not count, as nobody knows whose they are. */
const MOST_NAMES = 1000;
/** So many names of one jail are asked about at a time. */
const NAMES_AT_ONCE = 4;
/** So many addresses of a name count: one line of whoever answers for the name is to have no thousands banned. */
const MOST_ADDRESSES = 16;
/** Seconds that `ignorecommand` may take. */
const COMMAND_LIMIT = 30;

/** Whether a failure of this jail has to wait for an answer before it counts. */
export function needsLookup({ jail }: RunningJail, isName: boolean): boolean {
  return isName || jail.ignore.names.length > 0 || jail.ignore.command !== null;
}

type Answer = { readonly until: number; readonly isIgnored: boolean };

/** One jail's: addresses one after the other, names by name. */
type Queue = {
  tail: Promise<void>;
  addresses: number;
  names: number;
  /** Names that are being asked about, and those that wait for it, each with its failures in the order of their coming. */
  readonly asked: Map<string, Waiting[]>;
  readonly pending: Map<string, Waiting[]>;
};

/**
 * Failures that wait for an answer from outside: names instead of addresses (`usedns`), names in ignoreip, and `ignorecommand`. They
 * are looked up beside the reading of logs, each within a time limit: addresses in order per jail, names some at a time and in order
 * per name. No address waits for a name, whose name server may be the attacker's and never answer.
 */
export class PendingLookups {
  readonly #parts: LookupParts;
  readonly #queues = new Map<string, Queue>();
  /** In the order in which they came. */
  readonly #pending = new Set<Waiting>();
  readonly #work = new Set<Promise<void>>();
  readonly #answers = new Map<string, Map<string, Answer>>();

  constructor(parts: LookupParts) {
    this.#parts = parts;
  }

  /** Queues a failure; `onAnswered` is called for it later, once for each address that counts, or never. */
  add(running: RunningJail, failure: Waiting): void {
    const { name } = running.jail;
    const queue: Queue = this.#queues.get(name) ?? {
      ...{ tail: Promise.resolve(), addresses: 0, names: 0 },
      ...{ asked: new Map(), pending: new Map() },
    };
    this.#queues.set(name, queue);
    if (failure.isName) this.#addName(running, queue, failure);
    else this.#addAddress(running, queue, failure);
  }

  #addAddress(running: RunningJail, queue: Queue, failure: Waiting): void {
    if (queue.addresses >= MOST_WAITING) {
      this.#parts.onAnswered(running, failure);
      return;
    }
    queue.addresses++;
    this.#pending.add(failure);
    queue.tail = queue.tail.then(async () => {
      await this.#settle(running, failure);
      queue.addresses--;
    });
    this.#track(queue.tail);
  }

  #addName(running: RunningJail, queue: Queue, failure: Waiting): void {
    if (queue.names >= MOST_NAMES) return;
    queue.names++;
    this.#pending.add(failure);
    const known = queue.asked.get(failure.id) ?? queue.pending.get(failure.id);
    if (known !== undefined) known.push(failure);
    else queue.pending.set(failure.id, [failure]);
    this.#askNames(running, queue);
  }

  #askNames(running: RunningJail, queue: Queue): void {
    for (const [name, failures] of queue.pending) {
      if (queue.asked.size >= NAMES_AT_ONCE) return;
      queue.pending.delete(name);
      queue.asked.set(name, failures);
      this.#track(this.#askName(running, queue, failures));
    }
  }

  /** Looks up the failures of one name, also those that come meanwhile, then has the next name asked about. */
  async #askName(running: RunningJail, queue: Queue, failures: readonly Waiting[]): Promise<void> {
    for (const failure of failures) {
      await this.#settle(running, failure);
      queue.names--;
    }
    const [first] = failures;
    if (first !== undefined) queue.asked.delete(first.id);
    this.#askNames(running, queue);
  }

  #track(work: Promise<void>): void {
    this.#work.add(work);
    void work.finally(() => this.#work.delete(work));
  }

  async #settle(running: RunningJail, failure: Waiting): Promise<void> {
    const { onAnswered, onDone, messages } = this.#parts;
    let counting: readonly Waiting[] = [];
    try {
      counting = await this.#lookUp(running, failure);
    } catch (error) {
      messages.lookupFailed(running.jail.name, reasonOf(error));
    }
    this.#pending.delete(failure);
    for (const one of counting) onAnswered(running, one);
    onDone();
  }

  /** The failures that wait, as the state keeps them. */
  waiting(): readonly Waiting[] {
    return [...this.#pending];
  }

  /** Resolves when nothing waits any more, or after `limitMs`. */
  async idle(limitMs: number): Promise<void> {
    const end = performance.now() + limitMs;
    while (this.#work.size > 0 && performance.now() < end)
      await settledWithin(end - performance.now(), Promise.all(this.#work));
  }

  /** The failures that count: one for each address of a name, without those that are ignored. */
  async #lookUp(running: RunningJail, failure: Waiting): Promise<readonly Waiting[]> {
    const { dns, messages } = this.#parts;
    const { name, usedns } = running.jail;
    const answered = failure.isName ? await dns.addressesOf(failure.id) : [failure.id];
    const ids = answered.slice(0, MOST_ADDRESSES);
    if (failure.isName && usedns === 'warn') messages.nameResolved(name, failure.id, ids);
    const counting: Waiting[] = [];
    for (const id of ids) {
      const one = { ...failure, id };
      const because = await this.#ignoredBy(running, one);
      if (because === null) counting.push(one);
      else messages.ignored(name, id, because);
    }
    return counting;
  }

  async #ignoredBy(running: RunningJail, failure: Waiting): Promise<string | null> {
    const { jail, ignore } = running;
    await learnNames(ignore, this.#parts.dns);
    const because = ignoredBy(ignore, failure.id);
    if (because !== null || jail.ignore.command === null) return because;
    return (await this.#isIgnoredByCommand(running, failure)) ? 'command' : null;
  }

  async #isIgnoredByCommand({ jail }: RunningJail, failure: Waiting): Promise<boolean> {
    const { name, bantime, ignore } = jail;
    const around = { banned: 0, bannedTotal: 0, found: 0, foundTotal: 0, fqHostname: hostname(), ipHost: '' };
    const tags = tagsOf({ ...failure, failures: 1, bantime, bancount: 0, restored: false }, around);
    const rule = ignore.cache;
    const known = this.#answers.get(name) ?? new Map<string, Answer>();
    this.#answers.set(name, known);
    const key = rule?.key.replace(/<([A-Za-z][\w.:-]*)>/g, (whole, tag: string) => tags(tag) ?? whole) ?? '';
    const earlier = rule === null ? undefined : known.get(key);
    if (earlier !== undefined && earlier.until > performance.now()) return earlier.isIgnored;
    const { text, env } = fillTags(ignore.command ?? '', tags);
    const one = command(['/bin/sh', '-c', text], { mayFail: true });
    const output = await run(one, COMMAND_LIMIT, { env, hasFiles: true });
    if (output.trouble !== null)
      this.#parts.messages.lookupFailed(name, `ignorecommand: ${failureOf(one, output) ?? output.trouble}`);
    const isIgnored = output.exitCode === 0;
    if (rule !== null) {
      const [oldest] = known.keys();
      if (known.size >= rule.maxCount && oldest !== undefined) known.delete(oldest);
      known.delete(key);
      known.set(key, { until: performance.now() + rule.maxTime * 1000, isIgnored });
    }
    return isIgnored;
  }
}
