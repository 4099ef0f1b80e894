// AssemblyScript: takes the lines that scan() noted through the filters' date, prefregex and failregexes, in one call for many
// lines. What it is not sure of it leaves. The tables are made by ../drive.ts, which knows this layout.

import { isSame, vary, wallAfter } from './bytes';

// The header: where things stand.
const COUNT: usize = 0;
const LANES: usize = 4;
const TARGETS: usize = 8; // by literal: where its list stands: n, n x (word, bits), m, m lanes
const TEXT: usize = 12; // room for a line without its date
const OUT: usize = 16;
const OUT_END: usize = 20;
const SPENT: usize = 24; // where regexes add their work

// A lane: a filter at work on the lines.
const LANE: usize = 144;
const MINUTE: usize = 0; // f64: time of the date without its seconds
const LOW: usize = 8; // f64: dates below or beyond are left
const HIGH: usize = 16;
const FLAGS: usize = 24;
const CONCERNED: usize = 28; // the line that it has to see
const WORDS: usize = 32; // each: line, marks of that line, failregexes without a literal
const WORD_COUNT: usize = 36;
const REGEXES: usize = 40;
const IGNORES: usize = 44; // functions
const IGNORE_COUNT: usize = 48;
const PREFIX: usize = 52; // function, 0 = there is none
const PREFIX_SLOT: usize = 56; // bounds of the head's match, or of the content
const MOST: usize = 60; // a line of so many bytes is left
const DATE: usize = 64;
const DATE_LENGTH: usize = 68; // with the sign that closes it
const DIGITS: usize = 72;
const TENS: usize = 76;
const WALL: usize = 80; // 0 = the date stands at the line's beginning
const BEFORE: usize = 84; // characters before it, where it stands there
const SECONDS: usize = 88; // where in it; -1 = they do not change
const DATED: usize = 92; // lines whose date was known, the last of them and where the date stood in that
const LAST_START: usize = 96;
const LAST_END: usize = 100;
const PLACE: usize = 104;
const PREFIXED: usize = 108; // lines that were missed behind prefregex

// Flags.
const IS_ON: i32 = 1;
const IS_ALWAYS: i32 = 2; // it has to see every line
const IS_HEAD: i32 = 4; // PREFIX matches what stands before the content
const IGNORES_FIRST: i32 = 8;
const CHECKS_ALL: i32 = 16;
const TELLS_ALL: i32 = 32; // also lines that are no failures, of those that are missed only how many prefregex matched
const HOLDS: i32 = 64; // stops behind each line that matches

// A failregex: its function, and where the bounds of its groups are put; 0 = it has none.
const REGEX: usize = 36;
const IP: usize = 4;
const SESSION: usize = 8;
const NOFAIL: usize = 12;
const GAINED: usize = 16;
const FORGOTTEN: usize = 20;
const USER: usize = 24;
const ALT_USER: usize = 28;
const IS_ODD: usize = 32; // what it captured is to be judged elsewhere

// What is told of a line; see ../drive.ts.
const ENTRY: usize = 44; // lane, kind, start, end, regex, address, second, bounds of the session's id and of the user
const IGNORED: i32 = 0;
const HELPER: i32 = 1;
const MATCHED: i32 = 2;
const IN_SESSION: i32 = 16;
const IS_PREFIXED: i32 = 32;
const IS_FORGOTTEN: i32 = 64;
const IS_OPEN: i32 = 128; // what was captured is to be judged
const HAS_IP: i32 = 256;
const IS_GAINED: i32 = 512;

// Why drive() came back.
const DONE: i32 = 0;
const PAUSED: i32 = 1; // time to look at the clock
const FULL: i32 = 2;
const LEFT: i32 = 3; // this line of this lane is left
const HELD: i32 = 4;

// What a regex answers.
const NO: i32 = 0;
const YES: i32 = 1;

const LINES: i32 = 64;
const MOST_WORK: u32 = 300000; // some 5 ms
const FULL_LINE: i32 = 512;
const CR: u32 = 13;
const COMMENT: u32 = 35;

/** Where the entries end; the record and the lane at which it came back, or that were open when the stack overflowed. */
export let outEnd: usize = 0;
export let atRecord: usize = 0;
export let atLane: i32 = 0;

/** The line's number; that of a line long ago does no harm: a regex too many is tried. */
let line: i32 = 0;
let header: usize = 0;

/**
 * Goes on with the records of `from..last`, with the lane `first` of the first of them. Lines are of ASCII characters where
 * `isPlain`. Answers why it came back: in the middle of a record the next call begins there, with the next lane.
 */
