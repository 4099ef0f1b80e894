import { processSeed } from '../base/seed.ts';

/** One address's count in a FailureTable; see Count. */
export type Row = { retry: number; first: number; last: number; failures: number };

const SMALLEST = 64;

/**
 * The counts of IPv4 addresses, 52 bytes each and without objects: in a flood of a million addresses, objects
 * and string keys cost four times the time and memory. Rows are in a ring in order of arrival; an open hash
 * table finds them.
 */
export class FailureTable {
  readonly #most: number;
  readonly #seed: number;
  /** Rows in the ring; a power of two. */
  #room = SMALLEST;
  #ips = new Uint32Array(SMALLEST);
  #retry = new Float64Array(SMALLEST);
  #first = new Float64Array(SMALLEST);
  #last = new Float64Array(SMALLEST);
  /** 0 = the row is free. */
  #failures = new Uint32Array(SMALLEST);
  /**
   * 1 + the row (0 = none) in the low bits, and the rest of the hash above. That tells most wrong rows apart
   * without reading the row, which would be the main cost of a search. An entry may be stale and lead to a
   * row that now has another address.
   */
  #heads = new Int32Array(4 * SMALLEST);
  #entered = 0;
  /** Sequence numbers of the oldest row and of the next one. */
  #begin = 0;
  #end = 0;
  #taken = 0;

  /** `most`: the most addresses; a new one replaces the oldest. */
  constructor(most: number, seed: number = processSeed()) {
    this.#most = most;
    this.#seed = seed;
  }

  get size(): number {
    return this.#taken;
  }

  /** The row of an address (an unsigned 32-bit number); -1 if there is none. */
  find(ip: number): number {
    const heads = this.#heads;
    const mask = heads.length - 1;
    const rowBits = 2 * this.#room - 1;
    const hash = hashOf(ip, this.#seed);
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const head = heads[at] ?? 0;
      if (head === 0) return -1;
      if (((head ^ hash) & ~rowBits) !== 0) continue;
      const row = (head & rowBits) - 1;
      if (this.#ips[row] === ip && this.#failures[row] !== 0) return row;
    }
  }

  read(row: number): Row {
    const [retry = 0, first = 0] = [this.#retry[row], this.#first[row]];
    const [last = 0, failures = 0] = [this.#last[row], this.#failures[row]];
    return { retry, first, last, failures };
  }

  retryAt(row: number): number {
    return this.#retry[row] ?? 0;
  }

  write(row: number, { retry, first, last, failures }: Row): void {
    this.#retry[row] = retry;
    this.#first[row] = first;
    this.#last[row] = last;
    this.#failures[row] = failures;
  }

  /** Adds an address that has no row. */
  add(ip: number, count: Row): void {
    this.#makeRoom();
    const row = this.#end++ & (this.#room - 1);
    this.#taken++;
    this.#ips[row] = ip;
    this.write(row, count);
    this.#enter(ip, row);
  }

  /** Sets the row's failures to 0; its place is reused later. */
  remove(row: number): void {
    this.#failures[row] = 0;
    this.#taken--;
  }

  /** All addresses with their rows, oldest first. */
  *rows(): Generator<readonly [ip: number, row: number]> {
    const mask = this.#room - 1;
    for (let at = this.#begin; at < this.#end; at++) {
      if (this.#failures[at & mask] !== 0) yield [this.#ips[at & mask] ?? 0, at & mask];
    }
  }

  /** Removes the rows without a failure after `time`. */
  sweep(time: number): void {
    const mask = this.#room - 1;
    for (let at = this.#begin; at < this.#end; at++) {
      const row = at & mask;
      if (this.#failures[row] !== 0 && (this.#last[row] ?? 0) <= time) this.remove(row);
    }
    if (this.#room > SMALLEST && this.#taken < this.#room / 8) this.#resize();
  }

  #makeRoom(): void {
    const mask = this.#room - 1;
    while (
      this.#taken >= this.#most ||
      (this.#begin < this.#end && this.#failures[this.#begin & mask] === 0)
    ) {
      const row = this.#begin++ & mask;
      if (this.#failures[row] !== 0) this.remove(row);
    }
    if (this.#end - this.#begin === this.#room) this.#resize();
    else if (this.#entered > 2 * this.#room) this.#lead();
  }

  #enter(ip: number, row: number): void {
    const heads = this.#heads;
    const mask = heads.length - 1;
    const hash = hashOf(ip, this.#seed);
    let at = hash & mask;
    while (heads[at] !== 0) at = (at + 1) & mask;
    heads[at] = (hash & ~(2 * this.#room - 1)) | (row + 1);
    this.#entered++;
  }

  /** Rebuilds the hash table if it has many stale entries. */
  #lead(): void {
    const length = 4 * this.#room;
    if (this.#heads.length === length) this.#heads.fill(0);
    else this.#heads = new Int32Array(length);
    this.#entered = 0;
    const mask = this.#room - 1;
    for (let at = this.#begin; at < this.#end; at++) {
      const row = at & mask;
      if (this.#failures[row] !== 0) this.#enter(this.#ips[row] ?? 0, row);
    }
  }

  /** Moves the rows to a ring of the right size. */
  #resize(): void {
    let room = SMALLEST;
    while (room < this.#taken * 1.25) room *= 2;
    const ips = new Uint32Array(room);
    const retry = new Float64Array(room);
    const first = new Float64Array(room);
    const last = new Float64Array(room);
    const failures = new Uint32Array(room);
    let to = 0;
    for (const [ip, row] of this.rows()) {
      ips[to] = ip;
      retry[to] = this.#retry[row] ?? 0;
      first[to] = this.#first[row] ?? 0;
      last[to] = this.#last[row] ?? 0;
      failures[to] = this.#failures[row] ?? 0;
      to++;
    }
    [this.#ips, this.#retry, this.#first, this.#last, this.#failures] = [ips, retry, first, last, failures];
    [this.#room, this.#begin, this.#end] = [room, 0, to];
    this.#lead();
  }
}

/** The hash of an address; attackers choose addresses, and without the seed none can tell which of them collide. */
export function hashOf(ip: number, seed: number): number {
  let mixed = Math.imul(ip ^ seed, 0x2c1b3c6d);
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ (seed << 7), 0x297a2d39 ^ (seed & -2));
  return mixed ^ (mixed >>> 15);
}
