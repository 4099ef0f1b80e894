import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FolderWatch } from '../../../src/source/logfile/watchfolder.ts';
import { makeFolder, until } from './following.ts';

test('a listener hears of its name only, one without a name of all, and none after it stopped', async (t) => {
  const folder = makeFolder(t);
  const watch = new FolderWatch(assert.fail);
  t.after(() => watch.close());
  const heard: string[] = [];
  const stop = watch.subscribe(folder, 'a', () => heard.push('a'));
  watch.subscribe(folder, 'b', () => heard.push('b'));
  watch.subscribe(folder, null, (renamed) => renamed && heard.push('any came'));
  writeFileSync(join(folder, 'a'), '');
  await until(() => heard.includes('a') && heard.includes('any came'), 'a');
  assert.ok(!heard.includes('b'));
  stop();
  heard.length = 0;
  appendFileSync(join(folder, 'a'), 'x');
  appendFileSync(join(folder, 'b'), 'x');
  await until(() => heard.includes('b'), 'b');
  assert.ok(!heard.includes('a'));
});

test('refresh() watches a folder that came, and another one that took its place, and wakes everybody', async (t) => {
  const folder = join(makeFolder(t), 'logs');
  const watch = new FolderWatch(assert.fail);
  t.after(() => watch.close());
  let woken = 0;
  watch.subscribe(folder, 'a', () => woken++);
  watch.refresh();
  assert.equal(woken, 0);
  mkdirSync(folder);
  watch.refresh();
  assert.equal(woken, 1);
  renameSync(folder, `${folder}.old`);
  mkdirSync(folder);
  watch.refresh();
  assert.equal(woken, 2);
  watch.refresh();
  assert.equal(woken, 2, 'it is watched already');
  writeFileSync(join(folder, 'a'), '');
  await until(() => woken > 2, 'the kernel');
  rmSync(`${folder}.old`, { recursive: true });
});
