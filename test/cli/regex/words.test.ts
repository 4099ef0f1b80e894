import assert from 'node:assert/strict';
import { test } from 'node:test';
import { debuggexLink, explanation } from '../../../src/cli/regex/words.ts';

const MISS = { regex: 0, at: 4, part: 'from', partAt: 7, isNowhere: false };

test('explanation() puts a caret below the place where the regex stopped', () => {
  assert.equal(explanation(MISS, 'bad for x'), '    ^ failregex 1 wants "from" (character 8), meets "for x"');
  assert.equal(
    explanation({ ...MISS, at: 3 }, 'a\tb'),
    ' \t ^ failregex 1 wants "from" (character 8), meets the end of the line',
  );
  assert.match(explanation({ ...MISS, regex: null, isNowhere: true }, 'bad '), /prefregex finds no "from"/);
});

test('debuggexLink() carries regex and line', () => {
  const { searchParams } = new URL(debuggexLink('^a+ <HOST>', 'a & b'));
  assert.deepEqual([searchParams.get('re'), searchParams.get('str')], ['^a+ <HOST>', 'a & b']);
});
