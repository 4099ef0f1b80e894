/** Emits code that tests the text at the address in a local, and leaves a block if the test fails. */
import type { Anchor } from '../tree.ts';
import { ALL_CHARS, type Firsts, membersOf } from './continuation.ts';
import { type Body, OP } from './encode.ts';

/** Parameters of every function: the address to begin at, and the end of the text. */
export const POS = 0;
export const TEXT_END = 1;

/** Shared globals: the start of the text, the remaining work, and the end of a part that was found. */
export const START = 0;
export const FUEL = 1;
export const PLACE = 2;
export const GLOBALS = 3;

/** Results of functions. */
export const NO = 0;
export const YES = 1;
/** The work exceeded the bound: the result is unknown. */
export const GAVE_UP = 2;

/** Fails unless `count` characters are left. */
export function emitRoom(body: Body, at: number, count: number, fail: number): void {
  if (count === 1) body.get(at).get(TEXT_END).op(OP.geU).leaveIf(fail);
  else body.get(TEXT_END).get(at).op(OP.sub).const(count).op(OP.ltU).leaveIf(fail);
}

/** Fails unless the text comes next. Reads up to seven bytes beyond the text, whatever they are. */
export function emitText(body: Body, at: number, text: string, fail: number): void {
  const bytes = Buffer.from(text, 'latin1');
  let done = 0;
  while (bytes.length - done >= 8) {
    const want = bytes.readBigUInt64LE(done);
    body.get(at).at(OP.loadLong, done).constLong(want).op(OP.neLong).leaveIf(fail);
    done += 8;
  }
  const rest = bytes.length - done;
  if (rest > 4 && done > 0) {
    // The last eight bytes, some of which were compared before.
    const from = bytes.length - 8;
    body.get(at).at(OP.loadLong, from).constLong(bytes.readBigUInt64LE(from)).op(OP.neLong).leaveIf(fail);
    return;
  }
  if (rest >= 4) {
    body.get(at).at(OP.load, done).const(bytes.readInt32LE(done)).op(OP.ne).leaveIf(fail);
    done += 4;
  }
  if (bytes.length - done >= 2) {
    body.get(at).at(OP.load16, done).const(bytes.readUInt16LE(done)).op(OP.ne).leaveIf(fail);
    done += 2;
  }
  if (bytes.length > done)
    body.get(at).at(OP.load8, done).const(bytes.readUInt8(done)).op(OP.ne).leaveIf(fail);
}

type Span = { readonly lo: number; readonly hi: number };

/** The codes as one range; null if they are not contiguous. */
function spanOf(members: Firsts): Span | null {
  const lo = lowestOf(members);
  const length = lowestOf(~(members >> BigInt(lo)));
  return members >> BigInt(lo + length) === 0n ? { lo, hi: lo + length - 1 } : null;
}

function lowestOf(members: Firsts): number {
  let at = 0;
  while (((members >> BigInt(at)) & 1n) === 0n) at++;
  return at;
}

/** How to test for members: by one range, by the complement of one, or by their bits. */
type Test = { readonly span: Span | null; readonly isInside: boolean };

const tests = new Map<Firsts, Test>();

function testFor(members: Firsts): Test {
  const known = tests.get(members);
  if (known !== undefined) return known;
  const span = spanOf(members);
  const test =
    span === null ? { span: spanOf(ALL_CHARS ^ members), isInside: false } : { span, isInside: true };
  if (tests.size < 1000) tests.set(members, test);
  return test;
}

/** Fails unless the byte is a member. */
export function emitMember(body: Body, at: number, members: Firsts, fail: number): void {
  const chars = members & ALL_CHARS;
  if (chars === ALL_CHARS) return;
  if (chars === 0n) {
    body.leave(fail);
    return;
  }
  const { span, isInside } = testFor(chars);
  body.get(at).at(OP.load8, 0);
  if (span === null) emitIsUnmarked(body, chars);
  else emitIsOutside(body, span);
  if (span !== null && !isInside) body.op(OP.eqz);
  body.leaveIf(fail);
}

