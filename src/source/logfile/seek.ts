import { readSync } from 'node:fs';
import type { DateOf } from '../source.ts';
import { followNuls } from './nuls.ts';
import type { OpenFile } from './openfile.ts';
import type { LogFileOptions } from './options.ts';

/** Lines a little out of order must not be jumped over. */
const SLACK = 60;
/** How far a probe looks for a line with a date, in bytes. */
const PROBE = 65536;
/** Places that are looked at before a file is said to have no dates. */
const SAMPLES = 64;

/**
 * Finds by halving where in `[low, high)` of a file the lines from `since` (epoch seconds) on begin: the offset
 * of a line's start, a minute early; null when no line there has a date. Reads some thirty times 64 KB, also
 * of a file of many gigabytes. The range begins with a line, or with NULs.
 */
export function seekSince(
  fd: number,
  range: readonly [number, number],
  since: number,
  dateOf: DateOf,
): number | null {
  const [start, high] = range;
  const low = followNuls(fd, start, high - start).at;
  const buffer = Buffer.allocUnsafe(PROBE);
  const wanted = since - SLACK;
  let before = low;
  let after = high;
  let dated = false;
  // `before` always stands at a line's start that is known to be too old (or is `low`), `after` at one that is not.
  while (after - before > PROBE) {
    const middle = before + Math.floor((after - before) / 2);
    const probe = probeDate({ fd, buffer, dateOf }, middle, after);
    if (probe === null) {
      after = middle;
      continue;
    }
    dated = true;
    if (probe.date < wanted) before = probe.at;
    else after = middle;
  }
  const prober = { fd, buffer, dateOf };
  const last = scanForward(prober, before, wanted);
  return dated || last.dated || hasDate(prober, low, high) ? last.at : null;
}

/** Whether there is a dated line somewhere: one long line hides them from all probes that come near it. */
function hasDate(prober: Prober, low: number, high: number): boolean {
  const step = Math.max(PROBE / 2, Math.ceil((high - low) / SAMPLES));
  for (let at = low; at < high; at += step) if (probeDate(prober, at, high) !== null) return true;
  return false;
}

type Prober = { readonly fd: number; readonly buffer: Buffer; readonly dateOf: DateOf };

/** The first dated line that begins behind `from` (and before `limit`), within one probe. */
function probeDate(
  prober: Prober,
  from: number,
  limit: number,
): { readonly at: number; readonly date: number } | null {
  const { fd, buffer, dateOf } = prober;
  const got = readSync(fd, buffer, 0, Math.min(PROBE, limit - from), from);
  let start = buffer.subarray(0, got).indexOf(10) + 1;
  while (start > 0) {
    const end = buffer.subarray(0, got).indexOf(10, start);
    if (end < 0) return null;
    const date = dateOf(lineText(buffer, start, end));
    if (date !== null) return { at: from + start, date };
    start = end + 1;
  }
  return null;
}

/** Walks lines from a line's start to the first whose date reaches `wanted`; twice a probe at the most. */
function scanForward(
  prober: Prober,
  from: number,
  wanted: number,
): { readonly at: number; readonly dated: boolean } {
  const { fd, buffer, dateOf } = prober;
  let at = from;
  let dated = false;
  for (let round = 0; round < 3; round++) {
    const got = readSync(fd, buffer, 0, PROBE, at);
    let start = 0;
    for (;;) {
      const end = buffer.subarray(0, got).indexOf(10, start);
      if (end < 0) break;
      const date = dateOf(lineText(buffer, start, end));
      if (date !== null) {
        dated = true;
        if (date >= wanted) return { at: at + start, dated };
      }
      start = end + 1;
    }
    if (start === 0) break;
    at += start;
  }
  return { at, dated };
}

function lineText(buffer: Buffer, start: number, end: number): string {
  return buffer.toString('latin1', start, Math.min(end, start + 4096));
}

/** What says where reading begins. */
export type Beginning = Pick<LogFileOptions, 'start' | 'since' | 'dateOf'>;

/** A backlog in bytes from which on searching for `since` pays. */
const BACKLOG = 16 * 1024 * 1024;

/** Goes to where reading begins in a file of `size` bytes that is followed for the first time. */
export function begin(next: OpenFile, size: number, { start, since, dateOf }: Beginning): void {
  next.live = false;
  if (start === 'head' || size === 0) return;
  // What was not written to since holds no line of that time.
  const isOld = next.isQuiet(Date.now() - (since - SLACK) * 1000);
  const found = start === 'catchup' && !isOld ? seekSince(next.fd, [0, size], since, dateOf) : null;
  next.seek(found ?? next.lineStartBefore(size));
}

/** After a long pause: jumps over lines that are too old to matter. */
export function hurry(one: OpenFile, { since, dateOf }: Beginning): void {
  const lag = one.lag();
  if (lag < BACKLOG) return;
  const at = seekSince(one.fd, [one.offset, one.offset + lag], since, dateOf);
  if (at !== null && at > one.offset) one.seek(at);
}
