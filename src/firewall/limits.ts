/**
 * What bans cannot do on this host as it is, for `check` and `status`: ports that are passed on before the firewall asks us, and open
 * connections without conntrack(8).
 *
 *     for (const { jail, text } of await findLimits(plan, { run, have: isOnPath, isLocal })) warn(jail, text);
 */
import type { PortRange } from '../base/ports.ts';
import { type Command, command, type Output } from '../base/process.ts';
import type { Rule } from './backend.ts';
import { chainsOf, formatRange } from './match.ts';
import { type FirewallPlan, jailOfRule } from './plan.ts';

/** Something that the bans of a jail do not reach, and what helps. */
export type Limit = { readonly jail: string; readonly text: string; readonly hint: string };

/** What is asked of this host. */
type Host = {
  run(command: Command): Promise<Output>;
  /** Whether a program is on PATH. */
  have(program: string): boolean;
  /** Whether an address is one of this host. */
  isLocal(address: string): boolean;
};

/** A port that is translated before filters see it; `to` = the address it is passed on to, null = this host. */
export type Translated = { readonly protocol: string; readonly ports: PortRange; readonly to: string | null };

const ASK: readonly Command[] = [
  command(['nft', '-t', 'list', 'ruleset'], { mayFail: true }),
  command(['iptables-save', '-t', 'nat'], { mayFail: true }),
  command(['ip6tables-save', '-t', 'nat'], { mayFail: true }),
];

/** The limits of all jails of a plan, each once. What may not be asked (without root) is no limit. */
export async function findLimits(plan: FirewallPlan, host: Host): Promise<readonly Limit[]> {
  const sections = plan.sections.filter(({ firewall }) => firewall.kind !== 'dummy');
  if (sections.length === 0) return [];
  const outputs = await Promise.all(ASK.filter(({ argv }) => host.have(argv[0])).map((one) => host.run(one)));
  const translated = outputs.flatMap(({ stdout }) => readTranslated(stdout));
  const limits = sections.flatMap(({ rules }) =>
    rules.flatMap((rule) => [
      ...translated.flatMap((one) => passedOn(rule, one, host)),
      ...(host.have('conntrack') ? [] : [withoutConntrack(rule)]),
    ]),
  );
  return [...new Map(limits.map((one) => [`${one.jail} ${one.text}`, one])).values()];
}

/** The translated ports in nft's listing or that of iptables-save. */
export function readTranslated(listing: string): readonly Translated[] {
  return listing.split('\n').flatMap((line) => {
    if (!/\b(?:dnat|redirect)\b/i.test(line)) return [];
    const found =
      /\b(tcp|udp|sctp|dccp) dport (\{[^}]*\}|[\d-]+)/.exec(line) ??
      /-p (tcp|udp|sctp|dccp) .*--dports? ([\d,:]+)/.exec(line);
    if (found === null) return [];
    const target = /(?:\bto|--to-destination) (?:\[([\da-f:]+)\]|(\d+\.\d+\.\d+\.\d+))/i.exec(line);
    const to = target?.[1] ?? target?.[2] ?? null;
    return [...(found[2] ?? '').matchAll(/(\d+)(?:[-:](\d+))?/g)].map(([, first, last]) => ({
      protocol: found[1] ?? '',
      ports: [Number(first), Number(last ?? first)] as const,
      to,
    }));
  });
}

/** A port that is passed on elsewhere never comes to the chain INPUT. */
function passedOn(rule: Rule, { protocol, ports, to }: Translated, { isLocal }: Host): readonly Limit[] {
  const isMeant =
    (rule.protocols.length === 0 || rule.protocols.includes('all') || rule.protocols.includes(protocol)) &&
    (rule.ports?.some(([first, last]) => first <= ports[1] && last >= ports[0]) ?? true);
  const isReached = to === null || isLocal(to) || chainsOf(rule).some((chain) => chain !== 'INPUT');
  if (!isMeant || isReached) return [];
  const where = `port ${formatRange(ports)}/${protocol} is passed on to ${to}`;
  const text = `${where}: bans in the chain INPUT do not reach it`;
  const hint = 'chain = FORWARD, or DOCKER-USER for ports that Docker publishes';
  return [{ jail: jailOfRule(rule.jail), text, hint }];
}

function withoutConntrack(rule: Rule): Limit {
  const what =
    'open connections are refused by a ban, but what a server behind this host goes on sending does not end';
  return {
    jail: jailOfRule(rule.jail),
    text: `conntrack is not installed: ${what}`,
    hint: 'install conntrack (Debian) or conntrack-tools (Fedora, EL)',
  };
}
