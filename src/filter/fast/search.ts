/** One regex of the fast matcher: native at first, compiled to WebAssembly once it is used often. */

import { parseIp4, readIp4 } from '../../base/ip.ts';
import { asciiText } from '../ascii.ts';
import type { Tree } from '../regex/tree.ts';
import { type Compiled, compileTree, GAVE_UP, YES } from '../regex/wasm/compile.ts';
import type { IdPlace } from '../session/sessions.ts';

/** A memory with the bytes of a log, and room for results. */
export type SharedMemory = {
  readonly memory: WebAssembly.Memory;
  /** Replaced when the memory grows. */
  bytes: Buffer;
  words: Int32Array;
  /** Addresses for the bounds of groups, and for a text of MOST_TEXT bytes that has to be assembled. */
  readonly bounds: number;
  readonly boundsRoom: number;
  readonly text: number;
  /** Address of a counter to which compiled regexes add their work; 60,000 are about a millisecond. */
  readonly spent: number;
};

/**
 * An ASCII text that ends in a newline: `from` to `to` in `shared`, and as a string once needed. `shared`
 * null: only as a string.
 */
export type Subject = {
  shared: SharedMemory | null;
  from: number;
  to: number;
  text: string | null;
  /** There is no time limit: a search that may explode must not be tried. */
  isUnwatched: boolean;
};

/** Thrown, before anything has changed, by a search that needs a time limit. */
export const UNWATCHED = Symbol('unwatched');

/** The groups that the fast matcher reads, and their numbers. */
const GROUPS = ['ip4', 'mlfid', 'nofail', 'mlfgained', 'mlfforget', 'content', 'user', 'alt_user'];
export const IP4 = 0;
export const MLFID = 1;
export const NOFAIL = 2;
export const MLFGAINED = 3;
export const MLFFORGET = 4;
export const CONTENT = 5;
export const USER = 6;
export const ALT_USER = 7;

export type Main = (from: number, to: number) => number;

/** A regex and the result of its last search. */
export type Search = {
  readonly native: RegExp;
  /** Native numbers of GROUPS; 0 = absent. */
  readonly numbers: Int32Array;
  /** Native numbers of all named groups. */
  readonly fields: ReadonlyMap<string, number>;
  readonly tree: () => Tree;
  /** Results in different regions do not overwrite each other. */
  readonly region: number;
  uses: number;
  /** The memory for which compilation was tried, successfully or not. */
  shared: SharedMemory | null;
  main: Main | null;
  /** Compiled: numbers of the words that hold the bounds of GROUPS; 0 = absent. */
  readonly places: Int32Array;
  /** The same for all named groups, by native number. */
  named: readonly { readonly number: number; readonly place: number }[];
  /** The same for the whole match. */
  whole: number;
  /** The native match; null if compiled code matched, or nothing did. */
  match: RegExpExecArray | null;
};

/** Bytes for the bounds of a search's groups. */
const REGION = 256;

/** Makes a Search for a native regex. `fields`: native numbers of its groups. */
export function makeSearch(
  native: RegExp,
  fields: ReadonlyMap<string, number>,
  { tree, region }: Pick<Search, 'tree' | 'region'>,
): Search {
  const numbers = Int32Array.from(GROUPS, (name) => Math.max(0, fields.get(name) ?? 0));
  return {
    ...{ native, numbers, fields, tree, region, uses: 0, shared: null, main: null },
    ...{ places: new Int32Array(GROUPS.length), named: [], whole: 0, match: null },
  };
}

/** Searches the subject. Changes only `one`. May throw UNWATCHED. */
export function search(one: Search, subject: Subject): boolean {
  const { shared } = subject;
  one.match = null;
  if (shared !== null) {
    if (one.main !== null && one.shared === shared) {
      const answer = runMain(one.main, subject);
      if (answer !== GAVE_UP) return answer === YES;
    } else one.uses++;
  }
  if (subject.isUnwatched) throw UNWATCHED;
  one.match = execute(one.native, subjectText(subject));
  return one.match !== null;
}

/** A stack overflow counts as GAVE_UP. */
function runMain(main: Main, { from, to }: Subject): number {
  try {
    return main(from, to);
  } catch (error) {
    if (error instanceof RangeError) return GAVE_UP;
    throw error;
  }
}

/** Offset of the last match's end from the start of the subject. */
export function endOf({ match, whole }: Search, { shared, from }: Subject): number {
  if (match !== null) return match.index + match[0].length;
  return shared === null ? 0 : (shared.words[whole + 1] ?? 0) - from;
}

