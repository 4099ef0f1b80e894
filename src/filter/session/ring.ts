import { asciiText } from '../ascii.ts';

/** Bytes that a slot has for a text that is kept with its key. */
export const ROOM = 256;

/**
 * Slots for a few keys; the oldest key makes room for a new one. A Map does the same, but with an entry going for each that
 * comes it makes a new table every hundred lines, and each table keeps the next alive: this gave half of all garbage. For
 * the same reason a key may stand in the ring's own bytes, as the beginning of a text, or where it was found as long as that
 * stays: nothing is allocated that outlives the next collection.
 *
 * A time limit may interrupt at any call and at any loop's turn. So each change is one stretch without either, behind what is
 * only looked up: it happens as a whole or not at all.
 */
export class Ring {
  readonly #size: number;
  /** By slot; null: the slot's text begins with it. */
  readonly #keys: (string | null)[];
  readonly #hashes: Int32Array;
  /** Of keys. */
  readonly #lengths: Int32Array;
  /** By hash the first slot, and by slot the next one with that hash; -1 ends it. */
  readonly #heads = new Int16Array(256).fill(-1);
  readonly #chain: Int16Array;
  /** By slot its neighbours in the order of age; slot `#size` stands before the first and behind the last. */
  readonly #older: Int16Array;
  readonly #newer: Int16Array;
  /** The slots that are free: the first so many. */
  readonly #free: Int16Array;
  #freeCount: number;
  #bytes: Uint8Array | null = null;
  /** By slot where its text stands until it is taken over, and from where on; null: in the slot's own bytes. */
  readonly #lent: (Uint8Array | null)[];
  readonly #starts: Int32Array;

  /** Holds at most so many keys, fewer than 30,000. */
  constructor(size: number) {
    this.#size = size;
    this.#keys = new Array<string | null>(size).fill('');
    this.#hashes = new Int32Array(size);
    this.#lengths = new Int32Array(size);
    this.#lent = new Array<Uint8Array | null>(size).fill(null);
    this.#starts = new Int32Array(size);
    this.#chain = new Int16Array(size).fill(-1);
    this.#older = new Int16Array(size + 1).fill(size);
    this.#newer = new Int16Array(size + 1).fill(size);
    this.#free = Int16Array.from({ length: size }, (_, i) => size - 1 - i);
    this.#freeCount = size;
  }

  get size(): number {
    return this.#size - this.#freeCount;
  }

  /** Every slot's ROOM bytes, one slot after the other. */
  get #own(): Uint8Array {
    return (this.#bytes ??= new Uint8Array(this.#size * ROOM));
  }

  /** The slot's text stands there, of ASCII characters that begin with its key, until copyLent(). */
  lend(slot: number, codes: Uint8Array, from: number): void {
    this.#lent[slot] = codes;
    this.#starts[slot] = from;
  }

  /** Takes over the so many characters that were lent to the slot; nothing where none are. */
  copyLent(slot: number, length: number): void {
    const lent = this.#lent[slot];
    if (lent === undefined || lent === null) return;
    const from = this.#starts[slot] ?? 0;
    this.#own.set(lent.subarray(from, from + Math.min(length, ROOM)), slot * ROOM);
    this.#lent[slot] = null;
  }

