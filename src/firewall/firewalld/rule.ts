import type { Family } from '../../base/ip.ts';
import { FAMILIES, type Rule } from '../backend.ts';
import { chainsOf, matchesOf } from '../match.ts';
import { jailTag } from '../names.ts';

/** The policy for packets to the host itself. */
export const INPUT_POLICY = 'f2b';

/** The policy for packets that are passed on. */
export const FORWARD_POLICY = 'f2b-forward';

/** The jail's set of one family; the ipset backend's names begin otherwise. */
export function setName(jail: string, family: Family): string {
  return `f2bf.${jailTag(jail)}-${family}`;
}

/** What setName wrote; null for a foreign name. */
export function parseSetName(name: string): { readonly tag: string; readonly family: Family } | null {
  const found = /^f2bf\.(.+)-([46])$/.exec(name);
  return found === null ? null : { tag: found[1] ?? '', family: found[2] === '4' ? 4 : 6 };
}

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
  const start = `rule family="ipv${family}" source ipset="${setName(rule.jail, family)}"`;
  const reject = `reject type="icmp${family === 4 ? '' : '6'}-port-unreachable"`;
  const other = rule.block === 'drop' ? 'drop' : reject;
  const forTcp = rule.block === 'tcp-reset' ? 'reject type="tcp-reset"' : other;
  const matches = matchesOf(rule, family);
  if (matches === null) {
    const reset = rule.block === 'tcp-reset' ? [`${start} protocol value="tcp" ${forTcp}`] : [];
    return [...reset, `${start} ${other}`];
  }
  return matches.flatMap(({ protocol, ports }) => {
    const name = PROTOCOL_NAMES.get(protocol) ?? `${protocol}`;
    const verdict = protocol === 6 ? forTcp : other;
    if (ports === null || protocol === 136) return [`${start} protocol value="${name}" ${verdict}`];
    return ports.map(([first, last]) => {
      const port = first === last ? `${first}` : `${first}-${last}`;
      return `${start} port port="${port}" protocol="${name}" ${verdict}`;
    });
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
