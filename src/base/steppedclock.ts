/** A clock that notices when it is set. */
export type Clock = {
  /** `now` in epoch seconds; `step` = by how many seconds the clock was set since the last reading, 0 as a rule. */
  read(): { readonly now: number; readonly step: number };
};

/** Seconds that a clock may be off without having been set: slow corrections and a late reading. */
const LEAST_STEP = 2;

/** Compares the clock of the day with one that nobody sets; `elapsed` answers that one's seconds. */
export function steppedClock(now: () => number, elapsed = () => performance.now() / 1000): Clock {
  let known = now() - elapsed();
  return {
    read() {
      const time = now();
      const offset = time - elapsed();
      const step = Math.round(offset - known);
      known = offset;
      return { now: time, step: Math.abs(step) < LEAST_STEP ? 0 : step };
    },
  };
}
