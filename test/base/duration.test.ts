import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatDuration, parseDuration } from '../../src/base/duration.ts';

test('parseDuration() reads what jail.conf(5) allows', () => {
  for (const [text, seconds] of [
    ['1d12h', 129600],
    ['1mo', 2629800],
    ['1y6mo', 47336400],
    ['1m', 60],
    ['1h 30m', 5400],
    ['600', 600],
    ['-1', -1],
    ['1 year 2 months', 36817200],
    ['1.5h', 5400],
    ['1h-30m', 1800],
  ] as const) {
    assert.equal(parseDuration(text), seconds, text);
  }
});

test('parseDuration() refuses everything else, and evaluates nothing', () => {
  for (const text of [
    '',
    'ten',
    '10 mins',
    '1x',
    '2*60',
    '1h;',
    '__import__("os")',
    '1e3',
    '0x10',
    'h',
    '--1',
  ]) {
    assert.equal(parseDuration(text), null, text);
  }
});

test('formatDuration() prints what parseDuration() reads back', () => {
  for (const seconds of [0, 1, 59, 60, 3600, 5400, 86400, 90061, 604800, 1e8]) {
    assert.equal(parseDuration(formatDuration(seconds)), seconds);
  }
});
