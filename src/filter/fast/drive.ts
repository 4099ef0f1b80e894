/**
 * Many lines in one call: date, prefregex, the failregexes whose literals are there, the address, all in WebAssembly, so that of a line
 * that goes the short way nothing but its result reaches JavaScript. That made 1.0 million lines a second with the stock sshd
 * filter 1.6 million. It takes compiled regexes and the date of the line before; lines of which it is not sure it leaves.
 */

import { type Common, commonOf, type Dates, isStillCommon, type Repeat } from '../date/datepattern.ts';
import type { Literals } from './dispatch.ts';
import { LANES, LANES_ROOM, OUT, OUT_ROOM, SPENT, TEXT, type WasmModule } from './finder.ts';
import type { FastFilter, LineContext } from './judge.ts';
import { type Program, type ProgramStep, programOf } from './program.ts';
import { MOST_TEXT } from './search.ts';

// The layout of wasm/drive.ts.
const HEADER = 32;
const LANE = 144;
const LOW = 8;
const HIGH = 16;
const FLAGS = 24;
const WORDS = 32;
const WORD_COUNT = 36;
const REGEXES = 40;
const IGNORES = 44;
const IGNORE_COUNT = 48;
const PREFIX = 52;
const PREFIX_SLOT = 56;
const MOST = 60;
const DATE = 64;
const DATE_LENGTH = 68;
const DIGITS = 72;
const TENS = 76;
const WALL = 80;
const BEFORE = 84;
const SECONDS = 88;
const DATED = 92;
const LAST_START = 96;
const LAST_END = 100;
const PLACE = 104;
const PREFIXED = 108;

const IS_ON = 1;
const IS_ALWAYS = 2;
const IS_HEAD = 4;
const IGNORES_FIRST = 8;
const CHECKS_ALL = 16;
const TELLS_ALL = 32;
const HOLDS = 64;

const DATE_ROOM = 64;
const WORD = 12;
const REGEX = 36;

/** Integers that an entry takes, and where in it what stands. */
export const ENTRY = 11;
export const OF_LANE = 0;
export const KIND = 1;
export const START = 2;
export const END = 3;
export const REGEX_NUMBER = 4;
export const ADDRESS = 5;
export const SECOND = 6;
export const ID_START = 7;
export const ID_END = 8;
export const USER_START = 9;
export const USER_END = 10;

/** An entry's kind: one of these, and bits. */
export const VERDICTS = ['ignored', 'helper', 'matched'] as const;
export const VERDICT_BITS = 15;
export const IN_SESSION = 16;
export const IS_PREFIXED = 32;
export const IS_FORGOTTEN = 64;
export const IS_OPEN = 128;
export const HAS_IP = 256;
export const IS_GAINED = 512;

/** Why the drive came back; LEFT and HELD: at a line of a lane, which is left, or whose entry is the last. */
export const DONE = 0;
export const PAUSED = 1;
export const LEFT = 3;
export const HELD = 4;
/** The stack overflowed, or the like. */
const BROKEN = LEFT;

/** A filter's place in the drive. */
type Lane = {
  readonly fast: FastFilter;
  readonly look: LineContext;
  program: Program | null;
  /** What is written of its date. */
  common: Common | null;
};

/** What the drive is to know of its lanes beside their filters. */
export type DriveOptions = { readonly tellsAll: boolean; readonly checksAll: boolean };

type SessionStart = {
  readonly wasm: WasmModule;
  readonly literals: Literals;
  readonly now: number;
  most(lane: number): number;
};

/** The lanes of an engine; `null`: a lane whose lines are all left. */
export class BatchMatcher {
  readonly #lanes: readonly (Lane | null)[];
  readonly #options: DriveOptions;
  #wasm: WasmModule | null = null;
  #image: Image | null = null;
  #isStale = true;
  #now = 0;
  /** Lines of a lane are left from this length on. */
  readonly #most: Int32Array;

