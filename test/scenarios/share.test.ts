import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { binary, unlessFound, unlessRootWith } from '../testbed/need.ts';

const share = join(import.meta.dirname, '../../share');
const units = readdirSync(share).filter((name) => /\.(service|timer)$/.test(name));
const services = units.filter((name) => name.endsWith('.service'));

/** The values of a key in one of our units, in the order of the file. */
function valuesOf(unit: string, key: string): readonly string[] {
  const lines = readFileSync(join(share, unit), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
}

/** Starts a systemd of its own: process 1, with its own network, /run, /var/lib, for one unit (`main.service`). */
const OWN_SYSTEMD = `
set -e
mount --make-rprivate /
mount -t proc proc /proc
umount -R -l /run/netns 2>/dev/null || :
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib
mkdir -p /run/systemd/system /run/lock
cp "$1"/units/* /run/systemd/system/
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount -t tmpfs tmpfs /sys/fs/cgroup
  mkdir /sys/fs/cgroup/systemd
  mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
else
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
ip link set lo up
container=test exec /lib/systemd/systemd --system --unit=main.service --log-target=console --show-status=no
`;

/** Runs shell commands as our unit would run f2b; their exit codes, or null when systemd cannot run here. */
function runConfined(folder: string, commands: readonly string[]): readonly string[] | null {
  const units = join(folder, 'units');
  const results = join(folder, 'results');
  const probe = join(folder, 'probe');
  mkdirSync(units);
  // One line of output for each command: its exit code, the command, and what it said.
  const steps = commands.map(
    (command) => `said=$(${command} 2>&1); echo "$? ${command.replaceAll(/["$\\]/g, '\\$&')} $said"`,
  );
  writeFileSync(probe, `#!/bin/sh\n${steps.join('\n')}\n`);
  chmodSync(probe, 0o755);
  const unit = readFileSync(join(share, 'f2b.service'), 'utf8')
    .replace(/^Restart.*\n/gm, '')
    .replace(/^Conflicts=.*$/m, 'DefaultDependencies=no\nSuccessAction=exit-force\nFailureAction=exit-force')
    .replace(/^ExecStart=.*$/m, `ExecStart=${probe}\nStandardOutput=file:${results}`);
  writeFileSync(join(units, 'main.service'), unit);
  const namespaces = ['-m', '-p', '-f', '-u', '-n', '-i', '-C', '--kill-child=KILL'];
  spawnSync('unshare', [...namespaces, 'sh', '-c', OWN_SYSTEMD, 'sh', folder], {
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  return existsSync(results) ? readFileSync(results, 'utf8').split('\n').filter(Boolean) : null;
}

test('systemd finds nothing to say about the units', { skip: unlessFound('systemd-analyze') }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-share-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(share, folder, { recursive: true });
  for (const unit of services) {
    const text = readFileSync(join(folder, unit), 'utf8');
    // The verdict shall not depend on a program in /usr/local/sbin of the machine that runs the test.
    writeFileSync(join(folder, unit), text.replace('=/usr/local/sbin/f2b ', '=/bin/true '));
  }
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [
    'verify',
    '--man=no',
    ...units.map((unit) => join(folder, unit)),
  ]);
  assert.deepEqual([status, String(stdout), String(stderr)], [0, '', '']);
});

for (const unit of services) {
  test(`${unit} starts the binary of the manual and takes its privileges away`, () => {
    assert.match(valuesOf(unit, 'ExecStart').join(), /^\/usr\/local\/sbin\/f2b run( --once| --restore)?$/);
    assert.deepEqual(valuesOf(unit, 'CapabilityBoundingSet'), [
      'CAP_NET_ADMIN CAP_NET_RAW CAP_DAC_READ_SEARCH',
    ]);
    assert.deepEqual(valuesOf(unit, 'ProtectSystem'), ['strict']);
    assert.deepEqual(valuesOf(unit, 'StateDirectory'), ['f2b']);
    assert.match(valuesOf(unit, 'After').join(), /\bfirewalld\.service\b/);
  });

  test(`${unit} lets the JavaScript engine write the code it runs`, () => {
    assert.deepEqual(valuesOf(unit, 'MemoryDenyWriteExecute'), []);
  });
}

test('the services are confined alike', () => {
  const confinement = (unit: string): readonly string[] => {
    const text = readFileSync(join(share, unit), 'utf8');
    return (
      text
        .split('\n')
        .filter((line) => /^(Cap|Env|Lock|No|Priv|Prot|Read|Restrict[^=]*=[^2]|Sys|Run|State|UM)/.test(line))
        // Only what runs for long answers on fail2ban's socket.
        .filter((line) => line !== 'ReadWritePaths=-/run/fail2ban')
    );
  };
  assert.deepEqual(
    confinement('f2b-once.service'),
    confinement('f2b.service').filter((line) => !/^Restart[PF]/.test(line)),
  );
  const isOfBoth = (line: string): boolean => !/^(Run|Env|Restart[PF]|ReadWritePaths=.var.log)/.test(line);
  assert.deepEqual(
    confinement('f2b-restore.service').filter(isOfBoth),
    confinement('f2b.service').filter(isOfBoth),
  );
});

test('a start that cannot succeed is given up, at the pace at which it is tried again', () => {
  const [pause, burst] = ['RestartSec', 'StartLimitBurst'].map((key) => Number(valuesOf('f2b.service', key)));
  assert.deepEqual(valuesOf('f2b.service', 'StartLimitIntervalSec'), ['5min']);
  // A start that fails takes a second or two.
  assert.ok(((pause ?? 300) + 10) * (burst ?? 300) < 300);
});

test('a signal for a reload does not end the service, whenever it comes', () => {
  assert.deepEqual(valuesOf('f2b.service', 'RestartForceExitStatus'), ['SIGHUP SIGUSR1']);
});

test('the boot waits for the bans for a bounded time, and for neither network nor names', () => {
  const unit = 'f2b-restore.service';
  assert.match(valuesOf(unit, 'Before').join(), /\bnetwork-pre\.target\b/);
  assert.deepEqual(valuesOf(unit, 'TimeoutStartSec'), ['20']);
  assert.deepEqual(valuesOf(unit, 'DefaultDependencies'), ['no']);
  assert.doesNotMatch(valuesOf(unit, 'After').join(), /network|nss|resolve/);
  assert.deepEqual(valuesOf('f2b.service', 'Also'), [unit]);
});

const tools = ['unshare', 'ip', 'nft', 'iptables', 'iptables-legacy', 'ipset', 'flock', 'ss'];
const noSystemd = existsSync('/lib/systemd/systemd') ? false : 'not installed: systemd';

test('confined by the unit, f2b can do its work and write nowhere else', {
  skip:
    unlessRootWith(...tools) || noSystemd || (!existsSync(binary) && 'not built: run ./build.sh or npm test'),
}, (t) => {
  const folder = mkdtempSync('/tmp/f2b-share-');
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(binary, join(folder, 'f2b'));
  writeFileSync(join(folder, 'log'), 'a line\n', { mode: 0o600 });
  spawnSync('chown', ['nobody', join(folder, 'log')]);
  const expected: readonly (readonly [code: number, command: string])[] = [
    [0, `${folder}/f2b version`],
    [0, 'nft add table inet f2b'],
    [0, 'iptables -w -N f2b'],
    [0, 'iptables-legacy -w -N f2b-legacy'],
    [0, 'ip6tables -w -N f2b'],
    [0, 'ipset create f2b hash:ip family inet timeout 0'],
    [0, 'ss -K dst 192.0.2.9'],
    [0, `cat ${folder}/log`],
    [0, 'touch /var/lib/f2b/state.json'],
    [0, 'flock -n /var/lib/f2b/lock true'],
    [0, 'mktemp -p $TMPDIR'],
    [0, `touch /var/log/f2b-share-\${PPID}`],
    [0, `rm /var/log/f2b-share-\${PPID}`],
    [1, 'touch /etc/f2b'],
    [1, `touch ${folder}/f2b`],
    [1, 'touch /run/f2b.pid'],
    [1, 'unshare -n true'],
    [1, `chown root ${folder}/log`],
  ];
  const results = runConfined(
    folder,
    expected.map(([, command]) => command),
  );
  if (results === null) {
    t.skip("a systemd of the test's own does not start here");
    return;
  }
  const wanted = expected.map(([code, command]) => `${code} ${command}`);
  assert.deepEqual(
    results.filter((line) => /^\d+ /.test(line)).map((line, i) => line.slice(0, wanted[i]?.length)),
    wanted,
    results.join('\n'),
  );
});
