import assert from 'node:assert/strict';
import { test } from 'node:test';
import { command, type Output } from '../../src/base/process.ts';
import { apply, applyInParts, type FirewallJob, keyOf } from '../../src/firewall/apply.ts';
import { type Firewall, NO_DIFFERENCE, type Rule } from '../../src/firewall/backend.ts';
import { dummy } from '../../src/firewall/dummy.ts';

const ban = (address: string) => ({ jail: 'a', address, until: null });
const rule = (jail: string): Rule => ({ jail, ports: null, protocols: [], chains: [], block: 'drop' });

/** A firewall that takes a change as one text, and refuses one that holds `bad`. */
function refusing(bad: string, reason: string) {
  const runs: string[] = [];
  const firewall: Firewall = {
    ...dummy,
    change: (_, { setup, teardown, remove, add }) => [
      command(['change', JSON.stringify([setup, teardown, remove, add])]),
    ],
  };
  const run = async ({ argv }: { readonly argv: readonly string[] }): Promise<Output> => {
    const text = argv[1] ?? '';
    runs.push(text);
    const fails = text.includes(bad);
    return { exitCode: fails ? 1 : 0, stdout: '', stderr: fails ? reason : '', trouble: null };
  };
  const job: FirewallJob = { firewall, rules: [], run };
  return { job, runs };
}

const parts = () => ({
  now: 0,
  trouble: new Map<string, string>(),
  left: { runs: 60 },
  full: new Map<string, string>(),
});

test('apply() says why the change failed, null when it worked', async () => {
  const { job } = refusing('"b"', 'no such set');
  assert.equal(await apply(job, { ...NO_DIFFERENCE, setup: [rule('a')] }, 0), null);
  assert.match((await apply(job, { ...NO_DIFFERENCE, setup: [rule('b')] }, 0)) ?? '', /no such set/);
});

test('applyInParts() halves a change until only what fails is left out', async () => {
  const { job, runs } = refusing('192.0.2.3', 'bad element');
  const add = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'].map(ban);
  const own = parts();
  await applyInParts(job, { ...NO_DIFFERENCE, remove: [ban('192.0.2.9')], add }, own);
  assert.deepEqual([...own.trouble], [[keyOf(ban('192.0.2.3')), 'change: bad element']]);
  const done = runs.filter((text) => !text.includes('192.0.2.3')).join();
  for (const address of ['192.0.2.9', '192.0.2.1', '192.0.2.2', '192.0.2.4'])
    assert.ok(done.includes(address), address);
});

test('applyInParts() tries no entry of a jail whose rule failed', async () => {
  const { job, runs } = refusing('"ports"', 'no such chain');
  const own = parts();
  await applyInParts(job, { ...NO_DIFFERENCE, setup: [rule('a')], add: [ban('192.0.2.1')] }, own);
  assert.equal(own.trouble.get('a'), 'change: no such chain');
  assert.match(own.trouble.get(keyOf(ban('192.0.2.1'))) ?? '', /no such chain/);
  assert.ok(runs.every((text) => text.includes('"ports"')));
});

test('applyInParts() asks a full set only once', async () => {
  const { job, runs } = refusing('192.0.2', 'Hash is full, cannot add more elements');
  const own = parts();
  const add = Array.from({ length: 32 }, (_, i) => ban(`192.0.2.${i}`));
  await applyInParts(job, { ...NO_DIFFERENCE, add }, own);
  assert.equal(own.trouble.size, 32);
  assert.match(own.trouble.get(keyOf(ban('192.0.2.31'))) ?? '', /the set of jail a is full/);
  assert.ok(runs.length < 10, `${runs.length} runs`);
});

test('applyInParts() gives up at once where no other cut could help', async () => {
  const { job, runs } = refusing('192', 'Operation not permitted');
  const own = parts();
  await applyInParts(job, { ...NO_DIFFERENCE, add: [ban('192.0.2.1'), ban('192.0.2.2')] }, own);
  assert.deepEqual([runs.length, own.trouble.size], [1, 2]);
});
