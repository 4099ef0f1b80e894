import assert from 'node:assert/strict';
import { test } from 'node:test';
import { embeddedFiles, programVersion } from '../../src/base/embedded.ts';

test('embeddedFiles() holds what f2b brings along, by path and in order, and nothing else', () => {
  const paths = [...embeddedFiles().keys()];
  assert.ok(paths.includes('filter.d/sshd.conf') && paths.includes('share/f2b.service'));
  assert.deepEqual(paths, paths.toSorted());
  assert.ok(paths.every((path) => /^(?:(?:action|filter|jail)\.d\/.*\.conf|share\/.*)$/.test(path)));
  assert.match(embeddedFiles().get('filter.d/sshd.conf') ?? '', /^\[Definition\]/m);
});

test('programVersion() is the one of package.json', () => {
  assert.match(programVersion(), /^\d+\.\d+\.\d+/);
});
