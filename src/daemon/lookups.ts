import { hostname } from 'node:os';
import { fillTags } from '../action/shelltext.ts';
import { type Ticket, tagsOf } from '../action/tags.ts';
import { fillPart, type IgnoreList, ignoredBy } from '../ban/ignore.ts';
import type { RunningJail } from '../ban/jail.ts';
import type { Dns } from '../base/dns.ts';
import { reasonOf } from '../base/errors.ts';
import { parseNetwork } from '../base/ip.ts';
import type { Level } from '../base/log.ts';
import { command, failureOf, run } from '../base/process.ts';
import type { Waiting } from '../state/state.ts';

/**
 * Asks for the addresses of the names in a list (all at once, within the service's time limit); a name without an answer
 * keeps those it had.
 */
export async function learnNames({ names: known }: IgnoreList, names: Dns): Promise<void> {
  await Promise.all(
    [...known].map(async ([name, part]) => {
      const networks = (await names.addressesOf(name)).flatMap((address) => parseNetwork(address) ?? []);
      if (networks.length > 0) fillPart(part, networks);
    }),
  );
}

/** A failure that cannot be judged at once: its id is a name, or somebody has to be asked whether it is ignored. */
export type PendingFailure = { readonly ticket: Ticket; readonly isName: boolean };

/** What the gate works with, and whom it tells. */
export type LookupParts = {
  readonly names: Dns;
  onTrouble(level: Level, text: string): void;
  /** The failure counts, for this address. */
  onAnswered(working: RunningJail, id: string, ticket: Ticket): void;
  /** One failure waits no more; whatever counts of it was passed on in the same turn. */
  onDone(): void;
};

/** Failures of one jail that may wait; more than that are not asked about but counted as they are. */
const MOST_WAITING = 10_000;
/** Seconds that `ignorecommand` may take. */
const COMMAND_LIMIT = 30;

/**
 * Where failures wait that need an answer from outside: names instead of addresses (`usedns`), names in ignoreip, and
 * `ignorecommand`. They are asked about in order per jail, beside the reading of logs, each within a time limit.
 */
export class PendingLookups {
  readonly #parts: LookupParts;
  readonly #queues = new Map<string, { tail: Promise<void>; waiting: number }>();
  /** Those who wait, in the order in which they came. */
  readonly #pending = new Map<PendingFailure, string>();
  readonly #answers = new Map<string, Map<string, { readonly until: number; readonly isIgnored: boolean }>>();

  constructor(parts: LookupParts) {
    this.#parts = parts;
  }

  /** Whether failures of this jail have to go through the gate. */
  static needsLookup({ jail }: RunningJail, isName: boolean): boolean {
    return isName || jail.ignore.names.length > 0 || jail.ignore.command !== null;
  }

  /** Takes a failure in; `onPass` is called for it later, or never. */
  add(working: RunningJail, pending: PendingFailure): void {
    const queue = this.#queues.get(working.jail.name) ?? { tail: Promise.resolve(), waiting: 0 };
    this.#queues.set(working.jail.name, queue);
    if (queue.waiting >= MOST_WAITING) {
      if (!pending.isName) this.#parts.onAnswered(working, pending.ticket.id, pending.ticket);
      return;
    }
    queue.waiting++;
    this.#pending.set(pending, working.jail.name);
    queue.tail = queue.tail
      .then(() => this.#ask(working, pending))
      .catch((error: unknown) => {
        this.#tell(working, 'ERROR', reasonOf(error));
        return [];
      })
      .then((passing) => {
        queue.waiting--;
        this.#pending.delete(pending);
        for (const ticket of passing) this.#parts.onAnswered(working, ticket.id, ticket);
        this.#parts.onDone();
      });
  }

  /** Those who wait, as the state keeps them. */
  waiting(): readonly Waiting[] {
    return [...this.#pending].map(([{ ticket, isName }, jail]) => {
      const { id, time, matches, fields } = ticket;
      return { jail, id, isName, time, matches, fields };
    });
  }

  /** Resolves when nobody waits any more, or after `limitMs`. */
  async idle(limitMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    const all = Promise.all([...this.#queues.values()].map(({ tail }) => tail));
    await Promise.race([all, limit]);
    clearTimeout(timer);
  }

  async #ask(working: RunningJail, { ticket, isName }: PendingFailure): Promise<readonly Ticket[]> {
    const ids = isName ? await this.#addresses(working, ticket.id) : [ticket.id];
    const passing: Ticket[] = [];
    for (const id of ids) {
      const own = { ...ticket, id };
      const because = await this.#ignoredBy(working, own);
      if (because === null) passing.push(own);
      else this.#tell(working, 'INFO', `Ignore ${id} by ${because}`);
    }
    return passing;
  }

  async #addresses(working: RunningJail, name: string): Promise<readonly string[]> {
    const addresses = await this.#parts.names.addressesOf(name);
    if (working.jail.usedns === 'warn') {
      this.#tell(
        working,
        'WARNING',
        `the log names ${name}, taken as ${addresses.join(' ') || 'nobody'}: names can be forged`,
      );
    }
    return addresses;
  }

  async #ignoredBy(working: RunningJail, ticket: Ticket): Promise<string | null> {
    await learnNames(working.ignore, this.#parts.names);
    const because = ignoredBy(working.ignore, ticket.id);
    if (because !== null) return because;
    return working.jail.ignore.command !== null && (await this.#commandSays(working, ticket))
      ? 'command'
      : null;
  }

  async #commandSays(working: RunningJail, ticket: Ticket): Promise<boolean> {
    const { name, ignore } = working.jail;
    const around = { banned: 0, bannedTotal: 0, found: 0, foundTotal: 0, fqHostname: hostname(), ipHost: '' };
    const tags = tagsOf(ticket, around);
    const rule = ignore.cache;
    const known = this.#answers.get(name) ?? new Map<string, { until: number; isIgnored: boolean }>();
    this.#answers.set(name, known);
    const key = rule?.key.replace(/<([A-Za-z][\w.:-]*)>/g, (whole, tag: string) => tags(tag) ?? whole) ?? '';
    const earlier = rule === null ? undefined : known.get(key);
    if (earlier !== undefined && earlier.until > performance.now()) return earlier.isIgnored;
    const { text, env } = fillTags(ignore.command ?? '', tags);
    const one = command(['/bin/sh', '-c', text], { mayFail: true });
    const output = await run(one, COMMAND_LIMIT, { env });
    if (output.trouble !== null)
      this.#tell(working, 'ERROR', `ignorecommand: ${failureOf(one, output) ?? output.trouble}`);
    const isIgnored = output.exitCode === 0;
    if (rule !== null) {
      const [oldest] = known.keys();
      if (known.size >= rule.maxCount && oldest !== undefined) known.delete(oldest);
      known.delete(key);
      known.set(key, { until: performance.now() + rule.maxTime * 1000, isIgnored });
    }
    return isIgnored;
  }

  #tell(working: RunningJail, level: Level, text: string): void {
    this.#parts.onTrouble(level, `[${working.jail.name}] ${text}`);
  }
}
