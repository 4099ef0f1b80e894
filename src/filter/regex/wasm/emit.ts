/** Pieces of code that look at the text where a local says, and leave a block where something else stands there. */
import type { Anchor } from '../tree.ts';
import { ALL_CHARS, type Firsts, membersOf } from './continuation.ts';
import { type Body, OP } from './encode.ts';

/** Parameter 0 of every function: where it begins; parameter 1: where the text ends. */
export const POS = 0;
export const TEXT_END = 1;

/** Integers that all functions share: where the text begins, how much work is left, and where a part that was found ends. */
export const START = 0;
export const FUEL = 1;
export const PLACE = 2;
export const GLOBALS = 3;

/** What functions answer. */
export const NO = 0;
export const YES = 1;
/** The work became too much: nothing is known. */
export const GAVE_UP = 2;

/** Leaves unless so many characters are left. */
export function emitRoom(body: Body, at: number, count: number, fail: number): void {
  if (count === 1) body.get(at).get(TEXT_END).op(OP.geU).leaveIf(fail);
  else body.get(TEXT_END).get(at).op(OP.sub).const(count).op(OP.ltU).leaveIf(fail);
}

/** Leaves unless the text stands there; looks up to seven bytes behind its end, whatever that is. */
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
    // The last eight bytes, of which some were compared before.
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

/** The codes in a row, where they are in one. */
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

/** How to look for members: those in one span, or all but those, or by their bits. */
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

/** Leaves unless the byte there is one of the members. */
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

/** Of the byte on the stack whether it is outside of the span. */
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

/** Of the byte on the stack whether the set of 128 bits lacks it. */
function emitIsUnmarked(body: Body, members: Firsts): void {
  const byte = body.local();
  const [low, high] = [BigInt.asUintN(64, members), members >> 64n];
  body.set(byte).constLong(high).constLong(low).get(byte).const(64).op(OP.and, OP.select);
  body.get(byte).op(OP.extend, OP.shrLongU, OP.wrap).const(1).op(OP.and, OP.eqz);
}

/** Moves a place by a number of characters. */
export function emitMove(body: Body, at: number, by: number): void {
  body.get(at).const(by).op(OP.add).set(at);
}

/** A place of its own that begins where another stands. */
export function emitCopy(body: Body, from: number): number {
  const to = body.local();
  body.get(from).set(to);
  return to;
}

const NEWLINE = 10;
const WORD = membersOf({ ranges: [], categories: ['w'], isNegated: false, fold: 'none' });

/** Leaves unless the anchor holds there. */
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

/** A local: whether the character so far behind the place is one of a word. */
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

/** Moves the place behind the text that stands there; leaves where another does. */
export function emitWord(body: Body, at: number, text: string, fail: number): void {
  emitRoom(body, at, text.length, fail);
  emitText(body, at, text, fail);
  emitMove(body, at, text.length);
}
