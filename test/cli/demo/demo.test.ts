import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { unlessRootWith } from '../../testbed/need.ts';
import { eventually } from '../../testbed/testbed.ts';

const main = join(import.meta.dirname, '../../../src/main.ts');
const folder = mkdtempSync(join(tmpdir(), 'f2b-demotest-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Temporary files go into a folder of the test's, so that it sees what stays behind. */
const env = { ...process.env, TMPDIR: folder };
const own = [process.execPath, main, 'demo'];

function start(argv: readonly string[], more: Record<string, string> = {}) {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { env: { ...env, ...more }, stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    said.err += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { child, said, ended };
}

const skip =
  unlessRootWith('unshare', 'ip', 'nft') ||
  (spawnSync('unshare', ['-rn', 'true']).status === 0 ? false : 'no user namespaces here');

describe('f2b demo', { concurrency: true }, () => {
  it('refuses, unbans and flushes with a real firewall, and the one outside is not touched', {
    skip,
  }, async () => {
    // The network namespace in which it is called stands for the machine.
    const script =
      'ip link set lo up && "$@" && nft list ruleset && iptables -S && ip -o addr show dev lo scope global';
    const { said, ended } = start(['unshare', '-n', 'sh', '-c', script, 'sh', ...own]);
    const code = await ended;
    assert.deepEqual([code, said.err], [0, ''], said.out);
    const [story = '', outside] = said.out.split('go now.\n');
    assert.equal(outside, '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n');
    assert.match(story, /with the real nftables/);
    assert.match(story, /asks for \/: 200\n.*asks for \/: Connection refused\n/s);
    assert.match(story, /fail2ban\.actions .*NOTICE {2}\[flask-8080\] Ban 10\.2\.1\.99\n/);
    assert.match(story, /Status for the jail: flask-8080\n.*Banned IP list:\t10\.2\.1\.99\n/s);
    assert.match(story, /elements = \{.*10\.2\.1\.99 timeout (?:1h|59m)/);
    assert.match(story, /\$ f2b unbanip 10\.2\.1\.99\n {4}1\n {4}10\.2\.1\.99 asks for \/: 200\n/);
    assert.match(story, /asks for \/restricted\/ with the password "12345": Connection refused\n/);
    assert.match(story, /Status for the jail: flask-auth\n.*Banned IP list:\t10\.2\.1\.99\n/s);
    assert.match(story, /\$ f2b flush\n {4}[12]\n {4}10\.2\.1\.99 asks for \/: 200\n/);
  });

  it('prints the commands where it can have no namespace, and says why', { skip }, async () => {
    const closed = 'ip link set lo up && echo 0 >/proc/sys/user/max_net_namespaces && exec "$@"';
    const { said, ended } = start(['unshare', '-rn', 'sh', '-c', closed, 'sh', ...own]);
    assert.deepEqual([await ended, said.err], [0, ''], said.out);
    assert.match(said.out, /Without a firewall \(unshare: .*\): its commands are printed/);
    assert.match(said.out, /NOTICE {2}\[flask-8080\] Ban 127\.0\.0\.2\n/);
    assert.match(
      said.out,
      / nft -f - <<'END'\n.*add element inet f2b addr4-flask-auth \{ 127\.0\.0\.2 timeout (?:1h|35\d\ds) \}/s,
    );
  });

  it('cleans up when it is told to end in the middle', { skip }, async () => {
    const { child, said, ended } = start(own);
    await eventually('the first request', () => said.out.includes('asks for /: 200'));
    const [name = ''] = /f2b-demo-\w+/.exec(said.out) ?? [];
    assert.ok(existsSync(join(folder, name)));
    child.kill('SIGTERM');
    assert.deepEqual([await ended, said.err], [1, 'f2b: broken off\n']);
    assert.ok(!existsSync(join(folder, name)));
    await eventually('no process of it is left', () => !isAlive(name));
  });

  it('runs no firewall command in the namespace it was started from, nor in one that has addresses', {
    skip,
  }, async () => {
    const here = { F2B_DEMO_OUTSIDE: readlinkSync('/proc/self/ns/net'), F2B_DEMO_FOLDER: folder };
    const first = start(own, here);
    assert.equal(await first.ended, 1);
    assert.match(first.said.err, /not in a network of its own: nothing was done/);
    const used =
      'ip link add veth0 type veth peer name veth1 && ip addr add 192.0.2.1/24 dev veth0 && ip link set veth0 up && exec "$@"';
    const second = start(['unshare', '-rn', 'sh', '-c', used, 'sh', ...own], here);
    assert.equal(await second.ended, 1);
    assert.match(second.said.err, /has addresses already: nothing was done/);
  });
});

/** Whether a process has the text in its environment. */
function isAlive(text: string): boolean {
  return readdirSync('/proc').some((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes(text);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}

it('f2b demo leaves no files behind', () => {
  assert.deepEqual(readdirSync(folder), []);
});
