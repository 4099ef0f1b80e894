import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadState, lockState, saveState } from '../../src/state/file.ts';
import { restAfter, StateSaver } from '../../src/state/saver.ts';
import {
  addBan,
  addOrder,
  type Ban,
  type CommandOrder,
  emptyState,
  jailState,
  type State,
} from '../../src/state/state.ts';

const ban: Ban = { at: 1, until: null, failures: 1, count: 1, origin: 'log', matches: [], pending: null };

const positionAt = (realtime: number) => ({ kind: 'journal', cursor: '', realtime });

type Scene = {
  readonly path: string;
  readonly state: State;
  readonly keeper: StateSaver;
  readonly orders: CommandOrder[];
  readonly troubles: (string | null)[];
  readonly damages: string[];
  /** How often the state was printed. */
  saves(): number;
};

async function withKeeper(work: (scene: Scene) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-keeper-'));
  const path = join(folder, 'state.json');
  const state = emptyState();
  const orders: CommandOrder[] = [];
  const troubles: (string | null)[] = [];
  const damages: string[] = [];
  let saves = 0;
  const keeper = new StateSaver(
    path,
    { state },
    {
      onOrders: (some) => orders.push(...some.map(({ order }) => order)),
      onTrouble: (reason) => troubles.push(reason),
      onDamage: (warning) => damages.push(warning),
      beforeSave: () => {
        saves++;
        state.positions.set('/log', positionAt(state.jails.size));
      },
      now: () => 5,
    },
  );
  try {
    await work({ path, state, keeper, orders, troubles, damages, saves: () => saves });
  } finally {
    await keeper.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const idsOf = (state: State): string[] => [...(state.jails.get('sshd')?.bans.keys() ?? [])].sort();
const settle = async (done: () => boolean): Promise<void> => {
  const end = Date.now() + 60_000;
  while (!done()) {
    assert.ok(Date.now() < end, 'never came');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** What a command does. */
async function banByHand(path: string, id: string): Promise<void> {
  const lock = lockState(path);
  try {
    const { state } = loadState(path, true);
    addOrder(state, { kind: 'ban', jail: 'sshd', id, ban });
    await saveState(path, state, 6);
  } finally {
    lock.release();
  }
}

test('changed() writes positions and bans of the same moment', () =>
  withKeeper(async ({ path, state, keeper }) => {
    addBan(state, 'sshd', '192.0.2.1', ban);
    keeper.changed('soon');
    await settle(() => idsOf(loadState(path, false).state).length === 1);
    assert.deepEqual(loadState(path, false).state.positions.get('/log'), positionAt(1));
  }));

test('saved() has what is decided written at once, and one write serves all who wait', () =>
  withKeeper(async ({ path, state, keeper, saves }) => {
    await keeper.saved();
    assert.equal(saves(), 0);
    const ids = Array.from({ length: 20 }, (_, i) => `192.0.2.${i + 10}`);
    const begin = performance.now();
    const waits = ids.map((id) => {
      addBan(state, 'sshd', id, ban);
      keeper.changed('calm');
      return keeper.saved();
    });
    await Promise.all(waits);
    assert.deepEqual(idsOf(loadState(path, false).state), ids);
    assert.equal(saves(), 1);
    assert.ok(performance.now() - begin < 950, 'it did not wait for the time of what is calm');
  }));

test('saved() waits for a write that is under way, and not for a disk that takes none', () =>
  withKeeper(async ({ path, state, keeper, troubles }) => {
    addBan(state, 'sshd', '192.0.2.1', ban);
    keeper.changed('calm');
    const [first, second] = [keeper.saved(), keeper.locked(async () => undefined)];
    await Promise.all([first, second]);
    assert.deepEqual(idsOf(loadState(path, false).state), ['192.0.2.1']);
    mkdirSync(`${path}.tmp`);
    addBan(state, 'sshd', '192.0.2.2', ban);
    keeper.changed('calm');
    await keeper.saved();
    assert.equal(troubles.length, 1);
    keeper.changed('calm');
    await keeper.saved();
    rmSync(`${path}.tmp`, { recursive: true });
  }));

test('what a command wrote is taken in before anything is written, and told', () =>
  withKeeper(async ({ path, state, keeper, orders }) => {
    addBan(state, 'sshd', '192.0.2.1', ban);
    await keeper.locked(async () => undefined);
    await banByHand(path, '192.0.2.2');
    await banByHand(path, '192.0.2.3');
    addBan(state, 'sshd', '192.0.2.4', ban);
    await keeper.locked(async () => undefined);
    const all = ['192.0.2.1', '192.0.2.2', '192.0.2.3', '192.0.2.4'];
    assert.deepEqual(idsOf(state), all);
    assert.deepEqual(idsOf(loadState(path, false).state), all);
    assert.deepEqual(
      orders.map(({ id }) => id),
      ['192.0.2.2', '192.0.2.3'],
    );
  }));

test('orders that were taken in are gone from the file, and come once', () =>
  withKeeper(async ({ path, keeper, orders }) => {
    await keeper.locked(async () => undefined);
    await banByHand(path, '192.0.2.2');
    keeper.look();
    await settle(() => orders.length > 0);
    await keeper.locked(async () => undefined);
    assert.equal(orders.length, 1);
    assert.deepEqual(loadState(path, false).state.orders, []);
  }));

test('a state that cannot be written is told once, work goes on, and it is written when it can be again', () =>
  withKeeper(async ({ path, state, keeper, troubles }) => {
    mkdirSync(`${path}.tmp`);
    let worked = 0;
    const work = async (): Promise<void> => {
      worked++;
    };
    assert.equal(await keeper.locked(work), false);
    assert.equal(await keeper.locked(work), false);
    assert.equal(worked, 2);
    assert.equal(troubles.length, 1);
    assert.match(troubles[0] ?? '', /cannot write the state file/);
    rmSync(`${path}.tmp`, { recursive: true });
    addBan(state, 'sshd', '192.0.2.1', ban);
    assert.equal(await keeper.locked(work), true);
    assert.equal(troubles[1], null);
    assert.deepEqual(idsOf(loadState(path, false).state), ['192.0.2.1']);
  }));

test('a file that somebody damaged is set aside, that is told, and the own copy takes its place', () =>
  withKeeper(async ({ path, state, keeper, damages }) => {
    addBan(state, 'sshd', '192.0.2.1', ban);
    assert.ok(await keeper.locked(async () => undefined));
    writeFileSync(path, '{"version":1,"jails":[]}');
    assert.ok(await keeper.locked(async () => undefined));
    assert.match(damages.join('\n'), /is damaged: jails is not an object\n.*set aside as .*damaged-1/);
    assert.deepEqual(idsOf(loadState(path, false).state), ['192.0.2.1']);
  }));

test('close() writes what is still unwritten', () =>
  withKeeper(async ({ path, state, keeper }) => {
    addBan(state, 'sshd', '192.0.2.1', ban);
    keeper.changed('calm');
    await keeper.close();
    assert.deepEqual(idsOf(loadState(path, false).state), ['192.0.2.1']);
  }));

test('restAfter() spares the processor, and does not let a slow disk hold up what is to be written', () => {
  assert.equal(restAfter(10, 15, 'calm'), 200);
  assert.equal(restAfter(1, 1500, 'calm'), 3000);
  assert.equal(restAfter(10_000, 12_000, 'calm'), 60_000);
  // What is urgent waits for the processor only.
  assert.equal(restAfter(10, 15, 'now'), 200);
  assert.equal(restAfter(1, 1500, 'now'), 20);
});

test('what may wait is written about once a second, though each write wakes the watcher', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-keeper-'));
  let saves = 0;
  const nothing = () => undefined;
  const events = { onOrders: nothing, onTrouble: nothing, onDamage: nothing, now: () => 5 };
  const keeper = new StateSaver(
    join(folder, 'state.json'),
    { state: emptyState() },
    { ...events, beforeSave: () => void saves++ },
  );
  try {
    keeper.watch();
    const begin = Date.now();
    while (Date.now() - begin < 2500) {
      keeper.changed('calm');
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const seconds = (Date.now() - begin) / 1000;
    assert.ok(saves >= 1 && saves <= 1 + seconds, `${saves} saves in ${seconds} s`);
  } finally {
    await keeper.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a file that could not be read at the start is left alone; when it can be, its bans stand again', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-keeper-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [path, away] = [join(folder, 'state.json'), join(folder, 'away')];
  const earlier = emptyState();
  addBan(earlier, 'sshd', '192.0.2.1', { ...ban, until: 100 });
  addBan(earlier, 'sshd', '192.0.2.2', { ...ban, until: 4 });
  addBan(earlier, 'sshd', '192.0.2.3', { ...ban, until: 50 });
  jailState(earlier, 'sshd').past.set('192.0.2.9', { count: 3, last: 1, until: 2 });
  await saveState(path, earlier, 3);
  renameSync(path, away);
  mkdirSync(path);
  const state = emptyState();
  const told: string[] = [];
  const keeper = new StateSaver(
    path,
    { state, isUnread: true },
    {
      onOrders: (some) => told.push(...some.map(({ order, effect }) => `${order.id} ${effect}`)),
      onTrouble: (reason) => told.push(reason ?? 'saved'),
      onDamage: (warning) => told.push(warning),
      beforeSave: () => undefined,
      now: () => 5,
    },
  );
  t.after(() => keeper.close());
  addBan(state, 'sshd', '192.0.2.3', { ...ban, until: 60 });
  assert.equal(await keeper.locked(async () => undefined), false);
  assert.match(told.join(), /^cannot read the state file .*: EISDIR$/);
  assert.ok(statSync(path).isDirectory());
  rmSync(path, { recursive: true });
  renameSync(away, path);
  assert.equal(await keeper.locked(async () => undefined), true);
  assert.deepEqual(told.slice(1), ['192.0.2.1 new', 'saved']);
  const { state: file } = loadState(path, false);
  const ends = [...(file.jails.get('sshd')?.bans ?? [])].map(([id, { until }]) => `${id} ${until}`);
  assert.deepEqual(ends.sort(), ['192.0.2.1 100', '192.0.2.3 60']);
  assert.equal(file.jails.get('sshd')?.past.get('192.0.2.9')?.count, 3);
});
