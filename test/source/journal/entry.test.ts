import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readEntry } from '../../../src/source/journal/entry.ts';

const entryOf = (fields: Record<string, unknown>): ReturnType<typeof readEntry> =>
  readEntry(JSON.stringify({ __CURSOR: 's=1', __REALTIME_TIMESTAMP: '1700000000500000', ...fields }));

describe('an entry becomes a line', () => {
  test('host, identifier, process id and message', () => {
    const entry = entryOf({
      _HOSTNAME: 'srv',
      SYSLOG_IDENTIFIER: 'sshd',
      _PID: '812',
      MESSAGE: 'Failed password',
    });
    assert.equal(entry?.line, 'srv sshd[812]: Failed password');
    assert.equal(entry?.time, 1_700_000_000.5);
  });

  test("the sender's time and process id come first, the command's name last", () => {
    const entry = entryOf({
      _SOURCE_REALTIME_TIMESTAMP: '1699999999000000',
      _COMM: 'python3',
      SYSLOG_PID: '7',
      _PID: '8',
      MESSAGE: 'x',
    });
    assert.equal(entry?.line, 'python3[7]: x');
    assert.equal(entry?.time, 1_699_999_999);
  });

  test('no host, no identifier, no process id, no message', () => {
    assert.equal(entryOf({})?.line, '');
    assert.equal(entryOf({ MESSAGE: 'bare' })?.line, 'bare');
    assert.equal(entryOf({ SYSLOG_IDENTIFIER: 'a' })?.line, 'a: ');
  });

  test('the kernel says its uptime', () => {
    const entry = entryOf({
      SYSLOG_IDENTIFIER: 'kernel',
      MESSAGE: 'drop',
      _SOURCE_MONOTONIC_TIMESTAMP: '12345678',
    });
    assert.equal(entry?.line, 'kernel: [   12.345678] drop');
  });

  test('bytes, repeated fields and newlines', () => {
    const bytes = [...Buffer.from('caf\u00e9\u001b')];
    assert.equal(entryOf({ MESSAGE: bytes })?.line, 'caf\u00e9\u001b');
    assert.equal(entryOf({ MESSAGE: ['a', bytes] })?.line, 'a caf\u00e9\u001b');
    assert.equal(entryOf({ MESSAGE: 'a\nb' })?.line, 'a\\nb');
  });

  test('what is no entry is none', () => {
    for (const bad of ['', '{', '[]', 'null', '{"__CURSOR":"s"}', '{"__REALTIME_TIMESTAMP":"5"}']) {
      assert.equal(readEntry(bad), null);
    }
  });
});
