import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { chooseJails, jailChanges, linesOf, onlyJail } from '../../src/daemon/changes.ts';

const HEAD = '[DEFAULT]\nenabled = true\nfilter =\naction =\n';
const load = (text: string) => loadConfig(memoryTree(new Map([['jail.conf', HEAD + text]])));
const working = (config: ReturnType<typeof load>) =>
  new Map(config.jails.map((jail) => [jail.name, { jail }]));

test('jails are added, removed and changed; a value that only moved is no change', () => {
  const before = working(load('[a]\nbantime = 5\n[b]\n[c]\n'));
  const after = working(load('# moved\n\n[a]\nbantime = 6\n[b]\n[d]\n'));
  assert.deepEqual(jailChanges(before, after), { added: ['d'], removed: ['c'], changed: ['a'] });
});

test('one jail is taken in as it is written, the others as they work', () => {
  const now = working(load('[a]\nbantime = 5\n[b]\nbantime = 5\n'));
  const written = load('[a]\nbantime = 6\n[b]\nbantime = 6\n[c]\n');
  const config = onlyJail(written, 'a', now);
  assert.deepEqual(
    config?.jails.map(({ name, bantime }) => [name, bantime]),
    [
      ['a', 6],
      ['b', 5],
    ],
  );
  assert.equal(onlyJail(written, 'nosuch', now), null);
});

test('a jail with mistakes goes on as it was, and its errors are lines', () => {
  const now = working(load('[a]\nbantime = 5\n'));
  const broken = load('[a]\nbantime = x\n[b]\nbantime = x\n');
  assert.deepEqual(
    chooseJails(broken, now, null).jails.map(({ name, bantime }) => [name, bantime]),
    [['a', 5]],
  );
  assert.match(linesOf(broken.problems)[0] ?? '', /bantime: cannot read "x"/);
});
