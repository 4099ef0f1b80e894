import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isForeground, readClientCall } from '../../../src/cli/client/options.ts';

const read = (line: string) => readClientCall(line === '' ? [] : line.split(' '));

test('options stand before the command, letters together, names shortened', () => {
  const call = read('-c /etc/x -s/run/y --pidf=/z --loglev DEBUG -vvq -xf start now -v');
  assert.ok(call.kind === 'words');
  assert.deepEqual(call.words, ['start', 'now', '-v']);
  const { config, socket, pidfile, loglevel, verbose, isForeground: isFirst } = call.options;
  assert.deepEqual(
    [config, socket, pidfile, loglevel, verbose, isFirst],
    ['/etc/x', '/run/y', '/z', 'DEBUG', 2, true],
  );
});

test('what answers at once is found first', () => {
  assert.deepEqual(read('-x --str2sec 1h'), { kind: 'seconds', text: '1h' });
  assert.equal(read('-V').kind, 'number');
  assert.equal(read('--version').kind, 'version');
  assert.equal(read('--help status').kind, 'help');
});

test('what fail2ban does not know is wrong', () => {
  for (const line of ['--nonsense', '-z', '-c', '--socket', '--log x', '--test=1', '-:'])
    assert.equal(read(line).kind, 'wrong', line);
});

test('the daemon is in the foreground with -f only', () => {
  assert.equal(isForeground(['-xf', 'start']), true);
  assert.equal(isForeground(['-b', 'start']), false);
});
