import type { RunningJail } from '../ban/jail.ts';
import { formatProblem, type Problem, problem } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import type { Jail } from '../config/jail.ts';
import { type FirewallPlan, planFirewalls } from '../firewall/plan.ts';

/** How the jails at work differ from those before, by name. */
export type JailChanges = {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
};

/** What a reload did, and what is wrong, as lines. */
export type ReloadResult = JailChanges & {
  readonly errors: readonly string[];
  /** Jails with mistakes, which go on with their earlier settings or are not started. */
  readonly skipped: readonly string[];
  /** False: the configuration cannot be used, and nothing was changed. */
  readonly isDone: boolean;
};

type Jails = ReadonlyMap<string, Pick<RunningJail, 'jail'>>;

/** Compares the jails at work; where a value stands in a file does not matter. */
export function jailChanges(before: Jails, after: Jails): JailChanges {
  const names = [...after.keys()];
  return {
    added: names.filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: names.filter((name) => {
      const [old, now] = [before.get(name)?.jail, after.get(name)?.jail];
      return old !== undefined && now !== undefined && old !== now && printed(old) !== printed(now);
    }),
  };
}

function printed(jail: Jail): string {
  return JSON.stringify(jail, (key, value: unknown) => {
    if (key === 'place') return undefined;
    return value instanceof Map ? [...value] : value;
  });
}

/** The configuration with one jail of it as it is written, and the others as they work; null: it has no such jail. */
export function onlyJail(config: Config, name: string, working: Jails): Config | null {
  if (!config.allJails.some((one) => one.name === name && one.isEnabled)) return null;
  const others = config.allJails.map((one) =>
    one.name === name
      ? one
      : { ...one, jail: working.get(one.name)?.jail ?? null, isEnabled: working.has(one.name) },
  );
  const isAsked = (jail: string | null): boolean => jail === null || jail === name;
  return {
    ...config,
    allJails: others,
    jails: others.flatMap(({ jail }) => jail ?? []),
    blocking: config.blocking.filter((one) => one.name === name || working.has(one.name)),
    problems: config.problems.filter(({ jail }) => isAsked(jail)),
  };
}

/**
 * The jails to compile: those of the configuration, and the earlier ones where these have mistakes, or want a firewall that cannot
 * be had. `plan`: the firewalls that stand; null at the start.
 */
export function chooseJails(
  config: Config,
  working: Jails,
  plan: FirewallPlan | null,
): { readonly jails: readonly Jail[]; readonly refused: readonly Problem[] } {
  const earlier = (name: string): Jail | null => working.get(name)?.jail ?? null;
  const refused: Problem[] = [];
  if (plan !== null) {
    const { troubles } = planFirewalls(config.jails);
    for (const { name, place } of config.jails) {
      const trouble = troubles.get(name);
      if (trouble === undefined || earlier(name) === null || plan.troubles.has(name)) continue;
      refused.push(problem(trouble, { place, jail: name, key: 'action' }));
    }
  }
  const isRefused = (name: string): boolean => refused.some((one) => one.jail === name);
  const jails = config.allJails.flatMap(({ name, isEnabled, jail }) => {
    if (!isEnabled) return [];
    return (isRefused(name) ? null : jail) ?? earlier(name) ?? [];
  });
  return { jails, refused };
}

/** Errors as lines, each with its hint behind it. */
export function linesOf(problems: readonly Problem[]): readonly string[] {
  const errors = problems.filter(({ severity }) => severity === 'error');
  return errors.flatMap((one) => [formatProblem(one), ...(one.hint === null ? [] : [`hint: ${one.hint}`])]);
}
