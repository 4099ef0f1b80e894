import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dieWithParent } from '../../src/base/process.ts';

const PROCESS = join(import.meta.dirname, '../../src/base/process.ts');

test('a tethered program ends when its parent is killed', {
  skip: dieWithParent().length === 0 && 'setpriv cannot',
}, async () => {
  const script = `import { spawn } from 'node:child_process';
import { tether } from ${JSON.stringify(PROCESS)};
const [program, ...args] = [...tether(), 'sleep', '60'];
console.log(spawn(program, args, { stdio: 'ignore' }).pid);
setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = await once(parent.stdout, 'data');
  const pid = Number(String(said));
  assert.ok(existsSync(`/proc/${pid}`));
  parent.kill('SIGKILL');
  const end = Date.now() + 60_000;
  while (existsSync(`/proc/${pid}`)) {
    assert.ok(Date.now() < end, `process ${pid} still runs`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});
