import { certainGroups, referencedGroups } from '../groups.ts';
import { isAnchored } from '../literals.ts';
import {
  eachNode,
  groupsIn,
  hasNode,
  isNullable,
  type Node,
  type NodeOf,
  type Tree,
  widthOf,
} from '../tree.ts';
import {
  ALL_CHARS,
  type Continuation,
  callOf,
  firstsOf,
  literalAhead,
  membersOf,
  unfold,
} from './continuation.ts';
import {
  emitAnchor,
  emitCopy,
  emitMember,
  emitMove,
  emitRoom,
  emitText,
  emitWord,
  FUEL,
  GAVE_UP,
  GLOBALS,
  NO,
  PLACE,
  POS,
  START,
  TEXT_END,
  YES,
} from './emit.ts';
import { Body, encodeModule, OP } from './encode.ts';
import { type Emitter, emitRun, unitOf } from './runs.ts';

/** The pattern cannot be compiled; use native RegExp. */
export class NotCompiled extends Error {
  override name = 'NotCompiled';
}

/**
 * Bound of work for one text, in function calls and sixteenths of characters passed: less than a millisecond.
 */
const MOST_WORK = 60_000;
const MOST_CODE = 60_000;
const MOST_TURNS = 16;
/** Nesting limit for V8 and this code. */
const MOST_DEPTH = 60;

/** By group: the address of its bounds, two integers; the end is -1 while the group is unset. */
export type Slots = ReadonlyMap<number, number>;

/** A node to match, what follows it, and the block to leave on failure. */
type Step<N> = { readonly node: N; readonly next: Continuation; readonly fail: number };

/** The same for branches. */
type Choice = { readonly branches: readonly Node[]; readonly next: Continuation; readonly fail: number };

type Turns = Extract<Continuation, { kind: 'more' | 'loop' }>;

/** A turn of a loop, the continuation with more turns, and the block to leave on failure. */
type Turn = { readonly way: Turns; readonly again: Continuation; readonly fail: number };

/** Generates the code for one tree. */
export class Generator implements Emitter {
  readonly #tree: Tree;
  /** Addresses by group; group 0 is the whole match. */
  readonly #slots: Slots;
  readonly #bodies: Body[] = [];
  readonly #functions = new Map<Continuation, number>();
  readonly #open: { readonly way: Continuation; readonly body: Body }[] = [];
  /** Groups whose end must be reset if what follows fails. */
  readonly #uncertain: ReadonlySet<number>;
  /** Address of the work counter. */
  readonly #spent: number;
  #size = 0;

