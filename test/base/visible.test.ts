import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clean, visible } from '../../src/base/visible.ts';

const EVIL = 'a\x1b[2Jb\r\n2024 Ban\u2028\u202ec\td\x9b1m\x7f\u061c';

test('clean() leaves nothing that a terminal obeys or that fakes a line', () => {
  assert.equal(clean(EVIL), 'a\\x1b[2Jb\\x0d\\x0a2024 Ban\\u2028\\u202ec\td\\u009b1m\\u007f\\u061c');
  assert.equal(clean('müsli Ω'), 'müsli Ω');
});

test('visible() keeps the line breaks of what is printed', () => {
  assert.equal(visible('one\n\x1btwo\n'), 'one\n\\x1btwo\n');
});

test('law: what visible() makes of JSON is the same JSON', () => {
  const codes = [...Array(0x3000).keys(), 0xfeff];
  const value = { text: codes.map((code) => String.fromCharCode(code)).join('') };
  assert.deepEqual(JSON.parse(visible(JSON.stringify(value, null, 2))), value);
});
