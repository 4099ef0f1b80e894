/** What a customer's host goes through with f2b, step by step, on one Debian. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { binary } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';
import { facing, Host, unlessHosts } from './host.ts';

const share = join(import.meta.dirname, '../../share');

/** A firewall, fail2ban's name for it, and what others do to it. */
type Backend = { readonly kind: string; readonly banaction: string; readonly damage: string };

const IPTABLES = 'iptables -F INPUT; ip6tables -F INPUT';
const BACKENDS: readonly Backend[] = [
  { kind: 'nftables', banaction: 'nftables-multiport', damage: 'nft delete table inet f2b' },
  { kind: 'ipset', banaction: 'iptables-ipset-proto6', damage: IPTABLES },
  { kind: 'iptables', banaction: 'iptables-multiport', damage: IPTABLES },
  { kind: 'firewalld', banaction: 'firewallcmd-ipset', damage: 'firewall-cmd -q --reload' },
];

const jailLocal = (banaction: string): string => `[DEFAULT]
bantime  = 1h
findtime = 10m
maxretry = 3
destemail = root@localhost
sender = f2b@localhost
${banaction}
[sshd]
enabled = true
[nginx-http-auth]
enabled = true
action = %(action_mw)s
`;

const SITE = `server {
  listen 80 default_server;
  listen [::]:80 default_server;
  root /var/www/html;
  location / { auth_basic "f2b"; auth_basic_user_file /etc/nginx/htpasswd; }
}
`;

/** Writes what the kernel holds when the network may come: after network-pre.target, before all that waits for it. */
const PROBE = `[Unit]
DefaultDependencies=no
Wants=network-pre.target
After=network-pre.target
Before=network.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c '(nft list ruleset; ipset save; iptables-save; ip6tables-save) >/run/held-at-boot 2>&1'
[Install]
WantedBy=multi-user.target
`;

const SSH = [
  'ssh -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o PreferredAuthentications=password',
  '-o NumberOfPasswordPrompts=1 -o ConnectTimeout=5 -o LogLevel=ERROR',
].join(' ');

/** Three real logins with a wrong password. */
function failSsh(host: Host, source: string): void {
  host.write('/root/askpass', '#!/bin/sh\necho wrong\n');
  host.must('chmod 755 /root/askpass');
  host.attack(`export SSH_ASKPASS=/root/askpass SSH_ASKPASS_REQUIRE=force DISPLAY=:0
for i in 1 2 3; do setsid -w ${SSH} -b ${source} root@${facing(source)} true </dev/null; done`);
}

/** Three real requests with a wrong password. */
function failHttp(host: Host, source: string): void {
  const to = source.includes(':') ? `[${facing(source)}]` : facing(source);
  host.attack(
    `for i in 1 2 3; do curl -gs -m 5 -o /dev/null --interface ${source} -u admin:wrong http://${to}/; done`,
  );
}

const attacker = (n: number): readonly [string, string] => [`198.51.100.${n}`, `2001:db8:2:${n}::7`];
const BYSTANDER = attacker(60);

async function refused(host: Host, source: string, port: number): Promise<void> {
  const why = (): string => `${source} reaches port ${port}\n${report(host)}`;
  await eventually(why, () => !host.isOpen(source, port), 30);
}

async function open(host: Host, source: string, port: number): Promise<void> {
  await eventually(
    () => `${source} does not reach port ${port}\n${report(host)}`,
    () => host.isOpen(source, port),
    30,
  );
}

/** What one wants to read where a step fails. */
function report(host: Host): string {
  return host.sh('tail -n 12 /var/log/fail2ban.log; journalctl -u f2b -n 8 --no-pager -o cat; f2b banned')
    .out;
}

/** Everything in the kernel and in firewalld that bears our name, or that firewalld left of it. */
function traces(host: Host): string {
  return host.sh(`(nft list ruleset; iptables-save; ip6tables-save; iptables-legacy-save; ipset save) 2>/dev/null | grep -i f2b
firewall-cmd --permanent --direct --get-all-rules; firewall-cmd --permanent --list-all-policies 2>/dev/null | grep f2b
find /etc/firewalld -type f | sort; ls -d /run/f2b* 2>/dev/null`).out;
}

