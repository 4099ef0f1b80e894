import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asciiText } from '../../src/filter/ascii.ts';

test('asciiText() is the text of a part of any length, in bytes that are a part themselves', () => {
  const whole = 'before The quick brown fox jumps over the lazy dog. behind';
  const bytes = Buffer.from(`xxx${whole}`).subarray(3);
  const plain = new Uint8Array(bytes);
  for (let length = 0; length < 40; length++) {
    assert.equal(asciiText(bytes, 7, 7 + length), whole.slice(7, 7 + length));
    assert.equal(asciiText(plain, 7, 7 + length), whole.slice(7, 7 + length));
  }
});
