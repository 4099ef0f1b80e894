/**
 * A machine of a test's own in the victim's namespace of a test bed: real services are installed and started in it, write to its
 * journal and to the logs under its /var/log, and nothing of that reaches the host.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Command, command, type Output, run } from '../../src/base/process.ts';
import { unlessRootWith } from './need.ts';
import { eventually, type Testbed } from './testbed.ts';

const CHECKOUT = join(import.meta.dirname, '../..');
const JOURNALD = '/lib/systemd/systemd-journald';
const GROUPS = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'];

export type Machine = {
  /** Its folder and its control group. */
  readonly places: readonly string[];
  /** Runs a shell script in the machine; fails with its output on a non-zero exit. */
  sh(script: string, seconds?: number): Promise<string>;
  /** Runs a shell script in the machine's files, from the attacker's namespace; any exit code will do. */
  attack(script: string): Promise<Output>;
  /** Installs Debian packages that are not there yet; what they bring is not started. */
  install(packages: readonly string[]): Promise<void>;
  /** Starts a service: what the script starts belongs to the unit, as the journal sees it. */
  start(unit: string, script: string): Promise<void>;
  close(): Promise<void>;
};

/** For `skip`: why a machine cannot be made here, or false. */
export function unlessMachine(): string | false {
  const missing = unlessRootWith('ip', 'unshare', 'nsenter', 'chroot', 'mount', 'apt-get', 'journalctl');
  if (missing !== false) return missing;
  if (!existsSync(JOURNALD)) return 'not installed: systemd-journald';
  return groupsOf() === undefined ? 'this kernel has no control groups of version 2' : false;
}

function groupsOf(): string | undefined {
  return GROUPS.find((folder) => existsSync(join(folder, 'cgroup.procs')));
}

/** Makes a machine without any service. Must be closed, before its test bed. */
export async function makeMachine(bed: Testbed): Promise<Machine> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-machine-'));
  const group = join(groupsOf() ?? '', basename(folder));
  const script = join(import.meta.dirname, 'machine.sh');
  const first = spawn(
    'nsenter',
    [`--net=/run/netns/${bed.victim}`, 'bash', script, folder, group, CHECKOUT],
    // A session of its own: an interrupt from the keyboard is the test's.
    { stdio: ['pipe', 'pipe', 'pipe'], detached: true },
  );
  let said = '';
  for (const output of [first.stdout, first.stderr]) {
    output.on('data', (chunk: Buffer) => {
      said += chunk;
    });
  }
  const gone = new Promise((resolve) => first.once('exit', resolve));
  const enter = (pid: string, net: string): string[] => [
    'nsenter',
    '-t',
    pid,
    '-m',
    '-p',
    '-C',
    '-r',
    '-w',
    ...(net === '' ? [] : [`--net=${net}`]),
  ];
  const close = async (): Promise<void> => {
    first.stdin.end();
    await gone;
  };
  try {
    await eventually('the machine is there', () => {
      if (first.exitCode !== null) throw new Error(`the machine ended: ${said}`);
      return /ready \d+/.test(said);
    });
  } catch (error) {
    await close();
    throw error;
  }
  const pid = /ready (\d+)/.exec(said)?.[1] ?? '';
  const inside = (net: string, script: string, seconds: number): Promise<Output> => {
    const argv: Command['argv'] = ['nsenter', ...enter(pid, net).slice(1), 'sh', '-ec', script];
    return run(command(argv), seconds, { env: environment(), hasFiles: true });
  };
  const must = async (net: string, script: string, seconds: number): Promise<string> => {
    const output = await inside(net, script, seconds);
    if (output.exitCode === 0) return output.stdout;
    throw new Error(`${script}\n${output.stdout}\n${output.stderr}${output.trouble ?? ''}`);
  };
  const victim = `/run/netns/${bed.victim}`;
  return {
    places: [folder, group],
    sh: (script, seconds = 60) => must(victim, script, seconds),
    attack: (script) => inside(`/run/netns/${bed.attacker}`, script, 90),
    async install(packages) {
      const words = '-q -y -o Dpkg::Options::=--force-confold --no-install-recommends';
      const missing = `dpkg-query -Wf '\${db:Status-Status}\\n' ${packages.join(' ')} 2>/dev/null | grep -c '^installed$' || true`;
      if (Number(await must('', missing, 60)) === packages.length) return;
      await must(
        '',
        `apt-get ${words} install ${packages.join(' ')} >/tmp/apt.log 2>&1 || { tail -30 /tmp/apt.log; exit 1; }`,
        600,
      );
    },
    async start(unit, script) {
      const own = `/sys/fs/cgroup/system.slice/${unit}.service`;
      await must(victim, `mkdir -p ${own}; echo 0 >${own}/cgroup.procs\n${script}`, 120);
    },
    close,
  };
}

/** The test's own environment, for the addresses of proxies; installing asks nothing. */
function environment(): Record<string, string> {
  const own = Object.entries(process.env).flatMap(([key, value]) =>
    /_proxy$/i.test(key) && value !== undefined ? [[key, value] as const] : [],
  );
  return { ...Object.fromEntries(own), DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8', HOME: '/root' };
}
