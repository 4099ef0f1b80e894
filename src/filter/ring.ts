/**
 * A few entries by text, the oldest of which makes room for a new one. A Map does the same, but with an entry going for each
 * that comes it makes a new table every hundred lines, and each table keeps the next alive: this gave half of all garbage.
 */
export class Ring<T> {
  readonly #size: number;
  readonly #keys: string[] = [];
  readonly #values: (T | null)[] = [];
  /** By hash the first slot, and by slot the next one with that hash; -1 ends it. */
  readonly #heads = new Int16Array(256).fill(-1);
  readonly #chain: Int16Array;
  /** By slot its neighbours in the order of age; slot `#size` stands before the first and behind the last. */
  readonly #older: Int16Array;
  readonly #newer: Int16Array;
  readonly #free: number[] = [];

  /** Holds at most so many entries, fewer than 30,000. */
  constructor(size: number) {
    this.#size = size;
    this.#chain = new Int16Array(size).fill(-1);
    this.#older = new Int16Array(size + 1).fill(size);
    this.#newer = new Int16Array(size + 1).fill(size);
  }

  get size(): number {
    return this.#keys.length - this.#free.length;
  }

  get(key: string): T | undefined {
    const slot = this.#find(key, hashOf(key));
    return slot < 0 ? undefined : (this.#values[slot] ?? undefined);
  }

  /** Adds an entry as the newest, or replaces the one of that key where it stands. */
  set(key: string, value: T): void {
    const hash = hashOf(key);
    const known = this.#find(key, hash);
    if (known >= 0) {
      this.#values[known] = value;
      return;
    }
    const slot = this.#take();
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#chain[slot] = this.#heads[hash] ?? -1;
    this.#heads[hash] = slot;
    this.#link(this.#older[this.#size] ?? 0, slot);
    this.#link(slot, this.#size);
  }

  delete(key: string): void {
    const hash = hashOf(key);
    const slot = this.#find(key, hash);
    if (slot >= 0) this.#remove(slot, hash);
  }

  #find(key: string, hash: number): number {
    let slot = this.#heads[hash] ?? -1;
    while (slot >= 0 && this.#keys[slot] !== key) slot = this.#chain[slot] ?? -1;
    return slot;
  }

  /** A slot that is free; the oldest entry's when there is none. */
  #take(): number {
    if (this.#keys.length < this.#size) return this.#keys.push('') - 1;
    if (this.#free.length === 0) {
      const oldest = this.#newer[this.#size] ?? 0;
      this.#remove(oldest, hashOf(this.#keys[oldest] ?? ''));
    }
    return this.#free.pop() ?? 0;
  }

  #remove(slot: number, hash: number): void {
    const next = this.#chain[slot] ?? -1;
    if (this.#heads[hash] === slot) {
      this.#heads[hash] = next;
    } else {
      let at = this.#heads[hash] ?? -1;
      while (at >= 0 && this.#chain[at] !== slot) at = this.#chain[at] ?? -1;
      if (at >= 0) this.#chain[at] = next;
    }
    this.#link(this.#older[slot] ?? 0, this.#newer[slot] ?? 0);
    this.#keys[slot] = '';
    this.#values[slot] = null;
    this.#free.push(slot);
  }

  #link(older: number, newer: number): void {
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }
}

/** From the last characters, where ids of processes and connections differ. */
function hashOf(key: string): number {
  let hash = 0;
  for (let at = Math.max(0, key.length - 8); at < key.length; at++) {
    hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  }
  return (hash ^ (hash >>> 8)) & 255;
}
