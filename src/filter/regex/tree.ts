/** A code point range, both ends included. */
export type Range = { readonly lo: number; readonly hi: number };

/** Python's `\d \w \s` and their complements, always with the Unicode meaning. */
export type Category = 'd' | 'w' | 's' | 'D' | 'W' | 'S';

/** Case folding of a literal, class or back-reference: none, ASCII letters only, or all letters. */
export type Fold = 'none' | 'ascii' | 'unicode';

/** The characters that a literal, a class or `.` matches. */
export type CharSet = {
  readonly ranges: readonly Range[];
  readonly categories: readonly Category[];
  readonly isNegated: boolean;
  readonly fold: Fold;
};

/**
 * An assertion without width. `start` and `end` are `\A` and `\Z`; `finalEnd` is `$` without (?m), which also
 * holds before a final newline; `word` is `\b` with Unicode letters, `asciiWord` with (?a).
 */
export type Anchor =
  | 'start'
  | 'end'
  | 'finalEnd'
  | 'lineStart'
  | 'lineEnd'
  | 'word'
  | 'notWord'
  | 'asciiWord'
  | 'notAsciiWord';

/**
 * Whether a repeat takes as many as possible, as few as possible, or as many as possible without
 * backtracking.
 */
export type Greed = 'greedy' | 'lazy' | 'possessive';

type At = { /** Offset in the pattern as the user wrote it. */ readonly at: number };

/** A parsed pattern: Python's `re` after fail2ban's tags were replaced. */
export type Node =
  | (At & { readonly kind: 'set'; readonly set: CharSet })
  | (At & { readonly kind: 'seq'; readonly items: readonly Node[] })
  | (At & { readonly kind: 'alt'; readonly branches: readonly Node[] })
  | (At & {
      readonly kind: 'repeat';
      readonly body: Node;
      readonly min: number;
      /** Infinity = without limit. */
      readonly max: number;
      readonly greed: Greed;
    })
  | (At & {
      readonly kind: 'group';
      readonly index: number;
      readonly name: string | null;
      readonly body: Node;
    })
  | (At & { readonly kind: 'atomic'; readonly body: Node })
  | (At & {
      readonly kind: 'look';
      readonly isAhead: boolean;
      readonly isNegated: boolean;
      readonly body: Node;
    })
  | (At & { readonly kind: 'backref'; readonly index: number; readonly fold: Fold })
  | (At & { readonly kind: 'cond'; readonly index: number; readonly yes: Node; readonly no: Node })
  | (At & { readonly kind: 'anchor'; readonly anchor: Anchor });

/** A node of one kind. */
export type NodeOf<K extends Node['kind']> = Extract<Node, { kind: K }>;

/** The tree of a pattern and the names of its groups. */
export type Tree = {
  readonly root: Node;
  /** Number of capturing groups; they count from 1 in order of opening. */
  readonly groups: number;
  /** Group number by name, in the order of opening. */
  readonly names: ReadonlyMap<string, number>;
};

/** The direct parts of a node, in the order of the text. */
export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'seq':
      return node.items;
    case 'alt':
      return node.branches;
    case 'repeat':
    case 'group':
    case 'atomic':
    case 'look':
      return [node.body];
    case 'cond':
      return [node.yes, node.no];
    default:
      return [];
  }
}

/** The only character that the set matches, apart from case; null if it matches others. */
export function onlyChar(set: CharSet): number | null {
  const [range] = set.ranges;
  const isPlain =
    set.ranges.length === 1 && set.categories.length === 0 && !set.isNegated && set.fold === 'none';
  return isPlain && range !== undefined && range.lo === range.hi ? range.lo : null;
}

/** Calls `tell` for the node and all nodes inside it, in the order of the text. */
export function eachNode(node: Node, tell: (node: Node) => void): void {
  tell(node);
  for (const child of childrenOf(node)) eachNode(child, tell);
}

/** Whether the predicate holds for the node or a node inside it. */
export function hasNode(node: Node, test: (node: Node) => boolean): boolean {
  return test(node) || childrenOf(node).some((child) => hasNode(child, test));
}

/** The numbers of the capturing groups in the node, including itself. */
export function groupsIn(node: Node): number[] {
  const found: number[] = [];
  eachNode(node, (part) => {
    if (part.kind === 'group') found.push(part.index);
  });
  return found;
}

/** Whether the node can match without consuming text; true if unsure. */
export function isNullable(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return false;
    case 'seq':
      return node.items.every(isNullable);
    case 'alt':
      return node.branches.some(isNullable);
    case 'repeat':
      return node.min === 0 || isNullable(node.body);
    case 'group':
    case 'atomic':
      return isNullable(node.body);
    case 'cond':
      return isNullable(node.yes) || isNullable(node.no);
    default:
      return true;
  }
}

/** How many characters the node always consumes; null if that varies or is unknown. */
export function widthOf(node: Node): number | null {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'seq':
      return sum(node.items.map(widthOf));
    case 'alt':
      return same(node.branches.map(widthOf));
    case 'cond':
      return same([widthOf(node.yes), widthOf(node.no)]);
    case 'repeat': {
      const width = widthOf(node.body);
      if (width === 0) return 0;
      return width === null || node.min !== node.max ? null : width * node.min;
    }
    case 'group':
    case 'atomic':
      return widthOf(node.body);
    case 'backref':
      return null;
    default:
      return 0;
  }
}

function sum(widths: readonly (number | null)[]): number | null {
  let total = 0;
  for (const width of widths) {
    if (width === null) return null;
    total += width;
  }
  return total;
}

function same(widths: readonly (number | null)[]): number | null {
  const [first = 0] = widths;
  return widths.every((width) => width === first) ? first : null;
}
