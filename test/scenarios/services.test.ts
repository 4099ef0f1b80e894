/**
 * Real services of Debian, attacked for real: what they write of it, to their logs and to the journal, is what f2b's own jails ban
 * on. Each service runs in a machine of the test's own; each client of it has an address of its own.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { readState } from '../../src/state/json.ts';
import { type Machine, makeMachine, unlessMachine } from '../testbed/machine.ts';
import { program, unlessLong } from '../testbed/need.ts';
import type { Attack, Service, ServiceJail } from '../testbed/services.ts';
import { eventually, makeTestbed } from '../testbed/testbed.ts';
import { DAEMONS } from './services/daemons.ts';
import { LOGINS } from './services/logins.ts';
import { MAIL } from './services/mail.ts';
import { WEB } from './services/web.ts';

const TALK = `talk() { ${process.execPath} ${join(import.meta.dirname, '../testbed/talk.ts')} "$HOST" "$@"; }`;
const MACHINE = join(import.meta.dirname, '../testbed/machine.ts');
/** F2B_SERVICE=name drives one service; F2B_SAID=1 shows what it said and wrote. */
const only = process.env['F2B_SERVICE'];

for (const service of [...LOGINS, ...WEB, ...MAIL, ...DAEMONS]) {
  if (only !== undefined && only !== service.name) continue;
  const skip = unlessLong || unlessMachine();
  test(`${service.name}: attacks on the real service are banned`, { skip }, (t) => drive(t, service));
}

