import { bounded } from '../../base/timelimit.ts';
import { newFilterState, processLine } from '../../filter/line.ts';
import type { Filter, LineInput } from '../../filter/types.ts';

/** Milliseconds; of a line that takes longer nothing is told. */
const OTHERS_MS = 500;

/**
 * A function for the failregexes (numbers from 0) that match a line; the first one counts in a jail. Empty
 * for a filter over several lines: what it sees depends on the lines before.
 */
export function makeOthers(filter: Filter, now: number): (line: LineInput) => readonly number[] {
  const state = newFilterState(filter);
  return (line) => {
    if (filter.failregex.length < 2 || filter.maxlines > 1) return [];
    let hits: readonly number[] = [];
    const match = (): void => {
      hits = processLine(filter, state, line, { mode: 'test', findtime: 0, checkAll: true, now }).hits;
    };
    return bounded(OTHERS_MS, match) ? hits : [];
  };
}
