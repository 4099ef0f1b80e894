import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { journalTrouble } from '../../src/source/journal/journal.ts';
import { openSources, readPosition } from '../../src/source/open.ts';
import type { Position } from '../../src/source/source.ts';
import { makeFolder } from './logfile/following.ts';

const file = {
  kind: 'file',
  seen: 5,
  files: [{ dev: '1', ino: '2', offset: 3, head: 'a', first: 'b', tail: 'c', skip: false, done: true }],
};

function open(t: TestContext, jails: string, positions: ReadonlyMap<string, Position> = new Map()) {
  const said: string[] = [];
  const config = loadConfig(
    memoryTree(
      new Map([
        ['filter.d/app.conf', '[Definition]\nfailregex = ^fail <HOST>$\n'],
        ['jail.conf', jails],
      ]),
    ),
  );
  const reading = config.jails.map((jail) => ({ jail, since: 0, dateOf: () => null }));
  const groups = openSources(reading, {
    positions,
    pollMs: 1000,
    say: (_, text) => said.push(text),
    onReady: () => {},
  });
  t.after(() => {
    for (const group of groups) group.close();
  });
  return { groups, said };
}

const DEFAULT = '[DEFAULT]\nenabled = true\nfilter = app\nbanaction = dummy\n';

test('log files are one group, each followed file with its jails, and where it begins is told', (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, 'one\n');
  const { groups, said } = open(t, `${DEFAULT}[a]\nlogpath = ${path}\n[b]\nlogpath = ${path} tail\n`);
  assert.deepEqual(
    groups.flatMap((group) => group.all()).map(({ source, jails }) => [source.name, jails]),
    [[path, ['a', 'b']]],
  );
  assert.match(said.join('\n'), new RegExp(`^Added logfile: '${path}' \\(pos = 4, hash = [0-9a-f]{16}\\)$`));
});

test('positions of log files that no jail reads now are kept, those of journals are not', (t) => {
  const journal = { kind: 'journal', cursor: 's=1', realtime: 7 };
  const { groups } = open(
    t,
    DEFAULT,
    new Map<string, Position>([
      ['/gone', file],
      ['journal', journal],
    ]),
  );
  assert.deepEqual(new Map(groups.flatMap((group) => [...group.positions()])), new Map([['/gone', file]]));
});

test('a jail of the journal reads its log files where there is no journal, and that is told', (t) => {
  const path = join(makeFolder(t), 'app.log');
  writeFileSync(path, 'one\n');
  const jail = `backend = systemd[journalpath="/nowhere/at/all"]\nlogpath = ${path}\n`;
  const { groups, said } = open(t, `${DEFAULT}[a]\n${jail}`);
  assert.deepEqual(
    groups.flatMap((group) => group.all()).map(({ source }) => source.name),
    [path],
  );
  assert.match(said[0] ?? '', /^\[a\] .*: reading its log files instead$/);
});

const noJournal = journalTrouble(new Map([['journalpath', '/var/log']])) ?? false;

test('jails of the journal that select the same share one source, beside the log files', {
  skip: noJournal,
}, (t) => {
  const backend = 'backend = systemd[journalpath="/var/log"]\njournalmatch = A=1\n';
  const { groups } = open(t, `${DEFAULT}[a]\n${backend}[b]\n${backend}[c]\n${backend.replace('A=1', 'A=2')}`);
  assert.deepEqual(
    groups.map((group) => group.all().map(({ source, jails }) => [source.name, jails])),
    [[], [['journal journalpath=/var/log A=1', ['a', 'b']]], [['journal journalpath=/var/log A=2', ['c']]]],
  );
});

test('readPosition() reads each kind by its own rule; a kind that is not known here stays as it is', () => {
  assert.deepEqual(readPosition({ ...file, more: 1 }), file);
  const journal = { kind: 'journal', cursor: 's=1', realtime: 7 };
  assert.deepEqual(readPosition(journal), journal);
  assert.deepEqual(readPosition({ kind: 'constructor', x: [1] }), { kind: 'constructor', x: [1] });
  const bad = [
    null,
    [],
    'file',
    {},
    { kind: 7 },
    { kind: 'file' },
    { ...journal, realtime: -1 },
    { ...journal, cursor: 1 },
  ];
  for (const one of bad) assert.equal(readPosition(one), null, JSON.stringify(one));
});
