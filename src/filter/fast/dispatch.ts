import { asciiText } from '../ascii.ts';
import { needsEveryLine } from '../compile.ts';
import type { Failregex } from '../regex/failregex.ts';
import type { Filter } from '../types.ts';
import { type LineFinder, type Literal, makeFinder, nextRecord, type Stretch } from './finder.ts';
import type { SharedMemory } from './search.ts';
import * as layout from './wasm/layout.ts';

/** What each literal indicates. */
export type Literals = {
  /** By literal: the failregexes that contain it, as pairs of a word and bits, and their filters. */
  readonly targets: readonly (readonly number[])[];
  readonly owners: readonly (readonly number[])[];
  /** By word: the failregexes without a literal. */
  readonly always: Int32Array;
  /** By filter: its first word. The last item is the number of words. */
  readonly base: readonly number[];
  /** By filter: whether it needs every line. */
  readonly isForEvery: readonly boolean[];
};

/** `all`: also report lines that only prefregex or an ignoreregex can match. `each`: report every line. */
type DispatchOptions = { readonly all: boolean; readonly each?: boolean };

/** Shorter literals occur in too many lines to be worth a search. */
const SHORTEST = 3;
/** Bytes of a log that are sampled to find out which literals are rare. */
const SAMPLE = 16384;

/** Finds the lines that can match, and for each the failregexes that can match it. */
export class Dispatch {
  readonly #filters: readonly Filter[];
  readonly #options: DispatchOptions;
  #slots: Slots | null = null;
  /** As in Literals. */
  readonly #base: readonly number[];
  #always: Int32Array;
  #isForEvery: readonly boolean[];
  readonly #marks: Int32Array;
  /** By word: the line for which its marks are valid. */
  readonly #lines: Int32Array;
  readonly #concerned: Int32Array;
  #line = 1;

  constructor(filters: readonly Filter[], options: DispatchOptions) {
    this.#filters = filters;
    this.#options = options;
    this.#base = basesOf(filters);
    const words = this.#base.at(-1) ?? 0;
    this.#always = new Int32Array(words);
    this.#isForEvery = filters.map(() => false);
    this.#marks = new Int32Array(words);
    this.#lines = new Int32Array(words);
    this.#concerned = new Int32Array(filters.length);
  }

