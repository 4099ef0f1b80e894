/** fail2ban's place with 500 bans is taken and given back on Debian 13: no packet of a banned address gets through. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { binary } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';
import { Host, unlessHosts } from './host.ts';
import { packages, unlessPackages } from './packages.ts';
import { listen, PORT, probed, type Seen } from './probe.ts';

const JAIL = `[DEFAULT]
bantime = 2h
[sshd]
enabled = true
port = ssh,${PORT}
`;

const numbers = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i + 1);

/** Those in the attackers' network first. */
const FOUR: readonly string[] = [
  ...numbers(50).map((n) => `198.51.100.${n}`),
  ...numbers(380).map((n) => `100.64.${n % 7}.${n % 251}`),
];
const SIX: readonly string[] = numbers(70).map((n) => `2001:db8:2:${n}::7`);
/** The first and the last that the attackers have. */
const PROBED = ['198.51.100.1', '198.51.100.50', '2001:db8:2:1::7', '2001:db8:2:60::7'];
const BYSTANDER = '198.51.100.60';
const ALL = FOUR.length + SIX.length;

const ORIGINAL = '/usr/bin/fail2ban-client';

/** The bans that the client of that path counts. */
function banned(host: Host, client: string): number {
  const { out } = host.sh(`${client} status sshd`);
  return Number(/Currently banned:\s+(\d+)/.exec(out)?.[1] ?? -1);
}

const inKernel = (host: Host, table: string): string => host.sh(`nft list table inet ${table}`).out;

async function banAll(host: Host): Promise<void> {
  await eventually('fail2ban runs', () => host.sh(`${ORIGINAL} ping`).status === 0, 30);
  host.must(`${ORIGINAL} set sshd banip ${[...FOUR, ...SIX].join(' ')}`);
  await eventually('all are banned', () => banned(host, ORIGINAL) === ALL, 60);
  assert.ok(!PROBED.some((source) => host.isOpen(source, PORT)));
}

function assertNoGap(seen: Seen): string {
  for (const source of PROBED) assert.equal(seen.get(source)?.open, 0, `${source} got through`);
  const { attempts = 0, open = 0 } = seen.get(BYSTANDER) ?? {};
  assert.ok(open === attempts && open > 20, `a bystander: ${open} of ${attempts}`);
  return [...seen].map(([source, one]) => `${source} ${one.open}/${one.attempts}`).join(', ');
}

const gapless = async (host: Host, work: () => unknown): Promise<string> =>
  assertNoGap(await probed(host, [...PROBED, BYSTANDER], work));

/** What its own client asks. */
const WORDS = [
  ...[
    'ping',
    'version',
    'status',
    'status sshd',
    'status --all',
    'stats',
    'banned',
    'banned 198.51.100.1',
    'echo a',
  ],
  ...[
    'bantime',
    'findtime',
    'maxretry',
    'maxmatches',
    'ignoreip',
    'ignoreself',
    'usedns',
    'logpath',
    'journalmatch',
  ].map((name) => `get sshd ${name}`),
  ...['loglevel', 'logtarget', 'dbpurgeage'].map((name) => `get ${name}`),
  ...[
    'get sshd actions',
    'get sshd banip',
    'get sshd banip --with-time',
    'get nosuch bantime',
    'status nosuch',
    'nonsense',
  ],
  ...['set sshd maxretry 7', 'get sshd maxretry', 'set sshd maxretry 5', 'set sshd banip 100.67.0.1'],
  ...[
    'get sshd banned 100.67.0.1',
    'set sshd unbanip 100.67.0.1',
    'unban 100.67.0.1',
    'reload sshd',
    'reload',
  ],
];

