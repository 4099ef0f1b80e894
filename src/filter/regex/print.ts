import { certainGroups, keptGroups, referencedGroups } from './groups.ts';
import {
  type Anchor,
  type Category,
  type CharSet,
  isNullable,
  type Node,
  type NodeOf,
  onlyChar,
  type Tree,
} from './tree.ts';
import { asciiMembers, foldedRanges, SPACE, WORD } from './unicode.ts';

/** `ascii`: for ASCII texts only, no flags. `exact`: for all texts, flag v. */
export type Form = 'ascii' | 'exact';

/** A pattern for native RegExp. */
export type Printed = {
  readonly source: string;
  readonly flags: '' | 'v';
  /** The native group number of each kept Python group; the same in both forms. */
  readonly numbers: ReadonlyMap<number, number>;
};

type Printer = {
  readonly form: Form;
  readonly kept: ReadonlySet<number>;
  readonly numbers: Map<number, number>;
  /** For a group that may be set to '': a native group that is set to one character with it. */
  readonly markers: Map<number, number>;
  /**
   * For a group outside lookarounds: a native group that captures the text from the group's last character
   * on.
   */
  readonly rests: Map<number, number>;
  /** Groups that conditionals test. */
  readonly questioned: ReadonlySet<number>;
  count: number;
};

/** The context of a node: whether nothing follows it, and which groups are already set. */
type Context = {
  readonly isTail: boolean;
  readonly isBehind: boolean;
  /** Inside a lookaround, where the text is not passed in order. */
  readonly isInLook: boolean;
  readonly certain: ReadonlySet<number>;
};

/**
 * Prints a tree as native RegExp source with the same language and priorities. Texts must not be empty. A `$`
 * at the very end may include the newline before which Python's stops; groups never do.
 */
export function print(tree: Tree, form: Form): Printed {
  const printer: Printer = {
    form,
    kept: keptGroups(tree),
    numbers: new Map(),
    markers: new Map(),
    rests: new Map(),
    questioned: referencedGroups(tree.root),
    count: 0,
  };
  const source = printNode(printer, tree.root, {
    isTail: true,
    isBehind: false,
    isInLook: false,
    certain: new Set(),
  });
  return { source, flags: form === 'exact' ? 'v' : '', numbers: printer.numbers };
}

function printNode(printer: Printer, node: Node, context: Context): string {
  switch (node.kind) {
    case 'set':
      return printer.form === 'ascii' ? printAsciiSet(node.set) : printExactSet(node.set);
    case 'seq':
      return printSequence(printer, node, context);
    case 'alt':
      return `(?:${node.branches.map((branch) => printNode(printer, branch, context)).join('|')})`;
    case 'repeat':
      return printRepeat(printer, node, context);
    case 'group':
      return printCapture(printer, node, context);
    case 'atomic':
      return printAtomic(printer, context, () =>
        printNode(printer, node.body, { ...context, isTail: false }),
      );
    case 'look':
      return printLook(printer, node, context);
    case 'backref':
      return printReference(printer, node, context);
    case 'cond':
      return printConditional(printer, node, context);
    case 'anchor':
      return printAnchor(printer, node.anchor, context);
  }
}

function printSequence(printer: Printer, node: NodeOf<'seq'>, context: Context): string {
  let certain = context.certain;
  let out = '';
  const last = node.items.length - 1;
  for (let i = 0; i <= last; i++) {
    const item = node.items[i];
    if (item === undefined) continue;
    if (item.kind === 'set') {
      // Most items are sets, whose form does not depend on the context.
      out += printNode(printer, item, context);
      continue;
    }
    out += printNode(printer, item, { ...context, isTail: context.isTail && i === last, certain });
    const more = certainGroups(item);
    if (more.length > 0) certain = new Set([...certain, ...more]);
  }
  return node.items.length === 1 && node.items[0]?.kind !== 'repeat' ? out : `(?:${out})`;
}

