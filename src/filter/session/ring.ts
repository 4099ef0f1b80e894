import { asciiText } from '../ascii.ts';

/** Bytes per slot for a text that begins with the key. */
export const ROOM = 256;

/**
 * A map of a few keys; a new key replaces the oldest. A JavaScript Map that drops one entry for each new one
 * allocates a new table every hundred lines, which was half of all garbage. For the same reason a key may be
 * stored as bytes, or stay where it was found until copyLent(): nothing is allocated that outlives the next
 * collection.
 *
 * A time limit may interrupt at any call or loop turn. Each change is therefore a stretch of code without
 * either, after all look-ups: it happens completely or not at all.
 */
export class Ring {
  readonly #size: number;
  /** By slot; null: the key is the beginning of the slot's text. */
  readonly #keys: (string | null)[];
  readonly #hashes: Int32Array;
  /** By slot: the key's length. */
  readonly #lengths: Int32Array;
  /** By hash: the first slot. By slot: the next one with the same hash; -1 ends the list. */
  readonly #heads = new Int16Array(256).fill(-1);
  readonly #chain: Int16Array;
  /** By slot: its neighbours in order of age. Slot `#size` is the head and the tail of the list. */
  readonly #older: Int16Array;
  readonly #newer: Int16Array;
  /** Stack of free slots. */
  readonly #free: Int16Array;
  #freeCount: number;
  #bytes: Uint8Array | null = null;
  /**
   * By slot: the array that holds its text until copyLent(), and the offset; null: the text is in the slot's
   * own bytes.
   */
  readonly #lent: (Uint8Array | null)[];
  readonly #starts: Int32Array;

  /** `size`: the most keys; below 30,000. */
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

  /** ROOM bytes for each slot, one after the other. */
  get #own(): Uint8Array {
    return (this.#bytes ??= new Uint8Array(this.#size * ROOM));
  }

  /** Uses ASCII text in `codes` as the slot's text, until copyLent(). The text begins with the key. */
  lend(slot: number, codes: Uint8Array, from: number): void {
    this.#lent[slot] = codes;
    this.#starts[slot] = from;
  }

  /**
   * Copies `length` characters of lent text into the slot's own bytes; does nothing if the text is not lent.
   */
  copyLent(slot: number, length: number): void {
    const lent = this.#lent[slot];
    if (lent === undefined || lent === null) return;
    const from = this.#starts[slot] ?? 0;
    this.#own.set(lent.subarray(from, from + Math.min(length, ROOM)), slot * ROOM);
    this.#lent[slot] = null;
  }

  /** A part of the slot's text. */
  textIn(slot: number, at: number, length: number): string {
    const lent = this.#lent[slot] ?? null;
    const from = (lent === null ? slot * ROOM : (this.#starts[slot] ?? 0)) + at;
    return asciiText(lent ?? this.#own, from, from + length);
  }

  /** Whether the slot's text at `at` equals the given text. */
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

  /** The slot of the key; -1 if there is none. */
  find(key: string): number {
    return this.findAt(codesOf(key), 0, key.length);
  }

  /** As find(), for a key in an array. */
  findAt(codes: Codes, from: number, to: number): number {
    const hash = hashAt(codes, from, to);
    let slot = this.#heads[hash & 255] ?? -1;
    while (slot >= 0 && !(this.#hashes[slot] === hash && this.#holds(slot, codes, from, to)))
      slot = this.#chain[slot] ?? -1;
    return slot;
  }

  /**
   * Reserves a slot for a new key, and drops the oldest key if all are in use. The caller fills its own
   * columns, then calls link().
   */
  reserve(key: string): number {
    const slot = this.#claim(hashAt(codesOf(key), 0, key.length));
    this.#keys[slot] = key;
    this.#lent[slot] = null;
    this.#lengths[slot] = key.length;
    return slot;
  }

  /** As reserve(), for a key of ASCII characters in an array; the text to be lent begins with it. */
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

  /** Makes the key of the reserved slot the newest. Safe to call twice. */
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

  /** Frees a slot that find() returned. */
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

/** The characters of a key; bytes if it is ASCII. */
type Codes = Uint8Array | Uint16Array;

function codesOf(key: string): Codes {
  const codes = new Uint16Array(key.length);
  for (let i = 0; i < key.length; i++) codes[i] = key.charCodeAt(i);
  return codes;
}

/** Hashes the last characters, where ids of processes and connections differ. */
function hashAt(codes: Codes, from: number, to: number): number {
  let hash = to - from;
  for (let at = Math.max(from, to - 8); at < to; at++) hash = (Math.imul(hash, 31) + (codes[at] ?? 0)) | 0;
  return hash ^ (hash >>> 8);
}