/** The answers to Debian's own fail2ban-client, without what differs by its nature: addresses, numbers, times. */
const answers = (host: Host): readonly string[] =>
  WORDS.map((words) => {
    const { status, out } = host.sh(`${ORIGINAL} ${words}`);
    const shape = out
      .replace(/^\S+ \S+ +(fail2ban\S*) +\[\d+\]:/gm, 'TIME $1')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
      .replace(/\b(?:\d+\.\d+\.\d+\.\d+|[0-9a-f]+(?::[0-9a-f]*)+)(?:\/\d+)?/g, 'IP')
      .replace(/(?:'?IP'?(?:[ \t]+TIME \+ \d+ = TIME)?[,\s]*)+/g, 'IPS ')
      .replace(/\d+/g, 'N');
    return `${words} (${status})\n${shape.trim()}`;
  });

/** Bans that fail2ban makes while its place is taken are not lost. */
const MEANWHILE = `for i in $(seq 1 40); do
  pgrep -f [/]usr/bin/fail2ban-server >/dev/null || exit 0
  ${ORIGINAL} set sshd banip 100.65.0.$i >/dev/null 2>&1 && echo 100.65.0.$i >>/run/meanwhile
  sleep 0.2
done`;

async function taken(host: Host, put: () => void): Promise<string> {
  host.must('rm -f /run/meanwhile; : >/run/meanwhile');
  host.write('/root/meanwhile.sh', MEANWHILE);
  const figures = await gapless(host, () => {
    put();
    host.must('setsid sh /root/meanwhile.sh >/dev/null 2>&1 </dev/null &');
    const { status, out: said } = host.sh('f2b install --as-fail2ban');
    assert.equal(status, 0, `${said}${report(host)}`);
    assert.match(said, /f2b: 5\d\d bans stand in the kernel, fail2ban is stopped/);
  });
  const meanwhile = host.must('cat /run/meanwhile').trim().split('\n');
  const now = host.must('f2b banned');
  for (const address of [...FOUR, ...meanwhile]) assert.ok(now.includes(address), address);
  assert.equal(banned(host, 'fail2ban-client'), ALL + meanwhile.length);
  isTaken(host);
  assert.equal(
    inKernel(host, 'f2b-table').includes('elements'),
    false,
    'the table of fail2ban is empty or gone',
  );
  host.must(`f2b unbanip ${meanwhile.join(' ')}`);
  return `${figures}; ${meanwhile.length} bans meanwhile`;
}

/** f2b answers by every name, no file of fail2ban is changed. */
function isTaken(host: Host): void {
  assert.equal(host.must('systemctl is-active f2b fail2ban'), 'active\nactive\n');
  assert.equal(host.must('systemctl show -p Id --value fail2ban'), 'f2b.service\n');
  assert.equal(host.sh('pgrep -f [/]usr/bin/fail2ban-server').status, 1);
  assert.equal(host.must('command -v fail2ban-client'), '/usr/local/bin/fail2ban-client\n');
  for (const client of ['fail2ban-client', ORIGINAL]) {
    assert.match(host.must(`${client} status`), /Jail list:\s+sshd/);
    assert.match(host.must(`${client} ping`), /pong/);
  }
  assert.equal(host.must('dpkg -V fail2ban'), '');
}

function again(host: Host): void {
  const pid = host.must('systemctl show -p MainPID --value f2b');
  for (const words of ['install --as-fail2ban', 'install']) {
    const said = host.must(`f2b ${words} --json 2>/dev/null`);
    assert.deepEqual(JSON.parse(said), { changed: false, changes: [] }, words);
  }
  assert.match(host.must('f2b install --as-fail2ban'), /nothing to change/);
  assert.equal(host.must('systemctl show -p MainPID --value f2b'), pid);
  assert.equal(banned(host, 'fail2ban-client'), ALL);
}

async function rebooted(host: Host): Promise<void> {
  await host.reboot();
  listen(host);
  isTaken(host);
  assert.equal(banned(host, 'fail2ban-client'), ALL);
  for (const source of PROBED) assert.ok(!host.isOpen(source, PORT), source);
  assert.ok(host.isOpen(BYSTANDER, PORT));
}

