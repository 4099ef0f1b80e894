import { readlinkSync } from 'node:fs';
import { isSea } from 'node:sea';
import { MachineError } from '../../base/errors.ts';
import { type Command, command, failureOf, isOnPath, run } from '../../base/process.ts';

/** Firewalls of a network namespace; firewalld is none: it would be the machine's own, over its bus. */
export type StageFirewall = 'nftables' | 'iptables';

/** Commands that show whether a firewall works here; nothing of theirs stays. */
type Trial = { readonly kind: StageFirewall; readonly commands: readonly Command['argv'][] };

const TRIALS: readonly Trial[] = [
  {
    kind: 'nftables',
    commands: [
      ['nft', 'add table inet f2b-trial'],
      ['nft', 'delete table inet f2b-trial'],
    ],
  },
  {
    kind: 'iptables',
    commands: [
      ['iptables', '-w', '-N', 'f2b-trial'],
      ['iptables', '-w', '-A', 'f2b-trial', '-j', 'REJECT'],
      ['iptables', '-w', '-F', 'f2b-trial'],
      ['iptables', '-w', '-X', 'f2b-trial'],
      ['ip6tables', '-w', '-S'],
    ],
  },
];

/** The words by which this program runs itself again. */
export function ownWords(): readonly [string, ...string[]] {
  const script = process.argv[1];
  return isSea() || script === undefined ? [process.execPath] : [process.execPath, script];
}

/** The network namespace we are in, such as `net:[4026531840]`. */
export function networkNamespace(): string {
  return readlinkSync('/proc/self/ns/net');
}

/**
 * How to enter a user and network namespace of one's own: the words to put before a command. A text says why there
 * is no way on this machine.
 */
export async function findDoor(): Promise<readonly [string, ...string[]] | string> {
  for (const program of ['unshare', 'ip']) {
    if (!isOnPath(program)) return `${program} is not installed`;
  }
  // Root may do without a user namespace, where the system allows none.
  const doors: readonly (readonly [string, ...string[]])[] = [
    ['unshare', '--user', '--map-root-user', '--net'],
    ['unshare', '--net'],
  ];
  let why = '';
  for (const door of doors) {
    const { exitCode, stderr, trouble } = await run(command([...door, 'ip', 'link', 'set', 'lo', 'up']), 10);
    if (exitCode === 0) return door;
    if (why === '') why = stderr.trim().split('\n')[0] ?? trouble ?? 'unshare failed';
  }
  return why;
}

/**
 * Throws unless we are in a network namespace that is not `outside`, and a fresh one: nobody has given it an address.
 * After this no firewall command of ours can reach the machine's own firewall.
 */
export async function makeSureOfNamespace(outside: string): Promise<void> {
  if (!/^net:\[\d+\]$/.test(outside) || networkNamespace() === outside)
    throw new MachineError('the demonstration is not in a network of its own: nothing was done');
  const list = command(['ip', '-oneline', 'address']);
  const output = await run(list, 10);
  const trouble = failureOf(list, output);
  if (trouble !== null) throw new MachineError(`the demonstration cannot see where it is: ${trouble}`);
  if (output.stdout !== '')
    throw new MachineError("the demonstration's network has addresses, it is somebody's: nothing was done");
}

/** Gives the namespace's loopback the two addresses of the demonstration. */
export async function raiseLoopback(addresses: readonly string[]): Promise<void> {
  const lines = ['link set lo up', ...addresses.map((address) => `addr add ${address}/32 dev lo`), ''];
  const batch = command(['ip', '-batch', '-'], { stdin: lines.join('\n') });
  const trouble = failureOf(batch, await run(batch, 10));
  if (trouble !== null) throw new MachineError(`cannot make the demonstration's network: ${trouble}`);
}

/** The first firewall that works in this namespace, or null. */
export async function findFirewall(): Promise<StageFirewall | null> {
  for (const { kind, commands } of TRIALS) {
    let works = true;
    for (const argv of commands) works &&= (await run(command(argv), 10)).exitCode === 0;
    if (works) return kind;
  }
  return null;
}
