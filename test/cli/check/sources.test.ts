import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sourcesOf } from '../../../src/cli/check/sources.ts';
import type { Jail } from '../../../src/config/jail.ts';
import { on, onlyJail } from '../../config/loading.ts';

let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'f2b-sources-'));
  for (const name of ['a.log', 'b.log']) writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, 'folder.log'));
});
after(() => {
  rmSync(folder, { recursive: true });
});

const PLAIN = onlyJail(on(''));
const at = (name: string): string => join(folder, name);

/** What a jail would read whose logpath are these names in the folder. */
const found = (names: readonly string[], more: Partial<Jail> = {}) =>
  sourcesOf({ ...PLAIN, logpath: names.map((name) => ({ glob: at(name), start: 'catchup' })), ...more });

/** A jail of the journal in this path, which is none. */
const journal = (path: string): Partial<Jail> => ({
  backend: 'systemd',
  backendOptions: new Map([['journalpath', path]]),
});

test('files that are there are read, those of a glob each, and none twice', () => {
  assert.deepEqual(found(['?.log', 'a.log']), { reads: [at('a.log'), at('b.log')], warnings: [], notes: [] });
});

test('a log that does not exist is a warning where there is no other', () => {
  const texts = ['c.log', 'x*.log'].map((name) => found([name]).warnings.map(({ text }) => text));
  assert.deepEqual(texts, [
    [`${at('c.log')} does not exist; the jail waits for it`],
    [`no file is called ${at('x*.log')} yet`],
  ]);
  const { warnings, notes } = found(['a.log', 'c.log']);
  assert.deepEqual([warnings, notes], [[], [`${at('c.log')} does not exist; the jail waits for it`]]);
});

test('what is no plain file is a warning, whatever else there is', () => {
  const { reads, warnings } = found(['a.log', 'folder.log']);
  assert.deepEqual(reads, [at('a.log')]);
  assert.deepEqual(warnings, [
    { key: 'logpath', text: `${at('folder.log')} is not a plain file and is not read` },
  ]);
});

test('a jail without failregexes reads nothing, and needs nothing', () => {
  const filter = { ...PLAIN.filter, failregex: [] };
  assert.deepEqual(found(['c.log'], { filter }), { reads: [], warnings: [], notes: [] });
});

test('where there is no journal log files are read, and that is a warning where there are none', () => {
  const { reads, warnings, notes } = found(['a.log'], journal(at('none')));
  assert.deepEqual([reads, warnings], [[at('a.log')], []]);
  assert.match(notes[0] ?? '', /: its log files are read instead$/);
  const waited = found(['c.log'], journal(at('none')));
  assert.match(waited.warnings[0]?.text ?? '', /: its log files are waited for$/);
  const [none] = found([], journal(at('none'))).warnings;
  assert.deepEqual([none?.key, /: it has no log files either$/.test(none?.text ?? '')], ['backend', true]);
});
