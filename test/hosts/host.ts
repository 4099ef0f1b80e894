/** A whole Debian with systemd as its first process, in a container without a network but one to an attacker inside of it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, cpSync, existsSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unlessRootWith } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';

/** For `skip`: why hosts are not made here, or false. `test/run.sh --hosts` names the folder for them. */
export const unlessHosts: string | false =
  process.env['F2B_HOSTS'] === undefined
    ? 'long: npm run test:hosts runs it'
    : unlessRootWith('debootstrap', 'systemd-nspawn', 'nsenter', 'unshare', 'flock', 'cp');

/** Folder of all hosts. */
export const hostsFolder: string = process.env['F2B_HOSTS'] ?? tmpdir();

/** What a customer's host has; curl and python3 are the attacker's. */
const PACKAGES = [
  ...[
    'systemd-sysv',
    'dbus',
    'nftables',
    'iptables',
    'ipset',
    'firewalld',
    'conntrack',
    'iproute2',
    'procps',
  ],
  ...[
    'curl',
    'netbase',
    'logrotate',
    'python3',
    'rsyslog',
    'openssh-server',
    'openssh-client',
    'nginx-light',
  ],
  ...['fail2ban', 'postfix'],
];

/** In a mount namespace of its own, so that nothing is left mounted: `sh FOLDER SUITE PACKAGE..`; at one time by one file only. */
const MAKE = `
set -e
dir=$1 suite=$2; shift 2
test ! -e "$dir.made" || exit 0
if [ ! -x "$dir/usr/bin/apt-get" ]; then
  mirror=$(apt-get indextargets --format '$(SITE)' | head -1)
  debootstrap --variant=minbase --include=systemd-sysv,dbus,ca-certificates "$suite" "$dir" "$mirror" || test -x "$dir/usr/bin/apt-get"
fi
# What is installed must not start: it would be outside of any container.
printf '#!/bin/sh\\nexit 101\\n' >"$dir/usr/sbin/policy-rc.d"
chmod 755 "$dir/usr/sbin/policy-rc.d"
mount -t proc proc "$dir/proc"
mount --rbind /dev "$dir/dev"
cp /etc/resolv.conf /etc/hosts "$dir/etc/"
cp /etc/apt/apt.conf.d/*prox* "$dir/etc/apt/apt.conf.d/" 2>/dev/null || :
export DEBIAN_FRONTEND=noninteractive
chroot "$dir" sh -c 'apt-get update -qq; apt-get -y -qq -f install; apt-get install -y -qq --no-install-recommends "$@"' sh "$@"
rm -f "$dir/usr/sbin/policy-rc.d"
case $dir in */$suite) touch "$dir.made" ;; esac
`;

function install(root: string, suite: string, packages: readonly string[]): void {
  const made = spawnSync(
    'flock',
    [
      `${root}.lock`,
      'unshare',
      '-m',
      '--propagation=private',
      'sh',
      '-c',
      MAKE,
      'sh',
      root,
      suite,
      ...packages,
    ],
    {
      encoding: 'utf8',
      maxBuffer: 64 << 20,
      timeout: 900_000,
    },
  );
  writeFileSync(`${root}.log`, `${made.stdout}${made.stderr}`);
  if (made.status !== 0) throw new Error(`cannot make a Debian ${suite}: ${made.stderr.slice(-2000)}`);
}

/** What a command on the host answered. */
export type Answer = { readonly status: number | null; readonly out: string };

/**
 * The network that each boot makes: `att` is a network namespace with the attackers, reachable by routes. A boot's own units see
 * none of it, like a network that comes late.
 */
const NETWORK = `
set -e
ip netns add att
ip link add f0 type veth peer name a0 netns att
ip addr add 203.0.113.1/24 dev f0
ip addr add 2001:db8:1::1/64 dev f0 nodad
ip link set f0 up
ip -n att addr add 203.0.113.99/24 dev a0
ip -n att addr add 2001:db8:1::99/64 dev a0 nodad
ip -n att link set a0 up
ip -n att link set lo up
for i in $(seq 1 60); do
  ip -n att addr add 198.51.100.$i/32 dev lo
  ip -n att addr add 2001:db8:2:$i::7/128 dev lo nodad
done
ip route add 198.51.100.0/24 via 203.0.113.99
ip -6 route add 2001:db8:2::/48 via 2001:db8:1::99
`;

const REACH = `
import socket, sys
source, port = sys.argv[1], int(sys.argv[2])
is6 = ':' in source
s = socket.socket(socket.AF_INET6 if is6 else socket.AF_INET)
s.settimeout(3)
s.bind((source, 0))
try:
    s.connect(('2001:db8:1::1' if is6 else '203.0.113.1', port))
    print('open')
except (ConnectionRefusedError, TimeoutError, socket.timeout, OSError) as error:
    print('refused')
`;

