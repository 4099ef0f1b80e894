import type { SharedMemory } from './search.ts';
import * as layout from './wasm/layout.ts';
import { SCAN } from './wasm/scan.wasm.ts';

const WINDOW = 3;
/** Bytes after the end that may be read. */
const PADDING = 64;
const PAGE = 65536;

type Scan = {
  readonly outEnd: WebAssembly.Global;
  readonly atRecord: WebAssembly.Global;
  readonly atLane: WebAssembly.Global;
  drive(from: number, last: number, first: number, isPlain: boolean): number;
  readonly memory: WebAssembly.Memory;
  readonly resume: WebAssembly.Global;
  readonly place: WebAssembly.Global;
  readonly last: WebAssembly.Global;
  vary(digits: number, upToFive: number): void;
  scan(from: number, to: number, count: number): number;
  scanAll(from: number, to: number, count: number): number;
  countLines(from: number, to: number): number;
  sameDates(from: number, to: number, length: number, closing: number, wall: number, begun: number): number;
};

/**
 * All finders share one memory. Each copies its tables there, a few kilobytes, if another was used in
 * between.
 */
export type WasmModule = SharedMemory & {
  readonly scan: Scan;
  /** Functions that drive() calls by number. */
  readonly functions: WebAssembly.Table;
  tables: Uint8Array | null;
  /** The owner of the tables at TABLES. */
  driver: object | null;
};

let module: WebAssembly.Module | null = null;
let common: WasmModule | null = null;
/** The module whose memory holds the bytes of lendBytes(). */
let lent: WasmModule | null = null;

function newModule(length: number): WasmModule {
  module ??= new WebAssembly.Module(Buffer.from(SCAN, 'base64'));
  const functions = new WebAssembly.Table({ initial: 1, element: 'anyfunc' });
  const { exports } = new WebAssembly.Instance(module, { env: { table: functions } });
  const scan = exports as unknown as Scan;
  const wasm: WasmModule = {
    ...{ scan, memory: scan.memory, bytes: Buffer.alloc(0), words: new Int32Array(0), tables: null },
    ...{
      bounds: layout.BOUNDS,
      boundsRoom: layout.BOUNDS_ROOM,
      text: layout.TEXT,
      spent: layout.SPENT,
      functions,
      driver: null,
    },
  };
  reserve(wasm, length);
  return wasm;
}

/** Makes room for `length` bytes of data. */
function reserve(one: WasmModule, length: number): void {
  const { memory } = one.scan;
  const wanted = layout.DATA + length + PADDING;
  if (wanted > memory.buffer.byteLength) memory.grow(Math.ceil((wanted - memory.buffer.byteLength) / PAGE));
  if (one.bytes.buffer === memory.buffer) return;
  one.bytes = Buffer.from(memory.buffer);
  one.words = new Int32Array(memory.buffer);
}

/**
 * Returns bytes that can be searched without a copy. There is one such buffer: the previous one becomes
 * invalid.
 */
export function lendBytes(length: number): Buffer<ArrayBuffer> {
  lent = newModule(length);
  return Buffer.from(lent.scan.memory.buffer, layout.DATA, length);
}

/** The module whose memory holds these bytes; null if there is none. */
export function moduleFor(bytes: Uint8Array): WasmModule | null {
  return lent !== null && bytes.buffer === lent.bytes.buffer ? lent : common;
}

type LoadedStretch = { readonly one: WasmModule; readonly from: number; readonly to: number };

function load({ bytes, start, end }: Stretch): LoadedStretch {
  const one = moduleFor(bytes) ?? newModule(0);
  if (one === lent) return { one, from: bytes.byteOffset + start, to: bytes.byteOffset + end };
  common = one;
  reserve(one, end - start);
  one.bytes.set(bytes.subarray(start, end), layout.DATA);
  return { one, from: layout.DATA, to: layout.DATA + end - start };
}

/**
 * Finds literals of three or more characters with WebAssembly's SIMD: 27 literals in 100 MB of auth.log take
 * a third of the time of a search in JavaScript. `costs`: how common each byte is; a literal is searched for
 * by its rarest three bytes. Null if there are too many literals.
 */
export function makeFinder(literals: readonly Literal[], costs: ArrayLike<number>): LineFinder | null {
  const tables = tablesOf(literals, costs);
  if (tables === null) return null;
  const finder: LineFinder = {
    ...{ shared: null, shift: 0 },
    eachRecords(stretch, isAll, told) {
      const { one, from: first, to: end } = load(stretch);
      if (one.tables !== tables) {
        one.bytes.set(tables, 0);
        one.tables = tables;
      }
      const { scan } = one;
      finder.shared = one;
      finder.shift = stretch.start - first;
      for (let from = first; from < end; ) {
        const search = isAll ? scan.scanAll : scan.scan;
        const last = search(from, end, literals.length);
        from = scan.resume.value;
        if (last > layout.RECORDS) told(one.words, layout.RECORDS, last);
      }
    },
  };
  return finder;
}