  constructor(tree: Tree, slots: Slots, spent: number) {
    this.#tree = tree;
    this.#spent = spent;
    this.#slots = slots;
    const certain = new Set(certainGroups(tree.root));
    const asked = referencedGroups(tree.root);
    this.#uncertain = new Set([...slots.keys()].filter((index) => !certain.has(index) || asked.has(index)));
    checkGroups(tree.root, slots, this.#uncertain);
  }

  /** The module. Throws NotCompiled. */
  module(): Uint8Array<ArrayBuffer> {
    const body = new Body();
    this.#bodies.push(body);
    const { root } = this.#tree;
    this.#emitMain(body, { kind: 'node', node: root, next: { kind: 'accept' } }, isAnchored(root));
    for (let one = this.#open.pop(); one !== undefined; one = this.#open.pop()) {
      this.#emitFunction(one.body, one.way);
      this.#size += one.body.code.length;
      if (this.#size > MOST_CODE) throw new NotCompiled('it is too large');
    }
    return encodeModule(this.#bodies, 0, GLOBALS);
  }

  #slotOf(index: number): number {
    return this.#slots.get(index) ?? 0;
  }

  /** Tries the places of the text one after the other. */
  #emitMain(body: Body, way: Continuation, isAtStart: boolean): void {
    body.const(this.#spent).const(this.#spent).at(OP.load, 0);
    body.const(MOST_WORK).with(OP.globalGet, FUEL).op(OP.sub, OP.add).at(OP.store, 0);
    body.get(POS).with(OP.globalSet, START).const(MOST_WORK).with(OP.globalSet, FUEL);
    for (const index of this.#uncertain) this.#emitSetEnd(body, index, -1);
    const start = this.#functionOf(way);
    if (isAtStart) {
      body.const(this.#slotOf(0)).get(POS).at(OP.store, 0);
      body.get(POS).get(TEXT_END).with(OP.call, start);
      return;
    }
    const answer = body.local();
    const search = body.open(OP.loop);
    const miss = body.open(OP.block);
    this.emitPeek(body, POS, way, miss);
    body.const(this.#slotOf(0)).get(POS).at(OP.store, 0);
    body.get(POS).get(TEXT_END).with(OP.call, start).tee(answer);
    body.op(OP.eqz).leaveIf(miss).get(answer).op(OP.return);
    body.close();
    emitMove(body, POS, 1);
    body.get(POS).get(TEXT_END).op(OP.leU).leaveIf(search);
    body.close();
    body.const(NO);
  }

  #emitSetEnd(body: Body, index: number, end: number): void {
    body.const(this.#slotOf(index)).const(end).at(OP.store, 4);
  }

  #functionOf(way: Continuation): number {
    const known = this.#functions.get(way);
    if (known !== undefined) return known;
    const body = new Body();
    const number = this.#bodies.push(body) - 1;
    this.#functions.set(way, number);
    this.#open.push({ way, body });
    return number;
  }

  #emitFunction(body: Body, way: Continuation): void {
    body.with(OP.globalGet, FUEL).const(1).op(OP.sub).with(OP.globalSet, FUEL);
    body.with(OP.globalGet, FUEL).const(0).op(OP.ltS);
    body.open(OP.if);
    body.const(GAVE_UP).op(OP.return);
    body.close();
    const fail = body.open(OP.block);
    if (way.kind === 'loop') this.#emitTurn(body, POS, { way, again: { kind: 'call', way }, fail });
    else if (way.kind === 'more') this.#emitTurn(body, POS, { way, again: callOf(moreOf(way)), fail });
    else this.emit(body, POS, way, fail);
    body.close();
    body.const(NO);
  }

  /** Matches the continuation at the address: returns the result, or leaves `fail`. */
  emit(body: Body, at: number, way: Continuation, fail: number): void {
    if (body.code.length > MOST_CODE) throw new NotCompiled('it is too large');
    if (body.depth > MOST_DEPTH) {
      this.#emitCall(body, at, way, fail);
      return;
    }
    switch (way.kind) {
      case 'accept':
        body.const(this.#slotOf(0)).get(at).at(OP.store, 4).const(YES).op(OP.return);
        return;
      case 'found':
        body.get(at).with(OP.globalSet, PLACE).const(YES).op(OP.return);
        return;
      case 'call':
        this.#emitCall(body, at, way.way, fail);
        return;
      case 'groupEnd':
        this.#emitGroupEnd(body, at, way, fail);
        return;
      case 'more':
      case 'loop':
        this.#emitCall(body, at, way, fail);
        return;
      case 'node':
        this.#emitNode(body, at, way, fail);
    }
  }

  #emitCall(body: Body, at: number, way: Continuation, fail: number): void {
    const answer = body.local();
    body.get(at).get(TEXT_END).with(OP.call, this.#functionOf(way)).tee(answer);
    body.op(OP.eqz).leaveIf(fail).get(answer).op(OP.return);
  }

  #emitNode(body: Body, at: number, way: Extract<Continuation, { kind: 'node' }>, fail: number): void {
    const { node, next } = way;
    const { text, next: behind } = literalAhead(way);
    if (text.length > 0) {
      emitWord(body, at, text, fail);
      this.emit(body, at, behind, fail);
      return;
    }
    switch (node.kind) {
      case 'seq':
        this.emit(body, at, unfold(way, node), fail);
        return;
      case 'alt':
        this.#emitChoice(body, at, { branches: node.branches, next, fail });
        return;
      case 'cond':
        this.#emitCondition(body, at, { node, next, fail });
        return;
      case 'repeat':
        this.#emitRepeat(body, at, { node, next, fail });
        return;
      case 'group':
        this.#emitGroup(body, at, { node, next, fail });
        return;
      case 'atomic':
        this.#emitCut(body, at, { node: node.body, next, fail });
        return;
      case 'backref':
        throw new NotCompiled('it refers back');
      default:
        this.#emitStep(body, at, node, fail);
        this.emit(body, at, next, fail);
    }
  }

  /** A set, an anchor or a lookaround: a node that can match in one way only. */
  #emitStep(body: Body, at: number, node: Node, fail: number): void {
    if (node.kind === 'set') {
      emitRoom(body, at, 1, fail);
      emitMember(body, at, membersOf(node.set), fail);
      emitMove(body, at, 1);
    } else if (node.kind === 'anchor') emitAnchor(body, at, node.anchor, fail);
    else if (node.kind === 'look') this.emitLook(body, at, node, fail);
    else if (node.kind === 'seq') this.#emitSteps(body, at, node.items, fail);
    else throw new NotCompiled(`there is no step for ${node.kind}`);
  }

  #emitSteps(body: Body, at: number, items: readonly Node[], fail: number): void {
    const all: Continuation = { kind: 'node', node: { kind: 'seq', at: 0, items }, next: { kind: 'accept' } };
    const { text, next } = literalAhead(all);
    if (text.length > 0 && next.kind === 'accept') emitWord(body, at, text, fail);
    else for (const item of items) this.#emitStep(body, at, item, fail);
  }

  /** Tries the branches in order. */
  #emitChoice(body: Body, at: number, { branches, next, fail }: Choice): void {
    const rest = branches.length > 1 ? callOf(next) : next;
    const last = branches.length - 1;
    for (const [number, node] of branches.entries()) {
      const way: Continuation = { kind: 'node', node, next: rest };
      if (number === last) {
        this.emit(body, at, way, fail);
        return;
      }
      const other = body.open(OP.block);
      this.emit(body, emitCopy(body, at), way, other);
      body.close();
    }
    body.leave(fail);
  }

