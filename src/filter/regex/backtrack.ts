import { printExactSet } from './print.ts';
import type { Anchor, CharSet, Node, NodeOf, Tree } from './tree.ts';
import { widthOf } from './tree.ts';
import { asciiMembers } from './unicode.ts';

/** Bounds of a capture, in code points. */
type CaptureSpan = { readonly start: number; readonly end: number };

/** The match of a walk. Offsets count UTF-16 units; groups have Python's numbers. */
export type Walked = {
  readonly start: number;
  readonly end: number;
  readonly spans: readonly (CaptureSpan | null)[];
};

/**
 * How far a walk got without a match: the offset in the text, and the parts of the pattern that failed there.
 */
export type Furthest = { readonly offset: number; readonly at: readonly number[] };

/** `gaveUp`: the walk exceeded its steps; `found` is then null. */
export type WalkResult = {
  readonly found: Walked | null;
  readonly furthest: Furthest;
  readonly gaveUp: boolean;
};

/** A tree prepared for a walk: a backtracking match in the same order as CPython's `re`. */
export type Walker = { readonly matcher: Matcher; readonly groups: number; readonly state: BacktrackState };

type Next = (pos: number) => boolean;
type Matcher = (pos: number, next: Next) => boolean;

type BacktrackState = {
  codes: number[];
  spans: (CaptureSpan | null)[];
  steps: number;
  furthest: number;
  at: number[];
};

/** About 50 ms; no stock filter comes near it on a log line. */
const MAX_STEPS = 500_000;

class GaveUp extends Error {}

/** Prepares a tree. A walker holds the state of one walk, so use it for one text at a time. */
export function walkerOf(tree: Tree): Walker {
  const state: BacktrackState = { codes: [], spans: [], steps: 0, furthest: -1, at: [] };
  return { matcher: build(state, tree.root), groups: tree.groups, state };
}

/** Searches the text in Python's order of trial: captures survive a loop's turn, empty turns count once. */
export function backtrack(walker: Walker, text: string): WalkResult {
  const { state, matcher } = walker;
  state.codes = Array.from(text, (char) => char.codePointAt(0) ?? 0);
  Object.assign(state, { steps: 0, furthest: -1, at: [] });
  let found: Walked | null = null;
  let gaveUp = false;
  try {
    for (let start = 0; start <= state.codes.length && found === null; start++) {
      state.spans = new Array(walker.groups + 1).fill(null);
      matcher(start, (end) => {
        found = walked(state, { start, end });
        return true;
      });
    }
  } catch (error) {
    // A stack overflow, on very long texts in nested loops, counts as giving up.
    if (!(error instanceof GaveUp || error instanceof RangeError)) throw error;
    gaveUp = true;
  }
  const offset = offsetsOf(state.codes)[Math.max(0, state.furthest)] ?? 0;
  return { found, gaveUp, furthest: { offset, at: [...new Set(state.at)] } };
}

function walked(state: BacktrackState, whole: CaptureSpan): Walked {
  const offsets = offsetsOf(state.codes);
  const move = ({ start, end }: CaptureSpan): CaptureSpan => ({
    start: offsets[start] ?? 0,
    end: offsets[end] ?? 0,
  });
  return { ...move(whole), spans: state.spans.map((span) => (span === null ? null : move(span))) };
}

function offsetsOf(codes: readonly number[]): number[] {
  const offsets = [0];
  let offset = 0;
  for (const code of codes) offsets.push((offset += code > 0xffff ? 2 : 1));
  return offsets;
}

function step(state: BacktrackState): void {
  if (++state.steps > MAX_STEPS) throw new GaveUp();
}

function build(state: BacktrackState, node: Node): Matcher {
  switch (node.kind) {
    case 'set':
      return buildSet(state, node);
    case 'seq':
      return sequence(node.items.map((item) => build(state, item)));
    case 'alt': {
      const branches = node.branches.map((branch) => build(state, branch));
      return (pos, next) => branches.some((branch) => branch(pos, next));
    }
    case 'repeat':
      return buildRepeat(state, node);
    case 'group':
      return buildGroup(state, node);
    case 'atomic':
      return cut(state, build(state, node.body));
    case 'look':
      return buildLook(state, node);
    case 'backref':
      return buildReference(state, node);
    case 'cond': {
      const yes = build(state, node.yes);
      const no = build(state, node.no);
      return (pos, next) => (state.spans[node.index] ? yes(pos, next) : no(pos, next));
    }
    case 'anchor':
      return (pos, next) => holds(node.anchor, state.codes, pos) && next(pos);
  }
}

function sequence(items: readonly Matcher[]): Matcher {
  const from = (index: number, pos: number, next: Next): boolean => {
    const item = items[index];
    return item === undefined ? next(pos) : item(pos, (after) => from(index + 1, after, next));
  };
  return (pos, next) => from(0, pos, next);
}

function buildSet(state: BacktrackState, node: NodeOf<'set'>): Matcher {
  const test = testerOf(node.set);
  return (pos, next) => {
    step(state);
    const code = state.codes[pos];
    if (code !== undefined && test(code)) return next(pos + 1);
    recordFailure(state, node.at, pos);
    return false;
  };
}

function recordFailure(state: BacktrackState, at: number, pos: number): void {
  if (pos > state.furthest) {
    state.furthest = pos;
    state.at = [at];
  } else if (pos === state.furthest && state.at.length < 16) {
    state.at.push(at);
  }
}

