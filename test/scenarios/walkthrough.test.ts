/** The README's walkthrough, for real: two hosts, Flask piped through tee, curl, the binary, each firewall, both families. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { command, run } from '../../src/base/process.ts';
import { binary } from '../testbed/need.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const PYTHON = '/usr/bin/python3';
/** As in the README, with the log in a temporary folder. */
const FILES = {
  'filter.d/flask-ddos.conf': String.raw`[Definition]
failregex = ^<HOST> - .+(GET|POST).*$
ignoreregex = \.(?i)(jpg|jpeg|gif|png|pdf|js|txt)
`,
  'filter.d/flask-auth.conf': String.raw`[Definition]
failregex = ^<HOST> - .+(GET|POST).+ 401 .*$
ignoreregex = \.(?i)(jpg|jpeg|gif|png|pdf|js|txt)
`,
  'jail.d/flask-8080.conf': `[flask-8080]
filter = flask-ddos
enabled = true
port = 8080
logpath = /tmp/access_log
backend = polling
maxretry = 3
findtime = 1s
bantime = 1h
[flask-auth]
filter = flask-auth
enabled = true
port = 8080
logpath = /tmp/access_log
backend = polling
maxretry = 2
findtime = 10s
bantime = 1h
`,
};

/** The attacker's addresses: the IPv6 one is of a network of its own, which is banned as a whole. */
const ATTACKERS = [
  { from: '10.2.1.99', to: '10.2.1.10', banned: '10.2.1.99', neighbour: '10.2.1.100' },
  { from: 'fd03::99', to: '[fd02::10]', banned: 'fd03::/64', neighbour: 'fd02::100' },
] as const;
type Way = { readonly from: string; readonly to: string };
const [FOUR, SIX] = ATTACKERS;

const missing = existsSync(binary)
  ? spawnSync(PYTHON, ['-c', 'import flask']).status === 0
    ? false
    : 'not installed: python3-flask'
  : 'not built: run ./build.sh or npm test';

const cases = [
  { name: 'iptables', programs: ['iptables', 'ip6tables'] },
  { name: 'ipset', programs: ['ipset', 'iptables', 'ip6tables'] },
  { name: 'nftables', programs: ['nft'] },
  { name: 'firewalld', programs: ['firewalld', 'firewall-cmd', 'dbus-daemon'] },
] as const;

describe('the walkthrough', { concurrency: 4, timeout: 280_000 }, () => {
  for (const { name, programs } of cases) {
    describe(`with ${name}`, { skip: missing || unlessTestbed(...programs), concurrency: 1 }, () =>
      walk(name),
    );
  }
});

function status(
  jail: string,
  numbers: { failed: number; banned: readonly string[]; total: number },
  log: string,
): string {
  return `Status for the jail: ${jail}
|- Filter
|  |- Currently failed:	0
|  |- Total failed:	${numbers.failed}
|  \`- File list:	${log}
\`- Actions
   |- Currently banned:	${numbers.banned.length}
   |- Total banned:	${numbers.total}
   \`- Banned IP list:	${numbers.banned.join(' ')}
`;
}

