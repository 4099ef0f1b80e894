import { contains, type Network, parseNetwork } from '../../base/ip.ts';
import type { Jail } from '../../config/jail.ts';
import type { Outcome } from './replay.ts';
import type { Successes } from './successes.ts';

/** An address that may be no attacker, and whether it would have been banned. */
export type Suspect = { readonly id: string; readonly isBanned: boolean; readonly why: readonly string[] };

/** One choice of settings, and what it leads to. */
export type Trial = Outcome & {
  readonly settings: Pick<Jail, 'maxretry' | 'findtime' | 'bantime'>;
  readonly suspects: readonly Suspect[];
};

/** What `f2b backtest` tells; times are epoch seconds, null where no line has a date. */
export type Backtest = {
  readonly jail: string;
  readonly logs: readonly string[];
  readonly lines: number;
  readonly from: number | null;
  readonly to: number | null;
  /** Failures that were left out as their address is a name. */
  readonly names: number;
  readonly configured: Trial;
  readonly changed: Trial | null;
};

/** The addresses that would have been banned, or were spared, and may be no attackers. */
export function suspectsIn(
  { bans, spared }: Outcome,
  successes: Successes,
  own: readonly Network[],
): readonly Suspect[] {
  const banned = new Set(bans.map(({ id }) => id));
  const suspects = [...banned].flatMap((id): Suspect[] => {
    const why = [...loginsOf(id, successes), ...ownOf(id, own)];
    return why.length === 0 ? [] : [{ id, isBanned: true, why }];
  });
  const ignored = [...spared].map(([id, failures]): Suspect => {
    const why = [`in ignoreip: ${failures} failure${failures === 1 ? '' : 's'} spared`];
    return { id, isBanned: false, why: [...why, ...loginsOf(id, successes), ...ownOf(id, own)] };
  });
  return [...suspects, ...ignored];
}

function loginsOf(id: string, successes: Successes): readonly string[] {
  const network = id.includes('/') ? parseNetwork(id) : null;
  const users =
    network === null
      ? (successes.get(id) ?? [])
      : [...successes].flatMap(([ip, names]) => (contains(network, ip) ? [...names] : []));
  const named = [...new Set(users)].slice(0, 5);
  return named.length === 0 ? [] : [`logged in as ${named.join(', ')}`];
}

function ownOf(id: string, own: readonly Network[]): readonly string[] {
  const target = parseNetwork(id);
  if (target === null) return [];
  const isOwn = own.some((network) => contains(network, target) || contains(target, network));
  return isOwn ? ['in a network of --own'] : [];
}

/** Who is banned, and who of them is suspect, by one choice of settings only. */
export function differenceOf(configured: Trial, changed: Trial) {
  const suspectsOf = ({ suspects }: Trial) =>
    new Set(suspects.filter(({ isBanned }) => isBanned).map(({ id }) => id));
  const idsOf = ({ bans }: Trial) => new Set(bans.map(({ id }) => id));
  const [before, after] = [idsOf(configured), idsOf(changed)];
  const [oldSuspects, newSuspects] = [suspectsOf(configured), suspectsOf(changed)];
  const gained = [...after].filter((id) => !before.has(id));
  const lost = [...before].filter((id) => !after.has(id));
  return {
    gained: gained.filter((id) => !newSuspects.has(id)),
    lost: lost.filter((id) => !oldSuspects.has(id)),
    suspectsGained: gained.filter((id) => newSuspects.has(id)),
    suspectsLost: lost.filter((id) => oldSuspects.has(id)),
  };
}
