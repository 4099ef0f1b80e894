/** The first day with f2b on Debian 13, with nothing but README.md and `f2b help`. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { binary } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';
import { facing, Host, unlessHosts } from './host.ts';
import { packages, unlessPackages } from './packages.ts';

const root = join(import.meta.dirname, '../..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The blocks of commands: indented by four spaces, or between fences. */
function blocksOf(text: string): readonly string[] {
  const blocks: string[][] = [[]];
  let isFenced = false;
  for (const line of text.split('\n')) {
    const isFence = /^ {0,3}```/.test(line);
    if (isFence) isFenced = !isFenced;
    else if (isFenced) blocks.at(-1)?.push(line);
    else if (/^ {4}/.test(line)) blocks.at(-1)?.push(line.slice(4));
    else if (line !== '') blocks.push([]);
    else blocks.at(-1)?.push('');
  }
  return blocks.map((lines) => lines.join('\n').trim()).filter((block) => block !== '');
}

/** The commands of a block, here-documents whole. Of a session, what was typed after "$ " or "# ". */
function commandsOf(block: string): readonly string[] {
  const isSession = /^[$#] /m.test(block);
  const commands: string[] = [];
  let end: string | null = null;
  for (const line of block.split('\n')) {
    if (end !== null) {
      commands.push(`${commands.pop()}\n${line}`);
      if (line === end) end = null;
      continue;
    }
    const typed = isSession ? /^[$#] (.*)/.exec(line)?.[1] : line;
    if (typed === undefined || typed.trim() === '') continue;
    if (commands.at(-1)?.endsWith('\\')) commands.push(`${commands.pop()}\n${typed}`);
    else commands.push(typed);
    end = /<<-?\s*'?(\w+)'?/.exec(typed)?.[1] ?? null;
  }
  return commands;
}

const PROGRAM =
  /^(?:f2b|cat|cp|mkdir|systemctl|apt|apt-get|dpkg|rpm|dnf|ln|install|tail|journalctl|nft|echo|rm|man|touch|chmod|curl)\b/;
/** Building, and the other host from which the binary is copied. */
const ELSEWHERE = /^(?:npm|git|scp|\.\/build\.sh|dnf|rpm|python|docker|sudo dnf)\b|^(?:https?|dist\/)/;

/** What the reader would do with a line; null = nothing. */
function asDone(command: string): string | null {
  const words = command.replace(/^sudo /, '');
  // A list of commands with what they do is no command.
  if (ELSEWHERE.test(words) || /^\w+ {2}/.test(words)) return null;
  const cron = /^(?:\* ){4}\*\s+root\s+(.*)/.exec(words);
  if (cron !== null) return cron[1] ?? null;
  // In the foreground until ctrl-C.
  if (/^f2b run(?:\s+#.*)?$/.test(words)) return 'timeout -s INT --preserve-status 3 f2b run';
  if (/^(?:tail -f|journalctl .*-f\b)/.test(words)) return `timeout 2 ${words}; true`;
  return PROGRAM.test(words) ? words : null;
}

/** Exit codes that are an answer: nothing found by a regex, not banned, a status without a daemon. */
const ANSWERS: readonly (readonly [RegExp, readonly number[]])[] = [
  [/^f2b regex/, [0, 1]],
  [/^f2b why/, [0, 1]],
  [/^f2b (?:status|ping)/, [0, 3]],
  [/^f2b/, [0]],
];

/** README's commands from top to bottom, in the checkout's folder as the reader has it. */
function read(host: Host): string {
  const done: string[] = [];
  for (const command of blocksOf(readme).flatMap(commandsOf)) {
    const words = asDone(command);
    if (words === null) continue;
    const { status, out } = host.sh(`cd /root/f2b && ${words}`);
    const allowed = ANSWERS.find(([of]) => of.test(words))?.[1] ?? [0];
    assert.ok(status !== null && allowed.includes(status), `${command}\nexit code ${status}: ${out}`);
    assert.doesNotMatch(out, /\bat .*\(.*:\d+:\d+\)|UsageError|unknown (?:option|command)/, command);
    done.push(words);
  }
  assert.ok(done.length > 8 && done.some((one) => one.startsWith('f2b check')), done.join('\n'));
  return `${done.length} commands`;
}

type Task = {
  readonly name: string;
  readonly before?: (host: Host) => void | Promise<void>;
  /** One or two commands. */
  readonly commands: readonly string[];
  readonly expect: RegExp;
  readonly after?: (host: Host) => void | Promise<void>;
};

const ATTACKER = '198.51.100.5';
const COLLEAGUE = '198.51.100.6';

const SITE = `server { listen 80 default_server; root /var/www/html;
  location / { auth_basic "f2b"; auth_basic_user_file /etc/nginx/htpasswd; } }
`;

const JAIL = (ignored: string): string => `[DEFAULT]
ignoreip = 127.0.0.1/8 ::1 ${ignored}
bantime = 2h
[sshd]
enabled = true
[nginx-http-auth]
enabled = true
maxretry = 3
`;

function failHttp(host: Host, source: string, times: number): void {
  host.attack(
    `for i in $(seq ${times}); do curl -gs -m 5 -o /dev/null --interface ${source} -u admin:wrong http://${facing(source)}/; done`,
  );
}

