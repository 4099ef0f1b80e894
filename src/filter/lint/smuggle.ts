import { backtrack, walkerOf } from '../regex/backtrack.ts';
import { type Failregex, matchText } from '../regex/failregex.ts';
import { childrenOf, type Node, type NodeOf, type Tree } from '../regex/tree.ts';
import { ADDRESS_GROUPS, sampleOf } from './sample.ts';

/** Addresses of the documentation networks: the real offender, and the one an attacker writes. */
export const REAL = '198.51.100.1';
export const VICTIM = '203.0.113.66';

/** From this many characters on, a part has room for an attacker's text. */
const ROOM = 40;
/** Marks a part's place in a sample; no sample contains it. */
const MARK = '\x00';

/**
 * Lines that the pattern can read in two ways. The service wrote REAL, a part before or after it captured a
 * text with VICTIM, and the pattern returns VICTIM. In the order of the parts; [] if the pattern is safe, or
 * no line can be built. `given`: fixed texts for some parts.
 */
export function smuggled(regex: Failregex, given: ReadonlyMap<Node, string> = new Map()): readonly string[] {
  const { root } = regex.tree;
  const host = hostOf(root);
  if (host === null) return [];
  const sample = (address: string, part: Node | null, fill: string): string | null =>
    sampleOf(root, {
      address,
      through: part === null ? [host] : [host, part],
      fills: new Map(part === null ? given : [...given, [part, fill]]),
    });
  const plain = sample(REAL, null, '');
  const whole = sample(VICTIM, null, '');
  if (plain === null || whole === null || addressIn(regex, plain) !== REAL) return [];
  const lines = roomyParts(root).flatMap((part) => {
    const [real, fake] = [sample(REAL, part, MARK), sample(VICTIM, part, MARK)];
    return real === null || fake === null ? [] : linesAround({ real, fake, whole });
  });
  const isReal = pinned(regex.tree);
  return [...lines, `${plain} ${whole}`].filter(
    (line) => isOneLine(line) && addressIn(regex, line) === VICTIM && isReal(line),
  );
}

/**
 * A line on which the pattern finds VICTIM after any text; null if it is anchored at the line's beginning.
 */
export function floating(regex: Failregex): string | null {
  const host = hostOf(regex.tree.root);
  if (host === null || regex.isAnchored) return null;
  const sample = sampleOf(regex.tree.root, { address: VICTIM, through: [host], fills: new Map() });
  const line = `any text ${sample}`;
  // A wildcard at the beginning matches the text itself.
  const isBehind = (matchText(regex, `${line}\n`)?.start ?? 0) > 0;
  return sample !== null && isBehind && addressIn(regex, line) === VICTIM ? line : null;
}

/** An attacker cannot write a newline into a log: in a window both addresses must be in the same line. */
function isOneLine(text: string): boolean {
  return text.split('\n').some((line) => line.includes(REAL) && line.includes(VICTIM));
}

/** The address that the pattern captures from the line; null if it does not match or captures none. */
export function addressIn(regex: Failregex, line: string): string | null {
  const found = matchText(regex, `${line}\n`);
  const values = ADDRESS_GROUPS.map((name) => found?.groups[regex.fields.get(name) ?? -1]);
  return values.find((value) => value !== undefined && value !== '') ?? null;
}

type SmuggleContext = { readonly real: string; readonly fake: string; readonly whole: string };

/** Lines with an attacker's text in the marked part. */
function linesAround({ real, fake, whole }: SmuggleContext): string[] {
  const [head = '', tail = ''] = real.split(MARK);
  if (tail.includes(REAL)) {
    const [, fakeTail = ''] = fake.split(MARK);
    return ['', 'x'].flatMap((word) =>
      [' ', ''].map((gap) => `${head}${word}${fakeTail}${gap}${word}${tail}`),
    );
  }
  return [`${head} ${whole}${tail}`, `${head}${whole}${tail}`];
}

/** The group that captures the address. */
function hostOf(node: Node): NodeOf<'group'> | null {
  const groups = nodesIn(node).filter((one) => one.kind === 'group');
  for (const name of ADDRESS_GROUPS) {
    const group = groups.find((one) => one.name === name);
    if (group !== undefined) return group;
  }
  return null;
}

function nodesIn(node: Node): Node[] {
  return [node, ...childrenOf(node).flatMap(nodesIn)];
}

/** Parts with room for an address and words around it, without addresses and lookarounds. */
export function roomyParts(node: Node): Node[] {
  if (node.kind === 'look' || (node.kind === 'group' && ADDRESS_GROUPS.includes(node.name ?? ''))) return [];
  const own = node.kind === 'repeat' && node.max >= ROOM ? [node] : [];
  return [...own, ...childrenOf(node).flatMap(roomyParts)];
}

/** Whether the pattern could read a line as one of REAL's, whatever it returns. */
function pinned(tree: Tree): (line: string) => boolean {
  const walker = walkerOf({ ...tree, root: pin(tree.root) });
  return (line) => backtrack(walker, `${line}\n`).found !== null;
}

function pin(node: Node): Node {
  switch (node.kind) {
    case 'seq':
      return { ...node, items: node.items.map(pin) };
    case 'alt':
      return { ...node, branches: node.branches.map(pin) };
    case 'cond':
      return { ...node, yes: pin(node.yes), no: pin(node.no) };
    case 'repeat':
    case 'atomic':
    case 'look':
      return { ...node, body: pin(node.body) };
    case 'group':
      return {
        ...node,
        body: ADDRESS_GROUPS.includes(node.name ?? '') ? literal(REAL, node.at) : pin(node.body),
      };
    default:
      return node;
  }
}

function literal(text: string, at: number): Node {
  const items = [...text].map((char): Node => {
    const code = char.charCodeAt(0);
    const set = { ranges: [{ lo: code, hi: code }], categories: [], isNegated: false, fold: 'none' } as const;
    return { kind: 'set', set, at };
  });
  return { kind: 'seq', items, at };
}
