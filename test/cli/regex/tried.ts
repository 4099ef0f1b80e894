import assert from 'node:assert/strict';
import type { Problem } from '../../../src/base/errors.ts';
import { type LineReport, reportLine } from '../../../src/cli/regex/report.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { newFilterState, processLine } from '../../../src/filter/line.ts';

/** Epoch seconds of every line. */
export const NOW = 1124013600;

/** What one failregex makes of a line without a date. */
export function reportOf(failregex: string, text: string, ignoreregex: readonly string[] = []): LineReport {
  const place = { file: 'test', line: 1 };
  const problems: Problem[] = [];
  const filter = compileFilter(
    {
      ...{ name: 'test', prefregex: null, datepattern: null, maxlines: 1, journalmatch: [] },
      failregex: [{ text: failregex, place }],
      ignoreregex: ignoreregex.map((ignored) => ({ text: ignored, place })),
    },
    { usedns: 'warn', logtimezone: null },
    problems,
  );
  assert.ok(filter !== null, JSON.stringify(problems));
  const options = { mode: 'test', findtime: 0, checkAll: true, now: NOW } as const;
  return reportLine(
    processLine(filter, newFilterState(filter), { text, time: NOW }, options),
    new Map(),
    true,
  );
}
