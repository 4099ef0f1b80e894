import { MachineError } from '../base/errors.ts';
import { type Command, command, type Output } from '../base/process.ts';
import type { Firewall, FirewallKind } from './backend.ts';
import { dummy } from './dummy.ts';
import { firewalld } from './firewalld/firewalld.ts';
import { ipset } from './ipset.ts';
import { iptables } from './iptables/iptables.ts';
import { nftables } from './nftables/nftables.ts';

/** In the order in which `auto` prefers them; firewalld only where it runs. */
const REAL: readonly Firewall[] = [firewalld(), nftables(), ipset(), iptables];

/**
 * The firewall of that kind; `auto` takes firewalld where it runs, else the first of nftables, ipset and iptables
 * that has its programs. Throws MachineError when there is none. A kind that is named is taken even without its programs:
 * its bans stay pending with that reason until they are installed.
 */
export function chooseFirewall(
  kind: FirewallKind | 'auto',
  have: (program: string) => boolean,
  firewalldRuns: boolean,
): Firewall {
  if (kind === 'dummy') return dummy;
  const named = REAL.find((firewall) => firewall.kind === kind);
  if (named !== undefined) return named;
  const usable = presentFirewalls(have).find((firewall) => firewall.kind !== 'firewalld' || firewalldRuns);
  if (usable === undefined)
    throw new MachineError('no firewall program found: none of nft, ipset, iptables, firewall-cmd');
  return usable;
}

/** Every firewall whose programs are there, best first: those in which something of ours may stand. */
export function presentFirewalls(have: (program: string) => boolean): readonly Firewall[] {
  return REAL.filter((firewall) => firewall.programs.every(have));
}

/** Whether firewalld runs: whether its name has an owner on the system bus. Without busctl it does not. */
export async function firewalldRuns(run: (command: Command) => Promise<Output>): Promise<boolean> {
  const [bus, path] = ['org.freedesktop.DBus', '/org/freedesktop/DBus'];
  const ask = ['call', bus, path, bus, 'NameHasOwner', 's', 'org.fedoraproject.FirewallD1'];
  const output = await run(command(['busctl', ...ask], { mayFail: true }));
  return output.exitCode === 0 && output.stdout.trim() === 'b true';
}
