import assert from 'node:assert/strict';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import type { FilterSource, RegexSource, UseDns } from '../../src/config/jail.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { Filter, LineOutcome, Worker } from '../../src/filter/types.ts';

export const NOW = Date.UTC(2024, 5, 23, 22, 30) / 1000;

/** What a filter of a test is made of; its regexes stand in filter.d/x.conf from line 2 on. */
export type FilterParts = {
  readonly failregex: readonly string[];
  readonly ignoreregex?: readonly string[];
  readonly prefregex?: string;
  readonly datepattern?: string;
  readonly maxlines?: number;
  readonly usedns?: UseDns;
};

export function sourceOf(parts: FilterParts): FilterSource {
  const at = (text: string, i = 0): RegexSource => ({
    text,
    place: { file: 'filter.d/x.conf', line: i + 2 },
  });
  const { prefregex, datepattern } = parts;
  return {
    name: 'x',
    prefregex: prefregex === undefined ? null : at(prefregex),
    failregex: parts.failregex.map(at),
    ignoreregex: (parts.ignoreregex ?? []).map(at),
    datepattern: datepattern === undefined ? null : at(datepattern),
    maxlines: parts.maxlines ?? 1,
    journalmatch: [],
  };
}

/** The filter, whose dates are in UTC. */
export function filterOf(parts: FilterParts): Filter {
  const problems: Problem[] = [];
  const options = { usedns: parts.usedns ?? 'warn', logtimezone: 'UTC' };
  const filter = compileFilter(sourceOf(parts), options, problems);
  assert.ok(filter, problems.map(formatProblem).join('\n'));
  return filter;
}

/** A jail with a filter of its own, that has seen nothing. */
export function workerOf(parts: FilterParts, keepsFields = false): Worker {
  const filter = filterOf(parts);
  return { jail: 'x', filter, state: newFilterState(filter), findtime: 600, keepsFields };
}

/** Runs lines (text, or [text, now]) through a filter of its own. */
export function run(
  parts: FilterParts,
  lines: readonly (string | readonly [string, number])[],
  mode: 'live' | 'catchup' | 'test' = 'live',
): LineOutcome[] {
  const filter = filterOf(parts);
  const state = newFilterState(filter);
  return lines.map((line) => {
    const [text, now] = typeof line === 'string' ? [line, NOW] : line;
    return processLine(filter, state, { text, time: null }, { mode, findtime: 600, now });
  });
}

export function idsOf(outcomes: readonly LineOutcome[]): string[] {
  return outcomes.flatMap(({ failures }) => failures.map(({ id, kind }) => `${kind} ${id}`));
}
