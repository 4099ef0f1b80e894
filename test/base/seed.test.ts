import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { processSeed } from '../../src/base/seed.ts';

test('processSeed() is the same in one process, and another in the next', () => {
  assert.equal(processSeed(), processSeed());
  const file = new URL('../../src/base/seed.ts', import.meta.url).href;
  const code = `import(${JSON.stringify(file)}).then(({ processSeed }) => console.log(processSeed()))`;
  const { stdout } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' });
  assert.match(stdout, /^\d+\n$/);
  assert.notEqual(Number(stdout), processSeed());
});