export function drive(tables: usize, from: usize, last: usize, first: i32, isPlain: bool): i32 {
  header = tables;
  outEnd = load<u32>(tables, OUT);
  const count = load<i32>(tables, COUNT);
  const lanes = <usize>load<u32>(tables, LANES);
  const spent = <usize>load<u32>(tables, SPENT);
  store<u32>(spent, 0);
  const full = <usize>load<u32>(tables, OUT_END) - ENTRY;
  atRecord = from;
  for (let lines = 0; atRecord < last; ) {
    const record = atRecord;
    if (first == 0) mark(record);
    const start = <usize>load<u32>(record);
    const end = <usize>load<u32>(record, 4);
    for (atLane = first; atLane < count; atLane++) {
      const lane = lanes + <usize>atLane * LANE;
      if (load<i32>(lane, CONCERNED) != line && !(load<i32>(lane, FLAGS) & IS_ALWAYS)) continue;
      if (outEnd > full) return FULL;
      const answer = take(lane, start, end, isPlain);
      if (answer != DONE) return answer;
    }
    first = 0;
    atLane = 0;
    atRecord = record + 12 + (<usize>load<u32>(record, 8) << 2);
    if (++lines == LINES || <i32>(end - start) >= FULL_LINE || load<u32>(spent) > MOST_WORK) return atRecord < last ? PAUSED : DONE;
  }
  return DONE;
}

/** Notes what the literals of the record speak for. */
function mark(record: usize): void {
  line++;
  const targets = <usize>load<u32>(header, TARGETS);
  for (let n = <i32>load<u32>(record, 8); n > 0; n--) {
    let at = <usize>load<u32>(targets + (<usize>load<u32>(record + (n << 2), 8) << 2));
    for (let words = load<i32>(at); words > 0; words--) {
      const word = <usize>load<u32>(at, 4);
      const marks = load<i32>(word) == line ? load<i32>(word, 4) : 0;
      store<i32>(word, line);
      store<i32>(word, marks | load<i32>(at, 8), 4);
      at += 8;
    }
    at += 4;
    for (let owners = load<i32>(at); owners > 0; owners--) {
      at += 4;
      store<i32>(load<u32>(at), line, CONCERNED);
    }
  }
}

@inline function marksOf(word: usize): i32 {
  return (load<i32>(word) == line ? load<i32>(word, 4) : 0) | load<i32>(word, 8);
}

/** Takes a line through a lane. Nothing has changed where it is left. */
function take(lane: usize, start: usize, end: usize, isPlain: bool): i32 {
  const flags = load<i32>(lane, FLAGS);
  const length = <i32>(end - start);
  if (!(flags & IS_ON) || length >= load<i32>(lane, MOST) || length < 2) return LEFT;
  if (load<u8>(end - 1) == CR || load<u8>(start) == COMMENT || (!isPlain && !isAscii(start, end))) return LEFT;
  const date = dateIn(lane, start, end);
  if (date == 0) return LEFT;
  const behind = date + load<u32>(lane, DATE_LENGTH) - 1;
  const seconds = load<i32>(lane, SECONDS);
  const second =
    seconds < 0 ? 0 : (<i32>load<u8>(date + seconds) - 48) * 10 + <i32>load<u8>(date + seconds + 1) - 48;
  const time = load<f64>(lane, MINUTE) + <f64>second;
  if (time < load<f64>(lane, LOW) || time > load<f64>(lane, HIGH)) return LEFT;

  let from = behind;
  let to = end + 1;
  const before = load<u32>(lane, WALL) ? date - start : load<u32>(lane, BEFORE);
  if (before) {
    from = load<u32>(header, TEXT);
    to = from + before + (end + 1 - behind);
    copy(from, start, before);
    copy(from + before, behind, end + 1 - behind);
  }
  const answer = match(lane, from, to, start, end, second);
  if (answer == LEFT) return LEFT;
  store<i32>(lane, load<i32>(lane, DATED) + 1, DATED);
  store<u32>(lane, start, LAST_START);
  store<u32>(lane, end, LAST_END);
  if (load<u32>(lane, WALL)) store<u32>(lane, date - start, PLACE);
  return answer;
}

function isAscii(at: usize, end: usize): bool {
  for (; at + 16 <= end; at += 16) if (i8x16.bitmask(v128.load(at))) return false;
  for (; at < end; at++) if (load<u8>(at) > 127) return false;
  return true;
}

