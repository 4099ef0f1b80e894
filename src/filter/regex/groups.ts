import { childrenOf, eachNode, groupsIn, hasNode, isNullable, type Node, type Tree } from './tree.ts';

/** The groups whose captures are needed: named ones, and targets of back-references and conditionals. */
export function keptGroups(tree: Tree): ReadonlySet<number> {
  return new Set([...tree.names.values(), ...referencedGroups(tree.root)]);
}

/** The targets of back-references and conditionals. */
export function referencedGroups(node: Node): ReadonlySet<number> {
  const found = new Set<number>();
  eachNode(node, (part) => {
    if (part.kind === 'backref' || part.kind === 'cond') found.add(part.index);
  });
  return found;
}

/** The groups that are always set after the node has matched. */
export function certainGroups(node: Node): readonly number[] {
  switch (node.kind) {
    case 'group':
      return [node.index, ...certainGroups(node.body)];
    case 'seq': {
      const all: number[] = [];
      for (const item of node.items) if (item.kind !== 'set') all.push(...certainGroups(item));
      return all;
    }
    case 'atomic':
      return certainGroups(node.body);
    case 'repeat':
      return node.min > 0 ? certainGroups(node.body) : [];
    case 'look':
      return node.isNegated ? [] : certainGroups(node.body);
    case 'alt': {
      const [first = [], ...rest] = node.branches.map(certainGroups);
      return first.filter((index) => rest.every((other) => other.includes(index)));
    }
    default:
      return [];
  }
}

/**
 * How far native RegExp agrees with Python on a pattern. `all`: matches and captures. `match`: whether a text
 * matches, but not all captures (JavaScript resets captures at each turn of a loop and refuses empty turns).
 * `nothing`: the match depends on a capture of an earlier turn.
 */
export type Agreement = 'all' | 'match' | 'nothing';

/** The agreement of a tree. */
export function agreementOf(tree: Tree): Agreement {
  const kept = keptGroups(tree);
  const referenced = referencedGroups(tree.root);
  const isLossy = (node: Node) => isLossyLoop(node, kept) || isCapturingLookBehind(node, kept);
  if (hasNode(tree.root, isBeyondNative)) return 'nothing';
  if (!hasNode(tree.root, isLossy)) return 'all';
  // After a cut (atomic, possessive, negative lookaround) or with a reference, a different path can give a
  // different result.
  if (hasNode(tree.root, (node) => isLossy(node) && holdsAny(node, referenced))) return 'nothing';
  const isCut = (node: Node) =>
    node.kind === 'atomic' ||
    node.kind === 'look' ||
    (node.kind === 'repeat' && node.greed === 'possessive') ||
    node.kind === 'backref' ||
    node.kind === 'cond';
  const hasEmptyTurns = hasNode(tree.root, isEmptyTurnLoop);
  return hasEmptyTurns && hasNode(tree.root, isCut) ? 'nothing' : 'match';
}

function isBeyondNative(node: Node): boolean {
  if (node.kind === 'repeat' && node.max > 1 && looksBack(node.body)) return true;
  // Python compares such references by lower case, JavaScript by its own case folding.
  return isReferringLookBehind(node) || (node.kind === 'backref' && node.fold === 'unicode');
}

/** Whether a reference comes before the end of its group, so that it refers to an earlier turn. */
function looksBack(body: Node): boolean {
  const later = new Set(groupsIn(body));
  const visit = (node: Node): boolean => {
    if ((node.kind === 'backref' || node.kind === 'cond') && later.has(node.index)) return true;
    const isFound = childrenOf(node).some(visit);
    if (node.kind === 'group') later.delete(node.index);
    return isFound;
  };
  return visit(body);
}

/** A lookbehind is matched from its end, so a reference in it may meet groups that are not set yet. */
function isReferringLookBehind(node: Node): boolean {
  return node.kind === 'look' && !node.isAhead && referencedGroups(node.body).size > 0;
}

function isEmptyTurnLoop(node: Node): boolean {
  return node.kind === 'repeat' && node.max > 1 && isNullable(node.body);
}

function isLossyLoop(node: Node, kept: ReadonlySet<number>): boolean {
  if (node.kind !== 'repeat' || node.max <= 1) return false;
  if (isNullable(node.body)) return true;
  const certain = certainGroups(node.body);
  return hasNode(
    node.body,
    (part) => part.kind === 'group' && kept.has(part.index) && !certain.includes(part.index),
  );
}

function isCapturingLookBehind(node: Node, kept: ReadonlySet<number>): boolean {
  return node.kind === 'look' && !node.isAhead && holdsAny(node, kept);
}

function holdsAny(node: Node, groups: ReadonlySet<number>): boolean {
  return hasNode(node, (part) => part.kind === 'group' && groups.has(part.index));
}
