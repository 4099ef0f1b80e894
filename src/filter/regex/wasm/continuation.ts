import { type Category, type CharSet, isNullable, type Node, type NodeOf, onlyChar } from '../tree.ts';
import { asciiMembers } from '../unicode.ts';

/**
 * The rest of a match: a node and what follows it. At a choice the code therefore knows what follows, and
 * does not try what cannot match. `accept`: all has matched. `found`: a part that is tried separately has
 * matched. `call`: a function for what follows. `more`: up to `left` turns of a repeat. `loop`: any number of
 * turns.
 */
export type Continuation =
  | { readonly kind: 'accept' }
  | { readonly kind: 'found' }
  | { readonly kind: 'node'; readonly node: Node; readonly next: Continuation }
  | { readonly kind: 'groupEnd'; readonly index: number; readonly next: Continuation }
  | { readonly kind: 'call'; readonly way: Continuation }
  | (Turns & { readonly kind: 'more'; readonly left: number })
  | (Turns & { readonly kind: 'loop' });

type Turns = { readonly body: Node; readonly isLazy: boolean; readonly next: Continuation };

/**
 * The set of possible next characters: a bit for each ASCII code, and the bit END for the end of the text.
 */
export type Firsts = bigint;

export const END = 128;
/** Any character; and any character or the end. */
export const ALL_CHARS: Firsts = (1n << 128n) - 1n;
const EVERYTHING: Firsts = (1n << 129n) - 1n;

const inside = new WeakMap<Continuation, Continuation>();

/** The items of a sequence one by one. Cached by continuation, so that no function is made twice. */
export function unfold(way: Extract<Continuation, { kind: 'node' }>, node: NodeOf<'seq'>): Continuation {
  const known = inside.get(way);
  if (known !== undefined) return known;
  let next = way.next;
  for (const item of node.items.toReversed()) next = { kind: 'node', node: item, next };
  inside.set(way, next);
  return next;
}

const firsts = new WeakMap<Continuation, Firsts>();

/** The possible next characters, or a superset if an exact answer is too costly. */
export function firstsOf(way: Continuation): Firsts {
  const known = firsts.get(way);
  if (known !== undefined) return known;
  // A loop refers to itself.
  firsts.set(way, EVERYTHING);
  const found = findFirsts(way);
  firsts.set(way, found);
  return found;
}

function findFirsts(way: Continuation): Firsts {
  switch (way.kind) {
    case 'accept':
    case 'found':
      return EVERYTHING;
    case 'groupEnd':
      return firstsOf(way.next);
    case 'call':
      return firstsOf(way.way);
    case 'more':
    case 'loop':
      return startOf(way.body, null) | firstsOf(way.next);
    case 'node':
      return startOf(way.node, way.next);
  }
}

/** The first characters of a node; `next` null: of the node alone, which is not empty. */
function startOf(node: Node, next: Continuation | null): Firsts {
  const after = (): Firsts => (next === null ? EVERYTHING : firstsOf(next));
  switch (node.kind) {
    case 'set':
      return membersOf(node.set);
    case 'seq':
      return next === null ? startOfItems(node.items) : firstsOf(unfold(continuationOf(node, next), node));
    case 'alt':
      return node.branches.reduce((all, branch) => all | startOf(branch, next), 0n);
    case 'group':
    case 'atomic':
      return startOf(node.body, next);
    case 'cond':
      return startOf(node.yes, next) | startOf(node.no, next);
    case 'repeat':
      return startOfRepeat(node, after);
    case 'anchor':
      return node.anchor === 'finalEnd' ? (1n << 10n) | (1n << BigInt(END)) : after();
    case 'look':
      return after();
    case 'backref':
      return EVERYTHING;
  }
}

const ways = new WeakMap<Node, Map<Continuation, Extract<Continuation, { kind: 'node' }>>>();

function continuationOf(node: Node, next: Continuation): Extract<Continuation, { kind: 'node' }> {
  const known = ways.get(node) ?? new Map();
  ways.set(node, known);
  const way = known.get(next) ?? { kind: 'node', node, next };
  known.set(next, way);
  return way;
}

function startOfItems(items: readonly Node[]): Firsts {
  const [first] = items;
  if (first?.kind === 'look' || first?.kind === 'anchor') return startOfItems(items.slice(1));
  return first === undefined || isNullable(first) ? EVERYTHING : startOf(first, null);
}

function startOfRepeat({ body, min, max }: NodeOf<'repeat'>, after: () => Firsts): Firsts {
  if (max === 0) return after();
  const own = startOf(body, null);
  return min > 0 ? own : own | after();
}

const ofCategory = new Map<Category, Firsts>();

function membersIn(category: Category): Firsts {
  const set: CharSet = { ranges: [], categories: [category], isNegated: false, fold: 'none' };
  const known = ofCategory.get(category) ?? bitsOf(asciiMembers(set));
  ofCategory.set(category, known);
  return known;
}

function bitsOf(members: readonly boolean[]): Firsts {
  let bits = 0n;
  for (const [code, isIn] of members.entries()) if (isIn) bits |= 1n << BigInt(code);
  return bits;
}

/** The ASCII characters of a set. */
export function membersOf(set: CharSet): Firsts {
  if (set.fold !== 'none') return bitsOf(asciiMembers(set));
  let bits = 0n;
  for (const { lo, hi } of set.ranges) {
    if (lo < END) bits |= ((2n << BigInt(Math.min(hi, END - 1) - lo)) - 1n) << BigInt(lo);
  }
  for (const category of set.categories) bits |= membersIn(category);
  return set.isNegated ? ALL_CHARS ^ bits : bits;
}

/** Whether the sets have no character in common. */
export function areApart(one: Firsts, other: Firsts): boolean {
  return (one & other) === 0n;
}

/** Whether nothing that may fail follows. */
export function isDone(way: Continuation): boolean {
  if (way.kind === 'groupEnd') return isDone(way.next);
  return way.kind === 'accept' || way.kind === 'found';
}

/** The text that must come next, and what follows it. */
export function literalAhead(way: Continuation): { readonly text: string; readonly next: Continuation } {
  let text = '';
  let next = way;
  for (;;) {
    if (next.kind !== 'node') break;
    const { node } = next;
    if (node.kind === 'seq') {
      next = unfold(next, node);
      continue;
    }
    const char = node.kind === 'set' ? onlyMember(node.set) : null;
    if (char === null) break;
    text += char;
    next = next.next;
  }
  return { text, next };
}

function onlyMember(set: CharSet): string | null {
  const only = onlyChar(set);
  return only === null || only >= END ? null : String.fromCharCode(only);
}

const calls = new WeakMap<Continuation, Continuation>();

/** A continuation used at several places becomes a function, unless it is trivial. */
export function callOf(way: Continuation): Continuation {
  if (isDone(way) || way.kind === 'call') return way;
  const known = calls.get(way) ?? { kind: 'call', way };
  calls.set(way, known);
  return known;
}
