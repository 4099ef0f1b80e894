import type { Node, NodeOf } from '../tree.ts';
import { areApart, type Continuation, callOf, type Firsts, firstsOf, isDone } from './continuation.ts';
import { emitCopy, emitMember, emitMove, emitRoom, FUEL } from './emit.ts';
import { type Body, OP } from './encode.ts';

/** The part of the generator that emits continuations. */
export type Emitter = {
  /** Matches the continuation at the address: returns the result, or leaves `fail`. */
  emit(body: Body, at: number, way: Continuation, fail: number): void;
  /**
   * Leaves `fail` if the next characters show that the continuation cannot match; the address does not move.
   */
  emitPeek(body: Body, at: number, way: Continuation, fail: number): void;
  emitLook(body: Body, at: number, node: NodeOf<'look'>, fail: number): void;
};

/** A repeat of single characters. */
export type CharRun = {
  readonly emitter: Emitter;
  readonly node: NodeOf<'repeat'>;
  readonly unit: RunUnit;
  /** The characters of the unit. */
  readonly members: Firsts;
  readonly next: Continuation;
  readonly fail: number;
};

/** One character of a set, with lookarounds that must hold. */
type RunUnit = { readonly set: NodeOf<'set'>['set']; readonly looks: readonly NodeOf<'look'>[] };

export function unitOf(node: Node): RunUnit | null {
  if (node.kind === 'set') return { set: node.set, looks: [] };
  if (node.kind !== 'seq') return null;
  const last = node.items.at(-1);
  const looks = node.items.slice(0, -1).filter((item) => item.kind === 'look');
  if (last === undefined || looks.length !== node.items.length - 1) return null;
  const unit = unitOf(last);
  return unit === null ? null : { set: unit.set, looks: [...looks, ...unit.looks] };
}

/** Runs up to this length count as no work. */
const MOST_FREE = 16;

/** Matches a repeat of single characters and what follows it. */
export function emitRun(body: Body, at: number, run: CharRun): void {
  const { emitter, node, next, members } = run;
  const isFixed = node.min === node.max;
  if (isFixed || isDone(next) || areApart(members, firstsOf(next))) {
    // What follows cannot begin with these characters, so a shorter run never helps.
    const isShort = node.greed === 'lazy' && isDone(next);
    emitScan(body, at, run, isShort ? node.min : node.max);
    emitter.emit(body, at, next, run.fail);
  } else if (node.greed === 'lazy') emitLazyRun(body, at, run);
  else emitGreedyRun(body, at, run);
}

/** Skips as many characters as there are, `max` at most; fails if there are too few. */
function emitScan(body: Body, at: number, run: CharRun, max: number): void {
  const { min } = run.node;
  if (max === 1 && min === 1) {
    emitOne(body, at, run, run.fail);
    return;
  }
  const from = emitCopy(body, at);
  const done = body.open(OP.block);
  const turn = body.open(OP.loop);
  if (max !== Number.POSITIVE_INFINITY) body.get(at).get(from).op(OP.sub).const(max).op(OP.geU).leaveIf(done);
  emitOne(body, at, run, done);
  body.leave(turn);
  body.close();
  body.close();
  if (max > MOST_FREE) emitWork(body, at, from);
  if (min > 0) body.get(at).get(from).op(OP.sub).const(min).op(OP.ltU).leaveIf(run.fail);
}

/** Skips one character; fails if there is none. */
function emitOne(body: Body, at: number, { emitter, unit, members }: CharRun, fail: number): void {
  emitRoom(body, at, 1, fail);
  emitMember(body, at, members, fail);
  for (const look of unit.looks) emitter.emitLook(body, at, look, fail);
  emitMove(body, at, 1);
}

/** As many as possible, then fewer. */
function emitGreedyRun(body: Body, at: number, run: CharRun): void {
  const { emitter, node, next, fail } = run;
  const least = emitCopy(body, at);
  if (node.min > 0) emitMove(body, least, node.min);
  emitScan(body, at, run, node.max);
  const fewer = body.open(OP.loop);
  const miss = body.open(OP.block);
  emitter.emitPeek(body, at, next, miss);
  // Functions count their work.
  emitter.emit(body, emitCopy(body, at), callOf(next), miss);
  body.close();
  body.get(at).get(least).op(OP.leU).leaveIf(fail);
  emitMove(body, at, -1);
  body.leave(fewer);
  body.close();
  body.leave(fail);
}

/** As few as possible, then more. */
function emitLazyRun(body: Body, at: number, run: CharRun): void {
  const { emitter, node, next } = run;
  const from = emitCopy(body, at);
  const failed = body.open(OP.block);
  if (node.min > 0) emitScan(body, at, { ...run, fail: failed }, node.min);
  const more = body.open(OP.loop);
  const miss = body.open(OP.block);
  emitter.emitPeek(body, at, next, miss);
  emitter.emit(body, emitCopy(body, at), callOf(next), miss);
  body.close();
  if (node.max !== Number.POSITIVE_INFINITY)
    body.get(at).get(from).op(OP.sub).const(node.max).op(OP.geU).leaveIf(failed);
  emitOne(body, at, run, failed);
  body.leave(more);
  body.close();
  body.close();
  emitWork(body, at, from);
  body.leave(run.fail);
}

/** Adds the characters between two addresses to the work. */
function emitWork(body: Body, to: number, from: number): void {
  body.with(OP.globalGet, FUEL).get(to).get(from).op(OP.sub).const(4).op(OP.shrU, OP.sub);
  body.with(OP.globalSet, FUEL);
}
