import { reasonOf } from '../../base/errors.ts';
import type { UseDns } from '../../config/jail.ts';
import { backtrack, type Walker, walkerOf } from './backtrack.ts';
import { type Agreement, agreementOf } from './groups.ts';
import { isAnchored, type LiteralSet, mandatoryLiterals } from './literals.ts';
import { parse } from './parse.ts';
import { print } from './print.ts';
import { RegexError } from './reader.ts';
import { expandTags } from './tags.ts';
import type { Tree } from './tree.ts';

export type { LiteralSet } from './literals.ts';
export { RegexError } from './reader.ts';

/** How a pattern is read: `usedns` decides whether <HOST> takes names, `isMultiline` is Python's re.MULTILINE. */
export type FailregexOptions = { readonly usedns: UseDns; readonly isMultiline: boolean };

/** A compiled failregex, prefregex or ignoreregex; nothing in it changes but caches. */
export type Failregex = {
  readonly text: string;
  /** Parsed anew when nobody held it any more: a tree takes forty times the memory of its text. */
  readonly tree: Tree;
  /** Group number by name, as in the tree. */
  readonly names: ReadonlyMap<string, number>;
  /**
   * The native group number of each named group, in the order of opening. <F-NAME> is named in lower case; <F-ID> is
   * `fid`, <F-PORT> `fport`, addresses and names are `ip4`, `ip6`, `dns`, `cidr`.
   */
  readonly fields: ReadonlyMap<string, number>;
  /** For texts of ASCII characters only; numbered groups, no flags. */
  readonly ascii: RegExp;
  /** For every text; made at the first use. Null when the engine refuses it: then only a walk can tell. */
  readonly exact: () => RegExp | null;
  readonly agreement: Agreement;
  /** Whether a match can only begin at the text's start. */
  readonly isAnchored: boolean;
  /** Of each set at least one member occurs in every ASCII text that matches; the most telling set first. */
  readonly literals: readonly LiteralSet[];
  readonly walker: () => Walker;
};

/** A match: `groups` by native number as in `fields`, unset ones undefined; offsets in UTF-16 units. */
export type Match = {
  readonly start: number;
  /** May include a newline that ends the text and that Python's `$` would stop before. */
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
};

/**
 * Compiles a pattern in Python's syntax with fail2ban's tags. Throws a RegexError, whose offset points into `text`,
 * for what cannot be read or cannot be had.
 */
export function compileFailregex(text: string, options: FailregexOptions): Failregex {
  const expanded = expandTags(text, options.usedns);
  if (expanded.text.trim() === '') throw new RegexError('the pattern is empty', 0);
  try {
    return compileTree(text, () => parse(expanded, options.isMultiline));
  } catch (error) {
    // The engine's stack, overflown.
    if (error instanceof RangeError) throw new RegexError('the brackets are nested too deep', 0);
    throw error;
  }
}

function compileTree(text: string, parseAgain: () => Tree): Failregex {
  const tree = parseAgain();
  const { names } = tree;
  const kept = whileUsed(parseAgain);
  const ascii = print(tree, 'ascii');
  const fields = new Map<string, number>();
  for (const [name, index] of tree.names) fields.set(name, ascii.numbers.get(index) ?? NEVER_SET);
  return {
    text,
    names,
    get tree() {
      return kept();
    },
    fields,
    ascii: nativeOf(ascii.source, ascii.flags),
    exact: once(() => {
      const exact = print(kept(), 'exact');
      try {
        return nativeOf(exact.source, exact.flags);
      } catch {
        return null;
      }
    }),
    agreement: agreementOf(tree),
    isAnchored: isAnchored(tree.root),
    literals: mandatoryLiterals(tree.root),
    walker: once(() => walkerOf(kept())),
  };
}

/** A value that is made again when it is asked for and was thrown away; within one turn of the loop it stays the same. */
function whileUsed<T extends object>(make: () => T): () => T {
  let ref: WeakRef<T> | null = null;
  return () => {
    const known = ref?.deref();
    if (known !== undefined) return known;
    const made = make();
    ref = new WeakRef(made);
    return made;
  };
}

/** The number of a group that no text can set, such as one inside a branch that is never taken. */
const NEVER_SET = -1;

function nativeOf(source: string, flags: string): RegExp {
  try {
    const regexp = new RegExp(source, flags);
    // V8 translates at the first use, and only then says that a pattern is too large.
    regexp.test('\n');
    return regexp;
  } catch (error) {
    throw new RegexError(`cannot be had as a native expression (${reasonOf(error)})`, 0);
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** Whether the text is all ASCII, so that the faster form serves. */
export function isAsciiText(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text);
}

/**
 * Searches the text (not empty; a line ends in its newline) as Python's `re.search` would. `isAscii` saves looking
 * again when one text meets many patterns.
 */
export function matchText(
  regex: Failregex,
  text: string,
  isAscii: boolean = isAsciiText(text),
): Match | null {
  if (regex.agreement === 'nothing') return walkText(regex, text);
  const regexp = isAscii ? regex.ascii : regex.exact();
  if (regexp === null) return walkText(regex, text);
  const found = execute(regexp, text);
  if (found === null) return null;
  const native = { start: found.index, end: found.index + found[0].length, groups: found };
  return regex.agreement === 'all' ? native : (walkText(regex, text) ?? native);
}

/** A text on which the engine's stack overflows counts as one that does not match. */
function execute(regexp: RegExp, text: string): RegExpExecArray | null {
  try {
    return regexp.exec(text);
  } catch {
    return null;
  }
}

function walkText(regex: Failregex, text: string): Match | null {
  const { found } = backtrack(regex.walker(), text);
  if (found === null) return null;
  const groups: (string | undefined)[] = [text.slice(found.start, found.end)];
  for (const [name, index] of regex.names) {
    const span = found.spans[index];
    const number = regex.fields.get(name) ?? NEVER_SET;
    if (span && number !== NEVER_SET) groups[number] = text.slice(span.start, span.end);
  }
  return { start: found.start, end: found.end, groups };
}
