import assert from 'node:assert/strict';
import { test } from 'node:test';
import { progressText } from '../../../src/cli/backtest/progress.ts';

test('part, rate and time left', () => {
  assert.equal(progressText(50e6, 200e6, 1), '25 %, 50 MB/s, 3s left');
  assert.equal(progressText(0, 0, 0), '100 %, 0 MB/s, 0s left');
});
