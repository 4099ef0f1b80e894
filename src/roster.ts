import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import type { Limits } from './ban.ts';
import { type Problem, problem, reasonOf } from './errors.ts';
import { makeEscalation } from './escalation.ts';
import { compileFilter, type Filter, type FilterState, newFilterState } from './filter.ts';
import { type IgnoreList, makeIgnoreList } from './ignore.ts';
import { canonicalIp, type Network, parseNetwork } from './ip.ts';
import type { Jail } from './jail.ts';

/** A jail that is ready to judge lines. */
export type WorkingJail = {
  readonly jail: Jail;
  /** null: the jail has no failregex, bans come by hand only. */
  readonly filter: Filter | null;
  readonly filterState: FilterState | null;
  readonly limits: Limits;
  readonly ignore: IgnoreList;
};

/** The jails at work, and those that cannot work with the reasons. */
export type Roster = {
  readonly jails: ReadonlyMap<string, WorkingJail>;
  readonly problems: readonly Problem[];
  /** This machine's addresses, shared by all jails that ignore them; see refreshOwn. */
  readonly own: Set<string>;
};

/** Reads this machine's addresses anew: interfaces come and go while the jails work. */
export function refreshOwn({ own }: Roster): void {
  const now = new Set(ownAddresses());
  for (const address of own) if (!now.has(address)) own.delete(address);
  for (const address of now) own.add(address);
}

/** Compiles every jail; a broken one is left out, with its problems, and the others work. */
export function callRoster(jails: readonly Jail[]): Roster {
  const working = new Map<string, WorkingJail>();
  const problems: Problem[] = [];
  const own = new Set(ownAddresses());
  for (const jail of jails) {
    const found: Problem[] = [];
    const ready = makeWorking(jail, own, found);
    problems.push(...found.map((one) => ({ ...one, jail: jail.name })));
    if (ready !== null) working.set(jail.name, ready);
  }
  return { jails: working, problems, own };
}

function makeWorking(jail: Jail, own: ReadonlySet<string>, problems: Problem[]): WorkingJail | null {
  const { usedns, logtimezone } = jail;
  const hasFilter = jail.filter.failregex.length > 0;
  const filter = hasFilter ? compileFilter(jail.filter, { usedns, logtimezone }, problems) : null;
  const limits = limitsOf(jail, problems);
  if (limits === null || problems.some((one) => one.severity === 'error')) return null;
  const networks = [
    ...jail.ignore.networks,
    ...jail.ignore.files.flatMap((path) => networksIn(path, jail, problems)),
  ];
  return {
    jail,
    filter,
    filterState: filter === null ? null : newFilterState(filter),
    limits,
    ignore: makeIgnoreList(networks, jail.ignore.self ? own : []),
  };
}

/** The jail's limits as the core wants them; null, with a problem, when its formula cannot be read. */
export function limitsOf(jail: Jail, problems: Problem[]): Limits | null {
  const { maxretry, findtime, bantime, increment } = jail;
  const maxmatches = jail.actions.some((action) => usesMatches(action.options)) ? jail.maxmatches : 0;
  try {
    const escalate = makeEscalation(increment, Math.random);
    return { maxretry, findtime, bantime, maxmatches, increment, escalate };
  } catch (error) {
    const { place, name } = jail;
    problems.push(problem(reasonOf(error), { place, jail: name, key: 'bantime.formula' }));
    return null;
  }
}

/** Log lines are kept only where an action would print them. */
function usesMatches(options: ReadonlyMap<string, string>): boolean {
  return [...options.values()].some((text) => /<(?:ip|ipjail)?matches>/.test(text));
}

/** This machine's own addresses, canonical. */
export function ownAddresses(): readonly string[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const canonical = all.flatMap(({ address }) => canonicalIp(address.replace(/%.*$/, '')) ?? []);
  return [...new Set(['127.0.0.1', '::1', ...canonical])];
}

function networksIn(path: string, jail: Jail, problems: Problem[]): Network[] {
  try {
    const words = readFileSync(path, 'utf8')
      .split('\n')
      .flatMap((line) => line.replace(/[#;].*$/, '').trim() || []);
    return words.flatMap((word) => parseNetwork(word) ?? []);
  } catch (error) {
    const text = `cannot read ${path}: ${reasonOf(error)}`;
    problems.push(
      problem(text, { severity: 'warning', place: jail.place, jail: jail.name, key: 'ignoreip' }),
    );
    return [];
  }
}
