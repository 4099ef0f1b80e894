const [origin] = process.hrtime();

/**
 * What the program uses of the global `performance`, which build.sh puts in its place (esbuild's --inject): Node's own brings eight
 * modules of measurements along, 0.3 MB of an idle daemon.
 */
export const performance = {
  /** Milliseconds on a clock that is never set, since about the start of the process. */
  now(): number {
    const [seconds, nanoseconds] = process.hrtime();
    return (seconds - origin) * 1000 + nanoseconds / 1e6;
  },
};