/** Up to 15 bytes more are written than copied. */
@inline function copy(to: usize, from: usize, count: usize): void {
  for (let i: usize = 0; i < count; i += 16) v128.store(to + i, v128.load(from + i));
}

/** Where the known date stands in the line, 0 where it does not, or may go on. */
function dateIn(lane: usize, start: usize, end: usize): usize {
  const length = load<i32>(lane, DATE_LENGTH);
  let at = start;
  const wall = load<u32>(lane, WALL);
  if (wall) {
    at = wallAfter(start, <u8>wall);
    if (!at) return 0;
    at++;
    const place = <i32>(at - start);
    if (place <= 2 || load<i32>(lane, PLACE) >= place + length - 1) return 0;
  }
  const behind = at + length;
  if (behind > end) return 0;
  vary(load<i32>(lane, DIGITS), load<i32>(lane, TENS));
  if (!isSame(at, load<u32>(lane, DATE), length)) return 0;
  return load<u8>(behind - 1) != 32 || behind == end || beginsNothing(behind) ? at : 0;
}

/** As of src/filter/date/shortcut.ts, behind a blank: no digit, sign or further blank, and not what a zone (Z, UTC, GMT), AM or PM begins with. */
function beginsNothing(at: usize): bool {
  const code = <u32>load<u8>(at);
  if (code >= 0x80 || code <= 0x20 || code == 0x2b || code == 0x2d || code - 48 < 10) return false;
  const letter = code | 0x20;
  const next = <u32>load<u8>(at, 1) | 0x20;
  if (letter == 0x7a) return false;
  if (letter == 0x75) return next != 0x74;
  return (letter != 0x67 && letter != 0x61 && letter != 0x70) || next != 0x6d;
}

@inline function regexAt(lane: usize, index: i32): usize {
  return <usize>load<u32>(lane, REGEXES) + <usize>index * REGEX;
}

@inline function run(regex: u32, from: usize, to: usize): i32 {
  return regex ? call_indirect<i32>(regex, from, to) : LEFT;
}

/** The number of the ignoreregex that matches the text, -1 where none does, -2 where that is not known. */
function ignoring(lane: usize, from: usize, to: usize): i32 {
  const ignores = <usize>load<u32>(lane, IGNORES);
  const count = load<i32>(lane, IGNORE_COUNT);
  for (let i = 0; i < count; i++) {
    const answer = run(load<u32>(ignores + (i << 2)), from, to);
    if (answer == YES) return i;
    if (answer != NO) return -2;
  }
  return -1;
}

function match(lane: usize, from: usize, to: usize, start: usize, end: usize, second: i32): i32 {
  const flags = load<i32>(lane, FLAGS);
  if (flags & IGNORES_FIRST) {
    const ignore = ignoring(lane, from, to);
    if (ignore == -2) return LEFT;
    if (ignore >= 0) return tell(lane, IGNORED, start, end, ignore, 0, 0);
  }
  let prefixed = 0;
  const prefix = load<u32>(lane, PREFIX);
  if (prefix) {
    const answer = run(prefix, from, to);
    if (answer == NO) return DONE;
    if (answer != YES) return LEFT;
    const slot = <usize>load<u32>(lane, PREFIX_SLOT);
    const stop = <usize>load<u32>(slot, 4);
    if (flags & IS_HEAD) {
      if (stop + 1 >= to) return LEFT;
      from = stop;
    } else {
      const begin = <usize>load<u32>(slot);
      if (load<i32>(slot, 4) < 0 || begin == stop || load<u8>(stop - 1) == 10) return LEFT;
      from = to - (stop - begin) - 1;
    }
    prefixed = IS_PREFIXED;
  }
  const words = load<i32>(lane, WORD_COUNT);
  for (let i = 0; i < words; i++) {
    const word = <usize>load<u32>(lane, WORDS) + i * 12;
    for (let may = marksOf(word); may; may &= may - 1) {
      const index = (i << 5) + ctz(may);
      const answer = run(load<u32>(regexAt(lane, index)), from, to);
      if (answer == NO) continue;
      if (answer != YES) return LEFT;
      if (!(flags & IGNORES_FIRST) && load<i32>(lane, IGNORE_COUNT)) {
        const ignore = ignoring(lane, from, to);
        if (ignore == -2) return LEFT;
        if (ignore >= 0) return tell(lane, IGNORED | prefixed, start, end, ignore, 0, 0);
      }
      if (flags & CHECKS_ALL && matchesMore(lane, i, may & (may - 1), from, to)) return LEFT;
      return judge(lane, prefixed, index, start, end, second);
    }
  }
  if (prefixed) store<i32>(lane, load<i32>(lane, PREFIXED) + 1, PREFIXED);
  return DONE;
}

