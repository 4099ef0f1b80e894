import { compileDates, type Dates, findDate } from './datepattern.ts';
import { matchText } from './failregex.ts';
import type { Filter } from './filter.ts';
import type { JailHealth } from './health.ts';
import type { Batch } from './linesource.ts';

/** One line is looked at for each stretch of this many bytes, and the first one of each batch. */
const STRETCH = 16 * 1024;

/** Looks at single lines of a jail's source, to notice that their format is no longer the filter's. */
export type Sampler = { readonly health: JailHealth; readonly filter: Filter; readonly dates: Dates };

/** A sampler that has seen nothing. */
export function newSampler(filter: Filter): Sampler {
  const prefixed = filter.prefregex === null ? null : 0;
  const dates = compileDates(filter.datepattern, filter.logtimezone);
  return { health: { lastMatch: null, sampled: 0, dated: 0, prefixed }, filter, dates };
}

/** Looks at some lines of the batch; `now` in epoch seconds. */
export function sample(samplers: readonly Sampler[], batch: Batch, now: number): void {
  for (let at = batch.start; at < batch.end; ) {
    const end = batch.bytes.indexOf(10, at);
    const stop = end < 0 || end > batch.end ? batch.end : end;
    const line = batch.bytes.toString('utf8', at, stop);
    for (const sampler of samplers) look(sampler, line, { isDated: batch.times !== null, now });
    const next = batch.bytes.indexOf(10, Math.min(batch.end - 1, Math.max(stop, at + STRETCH)));
    if (next < 0 || next >= batch.end) return;
    at = next + 1;
  }
}

function look(sampler: Sampler, line: string, { isDated, now }: { isDated: boolean; now: number }): void {
  const { health, filter, dates } = sampler;
  if (line === '') return;
  const found = isDated ? null : findDate(dates, line, now);
  health.sampled++;
  if (isDated || found !== null) health.dated++;
  if (filter.prefregex === null || health.prefixed === null) return;
  const rest = found === null ? line : line.slice(0, found.start) + line.slice(found.end);
  if (rest !== '' && matchText(filter.prefregex.regex, `${rest}\n`) !== null) health.prefixed++;
}