  /**
   * Calls `told` in order for every line that some filter needs. During the call the other methods refer to
   * that line.
   */
  eachLine(bytes: Uint8Array, start: number, end: number, told: (start: number, end: number) => void): void {
    if (this.#slots === null) {
      // Rarity depends on the log, and this is its first piece.
      const sample = { bytes, start, end: Math.min(end, start + SAMPLE) };
      this.#slots = slotsOf(this.#filters, this.#base, { ...this.#options, sample });
      this.#always = this.#slots.always;
      this.#isForEvery = this.#slots.isForEvery;
    }
    const { finder } = this.#slots;
    finder.eachRecords({ bytes, start, end }, this.#isForEvery.includes(true), (words, first, last) => {
      for (let record = first; record < last; ) {
        this.open(words, record);
        const from = (words[record >> 2] ?? 0) + finder.shift;
        const to = (words[(record + layout.RECORD_END) >> 2] ?? 0) + finder.shift;
        record = nextRecord(words, record);
        told(from, to);
      }
    });
  }

  /**
   * Like eachLine(), for many lines at a time, as records; see LineFinder. Only if `literals` is not null.
   */
  eachRecords(stretch: Stretch, told: (first: number, last: number) => void): void {
    const isAll = this.#isForEvery.includes(true);
    this.#slots?.finder.eachRecords(stretch, isAll, (_, first, last) => told(first, last));
  }

  /** Makes the line of a record the current one. */
  open(words: Int32Array, record: number): void {
    this.#line = next(this.#line, this.#lines, this.#concerned);
    const count = words[(record + layout.RECORD_COUNT) >> 2] ?? 0;
    const first = (record + layout.RECORD) >> 2;
    for (let i = first; i < first + count; i++) this.#mark(words[i] ?? 0);
  }

  /** Marks the filters and failregexes of a literal in the current line. */
  #mark(literal: number): void {
    const line = this.#line;
    const targets = this.#slots?.targets[literal] ?? NOTHING;
    for (let i = 0; i < targets.length; i += 2) {
      const word = targets[i] ?? 0;
      if (this.#lines[word] !== line) this.#marks[word] = 0;
      this.#lines[word] = line;
      this.#marks[word] = (this.#marks[word] ?? 0) | (targets[i + 1] ?? 0);
    }
    const owners = this.#slots?.owners[literal] ?? NOTHING;
    for (let i = 0; i < owners.length; i++) this.#concerned[owners[i] ?? 0] = line;
  }

  /** Whether the filter (by index) needs the current line. */
  concerns(filter: number): boolean {
    return this.#isForEvery[filter] === true || this.#concerned[filter] === this.#line;
  }

  mayMatch(filter: number, regex: number): boolean {
    return this.nextRegex(filter, regex) === regex;
  }

  /** The filter's first failregex from number `regex` on that may match; -1 if there is none. */
  nextRegex(filter: number, regex: number): number {
    const first = this.#base[filter] ?? 0;
    const end = this.#base[filter + 1] ?? 0;
    let wanted = -1 << (regex & 31);
    for (let word = first + (regex >>> 5); word < end; word++) {
      const marks = this.#lines[word] === this.#line ? (this.#marks[word] ?? 0) : 0;
      const may = (marks | (this.#always[word] ?? 0)) & wanted;
      if (may !== 0) return ((word - first) << 5) + 31 - Math.clz32(may & -may);
      wanted = -1;
    }
    return -1;
  }

  /**
   * Within eachLine(): the memory that holds the bytes, `shift` before their place; null: not in a shared
   * memory.
   */
  get shared(): SharedMemory | null {
    return this.#slots?.finder.shared ?? null;
  }

  get shift(): number {
    return this.#slots?.finder.shift ?? 0;
  }

  /** What each literal indicates; null before the first eachLine(). */
  get literals(): Literals | null {
    return this.#slots;
  }
}

/** The next line number. Marks are reset before the numbers overflow. */
function next(line: number, ...marks: readonly Int32Array[]): number {
  if (line < 2 ** 31 - 1) return line + 1;
  for (const mark of marks) mark.fill(0);
  return 1;
}

const NOTHING: readonly number[] = [];

/**
 * Each failregex is one bit of a word. By filter: the number of its first word; at the end: the number of
 * words.
 */
function basesOf(filters: readonly Filter[]): readonly number[] {
  let sum = 0;
  return [0, ...filters.map(({ failregex }) => (sum += Math.ceil(failregex.length / 32)))];
}

type Slots = Literals & { readonly finder: LineFinder };

function slotsOf(
  filters: readonly Filter[],
  base: readonly number[],
  options: DispatchOptions & { readonly sample: Stretch },
): Slots {
  const book = newBook(options.sample);
  const always = new Int32Array(base.at(-1) ?? 0);
  const isForEvery: boolean[] = [];
  for (const [number, filter] of filters.entries()) {
    const prefix = filter.prefregex?.regex ?? null;
    // In a window of several lines the literal may be in an earlier line.
    const hasWindow = needsEveryLine(filter);
    let isEvery = hasWindow || options.each === true;
    for (const { regex, index } of filter.failregex) {
      const word = (base[number] ?? 0) + (index >>> 5);
      const bits = 1 << (index & 31);
      const isFound = !hasWindow && addLiterals(book, regex, { word, bits, filter: number });
      if (!isFound) always[word] = (always[word] ?? 0) | bits;
      // Prefregex has to match as well, so its literals will do.
      if (!isFound && (prefix === null || !addLiterals(book, prefix, { word: 0, bits: 0, filter: number })))
        isEvery = true;
    }
    const others = options.all ? [filter.prefregex, ...filter.ignoreregex] : [];
    for (const other of others) {
      if (other !== null && !addLiterals(book, other.regex, { word: 0, bits: 0, filter: number }))
        isEvery = true;
    }
    isForEvery.push(isEvery);
  }
  const { literals, targets, filters: owners } = book;
  const costs = byteCosts(options.sample);
  const finder = makeFinder(literals, costs);
  if (finder !== null) return { finder, targets, owners, always, base, isForEvery };
  // There are more literals than the tables hold: every line is a candidate for every failregex.
  for (const [number, { failregex }] of filters.entries()) {
    for (const { index } of failregex) {
      const word = (base[number] ?? 0) + (index >>> 5);
      always[word] = (always[word] ?? 0) | (1 << (index & 31));
    }
  }
  const none = makeFinder([], costs);
  if (none === null) throw new Error('a finder of nothing cannot be made');
  return { finder: none, targets: [], owners: [], always, base, isForEvery: filters.map(() => true) };
}

type Book = {
  readonly numbers: Map<string, number>;
  readonly literals: Literal[];
  readonly targets: number[][];
  readonly filters: number[][];
  readonly sample: string;
  readonly counts: Map<string, number>;
};

function newBook({ bytes, start, end }: Stretch): Book {
  const sample = asciiText(bytes, start, end).toLowerCase();
  return { numbers: new Map(), literals: [], targets: [], filters: [], sample, counts: new Map() };
}

/** Adds the literals of a regex; false if it has none worth searching for. */
function addLiterals(
  book: Book,
  regex: Failregex,
  speaks: { readonly word: number; readonly bits: number; readonly filter: number },
): boolean {
  const useful = regex.literals.filter(({ texts }) => texts.length > 0 && texts.every(isUseful));
  let best = useful[0];
  for (const set of useful) {
    if (best === undefined || !set.texts.every(isWordy)) continue;
    if (occurrences(book, set.texts) < occurrences(book, best.texts)) best = set;
  }
  if (best === undefined) return false;
  for (const text of best.texts) {
    const key = best.isFolded ? `f${text.toLowerCase()}` : `x${text}`;
    const known = book.numbers.get(key);
    const literal = known ?? book.literals.push({ text, isFolded: best.isFolded }) - 1;
    if (known === undefined) {
      book.numbers.set(key, literal);
      book.targets.push([]);
      book.filters.push([]);
    }
    if (speaks.bits !== 0) book.targets[literal]?.push(speaks.word, speaks.bits);
    const owners = book.filters[literal];
    if (owners?.includes(speaks.filter) === false) owners.push(speaks.filter);
  }
  return true;
}

/** How often the texts occur in the sample. */
function occurrences({ sample, counts }: Book, texts: readonly string[]): number {
  let sum = 0;
  for (const text of texts) {
    let count = counts.get(text);
    if (count === undefined) {
      const low = text.toLowerCase();
      count = 0;
      for (let at = sample.indexOf(low); at >= 0; at = sample.indexOf(low, at + 1)) count++;
      counts.set(text, count);
    }
    sum += count;
  }
  return sum;
}

function byteCosts({ bytes, start, end }: Stretch): ArrayLike<number> {
  const costs = new Float64Array(256);
  for (let at = start; at < end; at++) {
    const byte = bytes[at] ?? 0;
    costs[byte] = (costs[byte] ?? 0) + 1;
  }
  return costs;
}

function isUseful(text: string): boolean {
  return text.length >= SHORTEST && /^[\x01-\x09\x0b-\x7f]+$/.test(text);
}

/** Punctuation alone may be adjacent only because the date between was cut out. */
function isWordy(text: string): boolean {
  return /[A-Za-z]{3}/.test(text);
}
