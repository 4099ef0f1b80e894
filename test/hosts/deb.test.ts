/** The DEB on Debian 11 and 13: installed, started, upgraded over, removed, purged. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { basename } from 'node:path';
import { type TestContext, test } from 'node:test';
import { unlessFound } from '../testbed/need.ts';
import { Host, unlessHosts } from './host.ts';
import { laterPackages, type Packages, packages, unlessPackages } from './packages.ts';
import { listen, PORT, probed } from './probe.ts';

const BANNED = ['198.51.100.1', '2001:db8:2:1::7'];
const BYSTANDER = '198.51.100.60';

const JAIL = `[DEFAULT]
bantime = 1h
[sshd]
enabled = true
port = ssh,${PORT}
`;

/** All files besides those that others write meanwhile. */
const files = (host: Host): readonly string[] =>
  host
    .must(
      `find / -xdev \\( -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd -o -path /var/cache -o -path /root \
-o -path '/var/log/apt' -o -path '/var/log/journal' -o -path /tmp -o -path /var/tmp \\) -prune -o -print | sort`,
    )
    .trim()
    .split('\n');

const UNITS = 'f2b.service f2b.timer f2b-once.service f2b-restore.service';

function apt(host: Host, { deb }: Packages): string {
  host.put(deb, `/root/${basename(deb)}`);
  return host.must(`DEBIAN_FRONTEND=noninteractive apt-get install -y -qq /root/${basename(deb)} 2>&1`);
}

/** A package that is installed does nothing yet. */
function installed(host: Host, made: Packages): void {
  host.must('systemctl start fail2ban');
  apt(host, made);
  assert.match(host.must('f2b version'), new RegExp(made.version));
  for (const unit of UNITS.split(' ')) {
    assert.equal(host.sh(`systemctl is-active ${unit}`).out, 'inactive\n', unit);
    assert.match(host.sh(`systemctl is-enabled ${unit}`).out, /^(?:disabled|static)\n$/, unit);
  }
  assert.equal(host.must('systemctl is-active fail2ban'), 'active\n');
  assert.match(host.must('systemctl show -p FragmentPath fail2ban'), /system\/fail2ban\.service\n$/);
  assert.match(host.must('command -v fail2ban-client'), /^\/usr\/bin\//);
  assert.doesNotMatch(host.sh('nft list ruleset; iptables-save').out, /f2b\b(?!-)/);
  assert.equal(host.must('dpkg -V f2b fail2ban'), '');
  host.must('systemctl stop fail2ban');
}

function started(host: Host): void {
  host.must('systemctl enable -q --now f2b');
  host.must(`f2b banip sshd ${BANNED.join(' ')}`);
  assert.ok(!BANNED.some((source) => host.isOpen(source, PORT)));
  assert.ok(host.isOpen(BYSTANDER, PORT));
  assert.match(host.must('man -l /usr/share/man/man1/f2b.1.gz 2>/dev/null | head -3; f2b help'), /f2b/);
}

/** The running service goes on with the new version, and each ban stands all the time. */
async function upgraded(host: Host, later: Packages): Promise<string> {
  const pid = host.must('systemctl show -p MainPID --value f2b');
  const seen = await probed(host, [...BANNED, BYSTANDER], () => apt(host, later));
  assert.notEqual(host.must('systemctl show -p MainPID --value f2b'), pid);
  assert.equal(host.must('readlink /proc/$(systemctl show -p MainPID --value f2b)/exe'), '/usr/sbin/f2b\n');
  assert.match(host.must('f2b version'), new RegExp(later.version));
  assert.match(host.must('f2b ping'), /pong/);
  for (const source of BANNED) assert.equal(seen.get(source)?.open, 0, source);
  const { attempts = 0, open = 0 } = seen.get(BYSTANDER) ?? {};
  assert.ok(attempts > 5 && attempts === open, `${attempts} attempts of a bystander, ${open} connections`);
  assert.match(host.must('f2b banned'), /198\.51\.100\.1\b/);
  return `${[...seen].map(([source, one]) => `${source}: ${one.open} of ${one.attempts}`).join(', ')}`;
}

function removed(host: Host): void {
  host.must('DEBIAN_FRONTEND=noninteractive apt-get remove -y -qq f2b 2>&1');
  assert.doesNotMatch(host.sh('nft list ruleset; iptables-save; ip6tables-save; ipset save').out, /f2b/);
  for (const source of BANNED) assert.ok(host.isOpen(source, PORT), source);
  assert.equal(
    host.sh('systemctl list-unit-files --no-legend "f2b*"; ls -d /run/f2b*').out.match(/\.service/),
    null,
  );
  assert.equal(host.sh('pgrep -x f2b').status, 1);
  assert.equal(host.sh('test -d /var/lib/f2b').status, 0, 'the state stays until the purge');
}

function purged(host: Host, before: readonly string[]): void {
  host.must('DEBIAN_FRONTEND=noninteractive apt-get purge -y -qq f2b 2>&1');
  assert.deepEqual(
    files(host).filter((path) => !before.includes(path)),
    [],
  );
}

for (const suite of ['bullseye', 'trixie']) {
  test(`the DEB on Debian ${suite}`, { skip: unlessHosts || unlessPackages }, async (t: TestContext) => {
    const host = Host.make(suite, 'deb');
    t.after(() => host.close());
    host.write('/etc/fail2ban/jail.local', JAIL);
    const [made, later] = [packages(), laterPackages()];
    await host.boot();
    host.must('systemctl disable -q --now fail2ban firewalld nginx; touch /var/log/auth.log');
    listen(host);
    const before = files(host);
    await t.test('is installed beside a running fail2ban and does nothing', () => installed(host, made));
    await t.test('is started', () => started(host));
    await t.test('is upgraded over', async (one) => one.diagnostic(await upgraded(host, later)));
    await t.test('is removed', () => removed(host));
    await t.test('is purged', () => purged(host, before));
  });
}

test('lintian finds no error in the DEB', {
  skip: unlessHosts || unlessPackages || unlessFound('lintian'),
}, () => {
  const { stdout } = spawnSync('lintian', ['--tag-display-limit', '0', packages().deb], { encoding: 'utf8' });
  assert.doesNotMatch(stdout, /^E: /m);
});
