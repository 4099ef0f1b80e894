/**
 * Two hosts on one machine: network namespaces with names of their own on a veth pair, an attacker (10.2.1.99, 10.2.1.100,
 * fd02::99, fd02::100) and a victim (10.2.1.10, fd02::10) with a real HTTP server and, when asked for, a real firewalld
 * on a private bus. Nothing here touches the firewall of the machine itself.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, command, type Output, run } from '../../src/base/process.ts';
import type { RunProgram } from '../../src/firewall/reconcile.ts';
import { isLong, unlessLong, unlessRootWith } from './need.ts';

const LIMIT_SECONDS = 60;
let count = 0;

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const) {
  process.once(signal, () => process.exit(code));
}

export type Curl = { readonly from?: string; readonly port?: number };

export type Testbed = {
  readonly attacker: string;
  readonly victim: string;
  /** Runs a firewall's command in the victim's namespace. */
  readonly run: RunProgram;
  /** Environment of programs that talk to the victim's firewalld. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs words in the victim's namespace and answers stdout; fails on a non-zero exit. */
  sh(...argv: [string, ...string[]]): Promise<string>;
  /** What a connection attempt from the attacker sees. */
  curl(how?: Curl): Promise<'accepted' | 'refused' | 'silence' | 'cut'>;
  /** A download by the attacker that never ends; `bytes()` is how much came so far. */
  drip(from: string): { bytes(): number };
  /** Ends the victim's firewalld, and starts it again; for a test bed that has one. */
  stopFirewalld(): Promise<void>;
  startFirewalld(): Promise<void>;
  close(): Promise<void>;
};

/** For `skip`: why a test bed with these programs cannot be made here, or false. */
export function unlessTestbed(...programs: readonly string[]): string | false {
  return unlessRootWith('ip', 'curl', 'sysctl', 'taskset', ...programs);
}

