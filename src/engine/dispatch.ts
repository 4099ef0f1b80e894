import { type Filter, needsEveryLine } from '../filter.ts';
import { type Finder, makeFinder } from './finder.ts';

/** Says for the lines of a stretch of bytes which failregexes of which filters could match them at all. */
export type Dispatch = {
  /**
   * Calls `line` for every line that some filter has to see, in order. Inside the call `mayMatch` and `concerns` speak of
   * that line.
   */
  eachLine(bytes: Uint8Array, start: number, end: number, line: (start: number, end: number) => void): void;
  /** Whether the filter (by its place in the list) has to see the current line. */
  concerns(filter: number): boolean;
  mayMatch(filter: number, regex: number): boolean;
};

/** Literals shorter than this occur in every other line and are not worth looking for. */
const SHORTEST = 3;

/** Makes a Dispatch for filters that read the same lines. */
export function makeDispatch(filters: readonly Filter[]): Dispatch {
  const slots = slotsOf(filters);
  const { finder, targets, owner } = slots;
  const seen = new Int32Array(owner.length);
  const concerned = new Int32Array(filters.length);
  let line = 1;
  const hit = (literal: number): void => {
    for (const slot of targets[literal] ?? []) {
      seen[slot] = line;
      concerned[owner[slot] ?? 0] = line;
    }
  };
  return {
    eachLine(bytes, start, end, visit) {
      if (slots.isForEvery.includes(true)) {
        walkAll({ finder, bytes, start, end }, hit, (from, to) => {
          visit(from, to);
          line = next(line, seen, concerned);
        });
      } else {
        walkHits({ finder, bytes, start, end }, hit, (from, to) => {
          visit(from, to);
          line = next(line, seen, concerned);
        });
      }
    },
    concerns: (filter) => slots.isForEvery[filter] === true || concerned[filter] === line,
    mayMatch(filter, regex) {
      const slot = (slots.base[filter] ?? 0) + regex;
      return slots.isAlways[slot] === true || seen[slot] === line;
    },
  };
}

/** The number of the next line; the marks start over before numbers run out. */
function next(line: number, ...marks: readonly Int32Array[]): number {
  if (line < 2 ** 31 - 1) return line + 1;
  for (const mark of marks) mark.fill(0);
  return 1;
}

type Slots = {
  readonly finder: Finder;
  /** By literal: the slots (filter and regex) it speaks for. */
  readonly targets: readonly (readonly number[])[];
  /** By filter: its first slot. By slot: its filter, and whether it has no literal. */
  readonly base: readonly number[];
  readonly owner: readonly number[];
  readonly isAlways: readonly boolean[];
  /** By filter: whether it has to see every line. */
  readonly isForEvery: readonly boolean[];
};

function slotsOf(filters: readonly Filter[]): Slots {
  const numbers = new Map<string, number>();
  const targets: number[][] = [];
  const base: number[] = [];
  const owner: number[] = [];
  const isAlways: boolean[] = [];
  const isForEvery: boolean[] = [];
  for (const [number, filter] of filters.entries()) {
    base.push(owner.length);
    for (const { regex } of filter.failregex) {
      const slot = owner.push(number) - 1;
      const texts = regex.literals.map((set) => set.texts).find((set) => set.every(isUseful)) ?? [];
      isAlways.push(texts.length === 0);
      for (const text of texts) {
        const key = text.toLowerCase();
        const literal = numbers.get(key) ?? targets.push([]) - 1;
        numbers.set(key, literal);
        targets[literal]?.push(slot);
      }
    }
    const own = isAlways.slice(base[number]);
    isForEvery.push(needsEveryLine(filter) || own.includes(true));
  }
  return { finder: makeFinder([...numbers.keys()]), targets, base, owner, isAlways, isForEvery };
}

function isUseful(text: string): boolean {
  return text.length >= SHORTEST && /^[\x01-\x09\x0b-\x7f]+$/.test(text);
}

type Walk = {
  readonly finder: Finder;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
};

/** Visits the lines with a hit only; where a line begins and ends is looked for there alone. */
function walkHits(
  walk: Walk,
  hit: (literal: number) => void,
  visit: (from: number, to: number) => void,
): void {
  const { finder, bytes, start, end } = walk;
  let from = -1;
  let to = start;
  finder.scan(bytes, start, end, (literal, at) => {
    if (at >= to) {
      if (from >= 0) visit(from, to);
      from = Math.max(start, bytes.lastIndexOf(10, at) + 1);
      to = lineEnd(bytes, at, end);
    }
    hit(literal);
  });
  if (from >= 0) visit(from, to);
}

/** Visits every line. */
function walkAll(
  walk: Walk,
  hit: (literal: number) => void,
  visit: (from: number, to: number) => void,
): void {
  const { finder, bytes, start, end } = walk;
  for (let from = start; from < end; ) {
    const to = lineEnd(bytes, from, end);
    finder.scan(bytes, from, to, hit);
    visit(from, to);
    from = to + 1;
  }
}

function lineEnd(bytes: Uint8Array, at: number, end: number): number {
  const found = bytes.indexOf(10, at);
  return found < 0 || found > end ? end : found;
}