  /** So many characters of the slot's text, from there on. */
  textIn(slot: number, at: number, length: number): string {
    const lent = this.#lent[slot] ?? null;
    const from = (lent === null ? slot * ROOM : (this.#starts[slot] ?? 0)) + at;
    return asciiText(lent ?? this.#own, from, from + length);
  }

  /** Whether the same stands in the slot's text from there on. */
  standsIn(
    slot: number,
    at: number,
    { codes, from, to }: { readonly codes: Codes; readonly from: number; readonly to: number },
  ): boolean {
    const lent = this.#lent[slot] ?? null;
    const bytes = lent ?? this.#own;
    const shift = (lent === null ? slot * ROOM : (this.#starts[slot] ?? 0)) + at - from;
    for (let i = to - 1; i >= from; i--) if (bytes[shift + i] !== codes[i]) return false;
    return true;
  }

  /** The slot of the key, -1 where it has none. */
  find(key: string): number {
    return this.findAt(codesOf(key), 0, key.length);
  }

  /** As find(), of a key that stands there. */
  findAt(codes: Codes, from: number, to: number): number {
    const hash = hashAt(codes, from, to);
    let slot = this.#heads[hash & 255] ?? -1;
    while (slot >= 0 && !(this.#hashes[slot] === hash && this.#holds(slot, codes, from, to)))
      slot = this.#chain[slot] ?? -1;
    return slot;
  }

  /**
   * A free slot for a key that has none; where there was none the oldest key goes. The caller fills what belongs to the slot, then
   * calls link().
   */
  reserve(key: string): number {
    const slot = this.#claim(hashAt(codesOf(key), 0, key.length));
    this.#keys[slot] = key;
    this.#lent[slot] = null;
    this.#lengths[slot] = key.length;
    return slot;
  }

  /** As reserve(), for a key of ASCII characters that stands there, with which the text begins that will be lent. */
  reserveAt(codes: Uint8Array, from: number, to: number): number {
    const slot = this.#claim(hashAt(codes, from, to));
    this.#keys[slot] = null;
    this.#lengths[slot] = to - from;
    return slot;
  }

  #claim(hash: number): number {
    if (this.#freeCount === 0) this.delete(this.#newer[this.#size] ?? 0);
    const slot = this.#free[this.#freeCount - 1] ?? 0;
    this.#hashes[slot] = hash;
    return slot;
  }

  /** Makes the key of the slot that was reserved last the newest; nothing where that was done. */
  link(slot: number): void {
    const free = this.#free;
    const size = this.#size;
    const last = this.#older[size] ?? size;
    const head = (this.#hashes[slot] ?? 0) & 255;
    const count = this.#freeCount;
    if (count === 0 || free[count - 1] !== slot) return;
    this.#freeCount = count - 1;
    this.#chain[slot] = this.#heads[head] ?? -1;
    this.#heads[head] = slot;
    this.#newer[last] = slot;
    this.#older[slot] = last;
    this.#newer[slot] = size;
    this.#older[size] = slot;
  }

  /** Frees a slot that find() answered. */
  delete(slot: number): void {
    const head = (this.#hashes[slot] ?? 0) & 255;
    let before = this.#heads[head] ?? -1;
    if (before === slot) before = -1;
    else while (before >= 0 && this.#chain[before] !== slot) before = this.#chain[before] ?? -1;
    const free = this.#free;
    const next = this.#chain[slot] ?? -1;
    const older = this.#older[slot] ?? 0;
    const newer = this.#newer[slot] ?? 0;
    if (before >= 0) this.#chain[before] = next;
    else this.#heads[head] = next;
    this.#newer[older] = newer;
    this.#older[newer] = older;
    this.#keys[slot] = '';
    free[this.#freeCount++] = slot;
  }

  #holds(slot: number, codes: Codes, from: number, to: number): boolean {
    const known = this.#keys[slot];
    if (this.#lengths[slot] !== to - from) return false;
    if (typeof known !== 'string') return this.standsIn(slot, 0, { codes, from, to });
    for (let at = to - 1; at >= from; at--) if (known.charCodeAt(at - from) !== codes[at]) return false;
    return true;
  }
}

/** The characters of a key: bytes where it is ASCII. */
type Codes = Uint8Array | Uint16Array;

function codesOf(key: string): Codes {
  const codes = new Uint16Array(key.length);
  for (let i = 0; i < key.length; i++) codes[i] = key.charCodeAt(i);
  return codes;
}

/** From the last characters, where ids of processes and connections differ. */
function hashAt(codes: Codes, from: number, to: number): number {
  let hash = to - from;
  for (let at = Math.max(from, to - 8); at < to; at++) hash = (Math.imul(hash, 31) + (codes[at] ?? 0)) | 0;
  return hash ^ (hash >>> 8);
}