async function prepare(host: Host): Promise<void> {
  host.write('/etc/fail2ban/jail.local', jailLocal(''));
  host.write('/etc/nginx/sites-enabled/default', SITE);
  host.write('/etc/nginx/htpasswd', 'admin:{PLAIN}secret\n');
  host.write('/etc/systemd/system/probe.service', PROBE);
  await host.boot();
  host.must(
    'systemctl enable -q probe; firewall-cmd -q --permanent --add-service=http; firewall-cmd -q --reload',
  );
  host.must('touch /var/log/nginx/error.log; systemctl restart nginx fail2ban');
}

const UNITS = ['f2b.service', 'f2b-restore.service', 'f2b-once.service', 'f2b.timer'];

function installF2b(host: Host): void {
  host.put(binary, '/usr/local/sbin/f2b');
  for (const unit of UNITS) host.put(join(share, unit), `/etc/systemd/system/${unit}`);
}

async function takePlace(host: Host): Promise<string> {
  const [four] = attacker(1);
  await eventually('fail2ban runs', () => host.sh('fail2ban-client ping').status === 0, 20);
  failHttp(host, four);
  await refused(host, four, 80);
  host.must('systemctl disable -q --now fail2ban; rm -f /var/mail/*; firewall-cmd -q --reload');
  await open(host, four, 80);
  const before = traces(host);
  installF2b(host);
  host.must('systemctl daemon-reload; systemctl enable -q --now f2b');
  await refused(host, four, 80);
  assert.match(host.must('cat /var/log/fail2ban.log'), /Starting f2b v/);
  assert.match(
    host.must('systemctl show f2b -p NRestarts -p ActiveState'),
    /NRestarts=0\nActiveState=active/,
  );
  return before;
}

async function attacked(host: Host): Promise<void> {
  for (const source of attacker(2)) {
    failSsh(host, source);
    await refused(host, source, 22);
    await open(host, source, 80);
  }
  for (const source of attacker(3)) {
    failHttp(host, source);
    await refused(host, source, 80);
    await open(host, source, 22);
  }
  for (const source of BYSTANDER) assert.ok(host.isOpen(source, 22) && host.isOpen(source, 80), source);
}

/** A mail from the stock action, in root's mailbox. */
async function mailed(host: Host): Promise<void> {
  const mails = (): string => host.sh('cat /var/mail/*; mailq').out;
  await eventually(
    () => `no mail: ${mails()}\n${report(host)}`,
    () => mails().includes('banned 198.51.100.3 from'),
    20,
  );
}

async function rotated(host: Host): Promise<void> {
  // fail2ban-client finds no fail2ban any more: the file is rotated all the same.
  host.sh('logrotate -f /etc/logrotate.conf');
  assert.equal(host.sh('test -e /var/log/fail2ban.log.1').status, 0);
  const [four, six] = attacker(4);
  failHttp(host, four);
  failSsh(host, six);
  await refused(host, four, 80);
  await refused(host, six, 22);
  const log = (): string => host.must('cat /var/log/fail2ban.log');
  await eventually('the ban is logged in the new file', () => log().includes(`Ban ${four}`), 5);
  assert.doesNotMatch(host.must('cat /var/log/fail2ban.log.1'), new RegExp(`Ban ${four}`));
}

/** Under ProtectProc= too: the guard knows that the process of a login lives. */
async function spared(host: Host): Promise<void> {
  const [four] = attacker(6);
  host.must(`mkdir -p -m 700 /root/.ssh; ssh-keygen -q -t ed25519 -N '' -f /root/key
cp /root/key.pub /root/.ssh/authorized_keys`);
  const key = SSH.replace('=password', '=publickey');
  host.attack(
    `timeout 60 ${key} -tt -i /root/key -b ${four} root@${facing(four)} sleep 50 </dev/null >/dev/null 2>&1 &`,
  );
  const sessions = (): string => host.sh('who; grep REMOTE_HOST /run/systemd/sessions/*').out;
  await eventually(
    () => `a login: ${sessions()}`,
    () => sessions().includes(four),
    20,
  );
  failHttp(host, four);
  const log = (): string => host.must('tail -n 50 /var/log/fail2ban.log');
  await eventually(log, () => log().includes(`[nginx-http-auth] ${four} is not banned: `), 20);
  assert.ok(host.isOpen(four, 80), four);
}