/** Waits until `check` holds, at most `seconds`; fails with `what`, a function for what only the moment of failure knows. */
export async function eventually(
  what: string | (() => string),
  check: () => boolean | Promise<boolean>,
  seconds = 60,
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await check())) {
    if (Date.now() > end)
      throw new Error(`not within ${seconds} s: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function must(argv: Command['argv'], env: Record<string, string> = {}): Promise<Output> {
  const output = await run(command(argv), LIMIT_SECONDS, { env });
  if (output.exitCode !== 0) throw new Error(`${argv.join(' ')}: ${output.stderr}${output.trouble ?? ''}`);
  return output;
}

/** As a prefix: iptables and ip6tables are the legacy ones, whatever the host has chosen. */
export const LEGACY: readonly string[] = [
  'sh',
  '-c',
  'mount --bind /usr/sbin/xtables-legacy-multi /usr/sbin/xtables-nft-multi && exec "$@"',
  'sh',
];

/** For `skip`: why iptables-legacy cannot be used here, or false. A kernel may be without it, so it is never asked for. */
export function unlessLegacy(): string | false {
  const missing = unlessRootWith('unshare', 'mount', 'xtables-legacy-multi', 'xtables-nft-multi');
  if (missing !== false || !isLong) return missing || unlessLong;
  const { status } = spawnSync('unshare', ['-n', 'iptables-legacy', '-S'], { stdio: 'ignore' });
  return status === 0 ? false : 'this kernel has no iptables-legacy';
}

/**
 * Makes the two hosts; `ports` are served over HTTP by the victim, whose programs all get the words of `prefix` before them.
 * Must be closed, also after a failure.
 */
export async function makeTestbed(
  ports: readonly number[] = [8080, 8081],
  withFirewalld: 'nftables' | 'iptables' | null = null,
  prefix: readonly string[] = [],
): Promise<Testbed> {
  const name = `f2bt-${process.pid}-${count++}`;
  const [attacker, victim] = [`${name}a`, `${name}v`];
  const folder = mkdtempSync(join(tmpdir(), `${name}-`));
  const children: ChildProcess[] = [];
  const env: Record<string, string> =
    withFirewalld === null ? {} : { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${folder}/bus` };
  const inVictim = ['ip', 'netns', 'exec', victim, ...prefix] as const;
  const start = (argv: readonly string[], stdio: 'ignore' | 'pipe' = 'ignore'): ChildProcess => {
    const [program = '', ...args] = argv;
    const child = spawn(program, args, {
      env: { ...process.env, ...env },
      stdio: ['ignore', stdio, 'ignore'],
    });
    child.on('error', () => {});
    children.push(child);
    return child;
  };
  // A run that is broken off (a time limit, Ctrl-C) must not leave hosts behind.
  const sweep = (): void => {
    for (const child of children.toReversed()) child.kill('SIGKILL');
    for (const ns of [attacker, victim]) spawnSync('ip', ['netns', 'del', ns], { stdio: 'ignore' });
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', sweep);
  let firewalld: ChildProcess | null = null;
  const bed: Testbed = {
    attacker,
    victim,
    env,
    run: (one) => run(one, LIMIT_SECONDS, { prefix: inVictim, env }),
    sh: async (...argv) => (await must([...inVictim, ...argv], env)).stdout,
    curl: (how) => curl(attacker, how),
    drip(from) {
      const url = from.includes(':') ? 'http://[fd02::10]:8080/drip' : 'http://10.2.1.10:8080/drip';
      const child = start(['ip', 'netns', 'exec', attacker, 'curl', '-sN', '--interface', from, url], 'pipe');
      let bytes = 0;
      child.stdout?.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      return { bytes: () => bytes };
    },
    async stopFirewalld() {
      if (firewalld !== null) await end(firewalld);
    },
    async startFirewalld() {
      firewalld = await startFirewalld(folder, { bed, start, inVictim });
    },
    async close() {
      // firewalld is asked to end before its bus goes.
      for (const child of children.toReversed()) await end(child);
      for (const ns of [attacker, victim]) await run(command(['ip', 'netns', 'del', ns]), LIMIT_SECONDS);
      rmSync(folder, { recursive: true, force: true });
      process.removeListener('exit', sweep);
    },
  };
  try {
    await connect(attacker, victim);
    if (withFirewalld !== null) {
      await prepareFirewalld(folder, { backend: withFirewalld, bed, start });
      await bed.startFirewalld();
    }
    if (ports.length > 0) {
      const server = join(import.meta.dirname, 'testserver.ts');
      const child = start([...inVictim, process.execPath, server, ...ports.map(String)], 'pipe');
      let said = '';
      child.stdout?.on('data', (chunk: Buffer) => {
        said += chunk;
      });
      await eventually('the HTTP server listens', () => said.includes('ready'));
    }
  } catch (error) {
    await bed.close();
    throw error;
  }
  return bed;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}

async function connect(attacker: string, victim: string): Promise<void> {
  for (const ns of [attacker, victim]) await must(['ip', 'netns', 'add', ns]);
  await must([
    'ip',
    'link',
    'add',
    'veth0',
    'netns',
    attacker,
    'type',
    'veth',
    'peer',
    'name',
    'veth0',
    'netns',
    victim,
  ]);
  const addresses = {
    [attacker]: ['10.2.1.99', '10.2.1.100', '10.2.1.101', 'fd02::99', 'fd02::100'],
    [victim]: ['10.2.1.10', 'fd02::10'],
  };
  for (const ns of [attacker, victim]) {
    const lines = (addresses[ns] ?? []).map((address) =>
      address.includes(':') ? `addr add ${address}/64 dev veth0 nodad` : `addr add ${address}/24 dev veth0`,
    );
    const batch = ['link set lo up', 'link set veth0 up', ...lines].join('\n');
    const output = await run(command(['ip', '-n', ns, '-b', '-'], { stdin: `${batch}\n` }), LIMIT_SECONDS);
    if (output.exitCode !== 0) throw new Error(`ip -b: ${output.stderr}`);
    // Refusals come at once and are never held back.
    const calm = ['net.ipv4.icmp_ratelimit=0', 'net.ipv6.icmp.ratelimit=0'];
    await must(['ip', 'netns', 'exec', ns, 'sysctl', '-qw', ...calm]);
    // An ICMPv6 refusal that arrives while connect() still holds its socket is heard only 1 s later: another CPU takes it.
    const queue = '/sys/class/net/veth0/queues/rx-0/rps_cpus';
    if (availableParallelism() > 1)
      await run(command(['ip', 'netns', 'exec', ns, 'tee', queue], { stdin: '2\n' }), 10);
  }
}

async function curl(attacker: string, { from = '10.2.1.99', port = 8080 }: Curl = {}) {
  const host = from.includes(':') ? '[fd02::10]' : '10.2.1.10';
  const words = [
    'curl',
    '-s',
    '-o',
    '/dev/null',
    '--max-time',
    '4',
    '--interface',
    from,
    `http://${host}:${port}/`,
  ];
  const output = await run(
    command(['taskset', '-c', '0', 'ip', 'netns', 'exec', attacker, ...words]),
    LIMIT_SECONDS,
  );
  if (output.exitCode === 0) return 'accepted';
  if (output.exitCode === 7) return 'refused';
  if (output.exitCode === 28) return 'silence';
  // The firewall changed while the connection stood: nothing was answered, or the answer broke off.
  if ([52, 55, 56].includes(output.exitCode ?? 0)) return 'cut';
  throw new Error(`curl: exit code ${output.exitCode} ${output.stderr}`);
}

type FirewalldStart = {
  readonly bed: Testbed;
  readonly inVictim: readonly string[];
  start(argv: readonly string[]): ChildProcess;
};

/** Its configuration, and a bus for it alone. */
async function prepareFirewalld(
  folder: string,
  { backend, bed, start }: Omit<FirewalldStart, 'inVictim'> & { readonly backend: 'nftables' | 'iptables' },
): Promise<void> {
  const etc = join(folder, 'etc');
  for (const part of ['zones', 'ipsets', 'services', 'icmptypes', 'helpers', 'policies']) {
    mkdirSync(join(etc, part), { recursive: true });
  }
  const conf = [
    'DefaultZone=public',
    'CleanupOnExit=yes',
    'CleanupModulesOnExit=no',
    'Lockdown=no',
    'IPv6_rpfilter=no',
  ];
  const more = ['IndividualCalls=no', 'LogDenied=off', `FirewallBackend=${backend}`, 'FlushAllOnReload=yes'];
  writeFileSync(join(etc, 'firewalld.conf'), [...conf, ...more, ''].join('\n'));
  writeFileSync(join(folder, 'bus.conf'), busConfiguration(folder));
  start(['dbus-daemon', `--config-file=${folder}/bus.conf`, '--nofork', '--nopidfile', '--nosyslog']);
  const ask = (...words: string[]) => run(command(['busctl', ...words]), LIMIT_SECONDS, { env: bed.env });
  await eventually('the private bus answers', async () => (await ask('list')).exitCode === 0);
}

async function startFirewalld(
  folder: string,
  { bed, inVictim, start }: FirewalldStart,
): Promise<ChildProcess> {
  const log = ['--log-target', 'file', '--log-file', `${folder}/firewalld.log`];
  const where = ['--nofork', '--nopid', '--system-config', join(folder, 'etc')];
  const child = start([...inVictim, 'firewalld', ...where, ...log]);
  await eventually('firewalld runs', async () => {
    if (child.exitCode !== null)
      throw new Error(`firewalld ended: ${readFileSync(`${folder}/firewalld.log`)}`);
    const output = await run(command(['firewall-cmd', '--state']), LIMIT_SECONDS, { env: bed.env });
    return output.exitCode === 0;
  });
  return child;
}

function busConfiguration(folder: string): string {
  const allowed = ['user="*"', 'own="*"', 'send_type="method_call"', 'send_type="signal"']
    .concat(['method_return', 'error'].map((type) => `send_requested_reply="true" send_type="${type}"`))
    .concat(['method_call', 'method_return', 'signal', 'error'].map((type) => `receive_type="${type}"`));
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><auth>EXTERNAL</auth><listen>unix:path=${folder}/bus</listen>
<policy context="default">${allowed.map((words) => `<allow ${words}/>`).join('')}</policy></busconfig>
`;
}
