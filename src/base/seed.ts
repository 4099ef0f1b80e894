/**
 * What hash tables are seeded with, so that nobody outside can choose keys that collide: another one in each process.
 * V8 seeds Math.random() from the system, and nothing of it is ever told. Map, Set and objects need none of this: V8 seeds its own
 * string hashes, those of digits too.
 */
const PROCESS_SEED = Math.floor(Math.random() * 2 ** 32);

/** This process's seed, an unsigned 32-bit number. */
export function processSeed(): number {
  return PROCESS_SEED;
}
