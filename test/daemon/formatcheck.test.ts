import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../src/base/errors.ts';
import { checkFormat, newFormatCheck } from '../../src/daemon/formatcheck.ts';
import { compileFilter } from '../../src/filter/compile.ts';

const place = { file: 'test', line: 1 };

function samplerFor(prefregex: string | null) {
  const problems: Problem[] = [];
  const filter = compileFilter(
    {
      name: 'test',
      prefregex: prefregex === null ? null : { text: prefregex, place },
      failregex: [{ text: '^failed from <HOST>$', place }],
      ignoreregex: [],
      datepattern: null,
      maxlines: 1,
      journalmatch: [],
    },
    { usedns: 'no', logtimezone: null },
    problems,
  );
  assert.deepEqual(problems, []);
  assert.ok(filter !== null);
  return newFormatCheck(filter);
}

const batchOf = (text: string) => ({
  bytes: Buffer.from(text),
  start: 0,
  end: Buffer.byteLength(text),
  times: null,
  live: true,
});

test('sample() looks at the first line of a batch and at one in each stretch after it', () => {
  const check = samplerFor(null);
  checkFormat([check], batchOf('2026-11-20 04:12:09 a\n2026-11-20 04:12:09 b\n'), 0);
  assert.equal(check.health.sampled, 1);
  const line = `2026-11-20 04:12:09 ${'x'.repeat(79)}\n`;
  checkFormat([check], batchOf(line.repeat(1000)), 0);
  assert.equal(check.health.sampled, 1 + 7);
  assert.equal(check.health.dated, 8);
});

test('sample() counts the lines whose rest the prefregex matches, and needs no newline at the end', () => {
  const check = samplerFor('^\\s*sshd: <F-CONTENT>.+</F-CONTENT>$');
  checkFormat([check], batchOf('2026-11-20 04:12:09 sshd: failed from 192.0.2.1\n'), 0);
  checkFormat([check], batchOf('2026-11-20 04:12:09 cron: hello'), 0);
  checkFormat([check], batchOf(''), 0);
  checkFormat([check], batchOf('\n'), 0);
  assert.deepEqual(check.health, { lastMatch: null, sampled: 2, dated: 2, prefixed: 1, stuck: [] });
});

test('sample() looks on only now and then once it has seen enough', () => {
  const check = samplerFor(null);
  const log = batchOf(`2026-11-20 04:12:09 ${'x'.repeat(79)}\n`.repeat(10_000));
  // On a busy machine the time limit ends some looks early.
  for (let rounds = 0; rounds < 1000 && check.health.sampled < 1000; rounds++) checkFormat([check], log, 10);
  const { sampled } = check.health;
  assert.ok(sampled >= 1000);
  checkFormat([check], log, 10.05);
  assert.equal(check.health.sampled, sampled);
  checkFormat([check], log, 10.2);
  assert.ok(check.health.sampled > sampled);
});

test('sample() does not hang on a line that explodes', () => {
  const check = samplerFor('^(?=x)(?:x+)+y <F-CONTENT>.+</F-CONTENT>$');
  checkFormat([check], batchOf(`2026-11-20 04:12:09 ${'x'.repeat(60)}\n`), 0);
  assert.equal(check.health.prefixed, 0);
});
