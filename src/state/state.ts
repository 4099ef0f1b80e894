/**
 * The data that f2b remembers: counts, bans and past bans of each jail, positions in the logs, and orders of
 * commands.
 *
 * Plain values and functions that change them: no I/O, no clock. A change is complete when its function
 * returns, so the state can be written between any two changes.
 *
 *     addBan(state, 'sshd', '192.0.2.7', ban);
 *     for (const { jail, id } of expireBans(state, now)) lift(jail, id);
 */
import type { SourceHealth } from '../source/health.ts';
import type { Position } from '../source/source.ts';
import { Failures } from './failures.ts';

/** Whether a ban comes from a log or was made by hand. */
export type Origin = 'log' | 'hand';

/** A current ban. Times are epoch seconds. */
export type Ban = {
  at: number;
  /** null = for ever. */
  until: number | null;
  /** Failures that led to it; 0 if it was made by hand. */
  failures: number;
  /** Number of this ban of the id, from 1. */
  count: number;
  origin: Origin;
  matches: readonly string[];
  /** Null once the firewall has confirmed it; until then, why it is not enforced. */
  pending: string | null;
  /** Set for a ban that ends at `until` unless it is confirmed: its end after that. */
  readonly confirmed?: { readonly until: number | null };
};

/**
 * An id whose ban is over, for escalation; `last` = time of its last ban, epoch seconds. With a count of 0: it was to be banned, and there
 * was no room.
 */
export type Past = { count: number; last: number; until: number | null };

/** The state of one jail. */
export type JailState = {
  readonly failures: Failures;
  readonly bans: Map<string, Ban>;
  readonly past: Map<string, Past>;
  totalFailed: number;
  totalBanned: number;
};

/** A change by a command. */
export type CommandOrderDraft = { readonly jail: string; readonly id: string } & (
  | { readonly kind: 'ban'; readonly ban: Ban }
  /** A ban made elsewhere: actions that skip restored bans skip it. */
  | { readonly kind: 'restore'; readonly ban: Ban }
  | { readonly kind: 'unban' }
  | { readonly kind: 'past'; readonly past: Past }
);

/** A command's change in the file, in case a daemon is running; the daemon repeats it on its own copy. */
export type CommandOrder = CommandOrderDraft & { readonly seq: number };

/** What an order changed in a state. */
export type OrderEffect = BanEffect | 'lifted' | 'noted' | 'none';

/** An order and what it changed in the daemon's own copy. */
export type ObeyedOrder = { readonly order: CommandOrder; readonly effect: OrderEffect };

/** How often damage that others did to a firewall was repaired, and when last, epoch seconds. */
export type Repairs = { readonly count: number; readonly last: number };

/** A failure that is read but not counted yet, because a look-up is pending. `time` in epoch seconds. */
export type Waiting = {
  readonly jail: string;
  /** A canonical address or network, or a name when `isName`. */
  readonly id: string;
  readonly isName: boolean;
  readonly time: number;
  readonly matches: readonly string[];
  /** Captures of the failregex by name. */
  readonly fields: ReadonlyMap<string, string>;
};

/** The position in each log source. */
export type Positions = Map<string, Position>;

/** The whole state. */
export type State = {
  readonly jails: Map<string, JailState>;
  positions: Positions;
  /** Failures from before `positions` that are not counted yet, in order. */
  waiting: readonly Waiting[];
  /** By firewall: nftables, ipset, iptables. */
  readonly repairs: Map<string, Repairs>;
  /** Health of each log source, by name; for `status --sources`. */
  sources: Map<string, SourceHealth>;
  orders: CommandOrder[];
  /** Number of the last order. */
  seq: number;
  /** Time of the last write, epoch seconds; 0 = never. */
  saved: number;
};

export function emptyState(): State {
  return {
    jails: new Map(),
    positions: new Map(),
    waiting: [],
    repairs: new Map(),
    sources: new Map(),
    orders: [],
    seq: 0,
    saved: 0,
  };
}

