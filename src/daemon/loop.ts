/** A stretch of work after which everybody else gets a turn, in milliseconds. */
const SLICE_MS = 20;
/**
 * What comes so soon after the last work, in milliseconds, waits until that much time has passed: a log that is written line by line
 * wakes us for each, and each waking costs as much as a hundred lines do.
 */
const PAUSE_MS = 8;

/** Does work as long as there is some, in slices, so that timers and firewalls get their turns. */
export class WorkLoop {
  readonly #step: () => boolean;
  readonly #onDone: () => void;
  #isRunning = false;
  #isClosed = false;
  #pausedUntilMs = 0;
  #onIdle: (() => void)[] = [];

  /** `step` does a piece of the work and answers whether there may be more; `onDone` is called whenever there is none. */
  constructor(step: () => boolean, onDone: () => void) {
    this.#step = step;
    this.#onDone = onDone;
  }

  /** There is work. */
  start(): void {
    if (this.#isRunning || this.#isClosed) return;
    this.#isRunning = true;
    const waitMs = this.#pausedUntilMs - performance.now();
    if (waitMs > 0) setTimeout(() => this.#slice(), waitMs);
    else this.#slice();
  }

  /** Resolves when no work is left. */
  async idle(): Promise<void> {
    while (this.#isRunning) {
      await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    }
  }

  /** Begins no slice any more. */
  close(): void {
    this.#isClosed = true;
  }

  #slice(): void {
    const end = performance.now() + SLICE_MS;
    let more = !this.#isClosed;
    while (more && performance.now() < end) more = this.#step();
    if (more && !this.#isClosed) {
      setImmediate(() => this.#slice());
      return;
    }
    this.#isRunning = false;
    this.#pausedUntilMs = performance.now() + PAUSE_MS;
    this.#onDone();
    for (const tell of this.#onIdle.splice(0)) tell();
  }
}