function printCapture(printer: Printer, node: NodeOf<'group'>, context: Context): string {
  if (!printer.kept.has(node.index)) return `(?:${printNode(printer, node.body, context)})`;
  const needsMarker = printer.questioned.has(node.index) && isNullable(node.body);
  const marker = needsMarker ? ++printer.count : null;
  const number = ++printer.count;
  const body = printNode(printer, node.body, { ...context, isTail: false });
  // Only known from here on: inside itself a group counts as unset.
  printer.numbers.set(node.index, number);
  if (marker === null) {
    if (context.isInLook || !printer.questioned.has(node.index)) return `(${body})`;
    const rest = ++printer.count;
    printer.rests.set(node.index, rest);
    return `(${body})(?<=(?=([^]*))[^])`;
  }
  printer.markers.set(node.index, marker);
  return `(?<=^(?=([^]))[^]*)(${body})`;
}

function printAtomic(printer: Printer, context: Context, inside: () => string): string {
  // A lookbehind is matched from its end, where the lookahead for a cut fails. It has a fixed length and
  // needs none.
  if (context.isBehind) return `(?:${inside()})`;
  const number = ++printer.count;
  return `(?:(?=(${inside()}))\\${number})`;
}

function printLook(printer: Printer, node: NodeOf<'look'>, context: Context): string {
  const sign = `${node.isAhead ? '' : '<'}${node.isNegated ? '!' : '='}`;
  const isBehind = !node.isAhead;
  return `(?:(?${sign}${printNode(printer, node.body, { ...context, isTail: false, isBehind, isInLook: true })}))`;
}

/**
 * Holds if the group is unset: only an empty text can be repeated at the end of the text. After a group that
 * is not empty, the text from its last character on is too long to be repeated; this fails at once, without a
 * scan to the end.
 */
function printIsUnset(printer: Printer, index: number, { isInLook }: Context): string {
  const rest = printer.rests.get(index);
  if (rest !== undefined && !isInLook) return `\\${rest}`;
  const number = printer.markers.get(index) ?? printer.numbers.get(index);
  return number === undefined ? '' : `[^]*$\\${number}`;
}

function printReference(printer: Printer, node: NodeOf<'backref'>, context: Context): string {
  const number = printer.numbers.get(node.index);
  if (number === undefined) return '[]';
  const reference = node.fold === 'none' ? `(?:\\${number})` : `(?i:\\${number})`;
  return context.certain.has(node.index)
    ? reference
    : `(?!${printIsUnset(printer, node.index, context)})${reference}`;
}

function printConditional(printer: Printer, node: NodeOf<'cond'>, context: Context): string {
  const certain = new Set([...context.certain, node.index]);
  const printYes = () => printNode(printer, node.yes, { ...context, certain });
  if (context.certain.has(node.index)) return printYes();
  const isUnset = printIsUnset(printer, node.index, context);
  if (isUnset === '') return printNode(printer, node.no, context);
  return `(?:(?!${isUnset})${printYes()}|(?=${isUnset})${printNode(printer, node.no, context)})`;
}

function printAnchor(printer: Printer, anchor: Anchor, context: Context): string {
  const isAscii = printer.form === 'ascii' || anchor === 'asciiWord' || anchor === 'notAsciiWord';
  switch (anchor) {
    case 'start':
      return '^';
    case 'end':
      return '$';
    case 'finalEnd':
      return context.isTail ? '(?:\\n?$)' : '(?=\\n?$)';
    case 'lineStart':
      return '(?<![^\\n])';
    case 'lineEnd':
      return '(?![^\\n])';
    case 'word':
    case 'asciiWord':
      return isAscii ? '\\b' : `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`;
    case 'notWord':
    case 'notAsciiWord':
      return isAscii ? '\\B' : `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`;
  }
}

function printRepeat(printer: Printer, node: NodeOf<'repeat'>, context: Context): string {
  if (node.max === 0) return '(?:)';
  if (node.greed === 'possessive')
    return printAtomic(printer, context, () => printLoop(printer, node, context));
  return printLoop(printer, node, context);
}