/** The host's address that an attacker of that family sees. */
export function facing(source: string): string {
  return source.includes(':') ? '2001:db8:1::1' : '203.0.113.1';
}

/** A host; it must be closed. */
export class Host {
  readonly root: string;
  #nspawn: ChildProcess | null = null;
  #init = 0;

  readonly #suite: string;

  private constructor(root: string, suite: string) {
    this.root = root;
    this.#suite = suite;
  }

  /** A fresh one of a Debian suite; the first of a suite takes a minute. */
  static make(suite: string, name: string): Host {
    const base = join(hostsFolder, suite);
    if (!existsSync(`${base}.made`)) install(base, suite, PACKAGES);
    const root = join(hostsFolder, `${suite}-${name}`);
    rmSync(root, { recursive: true, force: true });
    const { status, stderr } = spawnSync('cp', ['-a', base, root], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`cannot copy ${base}: ${stderr}`);
    return new Host(root, suite);
  }

  /** Installs more packages; it must be off. */
  install(...packages: readonly string[]): void {
    install(this.root, this.#suite, packages);
  }

  /** Copies a file of ours onto the host. */
  put(from: string, path: string): void {
    // A program that runs cannot be written over.
    rmSync(join(this.root, path), { force: true });
    cpSync(from, join(this.root, path));
  }

  /** Copies a folder of ours onto the host. */
  putTree(from: string, path: string): void {
    cpSync(from, join(this.root, path), { recursive: true });
  }

  /** Writes a file on the host. */
  write(path: string, text: string): void {
    // An absolute link on the host would lead to a file of this machine.
    rmSync(join(this.root, path), { force: true });
    writeFileSync(join(this.root, path), text);
  }

  async boot(): Promise<void> {
    const log = openSync(`${this.root}.log`, 'a');
    const args = ['-D', this.root, '--register=no', '--keep-unit', '--private-network', '-b'];
    const nspawn = spawn('systemd-nspawn', args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#nspawn = nspawn;
    await eventually(
      () => `${this.root} did not boot: ${readFileSync(`${this.root}.log`, 'utf8').slice(-2000)}`,
      () => {
        if (nspawn.exitCode !== null) throw new Error(`systemd-nspawn ended: see ${this.root}.log`);
        this.#init = childOf(nspawn.pid ?? 0);
        return this.#init > 0 && /^(running|degraded)$/m.test(this.sh('systemctl is-system-running').out);
      },
      180,
    );
    this.must(NETWORK);
    this.write('/root/reach.py', REACH);
  }

  /** A clean shutdown, and another boot: the kernel's rules are gone, the disk stays. */
  async reboot(): Promise<void> {
    this.sh('systemctl --no-block reboot');
    await this.#ended();
    await this.boot();
  }

  /** Runs shell commands on the host as root. */
  sh(script: string): Answer {
    if (!existsSync(`/proc/${this.#init}/ns/net`)) return { status: null, out: 'the host is off' };
    const { status, stdout, stderr } = spawnSync(
      'nsenter',
      [
        '-t',
        String(this.#init),
        '-a',
        'env',
        '-i',
        '-C',
        '/',
        `PATH=${PATH}`,
        'HOME=/root',
        'LANG=C.UTF-8',
        'sh',
        '-c',
        script,
      ],
      { encoding: 'utf8', timeout: 120_000, maxBuffer: 64 << 20 },
    );
    return { status, out: `${stdout ?? ''}${stderr ?? ''}` };
  }

  /** The output of commands that must succeed. */
  must(script: string): string {
    const { status, out } = this.sh(script);
    if (status !== 0) throw new Error(`${script.trim().slice(0, 200)}: exit code ${status}: ${out}`);
    return out;
  }

  /** Runs shell commands in the attackers' network. */
  attack(script: string): Answer {
    this.write('/root/attack.sh', script);
    return this.sh('nsenter --net=/run/netns/att sh /root/attack.sh');
  }

  /** Whether the address gets a connection to the port. */
  isOpen(source: string, port: number): boolean {
    return this.attack(`python3 /root/reach.py ${source} ${port}`).out.includes('open');
  }

  /** Powers it off and removes it. */
  async close(): Promise<void> {
    if (this.#nspawn !== null && this.#nspawn.exitCode === null) {
      this.sh('systemctl --no-block poweroff');
      // Its first process dies with it.
      await this.#ended().catch(() => this.#nspawn?.kill('SIGKILL'));
    }
    rmSync(this.root, { recursive: true, force: true });
  }

  async #ended(): Promise<void> {
    const nspawn = this.#nspawn;
    const isOver = (): boolean => nspawn === null || (nspawn.exitCode ?? nspawn.signalCode) !== null;
    await eventually(`${this.root} did not end`, isOver, 180);
    this.#nspawn = null;
    this.#init = 0;
  }
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The first child of a process, 0 when there is none. */
function childOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')[0]);
  } catch {
    return 0;
  }
}
