/**
 * What an earlier f2b made in firewalld: the permanent policies `f2b` and `f2b-forward`, and sets `f2bf.JAIL-4` and `-6`. Nothing
 * new is made there. A rule of firewalld's own needs a permanent definition and then a reload, and a reload drops whatever was
 * set at runtime only. Bans of `banaction = firewallcmd-*` stand in another firewall, whose rules firewalld never touches.
 *
 * Removal needs no reload: the rules go from runtime and definition, the sets from the definition. The sets of the runtime
 * then block nobody, and end with firewalld's next reload.
 */
import { MachineError } from '../base/errors.ts';
import { type Command, command, type Output } from '../base/process.ts';
import type { Difference, Firewall, Held } from './backend.ts';

const NAME = 'org.fedoraproject.FirewallD1';
const PATH = '/org/fedoraproject/FirewallD1';

/** What is left in firewalld, and how it is removed; in `folder` it keeps a copy of every definition that was deleted. */
export function firewalld(folder = '/etc/firewalld'): Firewall {
  return {
    kind: 'firewalld',
    // The earlier f2b needed both.
    programs: ['firewall-cmd', 'busctl'],
    hasTimeouts: false,
    maxTimeout: Number.MAX_SAFE_INTEGER,
    exitProves: false,
    hasPackets: false,
    list: () => [call('config', 'config', 'getPolicyNames'), call('config', 'config', 'getIPSetNames')],
    readHeld: (_rules, outputs) => readHeld(outputs),
    probe: () => [],
    readProbe: () => ({ damaged: new Set(), absent: new Map() }),
    change: (_rules, difference) => change(difference, folder),
    watch: () => null,
  };
}

function call(folder: string, part: string, method: string, ...args: string[]): Command {
  const path = folder === '' ? PATH : `${PATH}/${folder}`;
  return command(['busctl', 'call', NAME, path, `${NAME}.${part}`, method, ...args], { mayFail: true });
}

function readHeld(outputs: readonly Output[]): Held {
  const [policies, sets] = outputs;
  if (sets?.exitCode !== 0) throw new MachineError('firewalld does not answer');
  // Before 0.9 there were no policies, and no getPolicyNames.
  const names = [
    ...namesIn(policies, /"(f2b(?:-forward)?)"/g),
    ...namesIn(sets, /"(f2bf\.[A-Za-z0-9_.-]+-[46])"/g),
  ];
  const traces = new Map(names.map((name) => [name, [name]]));
  return { ready: new Set(), entries: new Map(), strays: new Set(names), traces, absent: new Map() };
}

function namesIn(output: Output | undefined, form: RegExp): readonly string[] {
  return output?.exitCode !== 0 ? [] : Array.from(output.stdout.matchAll(form), ([, name = '']) => name);
}

/** Rules go before sets; otherwise firewalld ends in state `failed`. */
function change({ teardown }: Difference, folder: string): readonly Command[] {
  const sets = teardown.filter((name) => name.startsWith('f2bf.'));
  const policies = teardown.filter((name) => !sets.includes(name));
  const permanent = (option: string): Command => command(['firewall-cmd', '--permanent', option]);
  const copies = [
    ...policies.map((name) => `${folder}/policies/${name}.xml.old`),
    ...sets.map((name) => `${folder}/ipsets/${name}.xml.old`),
  ];
  return [
    ...policies.map((name) =>
      call('', 'policy', 'setPolicySettings', 'sa{sv}', name, '1', 'rich_rules', 'as', '0'),
    ),
    ...policies.map((name) => permanent(`--delete-policy=${name}`)),
    ...sets.map((name) => permanent(`--delete-ipset=${name}`)),
    ...(copies.length === 0 ? [] : [command(['rm', '-f', ...copies], { mayFail: true })]),
  ];
}

/** Whether firewalld runs: whether its name has an owner on the system bus. Without busctl it does not. */
export async function firewalldRuns(run: (command: Command) => Promise<Output>): Promise<boolean> {
  const bus = [
    'org.freedesktop.DBus',
    '/org/freedesktop/DBus',
    'org.freedesktop.DBus',
    'NameHasOwner',
  ] as const;
  const output = await run(command(['busctl', 'call', ...bus, 's', NAME], { mayFail: true }));
  return output.exitCode === 0 && output.stdout.trim() === 'b true';
}

/**
 * Waits until a firewalld that is starting has loaded its rules, for ten seconds at most. It takes its name on the bus first,
 * then flushes iptables, then answers; systemd calls it started when the name is there.
 */
export async function firewalldLoaded(run: (command: Command) => Promise<Output>): Promise<void> {
  if (!(await firewalldRuns(run))) return;
  await run(
    command(['busctl', '--timeout=10', 'get-property', NAME, PATH, NAME, 'state'], { mayFail: true }),
  );
}