async function givenBack(host: Host, isPackaged: boolean): Promise<string> {
  const figures = await gapless(host, () => {
    const said = host.must('f2b uninstall');
    assert.match(said, new RegExp(`fail2ban runs and holds ${ALL} bans`));
  });
  assert.equal(banned(host, ORIGINAL), ALL);
  assert.equal(host.must('systemctl is-active fail2ban; systemctl is-enabled fail2ban'), 'active\nenabled\n');
  assert.equal(host.must('systemctl show -p Id --value fail2ban'), 'fail2ban.service\n');
  assert.equal(host.must('command -v fail2ban-client'), `${ORIGINAL}\n`);
  assert.match(host.sh('pgrep -af fail2ban-server').out, /\/usr\/bin\/fail2ban-server/);
  assert.match(inKernel(host, 'f2b'), /No such file/);
  assert.equal(host.must('dpkg -V fail2ban'), '');
  const left = host.must('find /usr/local /etc/systemd -name "*f2b*" -o -name "fail2ban*" | sort');
  assert.doesNotMatch(left, /f2b|fail2ban-/);
  if (isPackaged) assert.match(host.must('f2b uninstall'), /nothing to change/);
  else assert.equal(host.sh('command -v f2b').status, 127);
  return figures;
}

const report = (host: Host): string =>
  host.sh(
    'systemctl status fail2ban f2b --no-pager; ls -l /usr/local/bin; journalctl -n 40 --no-pager; grep -vE "Ban [0-9]" /var/log/fail2ban.log | tail -30',
  ).out;

/** What would fail later is said before anything is done. */
function refused(host: Host, f2b: string): void {
  host.write('/etc/systemd/system/fail2ban.service', '[Service]\nExecStart=/bin/true\n');
  const { status, out } = host.sh(`${f2b} install --as-fail2ban`);
  assert.equal(status, 1, out);
  assert.match(out, /\/etc\/systemd\/system\/fail2ban\.service is there already and is not f2b's/);
  host.must('rm /etc/systemd/system/fail2ban.service; systemctl daemon-reload');
  host.write('/etc/fail2ban/jail.d/zz.local', '[sshd]\nmaxretry = many\n');
  assert.equal(host.sh(`${f2b} install --as-fail2ban`).status, 2);
  host.must('rm /etc/fail2ban/jail.d/zz.local');
  assert.equal(host.sh('systemctl is-active fail2ban').out, 'active\n', report(host));
  assert.equal(banned(host, ORIGINAL), ALL);
  assert.notEqual(host.sh('systemctl is-active f2b').status, 0);
}

test('fail2ban with 500 bans, its place taken and given back', {
  skip: unlessHosts || unlessPackages,
}, async (t: TestContext) => {
  const host = Host.make('trixie', 'takeover');
  t.after(() => host.close());
  host.write('/etc/fail2ban/jail.local', JAIL);
  const { deb } = packages();
  await host.boot();
  host.must('systemctl disable -q --now firewalld nginx; systemctl restart fail2ban');
  listen(host);
  await banAll(host);
  const wanted = answers(host);
  host.put(deb, '/root/f2b.deb');
  host.put(binary, '/root/f2b');
  const ways = [
    {
      name: 'packaged',
      f2b: 'f2b',
      put: () => host.must('cd /root && apt-get install -y -qq ./f2b.deb 2>&1'),
    },
    {
      name: 'bare binary',
      f2b: '/root/f2b',
      put: () => host.must('install -m 755 /root/f2b /usr/local/sbin/f2b'),
    },
  ];
  for (const { name, put, f2b } of ways) {
    await t.test(`${name}: taken without a gap`, async (one) => one.diagnostic(await taken(host, put)));
    await t.test(`${name}: Debian's own client is answered as by fail2ban`, () => {
      for (const [i, answer] of answers(host).entries()) assert.equal(answer, wanted[i]);
    });
    await t.test(`${name}: a second call changes nothing`, () => again(host));
    await t.test(`${name}: after a reboot f2b is there, fail2ban is not`, () => rebooted(host));
    await t.test(`${name}: given back without a gap`, async (one) =>
      one.diagnostic(await givenBack(host, name === 'packaged')),
    );
    await t.test(`${name}: what cannot succeed is refused before anything is done`, () => refused(host, f2b));
    host.must('apt-get purge -y -qq f2b 2>&1 || :');
  }
});