  #emitCondition(body: Body, at: number, { node, next, fail }: Step<NodeOf<'cond'>>): void {
    const rest = callOf(next);
    const slot = this.#slots.get(node.index);
    if (slot === undefined) throw new NotCompiled('a group is asked for that is not there');
    const unset = body.open(OP.block);
    body.const(slot).at(OP.load, 4).const(0).op(OP.ltS).leaveIf(unset);
    this.emit(body, emitCopy(body, at), { kind: 'node', node: node.yes, next: rest }, fail);
    body.close();
    this.emit(body, at, { kind: 'node', node: node.no, next: rest }, fail);
  }

  #emitGroup(body: Body, at: number, { node, next, fail }: Step<NodeOf<'group'>>): void {
    const slot = this.#slots.get(node.index);
    if (slot === undefined) {
      this.emit(body, at, { kind: 'node', node: node.body, next }, fail);
      return;
    }
    body.const(slot).get(at).at(OP.store, 0);
    const end: Continuation = { kind: 'groupEnd', index: node.index, next };
    this.emit(body, at, { kind: 'node', node: node.body, next: end }, fail);
  }

  #emitGroupEnd(
    body: Body,
    at: number,
    way: Extract<Continuation, { kind: 'groupEnd' }>,
    fail: number,
  ): void {
    const slot = this.#slotOf(way.index);
    body.const(slot).get(at).at(OP.store, 4);
    if (!this.#uncertain.has(way.index)) {
      this.emit(body, at, way.next, fail);
      return;
    }
    const failed = body.open(OP.block);
    this.emit(body, at, way.next, failed);
    body.close();
    this.#emitSetEnd(body, way.index, -1);
    body.leave(fail);
  }

  /** Matches a part in its first way only, and then what follows. */
  #emitCut(body: Body, at: number, { node, next, fail }: Step<Node>): void {
    this.#emitPart(body, at, node, fail);
    body.with(OP.globalGet, PLACE).set(at);
    this.emit(body, at, next, fail);
  }

  /** Matches a part separately, once; PLACE is where it ends. Returns GAVE_UP if the result is unknown. */
  #emitPart(body: Body, at: number, node: Node, fail: number): void {
    const way: Continuation = { kind: 'node', node, next: { kind: 'found' } };
    const answer = body.local();
    body.get(at).get(TEXT_END).with(OP.call, this.#functionOf(way)).tee(answer);
    body.const(GAVE_UP).op(OP.eq);
    body.open(OP.if);
    body.const(GAVE_UP).op(OP.return);
    body.close();
    body.get(answer).op(OP.eqz).leaveIf(fail);
  }

  emitLook(body: Body, at: number, node: NodeOf<'look'>, fail: number): void {
    const passed = body.open(OP.block);
    const missed = body.open(OP.block);
    const from = emitCopy(body, at);
    if (!node.isAhead) {
      const width = widthOf(node.body);
      if (width === null) throw new NotCompiled('it looks behind at a length that varies');
      body.get(from).with(OP.globalGet, START).op(OP.sub).const(width).op(OP.ltU).leaveIf(missed);
      emitMove(body, from, -width);
    }
    if (isStraight(node.body)) this.#emitStep(body, from, node.body, missed);
    else this.#emitPart(body, from, node.body, missed);
    body.leave(node.isNegated ? fail : passed);
    body.close();
    if (!node.isNegated) body.leave(fail);
    body.close();
  }

  /**
   * Leaves `fail` if the next characters show that the continuation cannot match; the address does not move.
   */
  emitPeek(body: Body, at: number, way: Continuation, fail: number): void {
    const { text } = literalAhead(way);
    if (text.length > 0) {
      emitText(body, at, text.slice(0, 8), fail);
      return;
    }
    const firsts = firstsOf(way);
    if (firsts <= ALL_CHARS) emitMember(body, at, firsts, fail);
  }

  #emitRepeat(body: Body, at: number, { node, next, fail }: Step<NodeOf<'repeat'>>): void {
    const { min, max, greed } = node;
    if (max === 0) {
      this.emit(body, at, next, fail);
      return;
    }
    if (greed === 'possessive') {
      this.#emitCut(body, at, { node: { ...node, greed: 'greedy' }, next, fail });
      return;
    }
    const unit = unitOf(node.body);
    if (unit !== null) {
      const members = membersOf(unit.set);
      emitRun(body, at, { emitter: this, node, unit, members, next, fail });
      return;
    }
    if (min > MOST_TURNS || (max !== Number.POSITIVE_INFINITY && max > MOST_TURNS))
      throw new NotCompiled('it counts too far');
    const turns = { body: node.body, isLazy: greed === 'lazy', next };
    let way: Continuation = next;
    if (max === Number.POSITIVE_INFINITY) way = { kind: 'loop', ...turns };
    else if (max > min) way = { kind: 'more', ...turns, left: max - min };
    if (max > 1 && isNullable(node.body)) throw new NotCompiled('a turn of a loop may be empty');
    for (let i = 0; i < min; i++) way = { kind: 'node', node: node.body, next: way };
    this.emit(body, at, way, fail);
  }

  /** Matches one more turn and `again`, or else what follows the turns. */
  #emitTurn(body: Body, at: number, { way, again, fail }: Turn): void {
    const turn: Continuation = { kind: 'node', node: way.body, next: again };
    // The same follows after the last of the turns as after none.
    const next = way.kind === 'more' ? callOf(way.next) : way.next;
    const other = body.open(OP.block);
    this.emit(body, emitCopy(body, at), way.isLazy ? next : turn, other);
    body.close();
    this.emit(body, at, way.isLazy ? turn : next, fail);
  }
}