  constructor(lanes: readonly (Pick<Lane, 'fast' | 'look'> | null)[], options: DriveOptions) {
    this.#lanes = lanes.map((lane) => lane && { ...lane, program: null, common: null });
    this.#most = new Int32Array(lanes.length);
    this.#options = options;
  }

  /** Has the tables made anew: more regexes are compiled. */
  renew(): void {
    this.#isStale = true;
  }

  /** Prepares for a batch; false when no lane could be driven. `most`: lines of a lane are left from this length on. */
  begin({ wasm, literals, now, most }: SessionStart): boolean {
    if (this.#isStale || this.#wasm !== wasm) this.#make(wasm, literals);
    const image = this.#image;
    if (image === null) return false;
    if (wasm.driver !== image) bring(wasm, image);
    wasm.driver = image;
    this.#now = now;
    let isAny = false;
    for (const [number, lane] of this.#lanes.entries()) {
      if (lane === null) continue;
      lane.common = null;
      // What an interrupted batch left there.
      this.takeDated(number, { count: 0, start: 0, end: 0 });
      this.takePrefixed(number);
      this.#most[number] = Math.min(MOST_TEXT, most(number));
      this.refresh(number);
      // Where its date is not known yet, it will be behind the first line.
      isAny ||= lane.program !== null;
    }
    return isAny;
  }

  #make(wasm: WasmModule, literals: Literals): void {
    this.#isStale = false;
    this.#wasm = wasm;
    for (const lane of this.#lanes) {
      if (lane !== null) lane.program = programOf(lane.fast, wasm);
    }
    const programs = this.#lanes.map((lane) => lane?.program ?? null);
    this.#image = makeImage(programs, literals, this.#options);
  }

