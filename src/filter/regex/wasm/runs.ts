import type { Node, NodeOf } from '../tree.ts';
import { areApart, type Continuation, callOf, type Firsts, firstsOf, isDone } from './continuation.ts';
import { emitCopy, emitMember, emitMove, emitRoom, FUEL } from './emit.ts';
import { type Body, OP } from './encode.ts';

/** What writes the rest. */
export type Emitter = {
  /** Matches the way at the place: returns what came of it, or leaves `fail` when it cannot be. */
  emit(body: Body, at: number, way: Continuation, fail: number): void;
  /** Leaves `fail` where the next characters show that the way cannot be; the place stays. */
  emitPeek(body: Body, at: number, way: Continuation, fail: number): void;
  emitLook(body: Body, at: number, node: NodeOf<'look'>, fail: number): void;
};

/** A repeat of single characters. */
export type CharRun = {
  readonly emitter: Emitter;
  readonly node: NodeOf<'repeat'>;
  readonly unit: RunUnit;
  /** The unit's, as codes. */
  readonly members: Firsts;
  readonly next: Continuation;
  readonly fail: number;
};

/** One character of a set where what the looks want holds. */
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

/** Runs that cannot be longer count as no work. */
const MOST_FREE = 16;

/** Matches a repeat of single characters and what follows it. */
export function emitRun(body: Body, at: number, run: CharRun): void {
  const { emitter, node, next, members } = run;
  const isFixed = node.min === node.max;
  if (isFixed || isDone(next) || areApart(members, firstsOf(next))) {
    // What follows begins with none of them: to take fewer of them leads nowhere, and neither does it to take them one by one.
    const isShort = node.greed === 'lazy' && isDone(next);
    emitScan(body, at, run, isShort ? node.min : node.max);
    emitter.emit(body, at, next, run.fail);
  } else if (node.greed === 'lazy') emitLazyRun(body, at, run);
  else emitGreedyRun(body, at, run);
}

/** Moves the place behind as many as there are, `max` at most; leaves where there are too few. */
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

/** Moves behind one of them; leaves where there is none. */
function emitOne(body: Body, at: number, { emitter, unit, members }: CharRun, fail: number): void {
  emitRoom(body, at, 1, fail);
  emitMember(body, at, members, fail);
  for (const look of unit.looks) emitter.emitLook(body, at, look, fail);
  emitMove(body, at, 1);
}

/** As many as there are, then fewer. */
function emitGreedyRun(body: Body, at: number, run: CharRun): void {
  const { emitter, node, next, fail } = run;
  const least = emitCopy(body, at);
  if (node.min > 0) emitMove(body, least, node.min);
  emitScan(body, at, run, node.max);
  const fewer = body.open(OP.loop);
  const miss = body.open(OP.block);
  emitter.emitPeek(body, at, next, miss);
  // A function, since those count the work.
  emitter.emit(body, emitCopy(body, at), callOf(next), miss);
  body.close();
  body.get(at).get(least).op(OP.leU).leaveIf(fail);
  emitMove(body, at, -1);
  body.leave(fewer);
  body.close();
  body.leave(fail);
}

/** As few as may be, then more. */
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

/** Counts the characters between two places as work. */
function emitWork(body: Body, to: number, from: number): void {
  body.with(OP.globalGet, FUEL).get(to).get(from).op(OP.sub).const(4).op(OP.shrU, OP.sub);
  body.with(OP.globalSet, FUEL);
}
