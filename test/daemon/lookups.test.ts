import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ticketOf } from '../../src/action/tags.ts';
import type { RunningJail } from '../../src/ban/jail.ts';
import type { Dns } from '../../src/base/dns.ts';
import { openDns } from '../../src/base/dns.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { compileJails } from '../../src/daemon/jails.ts';
import { PendingLookups } from '../../src/daemon/lookups.ts';

function working(options: string): RunningJail {
  const files = new Map([
    ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
    ['jail.d/app.conf', `[app]\nenabled = true\nlogpath = /nothing\nbanaction = dummy\n${options}\n`],
  ]);
  const { jails, problems } = compileJails(loadConfig(memoryTree(files)).jails);
  const jail = jails.get('app');
  assert.ok(jail !== undefined, JSON.stringify(problems));
  return jail;
}

const names: Dns = {
  addressesOf: async (name) =>
    name === 'bad.example' ? ['192.0.2.7', '192.0.2.8'] : name === 'friend.example' ? ['192.0.2.8'] : [],
  namesOf: async () => [],
};

async function pass(jail: RunningJail, visitors: readonly { id: string; isName?: boolean; user?: string }[]) {
  const passed: string[] = [];
  const told: string[] = [];
  const gate = new PendingLookups({
    names,
    onTrouble: (level, text) => void told.push(`${level} ${text}`),
    onAnswered: (_, id) => void passed.push(id),
    onDone: () => undefined,
  });
  for (const { id, isName = false, user = '' } of visitors) {
    gate.add(jail, { ticket: ticketOf(id, null, { fields: new Map([['user', user]]) }), isName });
  }
  await gate.idle(60_000);
  return { passed, told };
}

test('a name in the log becomes its addresses, with a warning where usedns = warn', async () => {
  const { passed, told } = await pass(working('usedns = warn'), [{ id: 'bad.example', isName: true }]);
  assert.deepEqual(passed, ['192.0.2.7', '192.0.2.8']);
  assert.deepEqual(told, [
    'WARNING [app] the log names bad.example, taken as 192.0.2.7 192.0.2.8: names can be forged',
  ]);
});

test('a name in ignoreip protects its addresses', async () => {
  const jail = working('usedns = yes\nignoreip = friend.example');
  assert.equal(PendingLookups.needsLookup(jail, false), true);
  const { passed, told } = await pass(jail, [{ id: '192.0.2.7' }, { id: '192.0.2.8' }]);
  assert.deepEqual(passed, ['192.0.2.7']);
  assert.deepEqual(told, ['INFO [app] Ignore 192.0.2.8 by dns']);
});

test('ignorecommand is asked in order, its exit code 0 protects, and what the log says is never executed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-gate-'));
  try {
    const out = join(folder, 'out');
    const jail = working(`ignorecommand = echo "<ip> <F-USER>" >> ${out}; test <ip> = 192.0.2.8`);
    const evil = `'; touch ${folder}/pwned; $(touch ${folder}/pwned)`;
    const { passed, told } = await pass(jail, [
      { id: '192.0.2.7', user: evil },
      { id: '192.0.2.8' },
      { id: '192.0.2.9' },
    ]);
    assert.deepEqual(passed, ['192.0.2.7', '192.0.2.9']);
    assert.deepEqual(told, ['INFO [app] Ignore 192.0.2.8 by command']);
    assert.equal(readFileSync(out, 'utf8'), `192.0.2.7 ${evil}\n192.0.2.8 \n192.0.2.9 \n`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('ignorecache remembers the answer by its key', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-gate-'));
  try {
    const out = join(folder, 'out');
    const jail = working(
      `ignorecommand = echo <ip> >> ${out}; false\nignorecache = key="<ip>", max-count=10, max-time=5m`,
    );
    await pass(jail, [{ id: '192.0.2.7' }, { id: '192.0.2.7' }, { id: '192.0.2.8' }]);
    assert.equal(readFileSync(out, 'utf8'), '192.0.2.7\n192.0.2.8\n');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the name service answers from the hosts file, and has no answer for what is no name', async () => {
  const service = openDns();
  assert.ok(
    (await service.addressesOf('localhost')).some((address) => address === '127.0.0.1' || address === '::1'),
  );
  assert.deepEqual(await service.addressesOf('no such name'), []);
});