function walk(firewall: (typeof cases)[number]['name']): void {
  let bed: Testbed;
  let folder: string;
  let log: string;
  let daemon: ChildProcess;
  let said = '';
  const children: ChildProcess[] = [];

  const inVictim = (words: readonly string[], stdio: 'ignore' | 'pipe'): ChildProcess => {
    const child = spawn('ip', ['netns', 'exec', bed.victim, ...words], {
      env: { ...process.env, ...bed.env },
      stdio: ['ignore', 'ignore', stdio],
    });
    children.push(child);
    return child;
  };
  const own = ['--config', 'config', '--state', 'state/state.json'];
  const f2b = async (...words: readonly string[]): Promise<string> => {
    const wrapped = [
      'ip',
      'netns',
      'exec',
      bed.victim,
      'env',
      '-C',
      folder,
      binary,
      ...words,
      ...own,
    ] as const;
    const output = await run(command([...wrapped]), 60, { env: bed.env });
    assert.deepEqual([output.exitCode, output.stderr], [0, ''], `f2b ${words.join(' ')}`);
    return output.stdout;
  };
  /** The status codes that curl gets, or its complaint. */
  const curl = async ({ from, to }: Way, path = '/', ...more: readonly string[]) => {
    const words = [
      '-sS',
      '-v',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code} ',
      '--max-time',
      '10',
      '--interface',
      from,
    ];
    const prefix = ['taskset', '-c', '0', 'ip', 'netns', 'exec', bed.attacker] as const;
    const output = await run(command([...prefix, 'curl', ...words, ...more, `http://${to}:8080${path}`]), 60);
    if (output.exitCode === 0) return output.stdout.trim();
    // On a busy machine curl may say no more than that it could not connect: code 7, while silence is 28.
    return output.exitCode === 7 ? 'Connection refused' : output.stderr;
  };
  /** Waits until the kernel has confirmed the bans of the jail. */
  const standing = (jail: string, ...wanted: readonly string[]) =>
    eventually(`${wanted} banned in ${jail}`, async () => {
      const [{ banned }] = JSON.parse(await f2b('status', '--json', jail));
      const done = banned.filter((ban: { pending: string | null }) => ban.pending === null);
      return (
        done.length === wanted.length &&
        wanted.every((id) => done.some((ban: { id: string }) => ban.id === id))
      );
    });

  before(async () => {
    bed = await makeTestbed([8081], firewall === 'firewalld' ? 'nftables' : null);
    folder = mkdtempSync(join(tmpdir(), 'f2b-walk-'));
    log = join(folder, 'access_log');
    for (const [path, text] of Object.entries(FILES)) {
      mkdirSync(join(folder, 'config', path, '..'), { recursive: true });
      writeFileSync(join(folder, 'config', path), text.replaceAll('/tmp/access_log', log));
    }
    writeFileSync(join(folder, 'config/jail.local'), `[DEFAULT]\nbanaction = ${firewall}\n`);
    await bed.sh('ip', 'route', 'add', 'fd03::/64', 'dev', 'veth0');
    await run(command(['ip', '-n', bed.attacker, 'addr', 'add', 'fd03::99/64', 'dev', 'veth0', 'nodad']), 10);
    if (firewall === 'firewalld') {
      await bed.sh('firewall-cmd', '--permanent', '--add-port=8080-8081/tcp');
      await bed.sh('firewall-cmd', '--reload');
    }
    const app = `${PYTHON} -u ${join(import.meta.dirname, 'walkthrough.py')}`;
    const both = `(${app} 10.2.1.10 8080 & ${app} fd02::10 8080 & wait) 2>&1 | tee ${log}`;
    inVictim(['sh', '-c', both], 'ignore');
    const addresses = ['http://10.2.1.10:8080', 'http://[fd02::10]:8080'];
    await eventually('Flask runs', () => {
      const text = existsSync(log) ? readFileSync(log, 'utf8') : '';
      return addresses.every((address) => text.includes(`Running on ${address}`));
    });
    daemon = inVictim(['env', '-C', folder, binary, 'run', ...own], 'pipe');
    daemon.stderr?.on('data', (chunk: Buffer) => {
      said += chunk;
    });
    await eventually('f2b runs', () => said.includes("Jail 'flask-auth' started"));
  });

  after(async () => {
    for (const child of children.toReversed()) child.kill('SIGKILL');
    await run(command(['sh', '-c', `ip netns pids ${bed.victim} | xargs -r kill`]), 10);
    await bed?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('pictures do not count, whatever the case of their names', async () => {
    for (const who of ATTACKERS) assert.equal(await curl(who, '/[1-5].PNG'), '404 404 404 404 404');
  });

  it('quick curls are answered, then refused', async () => {
    for (const who of ATTACKERS) assert.equal(await curl(who, '/?[1-3]'), '200 200 200');
    await standing('flask-8080', FOUR.banned, SIX.banned);
    for (const who of ATTACKERS) assert.equal(await curl(who), 'Connection refused');
  });

  it('status shows the bans', async () => {
    const banned = [FOUR.banned, SIX.banned];
    assert.equal(
      await f2b('status', 'flask-8080'),
      status('flask-8080', { failed: 6, banned, total: 2 }, log),
    );
    assert.equal(
      await f2b('status', 'flask-auth'),
      status('flask-auth', { failed: 0, banned: [], total: 0 }, log),
    );
    assert.equal(
      await f2b('status'),
      'Status\n|- Number of jail:\t2\n`- Jail list:\tflask-8080, flask-auth\n',
    );
  });

  it('other ports and other hosts are not refused', async () => {
    for (const { from, neighbour, to } of ATTACKERS) {
      assert.equal(await bed.curl({ from, port: 8081 }), 'accepted');
      assert.equal(await curl({ from: neighbour, to }), '200');
    }
  });

  it('after unbanip curl works again', async () => {
    for (const { from } of ATTACKERS) assert.equal(await f2b('unbanip', from), '1\n');
    for (const who of ATTACKERS) assert.equal(await curl(who), '200');
    for (const { from } of ATTACKERS) assert.equal(await f2b('unbanip', from), '0\n');
  });

  it('wrong passwords ban within ten seconds', async () => {
    const bad = ['-u', 'user1:letmein'];
    for (let i = 0; i < 2; i++) {
      // Slower than flask-8080 forbids.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      for (const who of ATTACKERS) assert.equal(await curl(who, '/restricted/', ...bad), '401');
    }
    await standing('flask-auth', FOUR.banned, SIX.banned);
    for (const who of ATTACKERS) assert.equal(await curl(who, '/restricted/', ...bad), 'Connection refused');
    const banned = [FOUR.banned, SIX.banned];
    assert.equal(
      await f2b('status', 'flask-auth'),
      status('flask-auth', { failed: 4, banned, total: 2 }, log),
    );
    assert.match(await f2b('status', 'flask-8080'), /Currently banned:\t0\n.*Total banned:\t2\n/);
  });

  it('after flush everybody is accepted', async () => {
    assert.equal(await f2b('flush'), '2\n');
    for (const who of ATTACKERS) assert.equal(await curl(who, '/restricted/', '-u', 'user1:password'), '200');
  });

  it('who attacks from our own /64 is banned by address', async () => {
    const near = { from: 'fd02::99', to: '[fd02::10]' };
    assert.equal(await curl(near, '/?[1-3]'), '200 200 200');
    await standing('flask-8080', 'fd02::99');
    assert.equal(await curl(near), 'Connection refused');
    assert.equal(await bed.curl({ from: 'fd02::100', port: 8080 }), 'accepted');
  });

  it('SIGTERM ends f2b; its bans stay in the kernel until flush', async () => {
    const code = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    assert.equal(await code, 0, said);
    assert.equal(await bed.curl({ from: 'fd02::99' }), 'refused');
    assert.equal(await f2b('flush'), '1\n');
    assert.equal(await bed.curl({ from: 'fd02::99' }), 'accepted');
  });
}
