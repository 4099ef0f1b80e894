import { MachineError } from '../base/errors.ts';
import type { Firewall, FirewallKind } from './backend.ts';
import { dummy } from './dummy.ts';
import { firewalld } from './firewalld.ts';
import { ipset } from './ipset.ts';
import { iptables } from './iptables/iptables.ts';
import { nftables } from './nftables/nftables.ts';

/** In the order in which `auto` prefers them. */
const REAL: readonly Firewall[] = [nftables(), ipset(), iptables];

/**
 * The firewall of that kind; `auto` and `firewalld` take the first of nftables, ipset and iptables that has its programs,
 * and throw MachineError when there is none. One that is named is taken even without its programs: its bans stay pending
 * with that reason until they are installed.
 */
export function chooseFirewall(kind: FirewallKind | 'auto', have: (program: string) => boolean): Firewall {
  if (kind === 'dummy') return dummy;
  const named = REAL.find((firewall) => firewall.kind === kind);
  const usable = named ?? REAL.find((firewall) => firewall.programs.every(have));
  if (usable === undefined) throw new MachineError('no firewall program found: none of nft, ipset, iptables');
  return usable;
}

/** Every firewall in which something of ours may stand: those whose programs are there. */
export function presentFirewalls(have: (program: string) => boolean): readonly Firewall[] {
  return [...REAL, firewalld()].filter((firewall) => firewall.programs.every(have));
}