/** Length in characters. */
export function subjectLength({ text, from, to }: Subject): number {
  return text === null ? to - from : text.length;
}

/** Removes `by` characters from the start of the subject. */
export function narrow(subject: Subject, by: number): void {
  subject.from += by;
  subject.text = subject.text?.slice(by) ?? null;
}

/** A text on which the engine's stack overflows counts as no match. */
function execute(regexp: RegExp, text: string): RegExpExecArray | null {
  try {
    // With flag g, exec() starts at lastIndex.
    regexp.lastIndex = 0;
    return regexp.exec(text);
  } catch {
    return null;
  }
}

/** The subject as a string. */
function subjectText(subject: Subject): string {
  return (subject.text ??=
    subject.shared === null ? '' : asciiText(subject.shared.bytes, subject.from, subject.to));
}

/** Compiles the searches that were used often enough; takes a few milliseconds each. Returns their number. */
export function compileSearches(searches: readonly Search[], shared: SharedMemory, worth: number): number {
  let count = 0;
  for (const one of searches) {
    if (one.uses < worth || one.shared === shared) continue;
    compileSearch(one, shared);
    if (one.main !== null) count++;
  }
  return count;
}

function compileSearch(one: Search, shared: SharedMemory): void {
  // Try once, even if it fails.
  one.shared = shared;
  one.main = null;
  if ((one.region + 1) * REGION > shared.boundsRoom) return;
  const tree = one.tree();
  const region = { address: shared.bounds + one.region * REGION, room: REGION, spent: shared.spent };
  const compiled = compileTree(tree, region);
  if (compiled === null) return;
  for (const [group, name] of GROUPS.entries()) one.places[group] = placeIn(compiled, tree, name);
  one.named = [...one.fields].map(([name, number]) => ({ number, place: placeIn(compiled, tree, name) }));
  one.whole = region.address >> 2;
  one.main = mainOf(compiled, shared);
}

/** The number of the word for a group's bounds; 0 = no such group. */
function placeIn({ slots }: Compiled, { names }: Tree, name: string): number {
  return (slots.get(names.get(name) ?? -1) ?? 0) >> 2;
}

/** All named captures, by native number. */
export function groupsOf({ match, named, shared }: Search): readonly (string | undefined)[] {
  if (match !== null || shared === null) return match ?? [];
  const groups: (string | undefined)[] = [];
  for (const { number, place } of named) {
    const end = place === 0 ? -1 : (shared.words[place + 1] ?? -1);
    if (number > 0)
      groups[number] = end < 0 ? undefined : asciiText(shared.bytes, shared.words[place] ?? 0, end);
  }
  return groups;
}

/** Whether the group is set and not empty. */
export function isSet({ match, numbers, places, shared }: Search, group: number): boolean {
  if (match !== null) return captured({ match, numbers }, group) !== '';
  const place = places[group] ?? 0;
  if (place === 0 || shared === null) return false;
  const { words } = shared;
  return (words[place + 1] ?? -1) > (words[place] ?? 0);
}

/** A native capture; '' if unset. */
function captured({ match, numbers }: Pick<Search, 'match' | 'numbers'>, group: number): string {
  const number = numbers[group] ?? 0;
  return number === 0 ? '' : (match?.[number] ?? '');
}

/** Writes the bounds of a capture to `into`; false if unset. */
export function groupPlace(one: Search, group: number, into: IdPlace): boolean {
  const { match, numbers, places, shared } = one;
  if (match !== null) {
    const number = numbers[group] ?? 0;
    if (number === 0 || match[number] === undefined) return false;
    into.codes = Buffer.from(match[number], 'latin1');
    into.from = 0;
    into.to = into.codes.length;
    return true;
  }
  const place = places[group] ?? 0;
  if (place === 0 || shared === null) return false;
  into.codes = shared.bytes;
  into.from = shared.words[place] ?? 0;
  into.to = shared.words[place + 1] ?? -1;
  return into.to >= 0;
}

/** The captured IPv4 address; null if it is not one. */
export function ip4Of(one: Search): number | null {
  const { match, places, shared } = one;
  if (match !== null) return parseIp4(captured(one, IP4));
  const place = places[IP4] ?? 0;
  if (place === 0 || shared === null) return null;
  return readIp4(shared.bytes, shared.words[place] ?? 0, shared.words[place + 1] ?? -1);
}

function mainOf({ module }: Compiled, { memory }: SharedMemory): Main {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(module), { env: { memory } });
  return (exports as { readonly main: Main }).main;
}
