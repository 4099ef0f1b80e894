import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { manualPages } from '../../../src/cli/pages/man.ts';
import { JAIL_OPTIONS } from '../../../src/config/options.ts';

const pages = manualPages(COMMANDS);
const skip = spawnSync('mandoc', ['-h']).error === undefined ? false : 'needs mandoc';

/** The page as a person reads it. */
function rendered(name: string): string {
  const { stdout } = spawnSync('mandoc', ['-T', 'ascii', '-O', 'width=78'], {
    input: pages.get(name),
    encoding: 'utf8',
  });
  return stdout.replace(/.\x08/g, '');
}

for (const [name, text] of pages)
  test(`mandoc has no complaint about ${name}`, { skip }, () => {
    const { stdout } = spawnSync('mandoc', ['-T', 'lint', '-W', 'all'], { input: text, encoding: 'utf8' });
    // The pages that it refers to are not installed here.
    const complaints = stdout
      .split('\n')
      .filter((line) => line !== '' && !line.includes('referenced manual not found'));
    assert.deepEqual(complaints, []);
  });

test('every command and every option is in the manual', { skip }, () => {
  const [program, regex] = [rendered('f2b.1'), rendered('f2b-regex.1')];
  for (const { name, options } of COMMANDS) {
    assert.match(program, new RegExp(`^   f2b ${name}$`, 'm'));
    for (const option of options) assert.ok(program.includes(`--${option.name}`), `${name} --${option.name}`);
  }
  for (const { name } of COMMANDS.find((one) => one.name === 'regex')?.options ?? [])
    assert.ok(regex.includes(`--${name}`), name);
});

test('every option of a jail is in the manual, with its default', { skip }, () => {
  const text = rendered('f2b-jail.conf.5');
  for (const { name } of JAIL_OPTIONS) assert.ok(text.includes(`\n     ${name}`), name);
  assert.match(text, /findtime\s+Time within which failures count\.\s+The default is 10m/);
});
