import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { formatEnd, formatLine, formatSecond, openLog } from '../../src/base/log.ts';
import { dice } from '../testbed/dice.ts';

test('formatLine() writes the line that fail2ban writes', () => {
  const at = new Date(2024, 5, 23, 22, 27, 27, 556).getTime();
  const line = (
    channel: 'fail2ban.filter' | 'fail2ban.actions',
    level: 'INFO' | 'NOTICE',
    text: string,
  ): string => formatLine(at, { level, channel, text }, 56843);
  assert.equal(
    line('fail2ban.filter', 'INFO', '[flask-8080] Found 10.2.1.99 - 2024-06-23 22:27:27'),
    '2024-06-23 22:27:27,556 fail2ban.filter         [56843]: INFO    [flask-8080] Found 10.2.1.99 - 2024-06-23 22:27:27\n',
  );
  assert.equal(
    line('fail2ban.actions', 'NOTICE', '[flask-8080] Ban 10.2.1.99'),
    '2024-06-23 22:27:27,556 fail2ban.actions        [56843]: NOTICE  [flask-8080] Ban 10.2.1.99\n',
  );
});

test('an end beyond what a Date can hold is never', () => {
  for (const end of [8.7e12, 1e30, Number.POSITIVE_INFINITY]) {
    assert.equal(formatSecond(end), 'never');
    assert.equal(formatEnd(end), 'for ever');
  }
  assert.equal(formatEnd(1000), `until ${formatSecond(1000)}`);
});

test('openLog() appends what its level lets through, and follows a rotation when told to', () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-log-'));
  try {
    const path = join(folder, 'f2b.log');
    const log = openLog(path, 'NOTICE');
    log.write('INFO', 'fail2ban.filter', 'quiet');
    log.write('NOTICE', 'fail2ban.actions', 'one');
    log.flush();
    renameSync(path, `${path}.1`);
    log.reopen();
    log.write('ERROR', 'fail2ban.actions', 'two');
    log.flush();
    assert.match(readFileSync(`${path}.1`, 'utf8'), /^[^\n]* one\n$/);
    assert.match(readFileSync(path, 'utf8'), /^[^\n]* two\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const found = (jail: string, id: string, time: number): string =>
  `[${jail}] Found ${id} - ${formatSecond(time)}`;

test('law: writeIp4() writes what write() writes of the same text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-log-'));
  try {
    const roll = dice(5);
    const texts = (['writeIp4', 'write'] as const).map((way) => {
      const again = dice(7);
      const log = openLog(join(folder, way), 'INFO');
      for (let i = 0; i < 3000; i++) {
        const jail = ['sshd', 'm\u00fcsli', 'a\x1bb', 'x'][again(4)] ?? '';
        const ip = Array.from({ length: 4 }, () => [0, 5, 10, 99, 100, 255][again(6)] ?? 0).reduce(
          (sum, part) => sum * 256 + part,
          0,
        );
        const time = 1_700_000_000 + again(3);
        if (way === 'writeIp4') log.writeIp4(jail, ip, time, found);
        else log.write('INFO', 'fail2ban.filter', found(jail, formatIp4(ip), time));
      }
      log.flush();
      return readFileSync(join(folder, way), 'utf8').replace(/^.{23}/gm, '');
    });
    assert.equal(texts[0], texts[1]);
    assert.equal(texts[0]?.split('\n').length, 3001);
    const quiet = openLog(join(folder, 'quiet'), 'NOTICE');
    quiet.writeIp4('sshd', roll(2 ** 31), 1_700_000_000, found);
    quiet.flush();
    assert.equal(readFileSync(join(folder, 'quiet'), 'utf8'), '');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
