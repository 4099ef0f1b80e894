import { isNullable, type Node, type NodeOf, onlyChar } from './tree.ts';
import { asciiMembers } from './unicode.ts';

/**
 * ASCII texts, at least one of which must occur. If `isFolded` they are in lower case and compared without
 * case.
 */
export type LiteralSet = { readonly texts: readonly string[]; readonly isFolded: boolean };

const MAX_TEXTS = 32;
/** Lines are searched without their newline. */
const NEWLINE = 10;

/**
 * A text that a node always matches at this place. If `isFolded` it is in lower case and its case is ignored.
 */
type LiteralRun = { readonly text: string; readonly isFolded: boolean };

/**
 * The literal sets of a tree, sorted by their shortest member, longest first; empty if there are none. They
 * hold for ASCII and for UTF-8: a folded run stops at letters with variants outside ASCII (i, k, s). They
 * also hold, as far as possible, before the date is cut out of a line: a run ends where a date may have been,
 * such as in `[]`, in `audit(:` or between two spaces.
 */
export function mandatoryLiterals(root: Node): readonly LiteralSet[] {
  const sets = collect(root)
    .flatMap(splitAtSeams)
    .filter((set) => set.texts.every((text) => text.length > 1));
  return sets.sort((a, b) => scoreOf(b) - scoreOf(a)).slice(0, 16);
}