/** The state of a jail; created if missing. */
export function jailState(state: State, name: string): JailState {
  const known = state.jails.get(name);
  if (known !== undefined) return known;
  const fresh: JailState = {
    failures: new Failures(),
    bans: new Map(),
    past: new Map(),
    totalFailed: 0,
    totalBanned: 0,
  };
  state.jails.set(name, fresh);
  return fresh;
}

/** What a ban did to the state; `kept`: the id is banned already, and that ban ends no earlier. */
export type BanEffect = 'new' | 'prolonged' | 'kept';

/** Puts a ban into the state. Where the id is banned in the jail already, the later end wins. */
export function addBan(state: State, jail: string, id: string, ban: Ban): BanEffect {
  return putBan(jailState(state, jail), id, ban);
}

/** As addBan(), into the state of one jail. */
export function putBan(known: JailState, id: string, ban: Ban): BanEffect {
  const standing = known.bans.get(id);
  const isOver = standing !== undefined && standing.until !== null && standing.until <= ban.at;
  if (standing !== undefined && !isOver) {
    const merged = withLaterEnd(standing, ban);
    if (merged === null) return 'kept';
    known.bans.set(id, merged);
    return 'prolonged';
  }
  known.bans.set(id, ban);
  known.totalBanned += 1;
  return 'new';
}

/** Whether the first end is later than the second one; null = never. */
export function isLater(until: number | null, than: number | null): boolean {
  return than !== null && (until === null || until > than);
}

/** The standing ban with the later end of both, and the later one for which it may be confirmed; null = nothing changes. */
function withLaterEnd(standing: Ban, fresh: Ban): Ban | null {
  const until = isLater(fresh.until, standing.until) ? fresh.until : standing.until;
  const trials = [standing.confirmed, fresh.confirmed].filter((one) => one && isLater(one.until, until));
  const confirmed = trials.reduce((a, b) => (a && b && isLater(b.until, a.until) ? b : a), trials[0]);
  if (until === standing.until && confirmed?.until === standing.confirmed?.until) return null;
  const { confirmed: _, ...rest } = standing;
  return confirmed === undefined ? { ...rest, until } : { ...rest, until, confirmed };
}

/**
 * Ends a ban and forgets the id's failures, so that one more failure does not ban it again. False if it was
 * not banned.
 */
export function liftBan(state: State, jail: string, id: string): boolean {
  const known = state.jails.get(jail);
  if (known === undefined) return false;
  known.failures.delete(id);
  return endBan(known, id) !== null;
}

/** Ids whose bans are over that one jail remembers. */
export const MOST_PAST = 100_000;

/** A tenth at a time, first those that were banned once: a flood of new ids does not make repeated offenders forgotten. */
function forgetOldest(past: Map<string, Past>): void {
  let left = MOST_PAST / 10;
  for (const isAny of [false, true]) {
    for (const [id, { count }] of past) {
      if (left <= 0) return;
      if (count > 1 && !isAny) continue;
      past.delete(id);
      left--;
    }
  }
}

/** Removes a ban and remembers it as past; null if there was none. */
export function endBan({ bans, past }: JailState, id: string): Ban | null {
  const ban = bans.get(id) ?? null;
  if (ban === null) return null;
  bans.delete(id);
  if (past.size >= MOST_PAST) forgetOldest(past);
  past.set(id, { count: ban.count, last: ban.at, until: ban.until });
  return ban;
}

/** Remembers an id for whose ban there was no room at that time. */
export function noteRefused({ past }: JailState, id: string, time: number): void {
  if (past.has(id)) return;
  if (past.size >= MOST_PAST) forgetOldest(past);
  past.set(id, { count: 0, last: time, until: null });
}

/** How often the id was banned in the jail, including a current ban. */
export function bansOf(jail: JailState | undefined, id: string): number {
  return jail?.bans.get(id)?.count ?? jail?.past.get(id)?.count ?? 0;
}

