import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RunningJail } from '../../src/ban/jail.ts';
import type { Dns } from '../../src/base/dns.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { compileJails } from '../../src/daemon/jails.ts';
import { needsLookup, PendingLookups } from '../../src/daemon/lookups.ts';
import { Messages } from '../../src/daemon/messages.ts';
import { listLog } from './listlog.ts';

function runningJail(options: string): RunningJail {
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
    ['jail.d/app.conf', `[app]\nenabled = true\nlogpath = /nothing\nbanaction = dummy\n${options}\n`],
  ]);
  const { jails, problems } = compileJails(loadConfig(memoryTree(files)).jails);
  const jail = jails.get('app');
  assert.ok(jail !== undefined, JSON.stringify(problems));
  return jail;
}

const MANY = Array.from({ length: 4000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
const dns: Dns = {
  addressesOf: async (name) =>
    name === 'many.example'
      ? MANY
      : name === 'bad.example'
        ? ['192.0.2.7', '192.0.2.8']
        : name === 'friend.example'
          ? ['192.0.2.8']
          : [],
};

async function lookUp(
  jail: RunningJail,
  failures: readonly { id: string; isName?: boolean; user?: string }[],
) {
  const passed: string[] = [];
  const told: string[] = [];
  const lookups = new PendingLookups({
    dns,
    messages: new Messages(listLog(told)),
    onAnswered: (_, { id }) => void passed.push(id),
    onDone: () => undefined,
  });
  for (const { id, isName = false, user = '' } of failures) {
    const fields = new Map([['user', user]]);
    lookups.add(jail, { jail: jail.jail.name, id, isName, time: 0, matches: [], fields });
  }
  assert.equal(lookups.waiting().length, failures.length);
  await lookups.idle(60_000);
  assert.deepEqual(lookups.waiting(), []);
  return { passed, told };
}

test('a name in the log becomes its addresses, with a warning where usedns = warn', async () => {
  const { passed, told } = await lookUp(runningJail('usedns = warn'), [{ id: 'bad.example', isName: true }]);
  assert.deepEqual(passed, ['192.0.2.7', '192.0.2.8']);
  assert.deepEqual(told, [
    'WARNING fail2ban.filter [app] the log names bad.example, taken as 192.0.2.7 192.0.2.8: names can be forged',
  ]);
});

test('of a name with thousands of addresses sixteen count', async () => {
  const { passed } = await lookUp(runningJail('usedns = yes'), [{ id: 'many.example', isName: true }]);
  assert.deepEqual(passed, MANY.slice(0, 16));
});

test('a name in ignoreip protects its addresses', async () => {
  const jail = runningJail('usedns = yes\nignoreip = friend.example');
  assert.equal(needsLookup(jail, false), true);
  const { passed, told } = await lookUp(jail, [{ id: '192.0.2.7' }, { id: '192.0.2.8' }]);
  assert.deepEqual(passed, ['192.0.2.7']);
  assert.deepEqual(told, ['INFO fail2ban.filter [app] Ignore 192.0.2.8 by dns']);
});

test('ignorecommand is asked in order, its exit code 0 protects, and what the log says is never executed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-gate-'));
  try {
    const out = join(folder, 'out');
    const jail = runningJail(`ignorecommand = echo "<ip> <F-USER>" >> ${out}; test <ip> = 192.0.2.8`);
    const evil = `'; touch ${folder}/pwned; $(touch ${folder}/pwned)`;
    const { passed, told } = await lookUp(jail, [
      { id: '192.0.2.7', user: evil },
      { id: '192.0.2.8' },
      { id: '192.0.2.9' },
    ]);
    assert.deepEqual(passed, ['192.0.2.7', '192.0.2.9']);
    assert.deepEqual(told, ['INFO fail2ban.filter [app] Ignore 192.0.2.8 by command']);
    assert.equal(readFileSync(out, 'utf8'), `192.0.2.7 ${evil}\n192.0.2.8 \n192.0.2.9 \n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('ignorecache remembers the answer by its key', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-gate-'));
  try {
    const out = join(folder, 'out');
    const jail = runningJail(
      `ignorecommand = echo <ip> >> ${out}; false\nignorecache = key="<ip>", max-count=10, max-time=5m`,
    );
    await lookUp(jail, [{ id: '192.0.2.7' }, { id: '192.0.2.7' }, { id: '192.0.2.8' }]);
    assert.equal(readFileSync(out, 'utf8'), '192.0.2.7\n192.0.2.8\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('ignorecache has a size: the oldest answer goes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-gate-'));
  try {
    const out = join(folder, 'out');
    const jail = runningJail(
      `ignorecommand = echo <ip> >> ${out}; false\nignorecache = key="<ip>", max-count=2, max-time=5m`,
    );
    await lookUp(
      jail,
      [7, 8, 7, 9, 8, 7].map((i) => ({ id: `198.51.100.${i}` })),
    );
    const asked = readFileSync(out, 'utf8').trim().split('\n');
    assert.deepEqual(
      asked.map((one) => one.at(-1)),
      ['7', '8', '9', '7'],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('names that wait are bounded for each jail, and so are addresses: those count as they are', () => {
  let counted = 0;
  const lookups = new PendingLookups({
    dns: { addressesOf: () => new Promise(() => undefined) },
    messages: new Messages(listLog([])),
    onAnswered: () => void counted++,
    onDone: () => undefined,
  });
  const jail = runningJail('usedns = yes\nignoreip = friend.example');
  const add = (id: string, isName: boolean): void =>
    lookups.add(jail, { jail: 'app', id, isName, time: 0, matches: [], fields: new Map() });
  for (let i = 0; i < 1500; i++) add(`n${i}.evil.example`, true);
  assert.equal(lookups.waiting().length, 1000);
  for (let i = 0; i < 10_500; i++) add(`10.0.${i >> 8}.${i & 255}`, false);
  assert.deepEqual([lookups.waiting().length, counted], [11_000, 500]);
});

test('no address waits for names without an answer; four of them are asked about at a time, each in order', async () => {
  const asked: string[] = [];
  const answers = new Map<string, (addresses: readonly string[]) => void>();
  const silent: Dns = {
    addressesOf: (name) => {
      asked.push(name);
      return new Promise((resolve) => answers.set(name, resolve));
    },
  };
  const passed: string[] = [];
  const lookups = new PendingLookups({
    dns: silent,
    messages: new Messages(listLog([])),
    onAnswered: (_, { id, time }) => void passed.push(`${id} ${time}`),
    onDone: () => undefined,
  });
  const jail = runningJail('usedns = yes\nignorecommand = false');
  let time = 0;
  const add = (id: string, isName: boolean): void =>
    lookups.add(jail, { jail: 'app', id, isName, time: ++time, matches: [], fields: new Map() });
  for (let i = 1; i <= 6; i++) add(`n${i}.evil.example`, true);
  add('n1.evil.example', true);
  add('192.0.2.1', false);
  while (passed.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(passed, ['192.0.2.1 8']);
  assert.deepEqual(asked, ['n1.evil.example', 'n2.evil.example', 'n3.evil.example', 'n4.evil.example']);
  assert.equal(lookups.waiting().length, 7);
  for (let i = 6; i > 0; ) {
    const answer = answers.get(`n${i}.evil.example`);
    answers.delete(`n${i}.evil.example`);
    answer?.([`203.0.113.${i}`]);
    await new Promise((resolve) => setImmediate(resolve));
    i = i === 1 ? 6 : i - 1;
    if (lookups.waiting().length === 0) break;
  }
  await lookups.idle(1000);
  const own = passed.filter((one) => one.startsWith('203.0.113.1 '));
  assert.deepEqual(own, ['203.0.113.1 1', '203.0.113.1 7']);
  assert.equal(passed.length, 8);
});