/** Whether the node can match in one way only. */
function isStraight(node: Node): boolean {
  if (node.kind === 'set' || node.kind === 'anchor') return true;
  return node.kind === 'seq' && node.items.every(isStraight);
}

const fewer = new WeakMap<Continuation, Continuation>();

function moreOf(way: Extract<Continuation, { kind: 'more' }>): Continuation {
  if (way.left === 1) return way.next;
  const known = fewer.get(way) ?? { ...way, left: way.left - 1 };
  fewer.set(way, known);
  return known;
}

/** Throws unless kept groups are passed at most once, and are only set where a failure resets them. */
function checkGroups(root: Node, slots: Slots, uncertain: ReadonlySet<number>): void {
  eachNode(root, (node) => {
    if (node.kind === 'repeat' && node.max > 1 && groupsIn(node.body).some((index) => slots.has(index)))
      throw new NotCompiled('a loop sets a group');
    const isApart =
      node.kind === 'look' ||
      node.kind === 'atomic' ||
      (node.kind === 'repeat' && node.greed === 'possessive');
    if (!isApart) return;
    const inside = groupsIn(node.body);
    const isUndone = node.kind === 'look' && node.isNegated;
    if (inside.some((index) => slots.has(index) && (isUndone || uncertain.has(index))))
      throw new NotCompiled('a part by itself sets a group');
    if (hasNode(node.body, ({ kind }) => kind === 'cond'))
      throw new NotCompiled('a part by itself asks for a group');
  });
}