/** Adjacent characters that a date may have separated. */
const SEAM = /(?<=[[({<"'])(?=[\])}>"':.,;|])|(?<=([ |,;:-]))(?=\1)/;

function splitAtSeams(set: LiteralSet): LiteralSet[] {
  const [only = ''] = set.texts;
  const partsOf = (text: string) => text.split(SEAM).filter((part) => part !== undefined && part.length > 1);
  if (set.texts.length === 1) return partsOf(only).map((text) => ({ ...set, texts: [text] }));
  const longest = set.texts.map((text) => partsOf(text).sort((a, b) => b.length - a.length)[0] ?? '');
  return [{ ...set, texts: [...new Set(longest)] }];
}

function scoreOf(set: LiteralSet): number {
  return Math.min(...set.texts.map((text) => text.length)) - set.texts.length / 8 - (set.isFolded ? 0.5 : 0);
}

function collect(node: Node): LiteralSet[] {
  switch (node.kind) {
    case 'set': {
      const spelt = spellSet(node);
      return spelt === null ? [] : [setOf(spelt)];
    }
    case 'seq':
      return fromSequence(node.items);
    case 'group':
    case 'atomic':
      return collect(node.body);
    case 'repeat':
      return node.min > 0 ? collect(node.body) : [];
    case 'alt':
      return fromBranches(node.branches);
    case 'cond':
      return fromBranches([node.yes, node.no]);
    default:
      return [];
  }
}

/** One set for all branches, made of each branch's best set. */
function fromBranches(branches: readonly Node[]): LiteralSet[] {
  const texts = new Set<string>();
  let isFolded = false;
  for (const branch of branches) {
    const best = collect(branch).sort((a, b) => scoreOf(b) - scoreOf(a))[0];
    if (best === undefined) return [];
    isFolded ||= best.isFolded;
    for (const text of best.texts) texts.add(text);
  }
  if (texts.size === 0 || texts.size > MAX_TEXTS) return [];
  const spelt = isFolded ? [...texts].map((text) => text.toLowerCase()) : [...texts];
  return [{ texts: [...new Set(spelt)], isFolded }];
}

function fromSequence(items: readonly Node[]): LiteralSet[] {
  const sets: LiteralSet[] = [];
  let runs: LiteralRun[] = [{ text: '', isFolded: false }];
  const flush = () => {
    const texts = [...new Set(runs.map((run) => run.text))];
    if (texts.every((text) => text !== '')) sets.push(setOf(runs));
    runs = [{ text: '', isFolded: false }];
  };
  for (const item of items) {
    const spelt = spellings(item);
    if (spelt !== null && spelt.length * runs.length <= MAX_TEXTS) {
      runs = runs.flatMap((run) => spelt.map((more) => joined(run, more)));
      continue;
    }
    flush();
    if (spelt !== null) runs = [...spelt];
    else if (!isZeroWidth(item)) sets.push(...collect(item));
  }
  flush();
  return sets;
}

function setOf(runs: readonly LiteralRun[]): LiteralSet {
  const isFolded = runs.some((run) => run.isFolded);
  const texts = runs.map((run) => (isFolded ? run.text.toLowerCase() : run.text));
  return { texts: [...new Set(texts)], isFolded };
}

function joined(run: LiteralRun, more: LiteralRun): LiteralRun {
  return { text: run.text + more.text, isFolded: run.isFolded || more.isFolded };
}

function isZeroWidth(node: Node): boolean {
  return node.kind === 'look' || node.kind === 'anchor';
}

/** All texts that the node can match, if there are only a few; else null. */
function spellings(node: Node): readonly LiteralRun[] | null {
  switch (node.kind) {
    case 'set':
      return spellSet(node);
    case 'anchor':
    case 'look':
      // Nothing is consumed, so the characters around it are adjacent.
      return [{ text: '', isFolded: false }];
    case 'group':
    case 'atomic':
      return spellings(node.body);
    case 'seq':
      return spellSequence(node.items);
    case 'alt': {
      const each = node.branches.map(spellings);
      const all = each.flatMap((runs) => runs ?? []);
      return each.includes(null) || all.length > MAX_TEXTS ? null : all;
    }
    case 'repeat':
      return spellRepeat(node.body, node.min, node.max);
    default:
      return null;
  }
}

function spellSet(node: NodeOf<'set'>): readonly LiteralRun[] | null {
  const only = onlyChar(node.set);
  if (only !== null && only < 128) {
    return only === NEWLINE ? null : [{ text: String.fromCharCode(only), isFolded: false }];
  }
  const { ranges, categories, isNegated } = node.set;
  if (isNegated || categories.length > 0 || ranges.some(({ lo, hi }) => hi > 127 || hi - lo > 3)) return null;
  const members = asciiMembers(node.set);
  const codes = [...members.keys()].filter((code) => members[code]);
  const isOpen =
    node.set.isNegated || node.set.categories.length > 0 || node.set.ranges.some(({ hi }) => hi > 127);
  if (isOpen || codes.length === 0 || codes.length > 4 || codes.includes(10)) return null;
  const chars = codes.map((code) => String.fromCharCode(code));
  if (chars.length === 2 && chars[0]?.toLowerCase() === chars[1]) {
    const isWide = node.set.fold === 'unicode' && /[iks]/.test(chars[1] ?? '');
    return isWide ? null : [{ text: chars[1] ?? '', isFolded: true }];
  }
  return chars.map((text) => ({ text, isFolded: false }));
}

function spellSequence(items: readonly Node[]): readonly LiteralRun[] | null {
  let runs: readonly LiteralRun[] = [{ text: '', isFolded: false }];
  for (const item of items) {
    const spelt = spellings(item);
    if (spelt === null || spelt.length * runs.length > MAX_TEXTS) return null;
    runs = runs.flatMap((run) => spelt.map((more) => joined(run, more)));
  }
  return runs;
}

function spellRepeat(body: Node, min: number, max: number): readonly LiteralRun[] | null {
  if (max > 4) return null;
  const one = spellings(body);
  if (one === null || isNullable(body)) return null;
  const out: LiteralRun[] = [];
  let runs: readonly LiteralRun[] = [{ text: '', isFolded: false }];
  for (let count = 0; count <= max; count++) {
    if (count >= min) out.push(...runs);
    runs = runs.flatMap((run) => one.map((more) => joined(run, more)));
    if (runs.length > MAX_TEXTS || out.length > MAX_TEXTS) return null;
  }
  return out;
}

/** Whether every match begins at the start of the text. */
export function isAnchored(node: Node): boolean {
  switch (node.kind) {
    case 'anchor':
      return node.anchor === 'start';
    case 'seq': {
      const first = node.items.find((item) => !(item.kind === 'look' || isWordAnchor(item)));
      return first !== undefined && isAnchored(first);
    }
    case 'alt':
      return node.branches.every(isAnchored);
    case 'cond':
      return isAnchored(node.yes) && isAnchored(node.no);
    case 'group':
    case 'atomic':
      return isAnchored(node.body);
    case 'repeat':
      return node.min > 0 && isAnchored(node.body);
    default:
      return false;
  }
}

function isWordAnchor(node: Node): boolean {
  return node.kind === 'anchor' && node.anchor !== 'start';
}
