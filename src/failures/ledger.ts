/** One address's count in a Ledger; see Count. */
export type Row = { retry: number; first: number; last: number; failures: number };

/**
 * The counts of IPv4 addresses, 36 bytes each and no object: under a flood of a million addresses objects and their text keys cost
 * four times the time and the memory. Rows stand in the order of their coming; an open hash table leads to them.
 */
export class Ledger {
  readonly #most: number;
  #capacity = 64;
  #ips = new Uint32Array(64);
  #retry = new Float64Array(64);
  #first = new Float64Array(64);
  #last = new Float64Array(64);
  /** 0 = the row is free. */
  #failures = new Uint32Array(64);
  /** 1 + the row's number, 0 = none; twice as many as rows. */
  #heads = new Int32Array(128);
  /** Rows that were ever used since the last tidying, and those of them that are taken. */
  #used = 0;
  #taken = 0;

  /** Remembers so many addresses at the most; a tenth of them, the oldest, go when there are more. */
  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#taken;
  }

  /** The row of an address (an unsigned 32-bit number), -1 when it has none. */
  find(ip: number): number {
    const mask = this.#heads.length - 1;
    for (let at = hashOf(ip) & mask; ; at = (at + 1) & mask) {
      const row = (this.#heads[at] ?? 0) - 1;
      if (row < 0) return -1;
      if (this.#ips[row] === ip && this.#failures[row] !== 0) return row;
    }
  }

  read(row: number): Row {
    const [retry = 0, first = 0] = [this.#retry[row], this.#first[row]];
    const [last = 0, failures = 0] = [this.#last[row], this.#failures[row]];
    return { retry, first, last, failures };
  }

  write(row: number, { retry, first, last, failures }: Row): void {
    this.#retry[row] = retry;
    this.#first[row] = first;
    this.#last[row] = last;
    this.#failures[row] = failures;
  }

  /** Adds an address that has no row. */
  add(ip: number, row: Row): void {
    if (this.#used === this.#capacity || this.#taken >= this.#most) this.#tidy();
    const number = this.#used++;
    this.#taken++;
    this.#ips[number] = ip;
    this.write(number, row);
    this.#enter(ip, number);
  }

  /** The row's failures become 0; its place is used again some time. */
  remove(row: number): void {
    this.#failures[row] = 0;
    this.#taken--;
  }

  /** Every address with its row's number, oldest first. */
  *rows(): Generator<readonly [ip: number, row: number]> {
    for (let row = 0; row < this.#used; row++) {
      if (this.#failures[row] !== 0) yield [this.#ips[row] ?? 0, row];
    }
  }

  /** Removes the rows whose last failure is not after `time`; answers how many. */
  sweep(time: number): number {
    let swept = 0;
    for (let row = 0; row < this.#used; row++) {
      if (this.#failures[row] === 0 || (this.#last[row] ?? 0) > time) continue;
      this.remove(row);
      swept++;
    }
    if (swept > 0 && this.#taken < this.#capacity / 8) this.#tidy();
    return swept;
  }

  #enter(ip: number, row: number): void {
    const mask = this.#heads.length - 1;
    let at = hashOf(ip) & mask;
    while (this.#heads[at] !== 0) at = (at + 1) & mask;
    this.#heads[at] = row + 1;
  }

  /** Moves the rows together, in tables that fit them; drops the oldest where there are too many. */
  #tidy(): void {
    let drop = this.#taken >= this.#most ? Math.ceil(this.#most / 10) : 0;
    const kept = this.#taken - drop;
    let room = 64;
    while (room < kept * 1.5) room *= 2;
    // Some room behind the bound, or the last rows before it would be tidied for each.
    const capacity = Math.min(room, Math.max(64, Math.ceil(this.#most * 1.25)));
    const ips = new Uint32Array(capacity);
    const retry = new Float64Array(capacity);
    const first = new Float64Array(capacity);
    const last = new Float64Array(capacity);
    const failures = new Uint32Array(capacity);
    let to = 0;
    for (let row = 0; row < this.#used; row++) {
      if (this.#failures[row] === 0 || drop-- > 0) continue;
      ips[to] = this.#ips[row] ?? 0;
      retry[to] = this.#retry[row] ?? 0;
      first[to] = this.#first[row] ?? 0;
      last[to] = this.#last[row] ?? 0;
      failures[to] = this.#failures[row] ?? 0;
      to++;
    }
    [this.#ips, this.#retry, this.#first, this.#last, this.#failures] = [ips, retry, first, last, failures];
    this.#capacity = capacity;
    this.#heads = new Int32Array(2 * room);
    this.#used = to;
    this.#taken = to;
    for (let row = 0; row < to; row++) this.#enter(ips[row] ?? 0, row);
  }
}

function hashOf(ip: number): number {
  const mixed = Math.imul(ip ^ (ip >>> 15), 0x2c1b3c6d);
  return (mixed ^ (mixed >>> 13)) >>> 0;
}
