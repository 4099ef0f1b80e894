import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Batch, isRecord, type LineSource, makeGroup, type Position } from '../../src/source/source.ts';
import { SourceStats } from '../../src/source/status.ts';

const batch: Batch = { bytes: Buffer.from('a\n'), start: 0, end: 2, times: null, live: true };

test('makeGroup() is a source alone: its lines are for its jails, its position stands under its key', () => {
  const batches = [batch];
  let position: Position | null = null;
  let closed = 0;
  const stats = new SourceStats('one', 1, assert.fail);
  const source: LineSource = {
    name: 'one',
    read: () => batches.shift() ?? null,
    position: () => position,
    status: () => stats.report(null),
    close: () => closed++,
  };
  const group = makeGroup('key', source, ['sshd', 'web']);
  assert.deepEqual([...group.positions()], []);
  position = { kind: 'one' };
  assert.deepEqual(group.next(10), { source, jails: ['sshd', 'web'], batch });
  assert.equal(group.next(10), null);
  assert.deepEqual([...group.positions()], [['key', { kind: 'one' }]]);
  assert.deepEqual(group.all(), [{ source, jails: ['sshd', 'web'] }]);
  group.close();
  assert.equal(closed, 1);
});

test('isRecord() tells objects from lists, null and the rest', () => {
  assert.deepEqual([{}, [], null, 7, '', undefined].map(isRecord), [true, false, false, false, false, false]);
});
