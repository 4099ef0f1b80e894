// AssemblyScript: the batch matcher. Matches the lines found by scan() against the date, prefregex and
// failregexes of the filters, many lines in one call. Lines it cannot decide are left to the caller.
// ../tables.ts builds the tables.

import { dateAfter, isSame, vary } from './bytes';
import * as layout from './layout';

// Results of a regex.
const NO: i32 = 0;
const YES: i32 = 1;

const LINES: i32 = 64;
const MOST_WORK: u32 = 300000; // about 5 ms
const FULL_LINE: i32 = 512;
const CR: u32 = 13;
const COMMENT: u32 = 35;

/** End of the entries. Record and lane at which it stopped, or that were open at a stack overflow. */
export let outEnd: usize = 0;
export let atRecord: usize = 0;
export let atLane: i32 = 0;

/** Number of the line. After an overflow an old mark can only cause one needless attempt. */
let line: i32 = 0;

/**
 * Continues with the records `from..last`; the first record starts at lane `first`. `isPlain`: all lines are
 * ASCII. Returns why it stopped; if in the middle of a record, the next call starts there at the next lane.
 */
export function drive(from: usize, last: usize, first: i32, isPlain: bool): i32 {
  outEnd = layout.ENTRIES;
  const count = load<i32>(layout.TABLES);
  const lanes: usize = layout.TABLES + layout.HEADER;
  store<u32>(layout.SPENT, 0);
  const full: usize = layout.ENTRIES + layout.ENTRIES_ROOM - layout.ENTRY;
  atRecord = from;
  for (let lines = 0; atRecord < last; ) {
    const record = atRecord;
    if (first == 0) mark(record);
    const start = <usize>load<u32>(record);
    const end = <usize>load<u32>(record, layout.RECORD_END);
    for (atLane = first; atLane < count; atLane++) {
      const lane = lanes + <usize>(atLane * layout.LANE);
      if (load<i32>(lane, layout.LANE_CONCERNED) != line && !(load<i32>(lane, layout.LANE_FLAGS) & layout.IS_ALWAYS)) continue;
      if (outEnd > full) return layout.FULL;
      const answer = matchLine(lane, start, end, isPlain);
      if (answer != layout.DONE) return answer;
    }
    first = 0;
    atLane = 0;
    atRecord = record + layout.RECORD + (<usize>load<u32>(record, layout.RECORD_COUNT) << 2);
    const isLong = <i32>(end - start) >= FULL_LINE || load<u32>(layout.SPENT) > MOST_WORK;
    if (++lines == LINES || isLong) return atRecord < last ? layout.PAUSED : layout.DONE;
  }
  return layout.DONE;
}

/** Marks the filters and failregexes of the literals in the record. */
function mark(record: usize): void {
  line++;
  const targets = <usize>load<u32>(layout.TABLES, layout.HEADER_TARGETS);
  for (let n = <i32>load<u32>(record, layout.RECORD_COUNT); n > 0; n--) {
    let at = <usize>load<u32>(targets + (<usize>load<u32>(record + ((n - 1) << 2), layout.RECORD) << 2));
    for (let words = load<i32>(at); words > 0; words--) {
      const word = <usize>load<u32>(at, 4);
      const marks = load<i32>(word) == line ? load<i32>(word, layout.WORD_MARKS) : 0;
      store<i32>(word, line);
      store<i32>(word, marks | load<i32>(at, 8), layout.WORD_MARKS);
      at += 8;
    }
    at += 4;
    for (let owners = load<i32>(at); owners > 0; owners--) {
      at += 4;
      store<i32>(load<u32>(at), line, layout.LANE_CONCERNED);
    }
  }
}

@inline function marksOf(word: usize): i32 {
  return (load<i32>(word) == line ? load<i32>(word, layout.WORD_MARKS) : 0) | load<i32>(word, layout.WORD_ALWAYS);
}

/** Matches a line in a lane. If it returns LEFT, nothing has changed. */
function matchLine(lane: usize, start: usize, end: usize, isPlain: bool): i32 {
  const flags = load<i32>(lane, layout.LANE_FLAGS);
  const length = <i32>(end - start);
  if (!(flags & layout.IS_ON) || length >= load<i32>(lane, layout.LANE_MOST) || length < 2) return layout.LEFT;
  if (load<u8>(end - 1) == CR || load<u8>(start) == COMMENT || (!isPlain && !isAscii(start, end))) return layout.LEFT;
  const date = dateIn(lane, start, end);
  if (date == 0) return layout.LEFT;
  const behind = date + load<u32>(lane, layout.LANE_DATE_LENGTH) - load<u32>(lane, layout.LANE_CLOSING);
  const seconds = load<i32>(lane, layout.LANE_SECONDS);
  const second =
    seconds < 0 ? 0 : (<i32>load<u8>(date + seconds) - 48) * 10 + <i32>load<u8>(date + seconds + 1) - 48;
  const time = load<f64>(lane) + <f64>second;
  if (time < load<f64>(lane, layout.LANE_LOW) || time > load<f64>(lane, layout.LANE_HIGH)) return layout.LEFT;

  let from = behind;
  let to = end + 1;
  const before = load<u32>(lane, layout.LANE_WALL) ? date - start : load<u32>(lane, layout.LANE_BEFORE);
  if (before) {
    from = layout.TEXT;
    to = from + before + (end + 1 - behind);
    copy(from, start, before);
    copy(from + before, behind, end + 1 - behind);
  }
  const answer = matchText(lane, from, to, start, end, second);
  if (answer == layout.LEFT) return layout.LEFT;
  store<i32>(lane, load<i32>(lane, layout.LANE_DATED) + 1, layout.LANE_DATED);
  store<u32>(lane, start, layout.LANE_LAST_START);
  store<u32>(lane, end, layout.LANE_LAST_END);
  if (load<u32>(lane, layout.LANE_WALL)) store<u32>(lane, date - start, layout.LANE_PLACE);
  return answer;
}