function buildRepeat(state: BacktrackState, node: NodeOf<'repeat'>): Matcher {
  const isCut = node.greed === 'possessive';
  const loop = node.body.kind === 'set' ? charLoop(state, node, node.body) : turnLoop(state, node);
  return isCut ? cut(state, loop) : loop;
}

function charLoop(state: BacktrackState, node: NodeOf<'repeat'>, body: NodeOf<'set'>): Matcher {
  const test = testerOf(body.set);
  const countUpTo = (pos: number, limit: number) => {
    let count = 0;
    while (count < limit) {
      const code = state.codes[pos + count];
      if (code === undefined || !test(code)) {
        recordFailure(state, body.at, pos + count);
        break;
      }
      count++;
    }
    state.steps += count >> 3;
    step(state);
    return count;
  };
  if (node.greed === 'lazy') {
    return (pos, next) => {
      if (countUpTo(pos, node.min) < node.min) return false;
      for (let count = node.min; ; count++) {
        if (next(pos + count)) return true;
        if (count >= node.max || countUpTo(pos + count, 1) === 0) return false;
      }
    };
  }
  return (pos, next) => {
    for (let count = countUpTo(pos, node.max); count >= node.min; count--) if (next(pos + count)) return true;
    return false;
  };
}

function turnLoop(state: BacktrackState, node: NodeOf<'repeat'>): Matcher {
  const body = build(state, node.body);
  const { min, max } = node;
  const turn = (count: number, pos: number, last: number, next: Next): boolean => {
    step(state);
    if (count < min) return body(pos, (after) => turn(count + 1, after, last, next));
    const isLazy = node.greed === 'lazy';
    if (isLazy && next(pos)) return true;
    // After a turn that began at this place, another turn from here can only be empty.
    if (count < max && pos !== last && body(pos, (after) => turn(count + 1, after, pos, next))) return true;
    return !isLazy && next(pos);
  };
  return (pos, next) => turn(0, pos, -1, next);
}

function buildGroup(state: BacktrackState, node: NodeOf<'group'>): Matcher {
  const body = build(state, node.body);
  return (start, next) =>
    body(start, (end) => {
      const before = state.spans[node.index] ?? null;
      state.spans[node.index] = { start, end };
      if (next(end)) return true;
      state.spans[node.index] = before;
      return false;
    });
}

function restore(state: BacktrackState, spans: readonly (CaptureSpan | null)[]): void {
  for (const [index, span] of spans.entries()) state.spans[index] = span;
}

/** Takes the first match of the body and never backtracks into it. */
function cut(state: BacktrackState, body: Matcher): Matcher {
  return (pos, next) => {
    const before = [...state.spans];
    let end = -1;
    const isFound = body(pos, (after) => {
      end = after;
      return true;
    });
    if (isFound && next(end)) return true;
    restore(state, before);
    return false;
  };
}

function buildLook(state: BacktrackState, node: NodeOf<'look'>): Matcher {
  const body = build(state, node.body);
  const width = node.isAhead ? 0 : (widthOf(node.body) ?? 0);
  return (pos, next) => {
    const before = [...state.spans];
    const isThere = pos >= width && body(pos - width, () => true);
    if (node.isNegated) restore(state, before);
    if (isThere === node.isNegated) {
      recordFailure(state, node.at, pos);
      return false;
    }
    if (next(pos)) return true;
    restore(state, before);
    return false;
  };
}

function buildReference(state: BacktrackState, node: NodeOf<'backref'>): Matcher {
  return (pos, next) => {
    const span = state.spans[node.index];
    if (!span) return false;
    const length = span.end - span.start;
    step(state);
    for (let i = 0; i < length; i++) {
      const want = state.codes[span.start + i];
      const have = state.codes[pos + i];
      if (want === undefined || have === undefined || !isSame(want, have, node)) {
        recordFailure(state, node.at, pos + i);
        return false;
      }
    }
    return next(pos + length);
  };
}

function isSame(want: number, have: number, node: NodeOf<'backref'>): boolean {
  if (want === have) return true;
  if (node.fold === 'none') return false;
  return String.fromCodePoint(want).toLowerCase() === String.fromCodePoint(have).toLowerCase();
}

/** A function that tests one code point against a set. */
export function testerOf(set: CharSet): (code: number) => boolean {
  const ascii = asciiMembers(set);
  let exact: RegExp | null = null;
  return (code) => {
    if (code < 128) return ascii[code] === true;
    exact ??= new RegExp(`^${printExactSet(set)}$`, 'v');
    return exact.test(String.fromCodePoint(code));
  };
}

const isWordCode = testerOf({ ranges: [], categories: ['w'], isNegated: false, fold: 'none' });

/** Whether an anchor holds before the code point at `pos`. */
export function holds(anchor: Anchor, codes: readonly number[], pos: number): boolean {
  switch (anchor) {
    case 'start':
      return pos === 0;
    case 'end':
      return pos === codes.length;
    case 'finalEnd':
      return pos === codes.length || (pos === codes.length - 1 && codes[pos] === 10);
    case 'lineStart':
      return pos === 0 || codes[pos - 1] === 10;
    case 'lineEnd':
      return pos === codes.length || codes[pos] === 10;
    default: {
      const isAscii = anchor === 'asciiWord' || anchor === 'notAsciiWord';
      const isWord = (code: number | undefined) =>
        code !== undefined && (!isAscii || code < 128) && isWordCode(code);
      const isEdge = isWord(codes[pos - 1]) !== isWord(codes[pos]);
      return isEdge === (anchor === 'word' || anchor === 'asciiWord');
    }
  }
}
