/** Numbers that look random and are the same in every run. */
export type Random = {
  /** A whole number of at least 0 and below `end`. */
  (end: number): number;
  /** One of the values. */
  pick<T>(values: readonly T[]): T;
};

/** Makes a Random from a seed (mulberry32). */
export function makeRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (end: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * end);
  };
  return Object.assign(next, { pick: <T>(values: readonly T[]): T => values[next(values.length)] as T });
}
