import { bounded } from '../base/timelimit.ts';
import { compileDates, type Dates, findDate } from '../filter/date/datepattern.ts';
import { warmUpDates } from '../filter/date/warmup.ts';
import { matchText } from '../filter/regex/failregex.ts';
import type { Filter } from '../filter/types.ts';
import { type JailHealth, UNSEEN } from '../source/health.ts';
import type { Batch } from '../source/source.ts';

/** One line is looked at for each stretch of this many bytes, and the first one of each batch. */
const STRETCH = 16 * 1024;
/** Who has seen so many lines looks on only now and then, after so many seconds. */
const SETTLED = 1000;
const PAUSE = 0.1;
/** A longer line says nothing about the usual format. */
const LONGEST = 4096;
/** A regex may be stuck here as anywhere; this many milliseconds are enough for a few lines. */
const LIMIT_MS = 10;

/** Looks at single lines of a jail's source, to notice that their format is no longer the filter's. */
export type FormatCheck = {
  readonly health: JailHealth;
  readonly filter: Filter;
  readonly dates: Dates;
  /** When it looked last, epoch seconds. */
  last: number;
};

/** A sampler that has seen nothing. */
export function newFormatCheck(filter: Filter): FormatCheck {
  const prefixed = filter.prefregex === null ? null : 0;
  const dates = compileDates(filter.datepattern, filter.logtimezone);
  return { health: { ...UNSEEN, prefixed }, filter, dates, last: 0 };
}

/** Looks at some lines of the batch, within a time limit; `now` in epoch seconds. */
export function checkFormat(checks: readonly FormatCheck[], batch: Batch, now: number): void {
  const awake = checks.filter(
    ({ health, last }) => health.sampled < SETTLED || now >= last + PAUSE || now < last,
  );
  if (awake.length === 0) return;
  for (const check of awake) {
    // Once, and not within the limit: what compiling takes is no line's fault.
    if (check.last === 0) warmUpDates(check.dates, '');
    check.last = now;
  }
  const walk: Walk = { at: batch.start, done: 0 };
  if (bounded(LIMIT_MS, () => lookAround(awake, batch, { walk, now }))) return;
  const stuck = awake[walk.done];
  if (stuck !== undefined) stuck.health.sampled++;
}

/** Where the next sample is, and how many samplers have looked at it. */
type Walk = { at: number; done: number };

function lookAround(
  checks: readonly FormatCheck[],
  batch: Batch,
  { walk, now }: { readonly walk: Walk; readonly now: number },
): void {
  while (walk.at < batch.end) {
    const { at } = walk;
    const end = batch.bytes.indexOf(10, at);
    const stop = end < 0 || end > batch.end ? batch.end : end;
    const line = stop - at > LONGEST ? '' : batch.bytes.toString('utf8', at, stop);
    const isDated = batch.times !== null;
    for (let check = checks[walk.done]; check !== undefined; check = checks[walk.done]) {
      if (line !== '') look(check, line, { isDated, now });
      walk.done++;
    }
    const next = batch.bytes.indexOf(10, Math.min(batch.end - 1, Math.max(stop, at + STRETCH)));
    if (next < 0 || next >= batch.end) return;
    walk.at = next + 1;
    walk.done = 0;
  }
}

function look(check: FormatCheck, line: string, { isDated, now }: { isDated: boolean; now: number }): void {
  const { health, filter, dates } = check;
  const found = isDated ? null : findDate(dates, line, now);
  const rest = found === null ? line : line.slice(0, found.start) + line.slice(found.end);
  const { prefregex } = filter;
  const hasPrefix = prefregex !== null && rest !== '' && matchText(prefregex.regex, `${rest}\n`) !== null;
  // Counted at the end and in one breath: an interruption counts nothing.
  health.sampled++;
  if (isDated || found !== null) health.dated++;
  if (health.prefixed !== null && hasPrefix) health.prefixed++;
}
