import type { LineOutcome } from './types.ts';

/**
 * A result of a line for a worker (its index). `outcome` null: a failure of which only the time (epoch
 * seconds) and the IPv4 address, as an unsigned number, are known.
 */
export type Result = {
  readonly worker: number;
  readonly outcome: LineOutcome | null;
  readonly ip: number;
  readonly time: number;
};

/**
 * The results of a batch, in order. Stored in columns: most of the thousands of results are an address and a
 * time.
 */
export class Results {
  length = 0;
  #workers = new Int32Array(1024);
  #ips = new Uint32Array(1024);
  #times = new Float64Array(1024);
  /** Outcomes by index, for results that have one. */
  readonly #outcomes = new Map<number, LineOutcome>();

  clear(): void {
    this.length = 0;
    if (this.#outcomes.size > 0) this.#outcomes.clear();
  }

  addAddress(worker: number, ip: number, time: number): void {
    if (this.length === this.#workers.length) this.#grow();
    this.#workers[this.length] = worker;
    this.#ips[this.length] = ip;
    this.#times[this.length] = time;
    this.length++;
  }

  addOutcome(worker: number, outcome: LineOutcome): void {
    this.#outcomes.set(this.length, outcome);
    this.addAddress(worker, 0, 0);
  }

  worker(at: number): number {
    return this.#workers[at] ?? 0;
  }

  ip(at: number): number {
    return this.#ips[at] ?? 0;
  }

  time(at: number): number {
    return this.#times[at] ?? 0;
  }

  outcome(at: number): LineOutcome | null {
    return this.#outcomes.size === 0 ? null : (this.#outcomes.get(at) ?? null);
  }

  *[Symbol.iterator](): Generator<Result> {
    for (let at = 0; at < this.length; at++) {
      yield { worker: this.worker(at), outcome: this.outcome(at), ip: this.ip(at), time: this.time(at) };
    }
  }

  #grow(): void {
    const room = this.#workers.length * 2;
    const workers = new Int32Array(room);
    const ips = new Uint32Array(room);
    const times = new Float64Array(room);
    workers.set(this.#workers);
    ips.set(this.#ips);
    times.set(this.#times);
    [this.#workers, this.#ips, this.#times] = [workers, ips, times];
  }
}
