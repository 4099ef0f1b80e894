/** Bytes that a slot has for a text that is kept with its key. */
export const ROOM = 256;

/**
 * Slots for a few keys; the oldest key makes room for a new one. A Map does the same, but with an entry going for each that
 * comes it makes a new table every hundred lines, and each table keeps the next alive: this gave half of all garbage. For
 * the same reason a key may stand in the ring's own bytes, as the beginning of a text: nothing is allocated that
 * outlives the next collection.
 */
export class Ring {
  readonly #size: number;
  /** Null: the key stands in `bytes`. */
  readonly #keys: (string | null)[] = [];
  readonly #hashes: Int32Array;
  /** Of keys that stand in `bytes`. */
  readonly #lengths: Int32Array;
  /** By hash the first slot, and by slot the next one with that hash; -1 ends it. */
  readonly #heads = new Int16Array(256).fill(-1);
  readonly #chain: Int16Array;
  /** By slot its neighbours in the order of age; slot `#size` stands before the first and behind the last. */
  readonly #older: Int16Array;
  readonly #newer: Int16Array;
  readonly #free: number[] = [];
  #bytes: Uint8Array | null = null;

  /** Holds at most so many keys, fewer than 30,000. */
  constructor(size: number) {
    this.#size = size;
    this.#hashes = new Int32Array(size);
    this.#lengths = new Int32Array(size);
    this.#chain = new Int16Array(size).fill(-1);
    this.#older = new Int16Array(size + 1).fill(size);
    this.#newer = new Int16Array(size + 1).fill(size);
  }

  get size(): number {
    return this.#keys.length - this.#free.length;
  }

  /** Every slot's ROOM bytes, one slot after the other. */
  get bytes(): Uint8Array {
    return (this.#bytes ??= new Uint8Array(this.#size * ROOM));
  }

  /** The slot of the key, -1 where it has none. */
  find(key: string): number {
    return this.#find(key, hashOf(key));
  }

  /** The slot of the key: where it stands, or a new one as the newest. */
  add(key: string): number {
    const hash = hashOf(key);
    const known = this.#find(key, hash);
    if (known >= 0) return known;
    const slot = this.#append(hash);
    this.#keys[slot] = key;
    return slot;
  }

  /**
   * A new slot for a key of ASCII characters that has none, as the newest. The caller writes a text that begins with the key into
   * the slot's `bytes`.
   */
  addText(key: string): number {
    const slot = this.#append(hashOf(key));
    this.#keys[slot] = null;
    this.#lengths[slot] = key.length;
    return slot;
  }

  delete(key: string): void {
    const slot = this.find(key);
    if (slot >= 0) this.#remove(slot);
  }

  #find(key: string, hash: number): number {
    let slot = this.#heads[hash & 255] ?? -1;
    while (slot >= 0 && !(this.#hashes[slot] === hash && this.#isAt(slot, key)))
      slot = this.#chain[slot] ?? -1;
    return slot;
  }

  #isAt(slot: number, key: string): boolean {
    const known = this.#keys[slot];
    if (typeof known === 'string') return known === key;
    if (this.#lengths[slot] !== key.length) return false;
    const { bytes } = this;
    const from = slot * ROOM;
    for (let at = key.length - 1; at >= 0; at--) if (bytes[from + at] !== key.charCodeAt(at)) return false;
    return true;
  }

  #append(hash: number): number {
    const slot = this.#take();
    this.#hashes[slot] = hash;
    this.#chain[slot] = this.#heads[hash & 255] ?? -1;
    this.#heads[hash & 255] = slot;
    this.#link(this.#older[this.#size] ?? 0, slot);
    this.#link(slot, this.#size);
    return slot;
  }

  /** A slot that is free; the oldest key's when there is none. */
  #take(): number {
    if (this.#keys.length < this.#size) return this.#keys.push('') - 1;
    if (this.#free.length === 0) this.#remove(this.#newer[this.#size] ?? 0);
    return this.#free.pop() ?? 0;
  }

  #remove(slot: number): void {
    const next = this.#chain[slot] ?? -1;
    const head = (this.#hashes[slot] ?? 0) & 255;
    if (this.#heads[head] === slot) {
      this.#heads[head] = next;
    } else {
      let at = this.#heads[head] ?? -1;
      while (at >= 0 && this.#chain[at] !== slot) at = this.#chain[at] ?? -1;
      if (at >= 0) this.#chain[at] = next;
    }
    this.#link(this.#older[slot] ?? 0, this.#newer[slot] ?? 0);
    this.#keys[slot] = '';
    this.#free.push(slot);
  }

  #link(older: number, newer: number): void {
    this.#newer[older] = newer;
    this.#older[newer] = older;
  }
}

/** From the last characters, where ids of processes and connections differ. */
function hashOf(key: string): number {
  let hash = key.length;
  for (let at = Math.max(0, key.length - 8); at < key.length; at++) {
    hash = (Math.imul(hash, 31) + key.charCodeAt(at)) | 0;
  }
  return hash ^ (hash >>> 8);
}