/** The timer's pass instead of the service. */
async function once(host: Host): Promise<void> {
  host.must('systemctl disable -q --now f2b; systemctl enable -q --now f2b.timer');
  for (const source of attacker(7)) failHttp(host, source);
  host.must('systemctl start f2b-once');
  for (const source of attacker(7)) await refused(host, source, 80);
  assert.match(host.must('systemctl show f2b-once -p Result -p ExecMainStatus'), /Result=success/);
  assert.equal(host.must('systemctl is-active f2b.timer'), 'active\n');
  host.must('systemctl disable -q f2b.timer; systemctl enable -q --now f2b');
  assert.match(host.sh('systemctl is-active f2b.timer').out, /inactive/, 'the service is the other way');
}

/** `systemd-analyze security`, as docs/SECURITY.md has it. */
function confined(host: Host): string {
  const figures = UNITS.filter((unit) => unit.endsWith('.service')).map((unit) => {
    const { out } = host.sh(`systemd-analyze security --no-pager ${unit}; systemctl --version`);
    const figure = /exposure level for \S+: (\d+\.\d)/.exec(out)?.[1];
    // Debian 11: it weighs the same unit otherwise.
    const most = Number(/^systemd (\d+)/m.exec(out)?.[1]) < 250 ? 2.6 : 2.5;
    assert.ok(Number(figure ?? 10) <= most, out);
    return `${unit} ${figure}`;
  });
  return figures.join(', ');
}

/** Both families: ban, unban, reload, drift. */
async function work(
  host: Host,
  { banaction, damage }: Backend,
  both: readonly [string, string],
): Promise<void> {
  host.write('/etc/fail2ban/jail.local', jailLocal(`banaction = ${banaction}`));
  host.must('f2b reload');
  const all = async (wanted: typeof refused): Promise<void> => {
    for (const source of both) await wanted(host, source, 80);
  };
  await all(open);
  for (const source of both) failHttp(host, source);
  await all(refused);
  host.must(`f2b unbanip ${both.join(' ')}`);
  await all(open);
  for (const source of both) failHttp(host, source);
  await all(refused);
  host.must('systemctl reload f2b');
  await all(refused);
  for (const what of [damage, 'firewall-cmd -q --reload', 'systemctl restart firewalld']) {
    host.must(what);
    await all(refused);
  }
  for (const source of BYSTANDER) await open(host, source, 80);
}

/** Seconds from the start of the restoring step to its end. */
async function rebooted(host: Host, both: readonly [string, string]): Promise<number> {
  await host.reboot();
  const held = host.must('cat /run/held-at-boot');
  const [four, six] = both;
  assert.ok(held.includes(four) && held.includes(six.replace(/7$/, '')), `${held}\n${bootReport(host)}`);
  const times = host.must(
    'systemctl show f2b-restore network-pre.target -p ExecMainStartTimestampMonotonic -p ExecMainExitTimestampMonotonic -p ActiveEnterTimestampMonotonic',
  );
  const of = (key: string): number =>
    Math.max(...[...times.matchAll(new RegExp(`^${key}=(\\d+)`, 'gm'))].map(([, t]) => Number(t)));
  const end = of('ExecMainExitTimestampMonotonic');
  assert.ok(end > 0 && end <= of('ActiveEnterTimestampMonotonic'), times);
  for (const source of both) await refused(host, source, 80);
  for (const source of BYSTANDER) await open(host, source, 80);
  return (end - of('ExecMainStartTimestampMonotonic')) / 1e6;
}

function bootReport(host: Host): string {
  return host.sh('journalctl -b -u f2b -u f2b-restore -u firewalld -n 20 --no-pager -o short-monotonic').out;
}

/** The unit may not write there; the bans happen, and the journal has the lines. */
async function withoutLog(host: Host): Promise<void> {
  host.write('/etc/fail2ban/fail2ban.local', '[Definition]\nlogtarget = /srv/f2b.log\n');
  host.must('systemctl restart f2b');
  for (const source of attacker(5)) {
    failHttp(host, source);
    await refused(host, source, 80);
  }
  const journal = host.must('journalctl -u f2b --no-pager -o cat');
  assert.match(journal, /f2b: cannot open the log \/srv\/f2b.log: EROFS: log lines go to standard error/);
  assert.ok(journal.includes(`Ban ${attacker(5)[0]}`), journal);
  host.must('rm /etc/fail2ban/fail2ban.local; systemctl restart f2b');
}