function isAscii(at: usize, end: usize): bool {
  for (; at + 16 <= end; at += 16) if (i8x16.bitmask(v128.load(at))) return false;
  for (; at < end; at++) if (load<u8>(at) > 127) return false;
  return true;
}

/** Writes up to 15 bytes beyond `count`. */
@inline function copy(to: usize, from: usize, count: usize): void {
  for (let i: usize = 0; i < count; i += 16) v128.store(to + i, v128.load(from + i));
}

/** The address of the known date in the line; 0 if it is not there, or may go on. */
function dateIn(lane: usize, start: usize, end: usize): usize {
  const length = load<i32>(lane, layout.LANE_DATE_LENGTH);
  const text = <usize>load<u32>(lane, layout.LANE_DATE);
  const wall = load<u32>(lane, layout.LANE_WALL);
  vary(load<i32>(lane, layout.LANE_DIGITS), load<i32>(lane, layout.LANE_TENS));
  const at = wall ? dateAfter(start, <u8>wall, length - load<i32>(lane, layout.LANE_CLOSING), load<i32>(lane, layout.LANE_PLACE)) : start;
  if (!at || !isSame(at, text, length)) return 0;
  const behind = at + length;
  if (behind > end) return 0;
  return load<u8>(behind - 1) != 32 || behind == end || beginsNothing(behind) ? at : 0;
}

/** Same rule as beginsNothing() in src/filter/date/lastdate.ts. */
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
  return <usize>load<u32>(lane, layout.LANE_REGEXES) + <usize>(index * layout.REGEX);
}

@inline function run(regex: u32, from: usize, to: usize): i32 {
  return regex ? call_indirect<i32>(regex, from, to) : layout.LEFT;
}

/** The number of the ignoreregex that matches the text; -1 if none does, -2 if unknown. */
function ignoring(lane: usize, from: usize, to: usize): i32 {
  const ignores = <usize>load<u32>(lane, layout.LANE_IGNORES);
  const count = load<i32>(lane, layout.LANE_IGNORE_COUNT);
  for (let i = 0; i < count; i++) {
    const answer = run(load<u32>(ignores + (i << 2)), from, to);
    if (answer == YES) return i;
    if (answer != NO) return -2;
  }
  return -1;
}

function matchText(lane: usize, from: usize, to: usize, start: usize, end: usize, second: i32): i32 {
  const flags = load<i32>(lane, layout.LANE_FLAGS);
  if (flags & layout.IGNORES_FIRST) {
    const ignore = ignoring(lane, from, to);
    if (ignore == -2) return layout.LEFT;
    if (ignore >= 0) return tell(lane, layout.IGNORED, start, end, ignore, 0, 0);
  }
  let prefixed = 0;
  const prefix = load<u32>(lane, layout.LANE_PREFIX);
  if (prefix) {
    const answer = run(prefix, from, to);
    if (answer == NO) return layout.DONE;
    if (answer != YES) return layout.LEFT;
    const slot = <usize>load<u32>(lane, layout.LANE_PREFIX_SLOT);
    const stop = <usize>load<u32>(slot, 4);
    if (flags & layout.IS_HEAD) {
      if (stop + 1 >= to) return layout.LEFT;
      from = stop;
    } else {
      const begin = <usize>load<u32>(slot);
      if (load<i32>(slot, 4) < 0 || begin == stop || load<u8>(stop - 1) == 10) return layout.LEFT;
      from = to - (stop - begin) - 1;
    }
    prefixed = layout.IS_PREFIXED;
  }
  const words = load<i32>(lane, layout.LANE_WORD_COUNT);
  for (let i = 0; i < words; i++) {
    const word = <usize>load<u32>(lane, layout.LANE_WORDS) + i * layout.WORD;
    for (let may = marksOf(word); may; may &= may - 1) {
      const index = (i << 5) + ctz(may);
      const answer = run(load<u32>(regexAt(lane, index)), from, to);
      if (answer == NO) continue;
      if (answer != YES) return layout.LEFT;
      if (!(flags & layout.IGNORES_FIRST) && load<i32>(lane, layout.LANE_IGNORE_COUNT)) {
        const ignore = ignoring(lane, from, to);
        if (ignore == -2) return layout.LEFT;
        if (ignore >= 0) return tell(lane, layout.IGNORED | prefixed, start, end, ignore, 0, 0);
      }
      if (flags & layout.CHECKS_ALL && matchesMore(lane, i, may & (may - 1), from, to)) return layout.LEFT;
      return judge(lane, prefixed, index, start, end, second);
    }
  }
  if (prefixed) store<i32>(lane, load<i32>(lane, layout.LANE_PREFIXED) + 1, layout.LANE_PREFIXED);
  return layout.DONE;
}

