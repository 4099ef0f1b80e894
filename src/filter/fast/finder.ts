import { MOST_TEXT, type SharedMemory } from './search.ts';
import { SCAN } from './wasm/scan.wasm.ts';

/** The layout of wasm/scan.ts. */
const HEADS = 128;
const LITERALS = 16512;
const TEXTS = 49280;
const TEXT_ROOM = 32768;
const RECORDS = TEXTS + TEXT_ROOM;
const HEAD = RECORDS + 65536;
/** Behind the 48 bytes of a date. */
export const SPENT = HEAD + 56;
/** Where compiled regexes put what they find, and texts that do not stand in one piece. */
const BOUNDS = HEAD + 64;
const BOUNDS_ROOM = 32768;
export const TEXT = BOUNDS + BOUNDS_ROOM;
/** For drive.ts: its tables, and what is told of lines. */
export const LANES = TEXT + MOST_TEXT + 64;
export const LANES_ROOM = 65536;
export const OUT = LANES + LANES_ROOM;
export const OUT_ROOM = 40960;
const DATA = OUT + OUT_ROOM;
const MOST_LITERALS = 2048;
const WINDOW = 3;
/** What may be read behind the end. */
const PADDING = 64;
const PAGE = 65536;

type Scan = {
  readonly outEnd: WebAssembly.Global;
  readonly atRecord: WebAssembly.Global;
  readonly atLane: WebAssembly.Global;
  drive(lanes: number, from: number, last: number, first: number, isPlain: boolean): number;
  readonly memory: WebAssembly.Memory;
  readonly resume: WebAssembly.Global;
  readonly place: WebAssembly.Global;
  readonly last: WebAssembly.Global;
  vary(digits: number, upToFive: number): void;
  scan(from: number, to: number, count: number): number;
  scanAll(from: number, to: number, count: number): number;
  countLines(from: number, to: number): number;
  sameHead(from: number, to: number, head: number, length: number): number;
  sameWalled(from: number, to: number, text: number, length: number, wall: number, begun: number): number;
};

/** One memory serves all finders: each brings its tables, some kilobytes, when another was there before it. */
export type WasmModule = SharedMemory & {
  readonly scan: Scan;
  /** Functions that drive() calls by number. */
  readonly functions: WebAssembly.Table;
  tables: Uint8Array | null;
  /** Whose tables are in LANES. */
  driver: object | null;
};

let module: WebAssembly.Module | null = null;
let common: WasmModule | null = null;
/** Its memory holds the bytes of lendBytes(). */
let lent: WasmModule | null = null;

function newModule(length: number): WasmModule {
  module ??= new WebAssembly.Module(Buffer.from(SCAN, 'base64'));
  const functions = new WebAssembly.Table({ initial: 1, element: 'anyfunc' });
  const { exports } = new WebAssembly.Instance(module, { env: { table: functions } });
  const scan = exports as unknown as Scan;
  const wasm: WasmModule = {
    ...{ scan, memory: scan.memory, bytes: Buffer.alloc(0), words: new Int32Array(0), tables: null },
    ...{ bounds: BOUNDS, boundsRoom: BOUNDS_ROOM, text: TEXT, spent: SPENT, functions, driver: null },
  };
  reserve(wasm, length);
  return wasm;
}

/** Makes room for so many bytes of data. */
function reserve(one: WasmModule, length: number): void {
  const { memory } = one.scan;
  const wanted = DATA + length + PADDING;
  if (wanted > memory.buffer.byteLength) memory.grow(Math.ceil((wanted - memory.buffer.byteLength) / PAGE));
  if (one.bytes.buffer === memory.buffer) return;
  one.bytes = Buffer.from(memory.buffer);
  one.words = new Int32Array(memory.buffer);
}

/** Bytes that can be searched where they stand. There is one such buffer: the one before, if any, must not be used any more. */
export function lendBytes(length: number): Buffer<ArrayBuffer> {
  lent = newModule(length);
  return Buffer.from(lent.scan.memory.buffer, DATA, length);
}

/** Where lines of these bytes will be searched, null where there was nothing yet. */
export function moduleFor(bytes: Uint8Array): WasmModule | null {
  return lent !== null && bytes.buffer === lent.bytes.buffer ? lent : common;
}

type LoadedStretch = { readonly one: WasmModule; readonly from: number; readonly to: number };

function load({ bytes, start, end }: Stretch): LoadedStretch {
  const one = moduleFor(bytes) ?? newModule(0);
  if (one === lent) return { one, from: bytes.byteOffset + start, to: bytes.byteOffset + end };
  common = one;
  reserve(one, end - start);
  one.bytes.set(bytes.subarray(start, end), DATA);
  return { one, from: DATA, to: DATA + end - start };
}

/**
 * Finds literals of three characters and more with WebAssembly's SIMD: 27 literals over 100 MB of auth.log in a third of
 * the time that the search in JavaScript takes. `costs` says how common each byte is, so that literals are looked for
 * by their rarest three. Null where there are too many literals.
 */
