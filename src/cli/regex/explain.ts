import { type Dates, findStamp } from '../../filter/date/datepattern.ts';
import { backtrack, type Walker, walkerOf } from '../../filter/regex/backtrack.ts';
import { type Failregex, matchText } from '../../filter/regex/failregex.ts';
import type { Node, NodeOf, Tree } from '../../filter/regex/tree.ts';
import type { Filter } from '../../filter/types.ts';

/** Why a line was missed: the regex that got furthest, and what it expected there. */
export type Miss = {
  /** Number of the failregex from 0; null = prefregex. */
  readonly regex: number | null;
  /** Offset in the line where the regex stopped (UTF-16 units). */
  readonly at: number;
  /** The part of the regex that did not match, as the user wrote it. */
  readonly part: string;
  /** Offset of that part in the regex. */
  readonly partAt: number;
  /** The part may match anywhere from `at` on, but does not. */
  readonly isNowhere: boolean;
};

/** Longer lines are not explained: a walk takes too long. */
const LONGEST = 4096;
const PART_LENGTH = 60;

/**
 * Explains why no failregex matched the line; null if it cannot (several lines at once, a line too long or
 * too costly). `dates` is only used to find the date; pass a separate one, since it learns.
 */
export function explainMiss(filter: Filter, dates: Dates, line: string, now: number): Miss | null {
  if (filter.maxlines > 1 || line.length > LONGEST) return null;
  const stamp = findStamp(dates, line, now);
  const start = stamp?.start ?? 0;
  const cut = (stamp?.end ?? 0) - start;
  const subject = `${line.slice(0, start)}${line.slice(start + cut)}\n`;
  const inLine = (offset: number): number => Math.min(line.length, offset < start ? offset : offset + cut);
  let text = subject;
  let shift = 0;
  if (filter.prefregex !== null) {
    const { regex } = filter.prefregex;
    const match = matchText(regex, subject);
    if (match === null) {
      const stop = furthest(regex, subject);
      return stop === null ? null : { ...toldStop(regex, stop), regex: null, at: inLine(stop.at) };
    }
    const content = match.groups[regex.fields.get('content') ?? -1];
    if (content !== undefined && content !== '') {
      text = `${content}\n`;
      shift = Math.max(0, subject.lastIndexOf(content));
    }
  }
  let best: { readonly index: number; readonly regex: Failregex; readonly stop: Stop } | null = null;
  for (const { index, regex } of filter.failregex) {
    const stop = furthest(regex, text);
    if (stop !== null && (best === null || isFurther(stop, best.stop))) best = { index, regex, stop };
  }
  if (best === null) return null;
  return { ...toldStop(best.regex, best.stop), regex: best.index, at: inLine(best.stop.at + shift) };
}

/** Where a regex stopped: offset in the text, node, and number of nodes before it. */
type Stop = {
  readonly at: number;
  readonly node: Node;
  /** Offset of the failed part's end in the pattern. */
  readonly partEnd: number;
  readonly passed: number;
  readonly isNowhere: boolean;
};

function isFurther(one: Stop, other: Stop): boolean {
  return one.at > other.at || (one.at === other.at && one.passed > other.passed);
}

function toldStop(regex: Failregex, stop: Stop): Pick<Miss, 'part' | 'partAt' | 'isNowhere'> {
  const from = stop.node.at;
  const whole = regex.text.slice(from, Math.max(stop.partEnd, from + 1));
  // Cut off the beginning of the next group.
  const part = withinBrackets(whole).replace(/(?<!^)(?:(?<!\\)\((?:\?(?::|P<\w+>|<?[=!]))?)+$/, '');
  const short = part.length > PART_LENGTH ? `${part.slice(0, PART_LENGTH - 3)}...` : part;
  return { part: short, partAt: from, isNowhere: stop.isNowhere };
}

/** The text up to a closing bracket or `|` that belongs to an outer group. */
function withinBrackets(pattern: string): string {
  let depth = 0;
  for (const { 0: sign, index } of pattern.matchAll(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|[()|]/gs)) {
    if (sign === '(') depth++;
    if ((sign === ')' && depth-- === 0) || (sign === '|' && depth === 0)) {
      return index > 0 ? pattern.slice(0, index) : pattern;
    }
  }
  return pattern;
}

/** Nodes that must match in sequence, and the end of their text in the pattern. */
type Path = { readonly nodes: readonly Node[]; readonly end: number };

const paths = new WeakMap<Failregex, { readonly path: Path; readonly walkers: Map<number, Walker> }>();
const MAX_DEPTH = 4;

/** How far the regex gets in the text; null if that would take too long, or it matches. */
function furthest(regex: Failregex, text: string): Stop | null {
  let known = paths.get(regex);
  if (known === undefined) {
    known = { path: { nodes: flatten(regex.tree.root), end: regex.text.length }, walkers: new Map() };
    paths.set(regex, known);
  }
  const { path, walkers } = known;
  return stopOf({ tree: regex.tree, text, walkers }, path, { from: 0, depth: 0 });
}

type ExplainSearch = {
  readonly tree: Tree;
  readonly text: string;
  readonly walkers: Map<number, Walker> | null;
};

/** The first node that does not match, at `from` or later; found by bisection. */
function stopOf(
  search: ExplainSearch,
  path: Path,
  place: { readonly from: number; readonly depth: number },
): Stop | null {
  const { nodes } = path;
  let low = place.from;
  let high = nodes.length;
  if (endOf(search, nodes, high) !== null) return null;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (endOf(search, nodes, middle) === null) high = middle;
    else low = middle;
  }
  const reached = endOf(search, nodes, low);
  if (nodes[low] === undefined || reached === null || reached === 'gave up') return null;
  const own = stopBehindAny(search, path, low) ?? stopAt(path, low, reached);
  if (own.isNowhere || place.depth >= MAX_DEPTH) return own;
  const inner = innerStop(search, path, { low, depth: place.depth });
  return inner !== null && isFurther(inner, own) ? inner : own;
}

