import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../src/base/errors.ts';
import { demandRegex, regexPreface } from '../../../src/cli/client/regexname.ts';

test('by the name fail2ban-regex the version is the imitated one, the help begins with its usage', () => {
  assert.deepEqual(regexPreface(['-V']), { text: '1.1.1\n', isAll: true });
  assert.deepEqual(regexPreface(['--version']), { text: 'fail2ban-regex 1.1.1\n', isAll: true });
  assert.match(regexPreface(['--help']).text, /^Usage: fail2ban-regex /);
  assert.deepEqual(regexPreface(['a.log', 'sshd']), { text: '', isAll: false });
});

test('a log alone is refused', () => {
  assert.throws(() => demandRegex(['a.log']), UsageError);
  demandRegex(['a.log', 'sshd']);
});
