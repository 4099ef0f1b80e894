/** Bytes taken from a source at a time: large pieces cost least. */
const MOST = 64 * 1024;
/** After a pause, when it is not known what comes, and when lines turn out to be slow. */
const FIRST = 8 * 1024;
const LEAST = 1024;
/** A piece that takes longer than this keeps others waiting, in milliseconds; where one takes less than half, twice as much may come. */
const LONG_MS = 20;
const SHORT_MS = 9;

/**
 * How much is read at a time. Lines can be a thousand times slower to match than usual without any regex being stuck: pieces
 * are small until they turned out to be quick, so that other sources get their turn.
 */
export type Pace = { bytes: number };

/** The pace after a pause. */
export function newPace(): Pace {
  return { bytes: FIRST };
}

/** A piece took so many milliseconds. */
export function keepPace(pace: Pace, ms: number): void {
  if (ms > LONG_MS) pace.bytes = Math.max(LEAST, pace.bytes / 4);
  else if (ms < SHORT_MS) pace.bytes = Math.min(MOST, pace.bytes * 2);
}

/** There was nothing to read. */
export function pause(pace: Pace): void {
  pace.bytes = Math.min(pace.bytes, FIRST);
}
