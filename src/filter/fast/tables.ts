/** Writes the tables for wasm/drive.ts; see wasm/layout.ts for their format. */
import type { Literals } from './dispatch.ts';
import type { Plan, PlannedRegex } from './plan.ts';
import {
  ALT_USER,
  CONTENT,
  IP4,
  type Main,
  MLFFORGET,
  MLFGAINED,
  MLFID,
  NOFAIL,
  type Search,
  type SharedMemory,
  USER,
} from './search.ts';
import * as layout from './wasm/layout.ts';

/** Which lines to report in addition to failures. */
export type DriveOptions = { readonly tellsAll: boolean; readonly checksAll: boolean };

/** The bytes for TABLES, and the functions by number. */
export type Tables = {
  readonly bytes: Uint8Array;
  readonly functions: readonly Main[];
  /** By lane: whether its prefregex, if any, is compiled. Lines of other lanes are left. */
  readonly isOn: readonly boolean[];
};

/** Most bytes of a date. */
const DATE_ROOM = 64;

/** Offset of a lane. */
export function laneAt(number: number): number {
  return layout.TABLES + layout.HEADER + number * layout.LANE;
}

/**
 * Builds the tables from the regexes that are compiled for the memory; null if they are too large, or no lane
 * can run.
 */
export function makeTables(
  plans: readonly (Plan | null)[],
  literals: Literals,
  shared: SharedMemory,
  { tellsAll, checksAll }: DriveOptions,
): Tables | null {
  const { targets, owners, always, base, isForEvery } = literals;
  const writer = new TableWriter(laneAt(plans.length), shared);
  const isOn = plans.map((plan) => plan !== null && writer.prefixOf(plan) !== null);
  if (!isOn.includes(true)) return null;
  const words = writer.reserve(always.length * layout.WORD);
  for (const [word, bits] of always.entries())
    writer.put(words + word * layout.WORD + layout.WORD_ALWAYS, bits);
  for (const [number, plan] of plans.entries()) {
    const at = laneAt(number);
    const first = base[number] ?? 0;
    writer.put(at + layout.LANE_WORDS, words + first * layout.WORD, (base[number + 1] ?? 0) - first);
    writer.put(at + layout.LANE_DATE, writer.reserve(DATE_ROOM));
    let flags = isForEvery[number] === true ? layout.IS_ALWAYS : 0;
    if (tellsAll) flags |= layout.TELLS_ALL;
    if (checksAll) flags |= layout.CHECKS_ALL;
    if (plan !== null && isOn[number] === true) flags |= writer.plan(at, plan);
    writer.put(at + layout.LANE_FLAGS, flags);
  }
  const lists = targets.map((list, literal) => writer.list(list, owners[literal] ?? [], words));
  const starts = writer.reserve(lists.length * 4);
  writer.put(starts, ...lists);
  writer.put(layout.TABLES, plans.length);
  writer.put(layout.TABLES + layout.HEADER_TARGETS, starts);
  return writer.done(isOn);
}

/** `bounds` are those of the match if `isHead`, else of the content. */
type Prefix = { readonly main: Main | null; readonly isHead: boolean; readonly bounds: number };

class TableWriter {
  readonly #shared: SharedMemory;
  readonly #words = new Int32Array(layout.TABLES_ROOM >> 2);
  #end: number;
  readonly #functions: Main[] = [];
  readonly #numbers = new Map<Main, number>();

  constructor(begin: number, shared: SharedMemory) {
    this.#end = begin;
    this.#shared = shared;
  }

  /** Reserves `count` bytes; returns their address. */
  reserve(count: number): number {
    const at = this.#end;
    this.#end += (count + 15) & ~15;
    return at;
  }

  put(at: number, ...values: readonly number[]): void {
    for (const [i, value] of values.entries()) this.#words[((at - layout.TABLES) >> 2) + i] = value;
  }

  /** Null if prefregex is not compiled, or its content does not reach the end of the line. */
  prefixOf({ searched, head, isContentTail }: Plan): Prefix | null {
    if (searched === null) return { main: null, isHead: false, bounds: 0 };
    const main = this.#mainOf(searched);
    if (main === null) return null;
    if (head !== null) return { main, isHead: true, bounds: searched.whole << 2 };
    const bounds = addressOf(searched, CONTENT);
    return isContentTail && bounds !== 0 ? { main, isHead: false, bounds } : null;
  }

  /** Writes the regexes of a filter; returns the lane's flags. */
  plan(at: number, plan: Plan): number {
    const prefix = this.prefixOf(plan);
    const regexes = this.reserve(plan.regexes.length * layout.REGEX);
    for (const [index, one] of plan.regexes.entries()) this.#regex(regexes + index * layout.REGEX, one, plan);
    const ignores = this.reserve(plan.ignores.length * 4);
    this.put(ignores, ...plan.ignores.map((one) => this.#number(this.#mainOf(one))));
    this.put(at + layout.LANE_REGEXES, regexes);
    this.put(at + layout.LANE_IGNORES, ignores, plan.ignores.length);
    this.put(at + layout.LANE_PREFIX, this.#number(prefix?.main ?? null), prefix?.bounds ?? 0);
    return (prefix?.isHead === true ? layout.IS_HEAD : 0) | (plan.ignoresFirst ? layout.IGNORES_FIRST : 0);
  }

  /** Groups that it lacks may be in prefregex. */
  #regex(at: number, { search, hasId, hasSession, isOdd }: PlannedRegex, plan: Plan): void {
    const own = (group: number): number => addressOf(search, group);
    const inherited = (group: number): number =>
      plan.searched === null ? 0 : addressOf(plan.searched, group);
    const ip = hasId ? own(IP4) : inherited(IP4);
    const session = hasSession ? own(MLFID) : plan.hasPrefixSession ? inherited(MLFID) : 0;
    const marks = [NOFAIL, MLFGAINED, MLFFORGET, USER, ALT_USER].map(own);
    this.put(at, this.#number(this.#mainOf(search)), ip, session, ...marks, isOdd ? 1 : 0);
  }

  #mainOf({ shared, main }: Search): Main | null {
    return shared === this.#shared ? main : null;
  }

  #number(main: Main | null): number {
    if (main === null) return 0;
    const known = this.#numbers.get(main) ?? this.#functions.push(main);
    this.#numbers.set(main, known);
    return known;
  }

  /** Writes what a literal indicates: pairs of a word and bits, and its lanes. */
  list(targets: readonly number[], owners: readonly number[], words: number): number {
    const pairs = targets.map((value, i) => (i % 2 === 0 ? words + value * layout.WORD : value));
    const values = [targets.length >> 1, ...pairs, owners.length, ...owners.map(laneAt)];
    const at = this.reserve(values.length * 4);
    this.put(at, ...values);
    return at;
  }

  done(isOn: readonly boolean[]): Tables | null {
    const length = this.#end - layout.TABLES;
    if (length > layout.TABLES_ROOM) return null;
    return { bytes: new Uint8Array(this.#words.buffer.slice(0, length)), functions: this.#functions, isOn };
  }
}

function addressOf({ places }: Search, group: number): number {
  return (places[group] ?? 0) << 2;
}
