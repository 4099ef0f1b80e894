/** Law: no line costs another one. Whatever an attacker writes between them, honest lines count, each once. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readState } from '../../src/state/json.ts';
import { program } from '../testbed/need.ts';

const date = (ms: number): string => new Date(ms).toISOString().slice(0, 19);
const now = Date.now();
const bytes = (...values: readonly number[]): string => Buffer.from(values).toString('latin1');

/** Bytes as latin1; DATE is the honest date. */
const HOSTILE: Readonly<Record<string, string>> = {
  'a NUL': 'DATE+00:00 fa\0il 203.0.113.1',
  'only NULs': '\0'.repeat(5000),
  'invalid UTF-8': `DATE+00:00 fail ${bytes(0xff, 0xfe, 0xc0, 0x80)}203.0.113.1`,
  'a lone surrogate': `DATE+00:00 ${bytes(0xed, 0xa0, 0x80)} fail`,
  'half a character': `DATE+00:00 fail ${bytes(0xf0, 0x9f)}`,
  'a byte order mark': `${bytes(0xef, 0xbb, 0xbf)}DATE+00:00 fail`,
  'UTF-16': `${bytes(0xff, 0xfe)}${[...'DATE fail 203.0.113.1'].join('\0')}\0`,
  'a carriage return': 'DATE+00:00 fail\r',
  'line and paragraph separators': `x${bytes(0xe2, 0x80, 0xa8)}${bytes(0xe2, 0x80, 0xa9)}${bytes(0xc2, 0x85)}\v\f`,
  'one megabyte': `DATE+00:00 fail ${'9'.repeat(1_000_000)}`,
  'a megabyte of dates': 'DATE+00:00 '.repeat(40_000),
  'the year 0': '0000-01-01T00:00:00+00:00 fail x',
  'the year 9999': '9999-12-31T23:59:59+00:00 fail x',
  'a leap second': `${date(now).slice(0, 17)}60+00:00 fail x`,
  'February 30': '2026-02-30T00:00:00+00:00 fail x',
  'a zone that is none': 'DATE+99:99 fail x',
  'half a zone': 'DATE+0 fail x',
  'a zone by name': 'DATE Mars/Olympus fail x',
  'no date': 'fail fail fail',
  'an empty line': '',
  'only a date': 'DATE+00:00',
  'terminal escapes': `${bytes(27)}[2J${bytes(27)}]0;x${bytes(7)} fail`,
};

const folderOf = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-nolinecosts-'));
  for (const part of ['filter.d', 'jail.d']) mkdirSync(join(folder, 'etc', part), { recursive: true });
  writeFileSync(
    join(folder, 'etc/filter.d/web.conf'),
    '[Definition]\nfailregex = ^\\s*fail <HOST>\\s*$\nignoreregex =\n',
  );
  const jail = ['[web]', 'enabled = true', 'filter = web', `logpath = ${join(folder, 'web.log')}`];
  const rest = ['maxretry = 1000', 'findtime = 1h', 'banaction = dummy', 'ignoreself = false'];
  writeFileSync(join(folder, 'etc/jail.d/web.conf'), `${[...jail, ...rest].join('\n')}\n`);
  return folder;
};

/** How often each honest address was counted. */
function countsOf(lines: readonly string[]): ReadonlyMap<string, number> {
  const folder = folderOf();
  try {
    writeFileSync(join(folder, 'web.log'), `${lines.join('\n')}\n`, 'latin1');
    const state = join(folder, 'state.json');
    const [name = '', ...args] = [
      ...program,
      'run',
      '--once',
      '--config',
      join(folder, 'etc'),
      '--state',
      state,
    ];
    const ended = spawnSync(name, args, { encoding: 'utf8', timeout: 60_000 });
    assert.equal(ended.status, 0, ended.stderr.slice(-2000));
    const read = readState(readFileSync(state, 'utf8'));
    assert.ok(read.kind === 'ok', read.kind);
    return new Map(
      [...(read.state.jails.get('web')?.failures ?? [])].map(([id, { failures }]) => [id, failures]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const honest = (i: number): string => `${date(now - 60_000 + i)}+00:00 fail 198.51.100.${i}`;

for (const place of ['first', 'between', 'in a row'] as const) {
  test(`no line costs another one: hostile lines ${place}`, { timeout: 120_000 }, () => {
    const filled = Object.values(HOSTILE).map((line) => line.replaceAll('DATE', date(now - 60_000)));
    const good = Array.from({ length: filled.length + 1 }, (_, i) => honest(i + 1));
    const lines =
      place === 'first'
        ? [...filled, ...good]
        : place === 'between'
          ? filled.flatMap((line, i) => [good[i] ?? '', line]).concat(good.slice(filled.length))
          : [...good.slice(0, 5), ...filled, ...filled.toReversed(), ...good.slice(5)];
    const counts = countsOf(lines);
    const wanted = good.map((_, i) => [`198.51.100.${i + 1}`, 1]);
    assert.deepEqual([...counts].filter(([id]) => id.startsWith('198.51.100.')).sort(), wanted.toSorted());
  });
}

for (const [name, line] of Object.entries(HOSTILE)) {
  // Its mark makes the whole file UTF-16, as it does where a service writes it.
  if (name === 'UTF-16') continue;
  test(`a log that begins with ${name} is read`, { timeout: 60_000 }, () => {
    const counts = countsOf([line.replaceAll('DATE', date(now - 60_000)), honest(1), honest(2)]);
    assert.deepEqual([counts.get('198.51.100.1'), counts.get('198.51.100.2')], [1, 1]);
  });
}
