/**
 * Why an address is banned in a jail, or why it is not: from the state and the jail's settings.
 *
 * Pure: values in, values out. The kernel and the logs are asked elsewhere.
 */
import { countedId } from '../../ban/failure.ts';
import { contains, parseNetwork } from '../../base/ip.ts';
import type { Jail } from '../../config/jail.ts';
import { type Ban, bansOf, type JailState } from '../../state/state.ts';

/** A ban that concerns the address. Times in epoch seconds, null = for ever. */
export type BanFacts = Pick<Ban, 'at' | 'until' | 'failures' | 'count' | 'origin' | 'matches' | 'pending'> & {
  /** The banned id: the address, its network, or one of a network that was asked for. */
  readonly id: string;
  /** `own`: of the address itself; `holds`: of a network around it; `inside`: of a part of the network asked for. */
  readonly how: 'own' | 'holds' | 'inside';
};

/** What was counted against the id, and how much of it is still within findtime. */
export type CountFacts = {
  readonly id: string;
  readonly retry: number;
  readonly maxretry: number;
  readonly first: number;
  readonly last: number;
  /** Within findtime: the next failures add to it. */
  readonly isFresh: boolean;
};

/** What is known of an address in a jail. */
export type Verdict = {
  readonly jail: string;
  readonly status: 'banned' | 'never' | 'counting' | 'over' | 'unknown';
  readonly bans: readonly BanFacts[];
  readonly count: CountFacts | null;
  /** Why it is never banned; null: it may be. */
  readonly never: string | null;
  /** Number of bans so far, a standing one among them. */
  readonly times: number;
  /** The last ban that is over; null: none is remembered. */
  readonly past: { readonly at: number; readonly until: number | null } | null;
  /** Seconds of the next ban, without its random part; null = for ever. */
  readonly next: number | null;
};

/** What a verdict is made of, beside jail and state. */
export type Around = {
  readonly never: string | null;
  readonly now: number;
  /** The length of a ban of one that was banned so often. */
  next(times: number): number | null;
};

/** Judges an address or network (canonical) in a jail. */
export function verdictOn(id: string, jail: Jail, state: JailState | undefined, around: Around): Verdict {
  const { never, now, next } = around;
  const counted = countedId(id, jail.ipv6prefix);
  const bans = bansAround(id, counted, state, now);
  const count = countOf([id, counted], jail, state, now);
  const times = Math.max(bansOf(state, id), bansOf(state, counted));
  const past = state?.past.get(id) ?? state?.past.get(counted) ?? null;
  const isCounting = count?.isFresh === true;
  const status =
    bans.length > 0
      ? 'banned'
      : never !== null
        ? 'never'
        : isCounting
          ? 'counting'
          : past !== null
            ? 'over'
            : 'unknown';
  return {
    ...{ jail: jail.name, status, bans, count, never, times },
    past: past === null ? null : { at: past.last, until: past.until },
    next: next(times),
  };
}

function bansAround(
  id: string,
  counted: string,
  state: JailState | undefined,
  now: number,
): readonly BanFacts[] {
  const asked = parseNetwork(id);
  const found: BanFacts[] = [];
  for (const [banned, ban] of state?.bans ?? []) {
    if (ban.until !== null && ban.until <= now) continue;
    const how = banned === id || banned === counted ? 'own' : relation(banned, asked);
    if (how === null) continue;
    const { at, until, failures, count, origin, matches, pending } = ban;
    found.push({ id: banned, how, at, until, failures, count, origin, matches, pending });
  }
  return found;
}

function relation(banned: string, asked: ReturnType<typeof parseNetwork>): 'holds' | 'inside' | null {
  const network = asked === null ? null : parseNetwork(banned);
  if (network === null || asked === null) return null;
  if (contains(network, asked)) return 'holds';
  return contains(asked, network) ? 'inside' : null;
}

function countOf(
  ids: readonly string[],
  { maxretry, findtime }: Jail,
  state: JailState | undefined,
  now: number,
): CountFacts | null {
  for (const id of new Set(ids)) {
    const count = state?.failures.get(id);
    if (count === undefined || count === null) continue;
    const { retry, first, last } = count;
    return { id, retry, maxretry, first, last, isFresh: last > now - findtime };
  }
  return null;
}
