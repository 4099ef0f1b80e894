/**
 * Actions of fail2ban's own files, run as they are by the daemon: mail that a real mail server delivers, and firewall commands
 * that real packets meet. Everything happens in the victim's namespace of a test bed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { command } from '../../src/base/process.ts';
import { makeRunning, type Running } from '../testbed/running.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const ORIGINAL = '/etc/fail2ban';
const noOriginal = existsSync(join(ORIGINAL, 'action.d')) ? false : 'fail2ban is not installed';

/** A daemon whose configuration is fail2ban's own, with our one jail `web` and no other. */
function makeStock(bed: Testbed, jail: readonly string[], prefix: readonly string[] = []): Running {
  const running = makeRunning(bed, { jail: ['bantime = 1h', ...jail], prefix });
  const etc = join(running.folder, 'etc');
  const filter = (path: string): boolean => path !== join(ORIGINAL, 'jail.d');
  cpSync(ORIGINAL, etc, { recursive: true, filter });
  return running;
}

async function inBed(work: (bed: Testbed) => Promise<void>, ...how: Parameters<typeof makeTestbed>) {
  const bed = await makeTestbed(...how);
  try {
    await work(bed);
  } finally {
    await bed.close();
  }
}

async function runs(running: Running, work: () => Promise<void>): Promise<void> {
  try {
    await running.start('--poll', '0.2');
    await work();
  } catch (error) {
    throw new Error(`${String(error)}\n${running.log()}`, { cause: error });
  } finally {
    await running.close();
  }
}

/** A mail server: what the sendmail program takes goes over SMTP to a daemon, which delivers every message to one mailbox. */
const EXIM = `primary_hostname = mail.test
spool_directory = @/spool
log_file_path = @/spool/%slog
pid_file_path = @/spool/pid
daemon_smtp_ports = 25
local_interfaces = 127.0.0.1
disable_ipv6 = true
acl_smtp_rcpt = take
begin acl
take:
  accept hosts = 127.0.0.1
begin routers
over_smtp:
  driver = manualroute
  condition = \${if eq{$received_protocol}{local}}
  route_list = * 127.0.0.1
  self = send
  transport = smtp
mailbox:
  driver = accept
  transport = box
begin transports
smtp:
  driver = smtp
box:
  driver = appendfile
  directory = @/spool/box
  maildir_format
  create_directory
  user = Debian-exim
`;

