import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import type { Subcommand } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { commandLines, makeHelp } from '../../src/cli/help.ts';
import { called } from './called.ts';

const ring: Subcommand = {
  name: 'ring',
  summary: 'ring the bell',
  usage: 'TIMES',
  options: [{ name: 'loud', short: 'l', help: 'wake everybody' }],
  about: 'Once is enough.',
  examples: [['f2b ring 3', 'three times']],
  run: async () => 0,
};
const help = makeHelp(() => [ring, help]);

test('help lists the commands and the options for every command', async () => {
  const { code, stdout } = await called(help, []);
  assert.equal(code, 0);
  assert.match(stdout, /^ {2}ring {2}ring the bell$/m);
  assert.match(stdout, /^ {2}-c, --config DIR {2}read the configuration in DIR$/m);
});

test('help COMMAND shows usage, options and examples', async () => {
  const { stdout } = await called(help, ['ring']);
  assert.equal(
    stdout,
    [
      'f2b ring: ring the bell\n\nUsage: f2b ring TIMES\n\nOnce is enough.\n',
      'Options:\n  -l, --loud  wake everybody\n',
      'Examples:\n  f2b ring 3  three times\n',
    ].join('\n'),
  );
});

test('help refuses an unknown command and says what was probably meant', async () => {
  await assert.rejects(
    called(help, ['rign']),
    (error) => error instanceof UsageError && error.hint === 'did you mean "f2b help ring"?',
  );
});

test('commandLines() puts the summaries into one column', () => {
  assert.deepEqual(commandLines([ring, { ...ring, name: 'r' }]), [
    '  ring  ring the bell',
    '  r     ring the bell',
  ]);
});

test('all help fits into 80 columns', async () => {
  const whole = makeHelp(() => COMMANDS);
  const calls = [[], ...COMMANDS.map(({ name }) => [name])];
  for (const words of calls) {
    const { stdout } = await called(whole, words);
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 80),
      [],
      words.join(' '),
    );
  }
});

test('help --man and --completion print a page and a completion, and name those there are', async () => {
  const whole = makeHelp(() => COMMANDS);
  assert.match((await called(whole, [], { options: { man: 'f2b.1' } })).stdout, /^\.Dd .*\n\.Dt F2B 1\n/);
  assert.match(
    (await called(whole, [], { options: { completion: 'bash' } })).stdout,
    /complete -F _f2b f2b\n$/,
  );
  for (const options of [{ man: 'f2b.5' }, { completion: 'tcsh' }])
    await assert.rejects(
      called(whole, [], { options }),
      (error) => error instanceof UsageError && /f2b|bash/.test(error.hint ?? ''),
    );
});