/** Whether another failregex matches as well, or may match. */
function matchesMore(lane: usize, i: i32, may: i32, from: usize, to: usize): bool {
  const words = load<i32>(lane, layout.LANE_WORD_COUNT);
  do {
    for (; may; may &= may - 1) {
      const index = (i << 5) + ctz(may);
      if (run(load<u32>(regexAt(lane, index)), from, to) != NO) return true;
    }
    if (++i < words) may = marksOf(<usize>load<u32>(lane, layout.LANE_WORDS) + i * layout.WORD);
  } while (i < words);
  return false;
}

/** Whether the group is set and not empty. */
@inline function isSet(slot: usize): bool {
  return slot != 0 && load<i32>(slot, 4) > load<i32>(slot);
}

function judge(lane: usize, prefixed: i32, index: i32, start: usize, end: usize, second: i32): i32 {
  const regex = regexAt(lane, index);
  const session = <usize>load<u32>(regex, layout.REGEX_SESSION);
  const hasSession = session != 0 && load<i32>(session, 4) >= 0;
  const flags = load<i32>(lane, layout.LANE_FLAGS);
  const isGained = hasSession && isSet(load<u32>(regex, layout.REGEX_GAINED));
  const isHelper = isGained || isSet(load<u32>(regex, layout.REGEX_NOFAIL));
  let kind = (isHelper ? layout.HELPER : layout.MATCHED) | prefixed;
  if (flags & layout.HOLDS || load<i32>(regex, layout.REGEX_IS_ODD)) return hold(lane, kind, start, end, index, second);
  if (!hasSession && isHelper && !(flags & layout.CHECKS_ALL)) return tell(lane, kind, start, end, index, 0, second);
  let ip: u32 = 0;
  const slot = <usize>load<u32>(regex, layout.REGEX_IP);
  if (slot) {
    const read = ip4In(load<i32>(slot), load<i32>(slot, 4));
    if (read < 0) return hold(lane, kind, start, end, index, second);
    ip = <u32>read;
    kind |= layout.HAS_IP;
  }
  if (!hasSession) {
    return slot ? tell(lane, kind, start, end, index, ip, second) : hold(lane, kind, start, end, index, second);
  }
  kind |= layout.IN_SESSION;
  if (isGained) kind |= layout.IS_GAINED;
  if (isSet(load<u32>(regex, layout.REGEX_FORGOTTEN))) kind |= layout.IS_FORGOTTEN;
  const entry = outEnd;
  tell(lane, kind, start, end, index, ip, second);
  let user = <usize>load<u32>(regex, layout.REGEX_USER);
  if (!isSet(user)) user = load<u32>(regex, layout.REGEX_ALT_USER);
  const isNamed = isSet(user);
  store<i32>(entry, load<i32>(session), layout.ENTRY_ID);
  store<i32>(entry, load<i32>(session, 4), layout.ENTRY_ID_END);
  store<i32>(entry, isNamed ? load<i32>(user) : 0, layout.ENTRY_USER);
  store<i32>(entry, isNamed ? load<i32>(user, 4) : 0, layout.ENTRY_USER_END);
  return layout.DONE;
}

/** Reports a match whose captures must be judged before the next line. */
function hold(lane: usize, kind: i32, start: usize, end: usize, index: i32, second: i32): i32 {
  tell(lane, kind | layout.IS_OPEN, start, end, index, 0, second);
  return layout.HELD;
}

/** The IPv4 address in the text; -1 if it is not one. Same rule as readIp4() in src/base/ip.ts. */
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
  const isFailure = (kind & layout.VERDICT_BITS) == layout.MATCHED || kind & (layout.IN_SESSION | layout.IS_OPEN);
  if (!isFailure && !(load<i32>(lane, layout.LANE_FLAGS) & layout.TELLS_ALL)) return layout.DONE;
  const entry = outEnd;
  store<i32>(entry, atLane);
  store<i32>(entry, kind, layout.ENTRY_KIND);
  store<u32>(entry, start, layout.ENTRY_START);
  store<u32>(entry, end, layout.ENTRY_END);
  store<i32>(entry, regex, layout.ENTRY_REGEX);
  store<u32>(entry, ip, layout.ENTRY_IP);
  store<i32>(entry, second, layout.ENTRY_SECOND);
  outEnd = entry + layout.ENTRY;
  return layout.DONE;
}
