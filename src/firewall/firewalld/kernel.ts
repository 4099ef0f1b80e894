import { type Command, command, type Output } from '../../base/process.ts';
import { FAMILIES, type Rule } from '../backend.ts';
import { readSaved } from '../iptables/rule.ts';
import { canonicalOf } from '../match.ts';
import { readTable } from '../nftables/table.ts';
import { policiesOf, richRules, SETS } from './rule.ts';

/** The commands whose outputs readKernel understands, whichever way firewalld blocks. */
export const KERNEL: readonly Command[] = [
  command(['nft', '-j', 'list', 'table', 'inet', 'firewalld'], { mayFail: true }),
  command(['ipset', 'save'], { mayFail: true }),
  command(['iptables-save', '-t', 'filter'], { mayFail: true }),
  command(['ip6tables-save', '-t', 'filter'], { mayFail: true }),
];

/** What stands of ours in the kernel. */
type Kernel = {
  readonly sets: ReadonlyMap<string, { readonly isOdd: boolean; readonly entries: readonly string[] }>;
  /** How many rules refer to each set. */
  readonly uses: ReadonlyMap<string, number>;
};

/** Facts from the outputs of KERNEL: firewalld keeps its sets in nftables, or in ipset when it is told to use iptables. */
export function readKernel(outputs: readonly Output[]): Kernel {
  const [nft, ipset, save4, save6] = outputs;
  const sets = new Map<string, { isOdd: boolean; entries: string[] }>();
  const uses = new Map<string, number>();
  const use = (name: string | undefined): void => {
    if (name !== undefined) uses.set(name, (uses.get(name) ?? 0) + 1);
  };
  const table = readTable(nft?.exitCode === 0 ? nft.stdout : '', 'firewalld');
  for (const { name, type, elements } of table.sets) {
    const family = SETS.parse(name)?.family;
    if (family === undefined) continue;
    const isOdd = type !== `ipv${family}_addr`;
    sets.set(name, { isOdd, entries: elements.map((element) => canonicalOf(element.address)) });
  }
  for (const { text } of table.rules) use(/"@(f2bf\.[^"]+)"/.exec(text)?.[1]);
  for (const line of (ipset?.stdout ?? '').split('\n')) {
    const [verb, name = '', value = '', ...rest] = line.split(' ');
    const family = SETS.parse(name)?.family;
    if (family === undefined) continue;
    const isOdd = value !== 'hash:net' || rest[1] !== (family === 4 ? 'inet' : 'inet6');
    if (verb === 'create') sets.set(name, { isOdd, entries: [] });
    if (verb === 'add') sets.get(name)?.entries.push(canonicalOf(value));
  }
  for (const saved of [readSaved(save4, 4), readSaved(save6, 6)]) {
    for (const { text } of saved?.rules ?? []) use(/--match-set (f2bf\.\S+) src/.exec(text)?.[1]);
  }
  return { sets, uses };
}

/** Whether the jail's sets stand and as many rules refer to them as should. */
export function kernelStands(rule: Rule, kernel: Kernel): boolean {
  return FAMILIES.every((family) => {
    const name = SETS.name(rule.jail, family);
    const wanted = richRules(rule, family).length * policiesOf(rule).length;
    return kernel.sets.get(name)?.isOdd === false && (kernel.uses.get(name) ?? 0) >= wanted;
  });
}