describe('stock mail actions and a real mail server', {
  skip: noOriginal || unlessTestbed('exim4', 'sendmail', 'mount', 'whois'),
  timeout: 280_000,
}, () => {
  let bed: Testbed;
  let folder: string;
  let server: ChildProcess;
  /** What `ip netns exec` starts sees mounts of its own, so the host's mail server never learns of this. */
  const prefix = (): readonly string[] => [
    'sh',
    '-c',
    `mount --bind ${folder}/etc /etc/exim4 && exec "$@"`,
    'sh',
  ];
  const box = (): readonly string[] => {
    const path = join(folder, 'spool/box/new');
    return existsSync(path) ? readdirSync(path).map((name) => readFileSync(join(path, name), 'utf8')) : [];
  };
  const mail = async (subject: RegExp): Promise<string> => {
    const found = (): string | undefined => box().find((text) => subject.test(text));
    await eventually(`a mail ${subject}`, () => found() !== undefined, 60);
    return found() ?? '';
  };

  before(async () => {
    bed = await makeTestbed([]);
    folder = mkdtempSync(join(tmpdir(), 'f2b-mail-'));
    chmodSync(folder, 0o755);
    for (const part of ['etc', 'spool']) mkdirSync(join(folder, part));
    const id = (flag: string): number =>
      Number(spawnSync('id', [flag, 'Debian-exim'], { encoding: 'utf8' }).stdout);
    chownSync(join(folder, 'spool'), id('-u'), id('-g'));
    writeFileSync(join(folder, 'etc/exim4.conf'), EXIM.replaceAll('@', folder));
    const words = ['netns', 'exec', bed.victim, ...prefix(), 'exim4', '-bdf', '-q1m'];
    server = spawn('ip', words, { stdio: 'ignore' });
    await eventually('the mail server listens', async () =>
      (await bed.sh('ss', '-Hltn', 'sport = :25')).includes(':25'),
    );
  });
  after(async () => {
    if (server?.exitCode === null) {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await gone;
    }
    await bed?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('%(action_mwl)s: the message of a ban is delivered, with whois and the lines of the log, and the ban stands', async () => {
    const running = makeStock(
      bed,
      [
        'maxretry = 2',
        'banaction = nftables',
        'action = %(action_mwl)s',
        'destemail = admin@mail.test',
        'sender = f2b@mail.test',
      ],
      prefix(),
    );
    await runs(running, async () => {
      running.fail('10.2.1.99');
      running.fail('10.2.1.98', '10.2.1.99');
      const text = await mail(/^Subject: \[Fail2Ban\] web: banned 10\.2\.1\.99 from /m);
      assert.match(text, /^Received: from \[127\.0\.0\.1\].*\n.*by mail\.test with esmtp/m);
      assert.match(text, /^To: admin@mail\.test$/m);
      assert.match(text, /^From: Fail2Ban <f2b@mail\.test>$/m);
      assert.match(text, /has just been banned by Fail2Ban after\n\s*2 attempts against web\./);
      assert.match(text, /more information about 10\.2\.1\.99/);
      assert.match(text, /^Lines containing failures of 10\.2\.1\.99/m);
      assert.equal(text.match(/^\S+\+00:00 fail 10\.2\.1\.99$/gm)?.length, 2);
      assert.doesNotMatch(text, /10\.2\.1\.98/);
      await mail(/^Subject: \[Fail2Ban\] web: started on /m);
      // The mail does not wait for the firewall.
      await running.standing('10.2.1.99');
      assert.match(await bed.sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web'), /10\.2\.1\.99/);
      await running.stop();
      await mail(/^Subject: \[Fail2Ban\] web: stopped on /m);
      assert.deepEqual(running.logged(/ERROR/), []);
    });
  });

  it('sendmail-whois and %(action_mw)s for IPv6, and no second mail for a ban that is restored', async () => {
    const running = makeStock(
      bed,
      [
        'maxretry = 2',
        'banaction = nftables',
        'action = %(action_mw)s',
        '         sendmail-whois[name=by-name, dest=second@mail.test, sender=f2b@mail.test]',
        'destemail = admin@mail.test',
        'sender = f2b@mail.test',
        'ipv6prefix = 128',
      ],
      prefix(),
    );
    await runs(running, async () => {
      running.fail('fd02::99', 'fd02::99');
      const first = await mail(/^Subject: \[Fail2Ban\] web: banned fd02::99 from /m);
      assert.match(first, /more information about fd02::99 :/);
      assert.match(first, /^To: admin@mail\.test$/m);
      const second = await mail(/^Subject: \[Fail2Ban\] by-name: banned fd02::99 from /m);
      assert.match(second, /^To: second@mail\.test$/m);
      await running.stop();
      await running.start('--poll', '0.2');
      running.fail('fd02::98', 'fd02::98');
      await mail(/^Subject: \[Fail2Ban\] by-name: banned fd02::98 from /m);
      assert.equal(box().filter((text) => /banned fd02::99 from/.test(text)).length, 2);
      assert.deepEqual(running.logged(/ERROR/), []);
    });
  });
});

describe('stock firewall actions, run as commands', { timeout: 280_000, concurrency: 2 }, () => {
  for (const [name, action, list] of [
    ['iptables-multiport', 'iptables-multiport[native=no, port="%(port)s"]', 'iptables-save; ip6tables-save'],
    ['nftables', 'nftables[native=no, type=multiport, port="%(port)s"]', 'nft list ruleset'],
    ['nftables-allports', 'nftables-allports[native=no]', 'nft list ruleset'],
  ] as const) {
    it(
      `${name}: packets of both families are refused, an unban and the stop take it back, and it heals`,
      {
        skip: noOriginal || unlessTestbed('nft', 'iptables', 'ip6tables'),
      },
      () =>
        inBed(
          async (bed) => {
            const running = makeStock(bed, [`action = ${action}`, 'ipv6prefix = 128', 'maxretry = 1']);
            const answers = (from: string, answer: string): Promise<void> =>
              eventually(`${from} is ${answer}`, async () => (await bed.curl({ from })) === answer);
            await runs(running, async () => {
              assert.doesNotMatch(await bed.sh('sh', '-c', list), /f2b/);
              running.fail('10.2.1.99');
              await answers('10.2.1.99', 'refused');
              running.fail('fd02::99');
              await answers('fd02::99', 'refused');
              assert.equal(await bed.curl({ from: '10.2.1.100' }), 'accepted');
              assert.equal(await bed.curl({ from: 'fd02::100' }), 'accepted');
              assert.equal((await running.f2b('unbanip', '10.2.1.99')).stdout, '1\n');
              await answers('10.2.1.99', 'accepted');
              // Others pull the ground away: the next ban finds out, and puts back what stood there.
              running.fail('10.2.1.101');
              await answers('10.2.1.101', 'refused');
              await bed.sh('nft', 'flush', 'ruleset');
              running.fail('10.2.1.99');
              await answers('10.2.1.99', 'refused');
              await answers('10.2.1.101', 'refused');
              await running.stop();
              assert.doesNotMatch(await bed.sh('sh', '-c', list), /f2b/);
              await answers('fd02::99', 'accepted');
              await running.start('--poll', '0.2');
              await answers('fd02::99', 'refused');
              await answers('10.2.1.101', 'refused');
            });
          },
          [8080],
        ),
    );
  }

  it(
    'route: the way back to a banned address is gone',
    {
      skip: noOriginal || unlessTestbed('ip'),
    },
    () =>
      inBed(
        async (bed) => {
          const running = makeStock(bed, [
            'action = route[blocktype=blackhole]',
            'ipv6prefix = 128',
            'maxretry = 1',
          ]);
          const route = (to: string) =>
            bed.run(command(['ip', 'route', 'get', to], { mayFail: true })).then(({ exitCode }) => exitCode);
          await runs(running, async () => {
            assert.equal(await route('10.2.1.99'), 0);
            running.fail('10.2.1.99', 'fd02::99');
            await eventually('no route to the IPv4 address', async () => (await route('10.2.1.99')) !== 0);
            await eventually('none to the IPv6 address', async () => (await route('fd02::99')) !== 0);
            assert.equal(await bed.curl(), 'silence');
            assert.equal(await route('10.2.1.100'), 0);
            await running.f2b('unbanip', '--all');
            await eventually('there is a route', async () => (await route('10.2.1.99')) === 0);
            await eventually('there is one for IPv6', async () => (await route('fd02::99')) === 0);
            assert.deepEqual(running.logged(/ERROR/), []);
          });
        },
        [8080],
      ),
  );

  it(
    'firewallcmd-ipset: its sets and direct rules refuse packets in a real firewalld',
    {
      skip:
        noOriginal ||
        unlessTestbed('firewalld', 'firewall-cmd', 'dbus-daemon', 'busctl', 'ipset', 'iptables'),
    },
    () =>
      inBed(
        async (bed) => {
          await bed.sh('firewall-cmd', '-q', '--add-port=8080/tcp');
          const action = 'action = firewallcmd-ipset[native=no, chain=INPUT, port="%(port)s"]';
          const running = makeStock(bed, [action, 'ipv6prefix = 128', 'maxretry = 1']);
          const answers = (from: string, answer: string): Promise<void> =>
            eventually(`${from} is ${answer}`, async () => (await bed.curl({ from })) === answer);
          await runs(running, async () => {
            running.fail('10.2.1.99', 'fd02::99');
            await answers('10.2.1.99', 'refused');
            await answers('fd02::99', 'refused');
            assert.equal(await bed.curl({ from: '10.2.1.100' }), 'accepted');
            assert.match(
              await bed.sh('ipset', 'save'),
              /add f2b-web 10\.2\.1\.99[\s\S]*add f2b-web6 fd02::99/,
            );
            assert.match(
              await bed.sh('firewall-cmd', '--direct', '--get-all-rules'),
              /match-set f2b-web src/,
            );
            await running.f2b('unbanip', '10.2.1.99');
            await answers('10.2.1.99', 'accepted');
            await running.stop();
            await answers('fd02::99', 'accepted');
            assert.doesNotMatch(await bed.sh('ipset', 'save'), /f2b/);
          });
        },
        [8080],
        'iptables',
      ),
  );

  it(
    "a script of one's own that posts JSON to a web hook: values of the log arrive as they are, none is executed",
    {
      skip: unlessTestbed('nft', 'curl'),
    },
    () =>
      inBed(async (bed) => {
        const running = makeRunning(bed, {
          jail: ['action = nftables', '         slack[hook="http://127.0.0.1:8099/hook"]', 'maxretry = 1'],
        });
        const etc = join(running.folder, 'etc');
        mkdirSync(join(etc, 'action.d'));
        const script = join(running.folder, 'slack.sh');
        writeFileSync(
          script,
          `#!/bin/sh
# $1 hook, $2 jail, $3 address, $4 failures, $5 user
text=$(printf ':no_entry: %s in %s after %s: %s' "$3" "$2" "$4" "$5" | sed 's/[\\\\"]/\\\\&/g')
curl -s --data "{\\"text\\":\\"$text\\"}" -H 'Content-Type: application/json' "$1"
`,
        );
        chmodSync(script, 0o755);
        writeFileSync(
          join(etc, 'action.d/slack.conf'),
          `[Definition]\nactionban = ${script} <hook> <name> <ip> <failures> "<F-USER>"\n[Init]\nhook = none\n`,
        );
        writeFileSync(
          join(etc, 'filter.d/web.conf'),
          '[Definition]\nfailregex = ^\\s*fail <HOST>(?: user <F-USER>.*</F-USER>)?$\n',
        );
        const got = join(running.folder, 'posted');
        const source = `require('node:http').createServer((request, answer) => {
        let text = ''; request.on('data', (part) => { text += part; });
        request.on('end', () => { require('node:fs').appendFileSync(${JSON.stringify(got)}, text + '\\n'); answer.end('ok'); });
      }).listen(8099, '127.0.0.1')`;
        const hook = spawn('ip', ['netns', 'exec', bed.victim, process.execPath, '-e', source], {
          stdio: 'ignore',
        });
        try {
          await eventually('the web hook listens', async () =>
            (await bed.sh('ss', '-Hltn', 'sport = :8099')).includes(':8099'),
          );
          await runs(running, async () => {
            const evil = `$(touch ${running.folder}/pwned) \`id\` "; x' && y`;
            running.fail(`192.0.2.7 user ${evil}`);
            await eventually('it was posted', () => existsSync(got) && readFileSync(got, 'utf8') !== '');
            const { text } = JSON.parse(readFileSync(got, 'utf8')) as { text: string };
            assert.equal(text, `:no_entry: 192.0.2.7 in web after 1: ${evil}`);
            assert.equal(existsSync(join(running.folder, 'pwned')), false);
            assert.ok(statSync(script).mode & 0o100);
          });
        } finally {
          hook.kill('SIGKILL');
        }
      }, []),
  );
});