function stopAt(path: Path, low: number, at: number): Stop {
  const { nodes } = path;
  let next = low + 1;
  if (nodes[low]?.kind === 'set') while (nodes[next]?.kind === 'set') next++;
  return {
    at,
    node: nodes[low] ?? { kind: 'seq', at: 0, items: [] },
    partEnd: originBehind(path, next - 1),
    passed: low,
    isNowhere: false,
  };
}

/**
 * Offset in the pattern of the part after a node. All nodes of a tag such as <HOST> have the tag's offset.
 */
function originBehind({ nodes, end }: Path, index: number): number {
  const at = nodes[index]?.at ?? 0;
  return nodes.slice(index + 1).find((node) => node.at > at)?.at ?? end;
}

/**
 * After `.+` every offset is reachable, so the offset alone says little. The stop is where the last part of
 * fixed length ended, if the part after `.+` occurs nowhere from there on. Null if it does.
 */
function stopBehindAny(search: ExplainSearch, path: Path, low: number): Stop | null {
  const { nodes } = path;
  const lineEnd = search.text.endsWith('\n') ? search.text.length - 1 : search.text.length;
  let first = low;
  while (first > 0 && nodes[first]?.kind === 'set' && nodes[first - 1]?.kind === 'set') first--;
  let fixed = first;
  while (fixed > 0 && nodes[fixed - 1]?.kind === 'repeat') fixed--;
  if (fixed === first) return null;
  const reached = endOf(search, nodes, first);
  const before = endOf(search, nodes, fixed);
  if (typeof reached !== 'number' || typeof before !== 'number') return null;
  if (reached < lineEnd || before >= lineEnd) return null;
  return { ...stopAt(path, first, before), isNowhere: true };
}

/** Looks into the failed node: the branch of an alternative, or the turn of a loop, that got furthest. */
function innerStop(
  search: ExplainSearch,
  path: Path,
  place: { readonly low: number; readonly depth: number },
): Stop | null {
  const { nodes } = path;
  const { low } = place;
  const node = nodes[low];
  if (node === undefined) return null;
  const end = originBehind(path, low);
  const before = nodes.slice(0, low);
  let best: Stop | null = null;
  for (const branch of branchesOf(node)) {
    const inside: Path = { nodes: [...before, ...flatten(branch)], end };
    const stop = stopOf({ ...search, walkers: null }, inside, { from: low, depth: place.depth + 1 });
    if (stop !== null && stop.passed > low && (best === null || isFurther(stop, best))) best = stop;
  }
  return best;
}

function branchesOf(node: Node): readonly Node[] {
  if (node.kind === 'alt') return node.branches;
  if (node.kind === 'group' || node.kind === 'atomic') return branchesOf(node.body);
  if (node.kind === 'repeat' && node.min > 0) return [node.body];
  return [];
}

/** The nodes of a sequence, including those in its groups. */
function flatten(node: Node): readonly Node[] {
  if (node.kind === 'seq') return node.items.flatMap(flatten);
  const inner = node.kind === 'group' ? innermost(node) : null;
  return inner?.kind === 'seq' ? inner.items.flatMap(flatten) : [node];
}

function innermost(node: NodeOf<'group'>): Node {
  return node.body.kind === 'group' ? innermost(node.body) : node.body;
}

/** The end of the first `count` nodes if they match the text; null if they do not. */
function endOf(search: ExplainSearch, nodes: readonly Node[], count: number): number | 'gave up' | null {
  const { tree, text, walkers } = search;
  let walker = walkers?.get(count);
  if (walker === undefined) {
    walker = walkerOf({ ...tree, root: { kind: 'seq', at: 0, items: nodes.slice(0, count) } });
    walkers?.set(count, walker);
  }
  const { found, gaveUp } = backtrack(walker, text);
  if (gaveUp) return 'gave up';
  return found?.end ?? null;
}