/** Reloads come at any time, starts that cannot succeed do not come for ever. */
async function restarts(host: Host): Promise<void> {
  for (let i = 0; i < 3; i++) {
    host.sh('systemctl restart f2b; systemctl reload f2b');
    await eventually('f2b runs after a reload that came early', () => host.sh('f2b ping').status === 0, 20);
    host.must('systemctl reset-failed f2b');
  }
  host.must("mv /usr/local/sbin/f2b /root/f2b; printf '#!/bin/sh\\nexit 1\\n' >/usr/local/sbin/f2b");
  host.sh('chmod 755 /usr/local/sbin/f2b; systemctl restart f2b');
  const state = (): string => host.sh('systemctl show f2b -p ActiveState -p NRestarts').out;
  await eventually(
    () => `given up: ${state()}`,
    () => state().includes('ActiveState=failed'),
    90,
  );
  assert.match(state(), /NRestarts=[45]\n/);
  host.must('mv /root/f2b /usr/local/sbin/f2b; systemctl reset-failed f2b; systemctl start f2b');
}

/** The same boot on a host that has no firewalld. */
async function withoutFirewalld(
  host: Host,
  { banaction }: Backend,
  both: readonly [string, string],
): Promise<void> {
  host.write('/etc/fail2ban/jail.local', jailLocal(`banaction = ${banaction}`));
  host.must('systemctl disable -q --now firewalld; f2b reload');
  for (const source of both) {
    await open(host, source, 80);
    failHttp(host, source);
    await refused(host, source, 80);
  }
  await rebooted(host, both);
}

async function gone(host: Host, before: string): Promise<void> {
  host.must('systemctl enable -q --now firewalld; systemctl disable -q --now f2b; f2b flush');
  assert.equal(traces(host), before);
  for (const n of [1, 2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 20, 21, 22])
    for (const source of attacker(n)) for (const port of [22, 80]) await open(host, source, port);
}

/** The whole story on one Debian suite. A step that fails does not keep the later ones from being told. */
export function tellOn(suite: string): void {
  test(`f2b on a whole host: Debian ${suite}`, { skip: unlessHosts }, async (t: TestContext) => {
    const host = Host.make(suite, 'host');
    t.after(() => host.close());
    await prepare(host);
    let before = '';
    await t.test("f2b takes a running fail2ban's place", async () => {
      before = await takePlace(host);
    });
    await t.test('real ssh logins and real HTTP requests that fail are refused', () => attacked(host));
    await t.test('a stock action sends a mail under the shipped unit', () => mailed(host));
    await t.test('all logs are rotated', () => rotated(host));
    await t.test('who is logged in is not banned', () => spared(host));
    for (const [i, backend] of BACKENDS.entries()) {
      const both = attacker(10 + i);
      await t.test(`${backend.kind}: ban, unban, reload, drift`, () => work(host, backend, both));
      await t.test(`${backend.kind}: a reboot, the bans stand before the network`, async (one) => {
        one.diagnostic(`restored in ${(await rebooted(host, both)).toFixed(2)} s`);
      });
    }
    await t.test('a log that cannot be opened keeps no ban from happening', () => withoutLog(host));
    await t.test('a reload right after a start; a start that cannot succeed', () => restarts(host));
    await t.test('the timer has one pass made', () => once(host));
    await t.test('the units are confined', (one) => one.diagnostic(confined(host)));
    for (const [i, backend] of BACKENDS.slice(0, 3).entries()) {
      const both = attacker(20 + i);
      await t.test(`${backend.kind} without firewalld: a reboot`, () =>
        withoutFirewalld(host, backend, both),
      );
    }
    await t.test('after flush nothing is left', () => gone(host, before));
  });

  test(`a stock action sends its mail by Exim: Debian ${suite}`, {
    skip: unlessHosts,
  }, async (t: TestContext) => {
    const host = Host.make(suite, 'exim');
    t.after(() => host.close());
    host.install('exim4-daemon-light');
    host.write('/etc/fail2ban/jail.local', jailLocal(''));
    installF2b(host);
    await host.boot();
    host.must('systemctl disable -q --now fail2ban; mkdir -p /etc/systemd/system/f2b.service.d');
    host.put(join(share, 'f2b-exim.conf'), '/etc/systemd/system/f2b.service.d/exim.conf');
    host.must('touch /var/log/nginx/error.log; systemctl daemon-reload; systemctl start f2b');
    await eventually('f2b runs', () => host.sh('f2b ping').status === 0, 10);
    host.must('f2b banip nginx-http-auth 198.51.100.3');
    await mailed(host);
  });
}
