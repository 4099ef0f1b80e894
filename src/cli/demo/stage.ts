import { readlinkSync } from 'node:fs';
import { isSea } from 'node:sea';
import { MachineError } from '../../base/errors.ts';
import { type Command, command, failureOf, isOnPath, run } from '../../base/process.ts';

/** Firewalls that work in a network namespace; firewalld would be the host's own, through its bus. */
export type StageFirewall = 'nftables' | 'iptables';

/** Commands that test whether a firewall works here; they leave nothing behind. */
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

/** The words that run this program again. */
export function ownWords(): readonly [string, ...string[]] {
  const script = process.argv[1];
  return isSea() || script === undefined ? [process.execPath] : [process.execPath, script];
}

/** The current network namespace, such as `net:[4026531840]`. */
export function networkNamespace(): string {
  return readlinkSync('/proc/self/ns/net');
}

/**
 * How to enter a new user and network namespace: the words to put before a command. A string says why it is
 * impossible on this host.
 */
export async function findDoor(): Promise<readonly [string, ...string[]] | string> {
  for (const program of ['unshare', 'ip']) {
    if (!isOnPath(program)) return `${program} is not installed`;
  }
  // Root needs no user namespace, which some systems forbid.
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
 * Throws unless the process is in a fresh network namespace other than `outside`, without addresses. After
 * this its firewall commands cannot reach the host's firewall.
 */
export async function makeSureOfNamespace(outside: string): Promise<void> {
  if (!/^net:\[\d+\]$/.test(outside) || networkNamespace() === outside)
    throw new MachineError('the demonstration is not in a network of its own: nothing was done');
  const list = command(['ip', '-oneline', 'address']);
  const output = await run(list, 10);
  const trouble = failureOf(list, output);
  if (trouble !== null) throw new MachineError(`the demonstration cannot see where it is: ${trouble}`);
  if (output.stdout !== '')
    throw new MachineError("the demonstration's network has addresses already: nothing was done");
}

/** Adds the demonstration's two addresses to the namespace's loopback. */
export async function raiseLoopback(addresses: readonly string[]): Promise<void> {
  const lines = ['link set lo up', ...addresses.map((address) => `addr add ${address}/32 dev lo`), ''];
  const batch = command(['ip', '-batch', '-'], { stdin: lines.join('\n') });
  const trouble = failureOf(batch, await run(batch, 10));
  if (trouble !== null) throw new MachineError(`cannot make the demonstration's network: ${trouble}`);
}

/** The first firewall that works in this namespace; null if none does. */
export async function findFirewall(): Promise<StageFirewall | null> {
  for (const { kind, commands } of TRIALS) {
    let works = true;
    for (const argv of commands) works &&= (await run(command(argv), 10)).exitCode === 0;
    if (works) return kind;
  }
  return null;
}