/** The address of the next record. */
export function nextRecord(words: Int32Array, record: number): number {
  return record + layout.RECORD + ((words[(record + layout.RECORD_COUNT) >> 2] ?? 0) << 2);
}

function tablesOf(literals: readonly Literal[], costs: ArrayLike<number>): Uint8Array | null {
  const tables = new Uint8Array(layout.RECORDS);
  const view = new DataView(tables.buffer);
  let text = layout.TEXTS;
  if (literals.length > layout.MOST_LITERALS) return null;
  for (const [number, literal] of literals.entries()) {
    const bytes = Buffer.from(literal.isFolded ? literal.text.toLowerCase() : literal.text, 'latin1');
    if (bytes.length < WINDOW || text + bytes.length > layout.RECORDS) return null;
    tables.set(bytes, text);
    const offset = rarestWindow(bytes, costs);
    const hash = hashOf(bytes, offset);
    const at = layout.LITERALS + number * layout.LITERAL;
    view.setUint32(at, text, true);
    view.setUint16(at + layout.LITERAL_LENGTH, bytes.length, true);
    view.setUint16(at + layout.LITERAL_WINDOW, offset, true);
    view.setUint16(at + layout.LITERAL_NEXT, view.getUint16(layout.HASHES + hash * 2, true), true);
    view.setUint16(at + layout.LITERAL_FOLDED, literal.isFolded ? 1 : 0, true);
    view.setUint16(layout.HASHES + hash * 2, number + 1, true);
    for (let i = 0; i < WINDOW; i++) {
      for (const byte of casesOf(bytes[offset + i] ?? 0, literal.isFolded)) {
        const bucket = 1 << (number & 7);
        const low = layout.NIBBLES + i * 32 + (byte & 15);
        const high = layout.NIBBLES + i * 32 + 16 + (byte >> 4);
        tables[low] = (tables[low] ?? 0) | bucket;
        tables[high] = (tables[high] ?? 0) | bucket;
      }
    }
    text += bytes.length;
  }
  return tables;
}

function casesOf(byte: number, isFolded: boolean): readonly number[] {
  return isFolded && byte >= 97 && byte <= 122 ? [byte, byte - 32] : [byte];
}

function hashOf(bytes: Uint8Array, at: number): number {
  const window = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | 0x202020;
  return Math.imul(window, 0x9e3779b1) >>> 20;
}

function rarestWindow(bytes: Uint8Array, costs: ArrayLike<number>): number {
  const cost = (at: number): number => costs[bytes[at] ?? 0] ?? 0;
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let at = 0; at + WINDOW <= bytes.length; at++) {
    const product = (1 + cost(at)) * (1 + cost(at + 1)) * (1 + cost(at + 2));
    if (product < least) {
      least = product;
      best = at;
    }
  }
  return best;
}

/** The number of newlines in a stretch of whole lines. */
export function countLines(stretch: Stretch): number {
  const { one, from, to } = load(stretch);
  return one.scan.countLines(from, to);
}

/** Consecutive lines with the date of the line before. */
export type SameDateRun = {
  readonly count: number;
  /** Offset of the last such line, and of the date in it. */
  readonly last: number;
  readonly start: number;
  /** Offset of the first other line. */
  readonly next: number;
};

/** The text of a date and what follows it: 48 bytes at most. */
type SameDate = {
  readonly text: Uint8Array;
  /** Number of bytes after the date. */
  readonly closing: number;
  /** Bit masks of the first 32 bytes: those that can be any digit, and those up to 5. */
  readonly digits: number;
  readonly upToFive: number;
  /** The date follows the first such character of a line; null: it is at the beginning. */
  readonly wall: number | null;
  /** Offset of the date in the line before. */
  readonly start: number;
};

/**
 * Counts consecutive lines from the start of the stretch that have the date, and before a wall nothing that
 * could be a date.
 */
export function countSameDates(stretch: Stretch, date: SameDate): SameDateRun {
  const { one, from, to } = load(stretch);
  const { scan } = one;
  one.bytes.set(date.text, layout.DATE);
  scan.vary(date.digits, date.upToFive);
  const count = scan.sameDates(from, to, date.text.length, date.closing, date.wall ?? 0, date.start);
  const shift = stretch.start - from;
  return { count, last: scan.last.value + shift, start: scan.place.value, next: scan.resume.value + shift };
}

/** An ASCII text that a line may contain; `isFolded`: in upper or lower case. */
export type Literal = { readonly text: string; readonly isFolded: boolean };

/** Whole lines, `bytes[start..end)`, each with a newline. */
export type Stretch = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

/** Finds in one pass which of many literals each line contains. */
export type LineFinder = {
  /**
   * Within eachRecords(): the memory with the bytes, `shift` before their place in the stretch; null: none.
   */
  shared: SharedMemory | null;
  shift: number;
  /**
   * Reports lines that contain a literal, or all lines with `isAll`, in order, many at a time. Their records
   * are in the memory `words` from address `first` to `last`; see wasm/layout.ts.
   */
  eachRecords(stretch: Stretch, isAll: boolean, told: RecordTeller): void;
};

type RecordTeller = (words: Int32Array, first: number, last: number) => void;
