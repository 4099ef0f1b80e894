/**
 * What f2b remembers: for each jail counts, bans and past bans; where each log was left; what commands ordered. Plain values,
 * and the changes that are made to them: no I/O, no clock. A change is whole when its function returns, so that the state can
 * be written at any time between two of them:
 *
 *     addBan(state, 'sshd', '192.0.2.7', ban);
 *     for (const { jail, id } of expireBans(state, now)) lift(jail, id);
 */
import type { SourceHealth } from '../source/health.ts';
import type { Position } from '../source/source.ts';
import { Failures } from './failures.ts';

/** Why a ban stands: a jail's count, a person, or a repeated offender's report from another jail. */
export type Origin = 'log' | 'hand';

/** One standing ban. Times are epoch seconds. */
export type Ban = {
  at: number;
  /** null = for ever. */
  until: number | null;
  /** Failures that led to it; 0 when a person made it. */
  failures: number;
  /** Which ban of this id it is, 1 for the first. */
  count: number;
  origin: Origin;
  matches: readonly string[];
  /** null once the firewall confirmed it; until then the reason why it does not stand yet. */
  pending: string | null;
  /** Set for a ban that ends at `until` unless somebody confirms it: when it is to end then. */
  readonly confirmed?: { readonly until: number | null };
};

/** What escalation remembers of an id whose ban is over. `last` = when it was last banned, epoch seconds. */
export type Past = { count: number; last: number; until: number | null };

/** All that is known of one jail. */
export type JailState = {
  readonly failures: Failures;
  readonly bans: Map<string, Ban>;
  readonly past: Map<string, Past>;
  totalFailed: number;
  totalBanned: number;
};

/** A change that a command makes. */
export type CommandOrderDraft =
  | { readonly kind: 'ban'; readonly jail: string; readonly id: string; readonly ban: Ban }
  | { readonly kind: 'unban'; readonly jail: string; readonly id: string };

/** A change that a command made to the file while a daemon may be running; the daemon repeats it on its own copy. */
export type CommandOrder = CommandOrderDraft & { readonly seq: number };

/** How often damage that others did to a firewall was repaired, and when last, epoch seconds. */
export type Repairs = { readonly count: number; readonly last: number };

/** A failure that is read but not counted, since somebody has still to be asked about it. `time` in epoch seconds. */
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

/** Where each log source was left. */
export type Positions = Map<string, Position>;

/** Everything f2b knows. */
export type State = {
  readonly jails: Map<string, JailState>;
  positions: Positions;
  /** Failures from before `positions` that are not counted yet, in order. */
  waiting: readonly Waiting[];
  /** By firewall: nftables, ipset, iptables. */
  readonly repairs: Map<string, Repairs>;
  /** How each log source fares, by its name; kept for `status --sources`. */
  sources: Map<string, SourceHealth>;
  orders: CommandOrder[];
  /** Number of the last order ever given. */
  seq: number;
  /** When it was last written, epoch seconds; 0 = never. */
  saved: number;
};

/** A state that knows nothing yet. */
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

/** The jail's part of the state, made when it is not there yet. */
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

/** Puts a ban into the state. False when that id is already banned in the jail (nothing changes then). */
export function addBan(state: State, jail: string, id: string, ban: Ban): boolean {
  const known = jailState(state, jail);
  if (known.bans.has(id)) return false;
  known.bans.set(id, ban);
  known.totalBanned += 1;
  return true;
}

/**
 * Ends a ban and forgets the id's failures, so that one later failure does not ban it again at once.
 * False when it was not banned.
 */
export function liftBan(state: State, jail: string, id: string): boolean {
  const known = state.jails.get(jail);
  if (known === undefined) return false;
  known.failures.delete(id);
  return endBan(known, id) !== null;
}

/** Takes a ban out and remembers it as past; null when there was none. */
function endBan({ bans, past }: JailState, id: string): Ban | null {
  const ban = bans.get(id) ?? null;
  if (ban === null) return null;
  bans.delete(id);
  past.set(id, { count: ban.count, last: ban.at, until: ban.until });
  return ban;
}

/** How often the id was banned in the jail, a standing ban included. */
export function bansOf(jail: JailState | undefined, id: string): number {
  return jail?.bans.get(id)?.count ?? jail?.past.get(id)?.count ?? 0;
}

/** Applies a command's change and notes it as an order for a running daemon. False when nothing changed. */
export function addOrder(state: State, draft: CommandOrderDraft): boolean {
  const changed = obey(state, draft);
  if (changed) {
    state.seq += 1;
    state.orders.push({ ...draft, seq: state.seq });
  }
  return changed;
}

/** Repeats on the daemon's own copy what commands wrote into the file since `seenSeq`; answers those orders. */
export function applyOrders(own: State, file: State, seenSeq: number): readonly CommandOrder[] {
  const fresh = file.orders.filter((order) => order.seq > seenSeq);
  for (const order of fresh) obey(own, order);
  own.seq = Math.max(own.seq, file.seq);
  own.orders = [];
  return fresh;
}

function obey(state: State, order: CommandOrderDraft): boolean {
  if (order.kind === 'unban') return liftBan(state, order.jail, order.id);
  return addBan(state, order.jail, order.id, order.ban);
}

/** The bans whose time is up at `now`, removed from the state. */
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

/** When the next ban ends, epoch seconds; null when none will. */
export function nextExpiry(state: State): number | null {
  let next: number | null = null;
  for (const { bans } of state.jails.values()) {
    for (const { until } of bans.values()) {
      if (until !== null && (next === null || until < next)) next = until;
    }
  }
  return next;
}
