const [origin] = process.hrtime();

/**
 * The part of the global `performance` that f2b uses; build.sh replaces the global by it (esbuild's
 * --inject). Node's own loads eight modules, 0.3 MB of an idle daemon.
 */
export const performance = {
  /** Milliseconds since about the start of the process, on a clock that is never set. */
  now(): number {
    const [seconds, nanoseconds] = process.hrtime();
    return (seconds - origin) * 1000 + nanoseconds / 1e6;
  },
};