test('a machine leaves nothing behind of a test that is killed', {
  skip: unlessLong || unlessMachine(),
}, async () => {
  const bed = await makeTestbed([]);
  try {
    const script = `const { makeMachine } = await import(${JSON.stringify(MACHINE)});
const machine = await makeMachine(${JSON.stringify({ victim: bed.victim, attacker: bed.attacker })});
await machine.start('sleep', 'setsid sleep 1000 >/dev/null 2>&1 &');
console.log(machine.places.join(' '));
setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [told] = (await once(child.stdout, 'data')) as [Buffer];
    const places = String(told).trim().split(' ');
    assert.deepEqual(places.map(existsSync), [true, true]);
    child.kill('SIGKILL');
    await eventually('folder and control group are removed', () => !places.some(existsSync));
  } finally {
    await bed.close();
  }
});

async function drive(t: TestContext, service: Service): Promise<void> {
  const bed = await makeTestbed([]);
  try {
    const machine = await makeMachine(bed);
    try {
      await prepare(machine, service);
      await attackAll(t, machine, service);
      await judge(t, machine, service);
      await ban(machine, service);
    } finally {
      await machine.close();
    }
  } finally {
    await bed.close();
  }
}

/** The address of the attack with that index. */
function addressOf(attack: Attack, index: number): string {
  return attack.isV6 === true ? `fd02::${111 + index}` : `10.2.1.${111 + index}`;
}

async function prepare(machine: Machine, service: Service): Promise<void> {
  await machine.install([...service.packages, 'rsyslog']);
  await machine.start('rsyslog', RSYSLOG);
  await machine.sh(service.setup);
  for (const [unit, script] of Object.entries(service.units)) await machine.start(unit, script);
  const add = service.attacks.map((attack, index) => {
    const [bits, more] = attack.isV6 === true ? ['64', ' nodad'] : ['24', ''];
    return `ip addr add ${addressOf(attack, index)}/${bits} dev veth0${more}`;
  });
  await machine.attack(add.join('\n'));
  await eventually(
    `${service.name} listens on ${service.port}`,
    async () => (await connect(machine, service.port, { what: '', run: '', counts: {} }, -1)) === 'accepted',
    60,
  );
}

/** Names are not looked up: there is no network. The syslog daemon reads what the journal hands on, as on Debian. */
const RSYSLOG = `: >/etc/resolv.conf
sed -i -e /imklog/d -e 's,"imuxsock",& SysSock.Name="/run/systemd/journal/syslog",' /etc/rsyslog.conf
rsyslogd`;

/** A script of the attack's address. */
function from(attack: Attack, index: number, script: string): string {
  const [server, version] = attack.isV6 === true ? ['fd02::10', '-6'] : ['10.2.1.10', '-4'];
  const [host, at] = [server, attack.isV6 === true ? `[${server}]` : server];
  const source = index < 0 ? '' : ` src ${addressOf(attack, index)}`;
  return `ip ${version} route replace ${server} dev veth0${source}\nHOST=${host} AT=${at}\n${TALK}\n${script}`;
}

async function connect(machine: Machine, port: number, attack: Attack, index: number): Promise<string> {
  const script = `timeout 5 bash -c ": <>/dev/tcp/$HOST/${port}" 2>&1 && echo accepted`;
  const { stdout } = await machine.attack(from(attack, index, `${script} || true`));
  return /accepted|refused|unreachable/.exec(stdout)?.[0] ?? 'silence';
}

async function attackAll(t: TestContext, machine: Machine, service: Service): Promise<void> {
  const version = await machine.sh(`dpkg-query -Wf '\${Version}' ${service.packages[0]}`);
  t.diagnostic(`${service.name} ${version}, ${service.attacks.length} clients`);
  for (const [index, attack] of service.attacks.entries()) {
    const output = await machine.attack(from(attack, index, attack.run));
    if (process.env['F2B_SAID'] !== undefined)
      t.diagnostic(
        `${attack.what}: ${output.exitCode} ${JSON.stringify(`${output.stdout} ${output.stderr}${output.trouble ?? ''}`).slice(0, 300)}`,
      );
  }
}

/** Every jail counts what the attacks' rows say, from its log and from the journal. */
async function judge(t: TestContext, machine: Machine, service: Service): Promise<void> {
  const all: Record<string, unknown> = {};
  const allWanted: Record<string, unknown> = {};
  for (const jail of service.jails) {
    const wanted = wantedOf(service, jail);
    const reads = jail.reads ?? 'both';
    for (const backend of ['auto', 'systemd']) {
      if (reads === (backend === 'auto' ? 'journal' : 'file')) continue;
      let seen: Record<string, number> = {};
      const isSame = (): boolean => isDeepStrictEqual(seen, wanted);
      await eventually(
        '',
        async () => {
          seen = await count(machine, '/etc/f2b', [
            { ...jail, options: [...(jail.options ?? []), `backend = ${backend}`] },
          ]);
          return isSame();
        },
        5,
      ).catch(() => {});
      t.diagnostic(`${jail.key ?? jail.name} ${backend}: ${JSON.stringify(seen)}`);
      all[`${jail.key ?? jail.name}, backend = ${backend}`] = seen;
      allWanted[`${jail.key ?? jail.name}, backend = ${backend}`] = wanted;
    }
    if (jail.stock === undefined) continue;
    const stock = { name: jail.stock, options: [`backend = ${reads === 'journal' ? 'systemd' : 'auto'}`] };
    const seen = await count(machine, '/etc/stock', [stock]);
    const missed = Object.keys(wanted).filter((id) => seen[id] === undefined);
    const more = Object.keys(seen).filter((id) => wanted[id] === undefined);
    const told = `${Object.keys(seen).length} of ${Object.keys(wanted).length}`;
    t.diagnostic(`fail2ban's ${jail.stock}: ${told}; not ${missed.join(' ')}; more ${more.join(' ')}`);
  }
  if (process.env['F2B_SAID'] !== undefined || !isDeepStrictEqual(all, allWanted))
    t.diagnostic(await logsOf(machine, service));
  assert.deepEqual(all, allWanted);
}

function wantedOf(service: Service, jail: ServiceJail): Record<string, number> {
  const entries = service.attacks.map(
    (attack, index) => [addressOf(attack, index), attack.counts[jail.key ?? jail.name] ?? 0] as const,
  );
  return Object.fromEntries(entries.filter(([, failures]) => failures > 0));
}

const jailLines = (jail: ServiceJail, more: readonly string[]): string =>
  [`[${jail.name}]`, 'enabled = true', ...more, ...(jail.options ?? []), ''].join('\n');

/** The failures that jails count in the logs as they are, by address. */
async function count(
  machine: Machine,
  etc: string,
  jails: readonly ServiceJail[],
): Promise<Record<string, number>> {
  const lines = jails.map((jail) =>
    jailLines(jail, ['maxretry = 10000', 'findtime = 1d', 'banaction = dummy']),
  );
  await machine.sh(`[ -d /etc/stock ] || { cp -r /etc/fail2ban /etc/stock 2>/dev/null && rm -f /etc/stock/jail.d/*; }
mkdir -p ${etc}/jail.d; rm -rf /var/lib/f2b /var/log/f2b-count.log
cat >${etc}/jail.d/test.conf <<'END'
${lines.join('\n')}
END
${program.join(' ')} --config ${etc} --log /var/log/f2b-count.log run --once`);
  const read = readState(await machine.sh('cat /var/lib/f2b/state.json'));
  if (read.kind !== 'ok') throw new Error(`the state is ${read.kind}`);
  const all = [...read.state.jails.values()].flatMap((jail) => [...jail.failures]);
  return Object.fromEntries(all.map(([id, times]) => [id, times.failures] as const).sort());
}

/** All that was written, for a failure's report. */
function logsOf(machine: Machine, service: Service): Promise<string> {
  return machine.sh(
    `cd /var/log; tail -n 200 f2b-count.log auth.log mail.log ${service.logs ?? ''} 2>/dev/null || true; journalctl --no-pager -o short -n 200 || true`,
  );
}

/** The daemon bans all that attacked at the firewall, and nobody else. */
async function ban(machine: Machine, service: Service): Promise<void> {
  const jails = service.jails.filter(({ key }) => key === undefined);
  const lines = jails.map((jail) => jailLines(jail, ['maxretry = 1']));
  await machine.sh(`rm -rf /var/lib/f2b; cat >/etc/f2b/jail.d/test.conf <<'END'
${lines.join('\n')}
END`);
  await machine.start(
    'f2b',
    `setsid ${program.join(' ')} --config /etc/f2b --log /var/log/f2b.log run </dev/null >/dev/null 2>&1 &`,
  );
  for (const [index, attack] of service.attacks.entries()) {
    const isBanned = jails.some(({ name }) => (attack.counts[name] ?? 0) > 0);
    if (isBanned)
      await eventually(
        `${attack.what}: refused`,
        async () => (await connect(machine, service.port, attack, index)) === 'refused',
        20,
      );
    else assert.equal(await connect(machine, service.port, attack, index), 'accepted', attack.what);
  }
}