function printLoop(printer: Printer, node: NodeOf<'repeat'>, context: Context): string {
  const lazy = node.greed === 'lazy' ? '?' : '';
  const inner = { ...context, isTail: context.isTail && node.max === 1 };
  if (node.min === 0 && node.max === 1 && isNullable(node.body)) {
    // JavaScript's `?` rejects an empty match and then unsets its groups.
    const body = printNode(printer, node.body, inner);
    return node.greed === 'lazy' ? `(?:|${body})` : `(?:${body}|)`;
  }
  const body = printNode(printer, node.body, inner);
  return `${node.body.kind === 'set' ? body : `(?:${body})`}${repeatSign(node)}${lazy}`;
}

function repeatSign({ min, max }: NodeOf<'repeat'>): string {
  if (max === Number.POSITIVE_INFINITY) return min === 0 ? '*' : min === 1 ? '+' : `{${min},}`;
  if (min === 0 && max === 1) return '?';
  return min === max ? `{${min}}` : `{${min},${max}}`;
}

const ASCII_NAMED: Readonly<Record<Category, string>> = {
  d: '\\d',
  D: '\\D',
  w: '\\w',
  W: '\\W',
  s: '[\\t-\\r\\x1c-\\x20]',
  S: '[^\\t-\\r\\x1c-\\x20]',
};

const EXACT_NAMED: Readonly<Record<Category, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: WORD,
  W: `[^${WORD}]`,
  s: SPACE,
  S: `[^${SPACE}]`,
};

/** One character outside a class, for all flags. */
export function printChar(code: number): string {
  const char = String.fromCodePoint(code);
  if (/[\^$\\.*+?()[\]{}|/]/.test(char)) return `\\${char}`;
  if (code >= 0x20 && code < 0x7f) return char;
  return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, '0')}`;
}

function inClass(code: number): string {
  const char = String.fromCodePoint(code);
  if (/[0-9A-Za-z]/.test(char)) return char;
  return code > 0xff ? `\\u{${code.toString(16)}}` : `\\x${code.toString(16).padStart(2, '0')}`;
}

function printRanges(ranges: readonly { readonly lo: number; readonly hi: number }[]): string {
  return ranges
    .map(({ lo, hi }) =>
      hi - lo < 2 ? [...new Set([lo, hi])].map(inClass).join('') : `${inClass(lo)}-${inClass(hi)}`,
    )
    .join('');
}

function spans(members: readonly boolean[], wanted: boolean): { lo: number; hi: number }[] {
  const out: { lo: number; hi: number }[] = [];
  for (let code = 0; code < members.length; code++) {
    if (members[code] !== wanted) continue;
    const last = out.at(-1);
    if (last !== undefined && last.hi === code - 1) last.hi = code;
    else out.push({ lo: code, hi: code });
  }
  return out;
}

/** Cached: every pattern uses the same few sets. */
const printed = new Map<string, string>();
const MOST_PRINTED = 1000;

/** The set for ASCII texts: small classes, no flags, letters in both cases. */
export function printAsciiSet(set: CharSet): string {
  const only = onlyChar(set);
  if (only !== null && only < 128) return printChar(only);
  const key = JSON.stringify([set.ranges, set.categories, set.isNegated, set.fold]);
  const known = printed.get(key);
  if (known !== undefined) return known;
  const text = printMembers(set);
  if (printed.size < MOST_PRINTED) printed.set(key, text);
  return text;
}

function printMembers(set: CharSet): string {
  const [category] = set.categories;
  if (set.categories.length === 1 && set.ranges.length === 0 && !set.isNegated && category !== undefined) {
    return ASCII_NAMED[category];
  }
  const members = asciiMembers(set);
  const taken = spans(members, true);
  const left = spans(members, false);
  const [first] = taken;
  if (first === undefined) return '[]';
  if (taken.length === 1 && first.lo === first.hi) return printChar(first.lo);
  if (left.length === 0) return '[^]';
  if (left.length < taken.length || (left.length === taken.length && set.isNegated)) {
    return `[^${printRanges(left)}]`;
  }
  return `[${printRanges(taken)}]`;
}

/** The set for all texts, with flag v. */
export function printExactSet(set: CharSet): string {
  const only = onlyChar(set);
  if (only !== null) return printChar(only);
  const inside = printRanges(foldedRanges(set)) + set.categories.map((each) => EXACT_NAMED[each]).join('');
  return `[${set.isNegated ? '^' : ''}${inside}]`;
}