const TASKS: readonly Task[] = [
  {
    name: 'protect the basic authentication of nginx',
    before: (host) => void host.write('/etc/f2b/jail.local', JAIL('')),
    commands: ['f2b check', 'f2b reload'],
    expect: /nginx-http-auth/,
    async after(host) {
      failHttp(host, ATTACKER, 4);
      await eventually('refused', () => !host.isOpen(ATTACKER, 80), 20);
    },
  },
  {
    name: 'why is an address not banned',
    async before(host) {
      failHttp(host, COLLEAGUE, 2);
      const why = (): string => host.sh(`f2b why ${COLLEAGUE}`).out;
      await eventually(why, () => !why().includes('no failure of it is known'), 20);
    },
    commands: [`f2b why ${COLLEAGUE}`],
    expect: /nginx-http-auth: not banned: [\s\S]*\b[12]\b/,
  },
  {
    name: 'who is banned until when',
    commands: ['f2b status nginx-http-auth --bans'],
    expect: /198\.51\.100\.5\b.*(?:2026|until|\d\d:\d\d)/,
  },
  {
    name: 'let a colleague in at once and for ever',
    before(host) {
      failHttp(host, COLLEAGUE, 2);
      host.sh(`f2b banip nginx-http-auth ${COLLEAGUE}`);
      host.write('/etc/f2b/jail.local', JAIL(COLLEAGUE));
    },
    commands: ['f2b reload', `f2b unbanip ${COLLEAGUE}`],
    expect: /./,
    async after(host) {
      await eventually('let in', () => host.isOpen(COLLEAGUE, 80), 10);
      failHttp(host, COLLEAGUE, 5);
      assert.ok(host.isOpen(COLLEAGUE, 80));
    },
  },
  {
    name: 'ban a network',
    commands: ['f2b banip sshd 198.51.100.32/28'],
    expect: /./,
    after: (host) => assert.ok(!host.isOpen('198.51.100.33', 22) && host.isOpen('198.51.100.60', 22)),
  },
  {
    name: 'change the bantime of all jails',
    before: (host) => void host.must("sed -i 's/bantime = 2h/bantime = 3h/' /etc/f2b/jail.local"),
    commands: ['f2b reload', 'f2b get sshd bantime'],
    expect: /10800/,
  },
  { name: 'see what is in the firewall', commands: ['f2b flush --dry-run'], expect: /f2b/ },
  {
    name: 'an own filter',
    before(host) {
      host.must('mkdir -p /etc/f2b/filter.d');
      host.write(
        '/etc/f2b/filter.d/door.conf',
        '[Definition]\nfailregex = ^\\S+ door: wrong key from <HOST>$\n',
      );
      host.write('/var/log/door.log', '2026-12-01T10:00:00 door: wrong key from 198.51.100.9\n');
    },
    commands: ['f2b regex /var/log/door.log door'],
    expect: /1 (?:match|fail)|matched/i,
  },
  {
    name: 'from cron',
    before: (host) => void host.must('systemctl stop f2b'),
    commands: ['f2b run --once --log /var/log/f2b.log'],
    expect: /^/,
    after: (host) => void host.must('systemctl start f2b'),
  },
  { name: 'read the log', commands: ['tail -n 20 /var/log/f2b.log'], expect: /Starting f2b|INFO|NOTICE/ },
  {
    name: 'remove it without a trace',
    commands: ['f2b uninstall'],
    expect: /remove \/etc\/systemd\/system\/f2b\.service/,
    after(host) {
      assert.doesNotMatch(
        host.sh('nft list ruleset; iptables-save; ls /etc/systemd/system /usr/local/sbin').out,
        /f2b/,
      );
      assert.ok(host.isOpen(ATTACKER, 80));
    },
  },
];

/** Each task needs one or two commands, and the overview or README names them. */
async function solved(host: Host, { before, commands, expect, after }: Task): Promise<void> {
  const help = host.must('/root/f2b-binary help');
  await before?.(host);
  const answers = commands.map((command) => {
    const name = command.split(' ').slice(0, 2).join(' ');
    const isNamed = readme.includes(name) || new RegExp(`^ +${name.slice(4)}\\b`, 'm').test(help);
    assert.ok(isNamed || !name.startsWith('f2b '), `neither README nor help names ${name}`);
    const { status, out } = host.sh(command);
    const allowed = ANSWERS.find(([of]) => of.test(command))?.[1] ?? [0];
    assert.ok(status !== null && allowed.includes(status), `${command}\nexit code ${status}: ${out}`);
    return out;
  });
  assert.match(answers.join(''), expect);
  await after?.(host);
}

test("a newcomer's day on Debian 13", { skip: unlessHosts || unlessPackages }, async (t: TestContext) => {
  const host = Host.make('trixie', 'newcomer');
  t.after(() => host.close());
  host.write('/etc/nginx/sites-enabled/default', SITE);
  host.write('/etc/nginx/htpasswd', 'admin:{PLAIN}secret\n');
  await host.boot();
  // Without fail2ban: it is another story, test/hosts/takeover.test.ts.
  host.must(
    'apt-get purge -y -qq fail2ban 2>&1; systemctl disable -q --now firewalld; systemctl restart nginx',
  );
  host.must('mkdir -p /root/f2b/dist /usr/local/sbin; touch /var/log/auth.log');
  host.putTree(join(root, 'share'), '/root/f2b/share');
  host.put(packages().deb, '/root/f2b/f2b.deb');
  host.put(binary, '/usr/local/sbin/f2b');
  host.put(binary, '/root/f2b-binary');
  await t.test('README from top to bottom', (one) => one.diagnostic(read(host)));
  await t.test('installed as a service', () => {
    host.put(binary, '/usr/local/sbin/f2b');
    host.must('f2b flush; f2b install; systemctl enable -q --now f2b; systemctl restart f2b');
    host.must('mkdir -p /etc/f2b');
  });
  for (const task of TASKS) await t.test(task.name, () => solved(host, task));
});
