import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { expandGlob, globPart, hasMagic } from '../../../src/source/logfile/glob.ts';
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
