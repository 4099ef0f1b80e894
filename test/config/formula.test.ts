import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFormula } from '../../src/config/formula.ts';

test('parseFormula() has the precedence of Python', () => {
  const names = { time: 600, count: 3, factor: 2 };
  for (const [text, wanted] of [
    ['2 + 3 * 4', 14],
    ['(2 + 3) * 4', 20],
    ['2 ** 3 ** 2', 512],
    ['-2 ** 2', -4],
    ['2 ** -1', 0.5],
    ['7 // 2 + 7 % 4', 6],
    ['-7 // 2', -4],
    ['-7 % 4', 1],
    ['1 << 2 + 1', 8],
    ['10 - 3 - 2', 5],
    ['1 if 2 > 3 else 5', 5],
    ['min(ban.Time, 100 * ban.Count, 1e9)', 300],
    ['1 if ban.Count > 2 and ban.Time >= 600 else 0', 1],
    ['not 0', 1],
  ] as const) {
    assert.equal(parseFormula(text).compute(names), wanted, text);
  }
});

test('parseFormula() refuses everything that is not arithmetic, and says where', () => {
  for (const [text, message] of [
    ['__import__("os")', /unexpected|unknown/],
    ['ban.__class__', /unknown name "ban.__class__" at 0/],
    ['open(1)', /unknown function "open" at 0/],
    ['1 +', /unexpected the end at 3/],
    ['1 2', /unexpected "2" at 1/],
    ['(1', /expected "\)" at 2/],
    ['1; 2', /unexpected "; 2" at 1/],
    ['('.repeat(100000), /nested too deeply/],
    ['-'.repeat(100000), /nested too deeply/],
  ] as const) {
    assert.throws(() => parseFormula(text), message, text.slice(0, 20));
  }
});
