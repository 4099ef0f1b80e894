import assert from 'node:assert/strict';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { expandGlob, globPart, hasMagic, leftOutText, pathsOf } from '../../../src/source/logfile/glob.ts';
import { makeFolder } from './following.ts';

test('expandGlob() reads a glob as Python does', (t) => {
  const folder = makeFolder(t);
  for (const name of ['a.log', 'b.log', '.hidden.log', 'c[1].log', 'd-log', '{a,b}.log']) {
    writeFileSync(join(folder, name), '');
  }
  mkdirSync(join(folder, 'sub', 'deep'), { recursive: true });
  writeFileSync(join(folder, 'sub', 'x.log'), '');
  const expand = (glob: string): string[] =>
    expandGlob(join(folder, glob)).map((path) => path.slice(folder.length + 1));
  assert.deepEqual(expand('*.log'), ['a.log', 'b.log', 'c[1].log', '{a,b}.log']);
  assert.deepEqual(expand('[ab].log'), ['a.log', 'b.log']);
  assert.deepEqual(expand('[!a].log'), ['b.log']);
  assert.deepEqual(expand('?-log'), ['d-log']);
  assert.deepEqual(expand('{a,b}.log'), ['{a,b}.log']);
  assert.deepEqual(expand('c[[]1].log'), ['c[1].log']);
  assert.deepEqual(expand('**/x.log'), ['sub/x.log']);
  assert.deepEqual(expand('.*.log'), ['.hidden.log']);
  assert.deepEqual(expand('*/nothing'), []);
  assert.deepEqual(expand('none.log'), []);
  assert.equal(globPart('a[z-b]c').test('a'), false, 'a range that runs backwards matches nothing');
});

test('a path without magic is answered when it exists', (t) => {
  const path = join(makeFolder(t), 'app.log');
  assert.deepEqual([hasMagic(path), expandGlob(path)], [false, []]);
  writeFileSync(path, '');
  assert.deepEqual(expandGlob(path), [path]);
});

test('of too many files that a glob matches those are followed that were written to last', (t) => {
  const folder = makeFolder(t);
  for (const [at, name] of ['c.log', 'a.log', 'd.log', 'b.log', 'e.log.gz'].entries()) {
    writeFileSync(join(folder, name), '');
    utimesSync(join(folder, name), at, at);
  }
  const glob = join(folder, '*.log*');
  const all = ['a.log', 'b.log', 'c.log', 'd.log'].map((name) => join(folder, name));
  assert.deepEqual(pathsOf(glob), { paths: all, left: [] });
  const { paths, left } = pathsOf(glob, 2);
  assert.deepEqual(paths, [join(folder, 'b.log'), join(folder, 'd.log')]);
  assert.deepEqual(left, [join(folder, 'a.log'), join(folder, 'c.log')]);
  assert.match(leftOutText(left), /only the 10000 files .* are followed, not \S+a\.log, \S+c\.log$/);
  assert.match(leftOutText(all), /b\.log, \S+c\.log and 1 more$/);
  const none = join(folder, 'none.log');
  assert.deepEqual(pathsOf(none), { paths: [none], left: [] });
});
