import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { sha1, sha256 } from '../../src/base/digest.ts';

test('sha1() and sha256() agree with OpenSSL at every length up to 300 bytes', () => {
  for (let length = 0; length <= 300; length++) {
    const bytes = randomBytes(length);
    assert.equal(sha1(bytes), createHash('sha1').update(bytes).digest('hex'), bytes.toString('hex'));
    const text = bytes.toString('latin1');
    assert.equal(sha256(text), createHash('sha256').update(text).digest('hex'), bytes.toString('hex'));
  }
});

test('sha1() takes a part of a larger buffer for what it is', () => {
  const bytes = randomBytes(500).subarray(100, 356);
  assert.equal(sha1(bytes), createHash('sha1').update(bytes).digest('hex'));
});
