import { networkInterfaces } from 'node:os';
import type { Limits } from '../ban/ban.ts';
import { makeEscalation } from '../ban/escalation.ts';
import { fillPart, type IgnoreList, type IgnorePart, makeIgnoreList, newPart } from '../ban/ignore.ts';
import { IgnoreFiles } from '../ban/ignorefiles.ts';
import type { RunningJail } from '../ban/jail.ts';
import { type Problem, problem } from '../base/errors.ts';
import { type Network, parseNetwork } from '../base/ip.ts';
import type { Jail } from '../config/jail.ts';
import { compileFilter } from '../filter/compile.ts';
import { newFilterState } from '../filter/line.ts';

/** The jails at work, and those that cannot work with the reasons. */
export type RunningJails = {
  readonly jails: ReadonlyMap<string, RunningJail>;
  readonly problems: readonly Problem[];
  /** This machine's addresses, shared by all jails that ignore them; see refreshOwnAddresses. */
  readonly own: IgnorePart;
  /** The lists that jails name with `ignoreip = file:PATH`; refresh() takes in those that changed. */
  readonly files: IgnoreFiles;
};

/** Reads this machine's addresses anew: interfaces come and go while the jails work. */
export function refreshOwnAddresses({ own }: RunningJails): void {
  fillPart(own, ownAddresses());
}

/**
 * Compiles every jail; a broken one is left out, with its problems, and the others work. `earlier`, by name, are jails that did
 * compile once: such a one takes the place of a broken one. A jail that is among the `standing` ones goes on as it is.
 */
export function compileJails(
  jails: readonly Jail[],
  earlier: ReadonlyMap<string, Pick<RunningJail, 'jail'>> = new Map(),
  standing: RunningJails | null = null,
): RunningJails {
  const running = new Map<string, RunningJail>();
  const problems: Problem[] = [];
  const own = standing?.own ?? newPart(ownAddresses());
  const files = standing?.files ?? new IgnoreFiles();
  for (const jail of jails) {
    const same = standing?.jails.get(jail.name);
    if (same?.jail === jail) {
      running.set(jail.name, same);
      continue;
    }
    const found: Problem[] = [];
    const fallback = earlier.get(jail.name)?.jail;
    const compiled = compileJail(jail, { own, files }, found);
    problems.push(...found.map((one) => ({ ...one, jail: jail.name })));
    const ready = compiled ?? (fallback === undefined ? null : compileJail(fallback, { own, files }, []));
    if (ready !== null) running.set(jail.name, ready);
  }
  return { jails: running, problems, own, files };
}

type Shared = Pick<RunningJails, 'own' | 'files'>;

function compileJail(jail: Jail, shared: Shared, problems: Problem[]): RunningJail | null {
  const { usedns, logtimezone } = jail;
  const hasFilter = jail.filter.failregex.length > 0;
  const filter = hasFilter ? compileFilter(jail.filter, { usedns, logtimezone }, problems) : null;
  if (problems.some((one) => one.severity === 'error')) return null;
  return {
    jail,
    filter,
    filterState: filter === null ? null : newFilterState(filter),
    limits: limitsOf(jail),
    ignore: ignoreListOf(jail, shared, problems),
  };
}

/** The ids that are never banned in the jail; names have no addresses before learnNames(). Files that cannot be read are problems. */
export function ignoreListOf(
  { name, place, ignore }: Jail,
  { own, files }: Shared,
  problems: Problem[],
): IgnoreList {
  const parts = ignore.files.map((path): IgnorePart => {
    const { part, trouble } = files.open(path);
    if (trouble !== null)
      problems.push(problem(trouble, { severity: 'warning', place, jail: name, key: 'ignoreip' }));
    return part;
  });
  const names = new Map(ignore.names.map((one) => [one, newPart()]));
  return makeIgnoreList(ignore.networks, ignore.self ? own : undefined, { files: parts, names });
}

/** The jail's limits as the core wants them. */
export function limitsOf(jail: Jail): Limits {
  const { maxretry, findtime, bantime, increment } = jail;
  const maxmatches = jail.actions.some((action) => usesMatches(action.options)) ? jail.maxmatches : 0;
  const escalate = makeEscalation(increment, Math.random);
  return { maxretry, findtime, bantime, maxmatches, increment, escalate };
}

/** Log lines are kept only where an action would print them. */
function usesMatches(options: ReadonlyMap<string, string>): boolean {
  return [...options.values()].some((text) => /<(?:ip|ipjail)?matches>/.test(text));
}

/** This machine's own addresses. */
export function ownAddresses(): readonly Network[] {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const texts = ['127.0.0.1', '::1', ...all.map(({ address }) => address.replace(/%.*$/, ''))];
  return texts.flatMap((text) => parseNetwork(text) ?? []);
}
