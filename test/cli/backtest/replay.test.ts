import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Replay } from '../../../src/cli/backtest/replay.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { memoryTree } from '../../../src/config/tree.ts';
import { compileJails } from '../../../src/daemon/jails.ts';

function replayOf(more: string): Replay {
  const jail = `[web]\nenabled = true\nfilter =\nfailregex = ^<HOST>$\nlogpath = x\nbanaction = dummy
action = %(banaction)s\nignoreself = false\nbackend = polling\n${more}`;
  const tree = memoryTree(new Map([['jail.local', jail]]));
  const config = loadConfig(tree, { services: '', usesJournal: () => false });
  const running = compileJails(config.jails).jails.get('web');
  assert.ok(running !== undefined, JSON.stringify(config.problems));
  return new Replay(running, 86400);
}

test('bans are over by the clock of the log, and happen again', () => {
  const replay = replayOf('maxretry = 2\nbantime = 60');
  for (const time of [10, 11, 100, 101, 102]) replay.count('192.0.2.1', time);
  replay.count('192.0.2.2', 110);
  replay.count('192.0.2.2', 111);
  const { bans, most, mostAt, failures } = replay.outcome();
  assert.deepEqual(
    bans.map(({ id, time }) => [id, time]),
    [
      ['192.0.2.1', 11],
      ['192.0.2.1', 101],
      ['192.0.2.2', 111],
    ],
  );
  assert.deepEqual({ most, mostAt, failures }, { most: 2, mostAt: 111, failures: 7 });
});

test('what ignoreip spares is counted apart', () => {
  const replay = replayOf('maxretry = 1\nignoreip = 192.0.2.0/24');
  replay.countIp4(0xc0000201, 10);
  replay.countIp4(0xc0000301, 10);
  const { bans, spared, failures } = replay.outcome();
  assert.deepEqual([...spared], [['192.0.2.1', 1]]);
  assert.deepEqual([bans.map(({ id }) => id), failures], [['192.0.3.1'], 1]);
});
