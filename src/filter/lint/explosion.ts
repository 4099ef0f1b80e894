import type { Failregex } from '../regex/failregex.ts';
import { childrenOf, type Node } from '../regex/tree.ts';
import { accepts, sampleText } from './sample.ts';

/** Lengths of the repeated part, each twice the one before. */
const LENGTHS = [32, 64, 125, 250, 500, 1000, 2000, 4000, 8000];
/** At this length an exploding pattern shows how it grows; below cubic growth the search can stop. */
const TELLING = 250;
/** Milliseconds. A match that takes longer at one of these lengths explodes; quadratic growth stays below. */
const LIMIT_MS = 500;
/** Most spans of one pattern that are tried. */
const MOST_SPANS = 12;

/** The processor time of one match in milliseconds; it may exceed `limitMs` somewhat. */
type MatchClock = (regex: RegExp, text: string, limitMs: number) => number;

/** The beginning and the length of a line on which the pattern takes too long. */
type Explosion = { readonly line: string; readonly length: number };

/**
 * Searches for a line on which matching takes over half a second: repeats each part that the pattern repeats
 * without limit, and ends the line so that nothing matches. The real regexes are timed, so that patterns run
 * by V8's linear engine are not reported. Null if there is none.
 */
export function findExplosion(regex: Failregex, clock: MatchClock): Explosion | null {
  const spans = repeatsIn(regex.tree.root).slice(0, MOST_SPANS);
  for (const span of spans) {
    const texts = pumped(regex.tree.root, span);
    for (const text of texts) {
      const found = grow(regex, text, clock);
      if (found !== null) return found;
    }
  }
  return null;
}

type Pumped = { readonly before: string; readonly unit: string };

function grow(regex: Failregex, { before, unit }: Pumped, clock: MatchClock): Explosion | null {
  for (const [i, length] of LENGTHS.entries()) {
    const line = `${before}${unit.repeat(Math.ceil(length / unit.length))}\x01`;
    const ms = clock(regex.ascii, `${line}\n`, LIMIT_MS);
    if (ms > LIMIT_MS) return { line: line.slice(0, before.length + 20), length: line.length };
    const doublings = LENGTHS.length - 1 - i;
    if (length >= TELLING && ms * 8 ** doublings < LIMIT_MS) return null;
  }
  return null;
}

function repeatsIn(node: Node): Node[] {
  const own = node.kind === 'repeat' && node.max > 100 ? [node] : [];
  return [...own, ...childrenOf(node).flatMap(repeatsIn)];
}

/** The text before the span, and fillers for it: its own shortest text, and a common character. */
function pumped(root: Node, span: Node): Pumped[] {
  const before = leadingTo(root, span) ?? '';
  if (span.kind !== 'repeat') return [];
  const own = sampleText([span.body], '192.0.2.1');
  const usual = span.body.kind === 'set' ? [...' a1'].find((char) => takes(span.body, char)) : undefined;
  return [...new Set([own, usual])].flatMap((unit) => (unit ? [{ before, unit }] : []));
}

function takes(node: Node, char: string): boolean {
  return node.kind === 'set' && accepts(node.set, char.charCodeAt(0));
}

/** A text for everything before the span; null if the span is not inside the node. */
function leadingTo(node: Node, span: Node): string | null {
  if (node === span) return '';
  let before = '';
  for (const child of childrenOf(node)) {
    const inner = leadingTo(child, span);
    if (inner !== null) return (node.kind === 'seq' ? before : '') + inner;
    if (node.kind === 'seq') before += sampleText([child], '192.0.2.1') ?? '';
  }
  return null;
}
