import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Command, formatCommand, type Output } from '../../src/base/process.ts';
import type { BanEntry, Firewall, Rule } from '../../src/firewall/backend.ts';
import { simulated } from '../../src/firewall/dryrun.ts';
import { ipset } from '../../src/firewall/ipset.ts';
import { nftables } from '../../src/firewall/nftables/nftables.ts';
import { FirewallQueue, WAITING } from '../../src/firewall/queue.ts';
import type { Enforcement } from '../../src/firewall/reconcile.ts';
import { eventually, makeTestbed, unlessTestbed } from '../testbed/testbed.ts';

const RULE: Rule = { jail: 'a', ports: null, protocols: [], chains: [], block: 'drop' };
const ban = (address: string): BanEntry => ({ jail: 'a', address, until: null });

/** A queue before a firewall in memory, or before the given one, whose commands end with the exit code. */
function queued(
  firewall: Firewall = simulated(nftables()),
  exitCode = 0,
  saved: () => Promise<void> = async () => undefined,
) {
  const wanted: BanEntry[] = [];
  const commands: string[] = [];
  const told: string[] = [];
  const run = async (one: Command): Promise<Output> => {
    commands.push(formatCommand(one));
    return { exitCode, stdout: '', stderr: exitCode === 0 ? '' : 'Operation not permitted', trouble: null };
  };
  const queue = new FirewallQueue(
    { firewall, rules: [RULE], run },
    {
      wanted: () => wanted,
      saved,
      locked: async (work) => {
        await work();
        return true;
      },
      onResult: () => undefined,
      onDamage: () => undefined,
      onAbsent: (what) => void told.push(what),
      onCleared: (jails) => void told.push(...jails),
      now: () => 1000,
    },
  );
  const add = (address: string): void => {
    wanted.push(ban(address));
    queue.add(ban(address));
  };
  return { queue, commands, told, wanted, add };
}

test('bans that are decided in one turn travel in one command, and stand when it worked', async () => {
  const { queue, commands, add } = queued();
  queue.compare();
  await queue.idle();
  commands.length = 0;
  add('192.0.2.1');
  add('192.0.2.2');
  assert.equal(queue.reason('a', '192.0.2.1'), WAITING);
  await queue.idle();
  assert.equal(commands.length, 1);
  assert.match(commands[0] ?? '', /\{ 192\.0\.2\.1, 192\.0\.2\.2 \}/);
  assert.equal(queue.reason('a', '192.0.2.1'), null);
  await queue.close();
});

test('a ban is saved before it is handed over; what is decided meanwhile travels later', async () => {
  const writes: (() => void)[] = [];
  const saved = (): Promise<void> => new Promise((resolve) => writes.push(resolve));
  const written = async (): Promise<void> => {
    while (writes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    writes.shift()?.();
  };
  const { queue, commands, add } = queued(undefined, 0, saved);
  queue.compare();
  await written();
  await queue.idle();
  commands.length = 0;
  add('192.0.2.1');
  while (writes.length === 0) await new Promise((resolve) => setImmediate(resolve));
  add('192.0.2.2');
  assert.deepEqual(commands, []);
  await written();
  await written();
  await queue.idle();
  assert.equal(commands.length, 2);
  assert.match(commands[0] ?? '', /\{ 192\.0\.2\.1 \}/);
  assert.match(commands[1] ?? '', /\{ 192\.0\.2\.2 \}/);
  await queue.close();
});

test('an unban takes the place of a ban that was not handed over yet', async () => {
  const { queue, commands, add } = queued();
  queue.compare();
  await queue.idle();
  commands.length = 0;
  add('192.0.2.1');
  queue.remove(ban('192.0.2.1'));
  await queue.idle();
  assert.equal(commands.length, 1);
  assert.match(commands[0] ?? '', /delete element inet f2b addr4-a \{ 192\.0\.2\.1 \}\nEND$/);
  await queue.close();
});

test('what the firewall refuses is pending with its reason', async () => {
  const { queue, add } = queued(nftables(), 1);
  add('192.0.2.1');
  await queue.idle();
  assert.match(queue.reason('a', '192.0.2.1') ?? 'none', /not permitted/);
  await queue.close();
});

test('what is decided while a comparison waits for the lock is handed over once', async () => {
  const { queue, commands, add } = queued();
  queue.compare();
  add('192.0.2.1');
  await Promise.resolve();
  add('192.0.2.2');
  await queue.idle();
  const adding = commands.filter((text) => /add element .*192\.0\.2\.2/.test(text));
  assert.equal(adding.length, 1);
  assert.equal(queue.reason('a', '192.0.2.2'), null);
  await queue.close();
});

test('a comparison that is asked for during another one follows it', async () => {
  const { queue, commands, wanted } = queued();
  queue.compare();
  await new Promise((resolve) => setImmediate(resolve));
  wanted.push(ban('192.0.2.9'));
  queue.compare();
  await queue.idle();
  assert.ok(commands.some((text) => text.includes('192.0.2.9')));
  await queue.close();
});

test('the firewall is looked at once at a time, however often failures of banned ids ask for it', async () => {
  const { queue, commands } = queued();
  queue.compare();
  await queue.idle();
  commands.length = 0;
  await queue.check();
  const each = commands.length;
  commands.length = 0;
  await Promise.all(Array.from({ length: 50 }, () => queue.check()));
  assert.ok(commands.length <= each, `${commands.length} commands, ${each} for one look`);
  await queue.close();
});

test('ipset: a set that is full is no damage: a look finds nothing to repair', {
  skip: unlessTestbed('ipset', 'iptables', 'ip6tables'),
}, async () => {
  const bed = await makeTestbed([]);
  const all = Array.from({ length: 100 }, (_, i) => ban(`192.0.2.${i + 1}`));
  const told: string[] = [];
  const results: Enforcement[] = [];
  const commands: string[] = [];
  const run = (one: Command): Promise<Output> => {
    commands.push(formatCommand(one));
    return bed.run(one);
  };
  const rule: Rule = { ...RULE, chains: ['INPUT'] };
  const queue = new FirewallQueue(
    { firewall: ipset(64), rules: [rule], run },
    {
      wanted: () => all,
      locked: (work) => work().then(() => true),
      saved: async () => undefined,
      onResult: (result) => results.push(result),
      onDamage: (what) => void told.push(what),
      onAbsent: (what) => void told.push(what),
      onCleared: () => undefined,
      now: () => 1000,
    },
  );
  try {
    queue.compare();
    await queue.idle();
    const { enforced, pending } = results[0] ?? { enforced: [], pending: [] };
    assert.ok(enforced.length >= 64 && pending.length > 0, `${enforced.length} stand`);
    assert.equal(queue.reason('a', pending[0]?.entry.address ?? ''), 'the set of jail a is full');
    commands.length = 0;
    await queue.check();
    assert.deepEqual([told, results.length], [[], 1]);
    assert.ok(commands.length > 0 && commands.every((text) => !/restore/.test(text)), commands.join('\n'));
    await bed.sh('ipset', 'del', 'f2b.a-4', enforced[0]?.address ?? '');
    // Looks keep a distance from each other.
    await eventually('one that others took is noticed', async () => {
      await queue.check();
      return results.length > 1;
    });
  } finally {
    await queue.close();
    await bed.close();
  }
});
