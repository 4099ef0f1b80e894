import assert from 'node:assert/strict';
import { test } from 'node:test';
import { basicPassword, logLine } from '../../../src/cli/demo/flask.ts';

test('logLine() is a line of Werkzeug in local time', () => {
  const at = new Date(2024, 5, 23, 22, 27, 27);
  assert.equal(
    logLine('10.2.1.99', at, { method: 'GET', url: '/', code: 200 }),
    '10.2.1.99 - - [23/Jun/2024 22:27:27] "GET / HTTP/1.1" 200 -\n',
  );
});

test('basicPassword() is what curl sends', () => {
  assert.equal(basicPassword('user1', 'password'), 'Basic dXNlcjE6cGFzc3dvcmQ=');
});