/** Whether the byte on the stack is outside the range. */
function emitIsOutside(body: Body, { lo, hi }: Span): void {
  if (lo === hi) body.const(lo).op(OP.ne);
  else if (lo === 0) body.const(hi).op(OP.gtU);
  else
    body
      .const(lo)
      .op(OP.sub)
      .const(hi - lo)
      .op(OP.gtU);
}

/** Whether the byte on the stack is missing from the 128-bit set. */
function emitIsUnmarked(body: Body, members: Firsts): void {
  const byte = body.local();
  const [low, high] = [BigInt.asUintN(64, members), members >> 64n];
  body.set(byte).constLong(high).constLong(low).get(byte).const(64).op(OP.and, OP.select);
  body.get(byte).op(OP.extend, OP.shrLongU, OP.wrap).const(1).op(OP.and, OP.eqz);
}

/** Advances the address in a local. */
export function emitMove(body: Body, at: number, by: number): void {
  body.get(at).const(by).op(OP.add).set(at);
}

/** A new local with a copy of an address. */
export function emitCopy(body: Body, from: number): number {
  const to = body.local();
  body.get(from).set(to);
  return to;
}

const NEWLINE = 10;
const WORD = membersOf({ ranges: [], categories: ['w'], isNegated: false, fold: 'none' });

/** Fails unless the anchor holds. */
export function emitAnchor(body: Body, at: number, anchor: Anchor, fail: number): void {
  switch (anchor) {
    case 'start':
      body.get(at).with(OP.globalGet, START).op(OP.ne).leaveIf(fail);
      return;
    case 'end':
      body.get(at).get(TEXT_END).op(OP.ne).leaveIf(fail);
      return;
    case 'finalEnd':
      emitLineEnd(body, at, { isFinal: true, fail });
      return;
    case 'lineEnd':
      emitLineEnd(body, at, { isFinal: false, fail });
      return;
    case 'lineStart': {
      const holds = body.open(OP.block);
      body.get(at).with(OP.globalGet, START).op(OP.eq).leaveIf(holds);
      body.get(at).const(1).op(OP.sub).at(OP.load8, 0).const(NEWLINE).op(OP.ne).leaveIf(fail);
      body.close();
      return;
    }
    default: {
      const [before, after] = [emitIsWord(body, at, -1), emitIsWord(body, at, 0)];
      const isNot = anchor === 'notWord' || anchor === 'notAsciiWord';
      body
        .get(before)
        .get(after)
        .op(isNot ? OP.ne : OP.eq)
        .leaveIf(fail);
    }
  }
}

function emitLineEnd(
  body: Body,
  at: number,
  { isFinal, fail }: { readonly isFinal: boolean; readonly fail: number },
): void {
  const holds = body.open(OP.block);
  body.get(at).get(TEXT_END).op(OP.eq).leaveIf(holds);
  body.get(at).at(OP.load8, 0).const(NEWLINE).op(OP.ne).leaveIf(fail);
  if (isFinal) body.get(at).const(1).op(OP.add).get(TEXT_END).op(OP.ne).leaveIf(fail);
  body.close();
}

/** A local: whether the character at that distance is a word character. */
function emitIsWord(body: Body, at: number, by: number): number {
  const [is, place] = [body.local(), emitCopy(body, at)];
  body.const(0).set(is);
  const done = body.open(OP.block);
  if (by < 0) body.get(at).with(OP.globalGet, START).op(OP.eq).leaveIf(done);
  else body.get(at).get(TEXT_END).op(OP.eq).leaveIf(done);
  if (by !== 0) emitMove(body, place, by);
  emitMember(body, place, WORD, done);
  body.const(1).set(is).close();
  return is;
}

/** Skips the text; fails if another comes next. */
export function emitWord(body: Body, at: number, text: string, fail: number): void {
  emitRoom(body, at, text.length, fail);
  emitText(body, at, text, fail);
  emitMove(body, at, text.length);
}
