import { reasonOf } from '../base/errors.ts';
import { canonicalIp, parseNetwork } from '../base/ip.ts';
import { run as execute, isOnPath, type Output } from '../base/process.ts';
import type { Jail } from '../config/jail.ts';
import type { State } from '../state/state.ts';
import type { BanEntry, Firewall, FirewallKind, Rule } from './backend.ts';
import { chooseFirewall, presentFirewalls } from './choose.ts';
import { firewalldRuns } from './firewalld.ts';
import type { RunProgram } from './reconcile.ts';

/** How long one run of a firewall program may take, in seconds. */
export const FIREWALL_TIMEOUT = 30;

/** One firewall and all rules that jails want in it. */
export type Section = { readonly firewall: Firewall; readonly rules: readonly Rule[] };

/** Where the bans of the jails are enforced. */
export type FirewallPlan = {
  readonly sections: readonly Section[];
  /** For each jail the firewalls and rule names under which its bans stand; [] = it blocks nothing itself. */
  readonly rulesByJail: ReadonlyMap<
    string,
    readonly { readonly kind: FirewallKind; readonly rule: string }[]
  >;
  /** What keeps a jail from being enforced, by jail. */
  readonly troubles: ReadonlyMap<string, string>;
  /** What is done otherwise than the configuration says, and why. */
  readonly notes: readonly string[];
};

/** The jail that a rule's name belongs to. */
export function jailOfRule(rule: string): string {
  const slash = rule.indexOf('/');
  return slash < 0 ? rule : rule.slice(0, slash);
}

/** Where bans can stand at all: an id that is no address cannot be blocked by a firewall. */
export function isEnforceable(id: string): boolean {
  return canonicalIp(id) === id || parseNetwork(id) !== null;
}

/** Every ban of the state that should stand in that firewall, under each of its rules there. */
export function wantedEntries(state: State, wall: FirewallPlan, kind: FirewallKind): BanEntry[] {
  const entries: BanEntry[] = [];
  for (const [jail, rulesByJail] of wall.rulesByJail) {
    const rules = rulesByJail.filter((place) => place.kind === kind).map(({ rule }) => rule);
    if (rules.length === 0) continue;
    for (const [address, { until }] of state.jails.get(jail)?.bans ?? []) {
      if (!isEnforceable(address)) continue;
      for (const rule of rules) entries.push({ jail: rule, address, until });
    }
  }
  return entries;
}

/** The environment that a program may need to find the system bus. */
export function busEnvironment(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const address = env['DBUS_SYSTEM_BUS_ADDRESS'];
  return address === undefined ? {} : { DBUS_SYSTEM_BUS_ADDRESS: address };
}

/** Runs firewall programs with the time limit and the environment they need. */
export function firewallRunner(env: Readonly<Record<string, string | undefined>>) {
  const surroundings = { env: busEnvironment(env) };
  return (one: Parameters<typeof execute>[0]): Promise<Output> =>
    execute(one, FIREWALL_TIMEOUT, surroundings);
}

/**
 * Chooses a firewall for every action of the jails that only blocks. The first such action of a jail has the jail's
 * name for its rule, further ones `jail/action`.
 */
export function planFirewalls(jails: readonly Pick<Jail, 'name' | 'actions'>[]): FirewallPlan {
  const sections = new Map<FirewallKind, { firewall: Firewall; rules: Rule[] }>();
  const rulesByJail = new Map<string, { kind: FirewallKind; rule: string }[]>();
  const troubles = new Map<string, string>();
  const notes = new Set<string>();
  for (const jail of jails) {
    const own: { kind: FirewallKind; rule: string }[] = [];
    rulesByJail.set(jail.name, own);
    for (const action of jail.actions) {
      if (action.kind !== 'firewall') continue;
      try {
        const firewall = chooseFirewall(action.firewall, isOnPath);
        if (action.firewall === 'firewalld') notes.add(besideFirewalld(firewall.kind));
        const name = own.length === 0 ? jail.name : `${jail.name}/${action.name}`;
        const section = sections.get(firewall.kind) ?? { firewall, rules: [] };
        sections.set(firewall.kind, section);
        section.rules.push({ jail: name, ...action.rule });
        own.push({ kind: firewall.kind, rule: name });
      } catch (error) {
        troubles.set(jail.name, reasonOf(error));
      }
    }
  }
  return { sections: [...sections.values()], rulesByJail, troubles, notes: [...notes] };
}

function besideFirewalld(kind: FirewallKind): string {
  const why = 'rules of firewalld need a reload, which drops what was set at runtime only';
  return `bans for firewalld stand beside it, in ${kind}: ${why}`;
}

/**
 * The firewalls that no jail uses: what stands of ours in them was left by an earlier configuration or version. One in which
 * nothing can stand is not among them.
 */
export async function unusedFirewalls(plan: FirewallPlan, run: RunProgram): Promise<readonly Firewall[]> {
  const used = new Set(plan.sections.map(({ firewall }) => firewall.kind));
  const unused = presentFirewalls(isOnPath).filter(({ kind }) => !used.has(kind));
  const hasFirewalld = unused.some(({ kind }) => kind === 'firewalld') && (await firewalldRuns(run));
  return unused.filter(({ kind }) => kind !== 'firewalld' || hasFirewalld);
}