export function makeFinder(literals: readonly Literal[], costs: ArrayLike<number>): LineFinder | null {
  const tables = tablesOf(literals, costs);
  if (tables === null) return null;
  const eachRecords: RecordTeller = (stretch, isAll, told) => {
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
      if (last > RECORDS) told(RECORDS, last);
    }
  };
  const finder: LineFinder = {
    ...{ shared: null, shift: 0, eachRecords },
    eachLine(stretch, isAll, line) {
      eachRecords(stretch, isAll, (first, last) => {
        const { shift, shared } = finder;
        if (shared === null) return;
        const { words } = shared;
        for (let at = first >> 2; at < last >> 2; ) {
          const count = words[at + 2] ?? 0;
          for (let i = 0; i < count; i++) line.hit(words[at + 3 + i] ?? 0);
          line.visit((words[at] ?? 0) + shift, (words[at + 1] ?? 0) + shift);
          at += 3 + count;
        }
      });
    },
  };
  return finder;
}

function tablesOf(literals: readonly Literal[], costs: ArrayLike<number>): Uint8Array | null {
  const tables = new Uint8Array(RECORDS);
  const view = new DataView(tables.buffer);
  let text = TEXTS;
  if (literals.length > MOST_LITERALS) return null;
  for (const [number, literal] of literals.entries()) {
    const bytes = Buffer.from(literal.isFolded ? literal.text.toLowerCase() : literal.text, 'latin1');
    if (bytes.length < WINDOW || text + bytes.length > RECORDS) return null;
    tables.set(bytes, text);
    const offset = rarestWindow(bytes, costs);
    const hash = hashOf(bytes, offset);
    const at = LITERALS + number * 16;
    view.setUint32(at, text, true);
    view.setUint16(at + 4, bytes.length, true);
    view.setUint16(at + 6, offset, true);
    view.setUint16(at + 8, view.getUint16(HEADS + hash * 2, true), true);
    view.setUint16(at + 10, literal.isFolded ? 1 : 0, true);
    view.setUint16(HEADS + hash * 2, number + 1, true);
    for (let i = 0; i < WINDOW; i++) {
      for (const byte of casesOf(bytes[offset + i] ?? 0, literal.isFolded)) {
        const bucket = 1 << (number & 7);
        const low = i * 32 + (byte & 15);
        const high = i * 32 + 16 + (byte >> 4);
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

/** How many newlines the stretch of whole lines holds. */
export function countLines(stretch: Stretch): number {
  const { one, from, to } = load(stretch);
  return one.scan.countLines(from, to);
}

/** Lines in a row that have the date of the line before. */
export type SameDateRun = {
  readonly count: number;
  /** Where the last of them begins, and where in it the date does. */
  readonly last: number;
  readonly start: number;
  /** Where the first other line begins. */
  readonly next: number;
};

/** A date as it stands in lines, with the character behind it: 48 bytes at the most. */
export type SameDate = {
  readonly text: Uint8Array;
  /** Bits of the first 32 bytes: which may be any digit, and which up to 5. */
  readonly digits: number;
  readonly upToFive: number;
};

function runOf({ one: { scan }, from }: LoadedStretch, count: number, stretch: Stretch): SameDateRun {
  const shift = stretch.start - from;
  const [last, next] = [scan.last.value + shift, scan.resume.value + shift];
  return { count, last, start: scan.place.value, next };
}

/** How many lines in a row, from the stretch's beginning on, begin with the date. */
export function countSameHead(stretch: Stretch, { text, digits, upToFive }: SameDate): SameDateRun {
  const loaded = load(stretch);
  const { one, from, to } = loaded;
  one.bytes.set(text, HEAD);
  one.scan.vary(digits, upToFive);
  return runOf(loaded, one.scan.sameHead(from, to, HEAD, text.length), stretch);
}

/**
 * How many lines in a row, from the stretch's beginning on, have the date behind their first `wall`, and nothing before it that might
 * be one; in the line before them it began at `start`.
 */
export function countSameWalled(
  stretch: Stretch,
  { text, digits, upToFive, wall, start }: SameDate & { readonly wall: number; readonly start: number },
): SameDateRun {
  const loaded = load(stretch);
  const { one, from, to } = loaded;
  one.bytes.set(text, HEAD);
  one.scan.vary(digits, upToFive);
  return runOf(loaded, one.scan.sameWalled(from, to, HEAD, text.length, wall, start), stretch);
}

/** A text of ASCII characters that a line may hold; `isFolded`: in letters of any case. */
export type Literal = { readonly text: string; readonly isFolded: boolean };

/** Whole lines, `bytes[start..end)`, each ended by a newline. */
export type Stretch = { readonly bytes: Uint8Array; readonly start: number; readonly end: number };

/** What is told of each line: the numbers of the literals in it (once or more), then its bounds without the newline. */
export type FinderLine = { hit(literal: number): void; visit(start: number, end: number): void };

/**
 * Tells of many lines at a time by records in the ground's memory, from address `first` to `last`: start, end, how many literals, and
 * their numbers.
 */
export type RecordTeller = (
  stretch: Stretch,
  isAll: boolean,
  told: (first: number, last: number) => void,
) => void;

/** Finds in one pass which of many literals the lines hold. */
export type LineFinder = {
  /** Within eachLine(): where the stretch's bytes stand, so far before their place in the stretch; null: nowhere. */
  shared: SharedMemory | null;
  shift: number;
  /** Tells the lines that hold a literal, or with `isAll` every line, in order. */
  eachLine(stretch: Stretch, isAll: boolean, line: FinderLine): void;
  /** The same in records. */
  readonly eachRecords: RecordTeller;
};
