import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../src/base/errors.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import { parseCommandLine } from '../../src/cli/parse.ts';

const parse = (line: string, calledAs = 'f2b') => {
  const { command, words, options, global } = parseCommandLine(
    line.split(' ').filter(Boolean),
    calledAs,
    COMMANDS,
  );
  return { name: command.name, words, options, global };
};

test('parseCommandLine() takes global options before and after the command', () => {
  for (const line of [
    '--config /c --json status sshd',
    'status --config /c sshd --json',
    'status sshd --json -c /c',
  ]) {
    const { name, words, global } = parse(line);
    assert.deepEqual([name, words, global.config, global.json], ['status', ['sshd'], '/c', true], line);
  }
});

test('parseCommandLine() keeps numbers and addresses as they were typed', () => {
  assert.deepEqual(parse('banip sshd 10 1e3 0x7f ::1').words, ['sshd', '10', '1e3', '0x7f', '::1']);
});

test('parseCommandLine() takes a number below zero for the value of the option before it, and for nothing else', () => {
  for (const line of ['banip --bantime -1 sshd 192.0.2.7', 'banip sshd 192.0.2.7 --bantime=-1']) {
    const { words, options } = parse(line);
    assert.deepEqual([words, options['bantime']], [['sshd', '192.0.2.7'], '-1'], line);
  }
  assert.throws(() => parse('status -1'), UsageError);
});

test("parseCommandLine() understands fail2ban-client's spellings", () => {
  for (const [line, name, words] of [
    ['set sshd banip 192.0.2.7', 'banip', ['sshd', '192.0.2.7']],
    ['set sshd unbanip 192.0.2.7', 'unbanip', ['sshd', '192.0.2.7']],
    ['unban 192.0.2.7', 'unbanip', ['192.0.2.7']],
    ['banned', 'banned', []],
    ['start', 'run', []],
    ['-V', 'version', []],
    ['--version', 'version', []],
  ] as const) {
    const parsed = parse(line, 'fail2ban-client');
    assert.deepEqual([parsed.name, parsed.words], [name, words], line);
  }
  assert.equal(parse('unban --all').options['all'], true);
});

test('parseCommandLine() without a command shows the help, and --help the help of the command', () => {
  assert.equal(parse('').name, 'help');
  assert.deepEqual([parse('banip --help').name, parse('banip -h').words], ['help', ['banip']]);
});

test('parseCommandLine() refuses what it does not know, and says what was probably meant', () => {
  for (const [line, message, hint] of [
    ['staus', /there is no command "staus"/, /did you mean "f2b status"/],
    ['frobnicate', /there is no command "frobnicate"/, /see: f2b help/],
    ['status --jsn', /status has no option --jsn/, /did you mean --json/],
    ['run --config', /--config needs a value: DIR/, null],
    ['run --state a --state b', /--state was given more than once/, null],
  ] as const) {
    assert.throws(
      () => parse(line),
      (error) =>
        error instanceof UsageError && message.test(error.message) && (hint?.test(error.hint ?? '') ?? true),
      line,
    );
  }
});
