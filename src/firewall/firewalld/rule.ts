import type { Family } from '../../base/ip.ts';
import { FAMILIES, type Rule } from '../backend.ts';
import { chainsOf, formatRange, matchesOf } from '../match.ts';
import { hashSets } from '../names.ts';

/** The policy for packets to the host itself. */
export const INPUT_POLICY = 'f2b';

/** The policy for packets that are passed on. */
export const FORWARD_POLICY = 'f2b-forward';

/** Our sets; the ipset backend's names begin otherwise. */
export const SETS = hashSets('f2bf.');

/** The policies that hold the jail's rules. */
export function policiesOf(rule: Rule): readonly string[] {
  const chains = chainsOf(rule);
  return [
    ...(chains.includes('INPUT') ? [INPUT_POLICY] : []),
    ...(chains.some((chain) => chain !== 'INPUT') ? [FORWARD_POLICY] : []),
  ];
}

/** Rich rules in the spelling in which firewalld prints them. */
export function richRules(rule: Rule, family: Family): readonly string[] {
  const start = `rule family="ipv${family}" source ipset="${SETS.name(rule.jail, family)}"`;
  const icmp = `icmp${family === 4 ? '' : '6'}-port-unreachable`;
  return matchesOf(rule, family).flatMap(({ protocol, ports, block }) => {
    const verdict = block === 'drop' ? 'drop' : `reject type="${block === 'reject' ? icmp : block}"`;
    if (protocol === null) return [`${start} ${verdict}`];
    const name = PROTOCOL_NAMES.get(protocol) ?? `${protocol}`;
    if (ports === null || protocol === 136) return [`${start} protocol value="${name}" ${verdict}`];
    return ports.map((range) => `${start} port port="${formatRange(range)}" protocol="${name}" ${verdict}`);
  });
}

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
]);

/** Every rich rule that a policy should have. */
export function rulesOfPolicy(rules: readonly Rule[], policy: string): readonly string[] {
  const own = rules.filter((rule) => policiesOf(rule).includes(policy));
  return own.flatMap((rule) => FAMILIES.flatMap((family) => richRules(rule, family)));
}