/** Whether another failregex matches as well, or that is not known. */
function matchesMore(lane: usize, i: i32, may: i32, from: usize, to: usize): bool {
  const words = load<i32>(lane, WORD_COUNT);
  do {
    for (; may; may &= may - 1) {
      const index = (i << 5) + ctz(may);
      if (run(load<u32>(regexAt(lane, index)), from, to) != NO) return true;
    }
    if (++i < words) may = marksOf(<usize>load<u32>(lane, WORDS) + i * 12);
  } while (i < words);
  return false;
}

/** Whether the group was set, and not empty. */
@inline function isSet(slot: usize): bool {
  return slot != 0 && load<i32>(slot, 4) > load<i32>(slot);
}

function judge(lane: usize, prefixed: i32, index: i32, start: usize, end: usize, second: i32): i32 {
  const regex = regexAt(lane, index);
  const session = <usize>load<u32>(regex, SESSION);
  const hasSession = session != 0 && load<i32>(session, 4) >= 0;
  const flags = load<i32>(lane, FLAGS);
  const isGained = hasSession && isSet(load<u32>(regex, GAINED));
  const isHelper = isGained || isSet(load<u32>(regex, NOFAIL));
  let kind = (isHelper ? HELPER : MATCHED) | prefixed;
  if (flags & HOLDS || load<i32>(regex, IS_ODD)) return hold(lane, kind, start, end, index, second);
  if (!hasSession && isHelper && !(flags & CHECKS_ALL)) return tell(lane, kind, start, end, index, 0, second);
  let ip: u32 = 0;
  const slot = <usize>load<u32>(regex, IP);
  if (slot) {
    const read = ip4In(load<i32>(slot), load<i32>(slot, 4));
    if (read < 0) return hold(lane, kind, start, end, index, second);
    ip = <u32>read;
    kind |= HAS_IP;
  }
  if (!hasSession) {
    return slot ? tell(lane, kind, start, end, index, ip, second) : hold(lane, kind, start, end, index, second);
  }
  kind |= IN_SESSION;
  if (isGained) kind |= IS_GAINED;
  if (isSet(load<u32>(regex, FORGOTTEN))) kind |= IS_FORGOTTEN;
  const entry = outEnd;
  tell(lane, kind, start, end, index, ip, second);
  let user = <usize>load<u32>(regex, USER);
  if (!isSet(user)) user = load<u32>(regex, ALT_USER);
  const isNamed = isSet(user);
  store<i32>(entry, load<i32>(session), 28);
  store<i32>(entry, load<i32>(session, 4), 32);
  store<i32>(entry, isNamed ? load<i32>(user) : 0, 36);
  store<i32>(entry, isNamed ? load<i32>(user, 4) : 0, 40);
  return DONE;
}

/** Tells that a regex matched; what it captured is still there when drive() comes back. */
function hold(lane: usize, kind: i32, start: usize, end: usize, index: i32, second: i32): i32 {
  tell(lane, kind | IS_OPEN, start, end, index, 0, second);
  return HELD;
}

/** The IPv4 address that stands there, -1 where it is none; see readIp4() of src/base/ip.ts. */
function ip4In(from: i32, to: i32): i64 {
  if (to - from < 7 || to - from > 15) return -1;
  let value: u32 = 0;
  let part = -1;
  let dots = 0;
  for (let at = from; at < to; at++) {
    const digit = <i32>load<u8>(at) - 48;
    if (digit >= 0 && digit <= 9) {
      if (part == 0) return -1;
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return -1;
    } else {
      if (digit != -2 || part < 0 || ++dots > 3) return -1;
      value = (value << 8) + part;
      part = -1;
    }
  }
  return dots == 3 && part >= 0 ? <i64>((value << 8) + part) : -1;
}

function tell(lane: usize, kind: i32, start: usize, end: usize, regex: i32, ip: u32, second: i32): i32 {
  const isWanted = (kind & 15) == MATCHED || kind & (IN_SESSION | IS_OPEN) || load<i32>(lane, FLAGS) & TELLS_ALL;
  if (!isWanted) return DONE;
  const entry = outEnd;
  store<i32>(entry, atLane);
  store<i32>(entry, kind, 4);
  store<u32>(entry, start, 8);
  store<u32>(entry, end, 12);
  store<i32>(entry, regex, 16);
  store<u32>(entry, ip, 20);
  store<i32>(entry, second, 24);
  outEnd = entry + ENTRY;
  return DONE;
}