  /** The lane's date may be another. */
  refresh(number: number): void {
    const lane = this.#lanes[number];
    const wasm = this.#wasm;
    if (lane === undefined || lane === null || wasm === null || lane.program === null) return;
    const { dates } = lane.fast.state;
    if (lane.common === null || !isStillCommon(dates, lane.common)) {
      lane.common = commonOf(dates, this.#now);
      this.#write(number, lane, wasm);
    } else if (lane.common.wall !== null) wasm.words[(laneAt(number) + PLACE) >> 2] = placeIn(dates);
  }

  #write(number: number, lane: Lane, wasm: WasmModule): void {
    const { common: known, look } = lane;
    const { words, bytes } = wasm;
    const at = laneAt(number);
    const flags = (words[(at + FLAGS) >> 2] ?? 0) & ~(IS_ON | HOLDS);
    words[(at + FLAGS) >> 2] = flags | (known === null ? 0 : IS_ON | (isHeld(lane) ? HOLDS : 0));
    if (known === null) return;
    const doubles = new Float64Array(wasm.memory.buffer, at, 3);
    doubles[0] = known.minute;
    doubles[LOW >> 3] = lowestOf(look, this.#now);
    doubles[HIGH >> 3] = this.#now;
    const date = words[(at + DATE) >> 2] ?? 0;
    bytes.write(known.text, date, 'latin1');
    words[(at + DATE_LENGTH) >> 2] = known.text.length;
    words[(at + DIGITS) >> 2] = known.digits;
    words[(at + TENS) >> 2] = known.upToFive;
    words[(at + WALL) >> 2] = known.wall ?? 0;
    words[(at + BEFORE) >> 2] = known.wall === null ? known.start : 0;
    words[(at + PLACE) >> 2] = known.start;
    words[(at + SECONDS) >> 2] = known.seconds;
    words[(at + MOST) >> 2] = this.#most[number] ?? 0;
  }

  /** Goes on with the records of `from..last`, with the lane `first` of the first of them. Answers why it came back. */
  go(from: number, last: number, first: number, isPlain: boolean): number {
    const wasm = this.#wasm;
    if (wasm === null) return DONE;
    try {
      return wasm.scan.drive(LANES, from, last, first, isPlain);
    } catch (error) {
      if (error instanceof RangeError) return BROKEN;
      throw error;
    }
  }

  /** Where it came back. */
  get record(): number {
    return this.#wasm?.scan.atRecord.value ?? 0;
  }

  get lane(): number {
    return this.#wasm?.scan.atLane.value ?? 0;
  }

  /** Where the entries end, in integers; they begin at OUT. */
  get end(): number {
    return (this.#wasm?.scan.outEnd.value ?? 0) >> 2;
  }

  get words(): Int32Array {
    return this.#wasm?.words ?? NOTHING;
  }

  /** The time (epoch seconds) of a line whose date has these seconds. */
  timeOf(lane: number, second: number): number {
    return (this.#lanes[lane]?.common?.minute ?? 0) + second;
  }

  /** Where in the line that begins there the lane's date stands; in the middle only of the line that it was at last. */
  dateIn(number: number, start: number, into: Pick<Repeat, 'start' | 'end'>): void {
    const common = this.#lanes[number]?.common ?? null;
    if (common === null) return;
    const { wall, text } = common;
    const place = wall === null ? 0 : (this.words[(laneAt(number) + PLACE) >> 2] ?? 0);
    into.start = start + (wall === null ? common.start : place);
    into.end = start + place + text.length - 1;
  }

  /** Of the lines that a lane was driven through since it was asked last: how many, and where the last begins and ends. */
  takeDated(lane: number, into: Dated): boolean {
    const { words } = this;
    const at = laneAt(lane) >> 2;
    const count = words[at + (DATED >> 2)] ?? 0;
    if (count === 0) return false;
    words[at + (DATED >> 2)] = 0;
    into.count = count;
    into.start = words[at + (LAST_START >> 2)] ?? 0;
    into.end = words[at + (LAST_END >> 2)] ?? 0;
    return true;
  }

  /** How many lines a lane missed behind prefregex since it was asked last; nothing else is told of them. */
  takePrefixed(lane: number): number {
    const { words } = this;
    const at = (laneAt(lane) + PREFIXED) >> 2;
    const count = words[at] ?? 0;
    words[at] = 0;
    return count;
  }
}

/** Whether what was captured has to be judged before the next line: somebody wants the fields, or it stands where the next will. */
function isHeld({ look, common, program }: Lane): boolean {
  if (look.keepsFields || common === null) return true;
  return (common.wall !== null || common.start > 0) && program?.hasSessions === true;
}

/** Filled and read each time, never kept; addresses. */
export type Dated = { count: number; start: number; end: number };

const NOTHING = new Int32Array(0);

function laneAt(number: number): number {
  return LANES + HEADER + number * LANE;
}

function placeIn({ walled }: Dates): number {
  return walled?.start ?? 0;
}

/** Dates before this one are left: they are old, or their clock is wrong. */
function lowestOf({ mode, findtime }: LineContext, now: number): number {
  if (mode === 'test') return Number.NEGATIVE_INFINITY;
  return mode === 'live' ? Math.floor(now - TOO_LATE) + 1 : now - findtime;
}

/** See TOLERANCE of filter/fast/judge.ts: a minute and a part of a second. */
const TOO_LATE = 61;

/** The tables as they are brought to LANES, and the functions by number. */
type Image = { readonly bytes: Uint8Array; readonly functions: readonly Main[] };
type Main = NonNullable<ProgramStep['main']>;

function bring({ bytes, functions: table }: WasmModule, { bytes: image, functions }: Image): void {
  bytes.set(image, LANES);
  if (table.length <= functions.length) table.grow(functions.length + 1 - table.length);
  for (const [number, main] of functions.entries()) table.set(number + 1, main);
}

/** Null where they are too large, or no lane has a program. */
function makeImage(
  programs: readonly (Program | null)[],
  { targets, owners, always, base, isForEvery }: Literals,
  { tellsAll, checksAll }: DriveOptions,
): Image | null {
  if (programs.every((program) => program === null)) return null;
  const image = new ImageWriter(programs.length);
  const words = image.reserve(always.length * WORD);
  for (const [word, bits] of always.entries()) image.put(words + word * WORD + 8, bits);
  for (const [number, program] of programs.entries()) {
    const at = laneAt(number) - LANES;
    const first = base[number] ?? 0;
    image.put(at + WORDS, image.address(words + first * WORD));
    image.put(at + WORD_COUNT, (base[number + 1] ?? 0) - first);
    image.put(at + DATE, image.address(image.reserve(DATE_ROOM)));
    let flags = isForEvery[number] === true ? IS_ALWAYS : 0;
    if (tellsAll) flags |= TELLS_ALL;
    if (checksAll) flags |= CHECKS_ALL;
    if (program !== null) flags |= image.program(at, program);
    image.put(at + FLAGS, flags);
  }
  const lists = targets.map((list, literal) => image.list(list, owners[literal] ?? [], words));
  const starts = image.reserve(lists.length * 4);
  for (const [literal, list] of lists.entries()) image.put(starts + literal * 4, image.address(list));
  image.header(programs.length, starts);
  return image.done();
}

class ImageWriter {
  readonly #bytes = new Int32Array(LANES_ROOM >> 2);
  #end: number;
  readonly #functions: Main[] = [];
  readonly #numbers = new Map<Main, number>();

  constructor(lanes: number) {
    this.#end = HEADER + lanes * LANE;
  }

  /** Room for so many bytes; answers where it begins in the image. */
  reserve(count: number): number {
    const at = this.#end;
    this.#end += (count + 15) & ~15;
    return at;
  }

  address(at: number): number {
    return LANES + at;
  }

  put(at: number, value: number): void {
    this.#bytes[at >> 2] = value;
  }

  #number(main: Main | null): number {
    if (main === null) return 0;
    const known = this.#numbers.get(main) ?? this.#functions.push(main);
    this.#numbers.set(main, known);
    return known;
  }

  /** Answers its flags. */
  program(at: number, { prefix, steps, ignores, ignoresFirst }: Program): number {
    const regexes = this.reserve(steps.length * REGEX);
    for (const [index, step] of steps.entries()) {
      const { main, ip, session, nofail, gained, forgotten, user, altUser, isOdd } = step;
      const groups = [ip, session, nofail, gained, forgotten, user, altUser];
      const values = [this.#number(main), ...groups, isOdd ? 1 : 0];
      for (const [i, value] of values.entries()) this.put(regexes + index * REGEX + i * 4, value);
    }
    const ignoring = this.reserve(ignores.length * 4);
    for (const [i, main] of ignores.entries()) this.put(ignoring + i * 4, this.#number(main));
    this.put(at + REGEXES, this.address(regexes));
    this.put(at + IGNORES, this.address(ignoring));
    this.put(at + IGNORE_COUNT, ignores.length);
    this.put(at + PREFIX, this.#number(prefix?.main ?? null));
    this.put(at + PREFIX_SLOT, prefix?.bounds ?? 0);
    return (prefix?.isHead === true ? IS_HEAD : 0) | (ignoresFirst ? IGNORES_FIRST : 0);
  }

  /** What a literal speaks for: pairs of a word and bits, and its lanes. */
  list(targets: readonly number[], owners: readonly number[], words: number): number {
    const at = this.reserve(8 + targets.length * 4 + owners.length * 4);
    this.put(at, targets.length >> 1);
    for (let i = 0; i < targets.length; i += 2) {
      this.put(at + 4 + i * 4, this.address(words + (targets[i] ?? 0) * WORD));
      this.put(at + 8 + i * 4, targets[i + 1] ?? 0);
    }
    const behind = at + 4 + targets.length * 4;
    this.put(behind, owners.length);
    for (const [i, owner] of owners.entries()) this.put(behind + 4 + i * 4, laneAt(owner));
    return at;
  }

  header(lanes: number, lists: number): void {
    const values = [lanes, laneAt(0), this.address(lists), TEXT, OUT, OUT + OUT_ROOM, SPENT];
    for (const [i, value] of values.entries()) this.put(i * 4, value);
  }

  done(): Image | null {
    if (this.#end > LANES_ROOM) return null;
    const bytes = new Uint8Array(this.#bytes.buffer.slice(0, this.#end));
    return { bytes, functions: this.#functions };
  }
}
