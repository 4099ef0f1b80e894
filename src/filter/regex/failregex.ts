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

/**
 * `usedns` decides whether <HOST> accepts names. `isMultiline` is Python's re.MULTILINE. `wrapping`: what `^`
 * stands for at the beginning (filter/wrapping.ts).
 */
export type FailregexOptions = {
  readonly usedns: UseDns;
  readonly isMultiline: boolean;
  readonly wrapping?: string | null;
};

/** A compiled failregex, prefregex or ignoreregex. Only its caches change. */
export type Failregex = {
  readonly text: string;
  /** Parsed again after garbage collection: a tree takes forty times the memory of its text. */
  readonly tree: Tree;
  /** Group number by name, as in the tree. */
  readonly names: ReadonlyMap<string, number>;
  /**
   * The native number of each named group, in order of opening. <F-NAME> is named in lower case; <F-ID> is
   * `fid`, <F-PORT> `fport`; addresses and names are `ip4`, `ip6`, `dns`, `cidr`.
   */
  readonly fields: ReadonlyMap<string, number>;
  /** For ASCII texts only; numbered groups, no flags. */
  readonly ascii: RegExp;
  /** For all texts; compiled on first use. Null if V8 refuses the pattern: use backtrack() then. */
  readonly exact: () => RegExp | null;
  readonly agreement: Agreement;
  /** Whether a match can only begin at the start of the text. */
  readonly isAnchored: boolean;
  /** An ASCII text that matches contains at least one member of each set; the most selective set is first. */
  readonly literals: readonly LiteralSet[];
  readonly walker: () => Walker;
};

/** A match. `groups` by native number as in `fields`, undefined if unset; offsets in UTF-16 units. */
export type Match = {
  readonly start: number;
  /** May include a final newline before which Python's `$` would stop. */
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
};

/**
 * Compiles a pattern in Python's syntax with fail2ban's tags. Throws a RegexError, with an offset into
 * `text`, for a pattern that is invalid or unsupported.
 */
export function compileFailregex(text: string, options: FailregexOptions): Failregex {
  const expanded = expandTags(text, options.usedns, options.wrapping ?? null);
  if (expanded.text.trim() === '') throw new RegexError('the pattern is empty', 0);
  try {
    return compileTree(text, () => parse(expanded, options.isMultiline));
  } catch (error) {
    // Stack overflow.
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

/**
 * Makes a value again after it was garbage collected. It stays the same within one turn of the event loop.
 */
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

/** The number of a group that can never be set, such as one in a branch that is never taken. */
const NEVER_SET = -1;

function nativeOf(source: string, flags: string): RegExp {
  try {
    const regexp = new RegExp(source, flags);
    // V8 compiles on first use, and only then reports that a pattern is too large.
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

/** Whether the text is ASCII, so that the faster form can be used. */
export function isAsciiText(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text);
}

/**
 * Searches the text like Python's `re.search`. The text is not empty; a line ends in its newline. `isAscii`
 * saves a check when many patterns are tried on one text.
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

/** A text on which the engine's stack overflows counts as no match. */
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