/** Applies a command's change and adds it as an order for a running daemon, unless it changes nothing. */
export function addOrder(state: State, draft: CommandOrderDraft): OrderEffect {
  const effect = obey(state, draft);
  if (effect !== 'none' && effect !== 'kept') {
    state.seq += 1;
    state.orders.push({ ...draft, seq: state.seq });
  }
  return effect;
}

/** Repeats on the daemon's own copy what commands wrote into the file since `seenSeq`; answers what it did there. */
export function applyOrders(own: State, file: State, seenSeq: number): readonly ObeyedOrder[] {
  const fresh = file.orders.filter((order) => order.seq > seenSeq);
  const obeyed = fresh.map((order) => ({ order, effect: obey(own, order) }));
  own.seq = Math.max(own.seq, file.seq);
  own.orders = [];
  return obeyed;
}

/** Takes over the bans and the past of a state that could not be read at the start; answers the bans that it brought. */
export function adoptBans(own: State, file: State, now: number): readonly ObeyedOrder[] {
  const brought: ObeyedOrder[] = [];
  for (const [jail, { bans, past }] of file.jails) {
    for (const [id, ban] of bans) {
      if (ban.until !== null && ban.until <= now) continue;
      const order = { kind: 'ban', jail, id, ban, seq: file.seq } as const;
      const effect = addBan(own, jail, id, ban);
      if (effect !== 'kept') brought.push({ order, effect });
    }
    const known = jailState(own, jail);
    for (const [id, one] of past) if (!known.past.has(id)) known.past.set(id, one);
  }
  return brought;
}

function obey(state: State, order: CommandOrderDraft): OrderEffect {
  const { kind, jail, id } = order;
  if (kind === 'unban') return liftBan(state, jail, id) ? 'lifted' : 'none';
  if (kind === 'past') return addPast(state, jail, id, order.past) ? 'noted' : 'none';
  return addBan(state, jail, id, order.ban);
}

/** Remembers a ban that is over, unless more bans of the id are known; whether it did. */
function addPast(state: State, jail: string, id: string, past: Past): boolean {
  const known = jailState(state, jail);
  if (bansOf(known, id) >= past.count) return false;
  known.past.set(id, past);
  return true;
}

/** Removes the bans that have ended by `now`, and returns them. */
export function expireBans(state: State, now: number): { jail: string; id: string; ban: Ban }[] {
  const expired: { jail: string; id: string; ban: Ban }[] = [];
  for (const [jail, known] of state.jails) {
    for (const [id, ban] of known.bans) {
      if (ban.until === null || ban.until > now) continue;
      endBan(known, id);
      expired.push({ jail, id, ban });
    }
  }
  return expired;
}

/** Moves the beginning and the end of every ban: the clock was set by so many seconds. */
export function shiftBans(state: State, seconds: number): void {
  const shifted = (until: number | null): number | null => (until === null ? null : until + seconds);
  for (const { bans } of state.jails.values()) {
    for (const [id, ban] of bans) {
      const { confirmed } = ban;
      const moved = { ...ban, at: ban.at + seconds, until: shifted(ban.until) };
      bans.set(
        id,
        confirmed === undefined ? moved : { ...moved, confirmed: { until: shifted(confirmed.until) } },
      );
    }
  }
}

/** Forgets the past of ids whose last ban ended over `age` seconds ago. */
export function purgePast(state: State, now: number, age: number): void {
  for (const { past } of state.jails.values()) {
    for (const [id, { until, last }] of past) {
      if ((until ?? last) < now - age) past.delete(id);
    }
  }
}

/** Counts one repair of a firewall. */
export function noteRepair(state: State, firewall: string, now: number): void {
  state.repairs.set(firewall, { count: (state.repairs.get(firewall)?.count ?? 0) + 1, last: now });
}

/** When the next ban ends, epoch seconds; null if none will. */
export function nextExpiry(state: State): number | null {
  let next: number | null = null;
  for (const { bans } of state.jails.values()) {
    for (const { until } of bans.values()) {
      if (until !== null && (next === null || until < next)) next = until;
    }
  }
  return next;
}
