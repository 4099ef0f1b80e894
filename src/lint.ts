import { groupsIn, type Node } from './failregex/tree.ts';
import { type Failregex, matchText } from './failregex.ts';
import { accepts, sampleText } from './lint/sample.ts';

/** Something about a failregex that an attacker could use. `proof` is a line that shows it. */
export type Finding = {
  readonly kind: 'unanchored' | 'smuggle';
  readonly text: string;
  readonly proof: string | null;
};

/** Addresses of the documentation networks: the one that really failed, and the one that an attacker writes. */
const REAL = '198.51.100.1';
const VICTIM = '203.0.113.66';
const ADDRESS_GROUPS = ['ip4', 'ip6', 'dns', 'cidr', 'fid'];
/** What an attacker's text is made of; a wildcard that takes all of these takes an address with words around it. */
const NEEDED = ' .0123456789af';

/**
 * What an attacker could make of the pattern: no anchor at its beginning, or a wildcard through which a second address can
 * be put into the line. Such a line is built from the pattern and counts only when the pattern itself then answers the
 * wrong address. Patterns from which no line can be built are passed over.
 */
export function lintFailregex(regex: Failregex): readonly Finding[] {
  const findings: Finding[] = [];
  if (!regex.isAnchored && regex.fields.size > 0) {
    const text = 'has no anchor: begin it with ^, or text of an attacker may match in the middle of a line';
    findings.push({ kind: 'unanchored', text, proof: null });
  }
  const proof = smuggle(regex);
  if (proof !== null) {
    const text = `could take the address ${VICTIM} that an attacker wrote, while ${REAL} failed`;
    findings.push({ kind: 'smuggle', text, proof });
  }
  return findings;
}

/** A line in which the real address stands where the service writes it, and yet the other one is found; null = none. */
function smuggle(regex: Failregex): string | null {
  const items = flatten(regex.tree.root);
  const numbers = new Set(ADDRESS_GROUPS.flatMap((name) => regex.tree.names.get(name) ?? []));
  const host = items.findIndex((item) => groupsIn(item).some((group) => numbers.has(group)));
  if (host < 0) return null;
  const plain = sampleText(items, REAL);
  if (plain === null || addressIn(regex, plain) !== REAL) return null;
  for (const [k, item] of items.slice(0, host).entries()) {
    if (!isWild(item)) continue;
    const before = sampleText(items.slice(0, k), REAL);
    const fake = sampleText(items.slice(k + 1), VICTIM);
    const real = sampleText(items.slice(k + 1), REAL);
    if (before === null || fake === null || real === null) continue;
    const lines = [`${before}x${fake} x${real}`, `${before}${fake} ${real}`];
    const fooled = lines.find((line) => addressIn(regex, line) === VICTIM);
    if (fooled !== undefined) return fooled;
  }
  const tail = items.slice(host + 1).some(isWild);
  const open = !items.some((item) => item.kind === 'anchor' && /end/i.test(item.anchor));
  if (!tail && !open) return null;
  const fakeTail = sampleText(items, VICTIM);
  const line = `${plain} ${fakeTail ?? ''}`;
  return addressIn(regex, line) === VICTIM ? line : null;
}

/** The parts of the pattern one after the other, without the groups around them. */
function flatten(node: Node): readonly Node[] {
  if (node.kind === 'seq') return node.items.flatMap(flatten);
  const isAddress = node.kind === 'group' && node.name !== null && ADDRESS_GROUPS.includes(node.name);
  if ((node.kind === 'group' && !isAddress) || node.kind === 'atomic') return flatten(node.body);
  return [node];
}

function isWild(node: Node): boolean {
  if (node.kind !== 'repeat' || node.max !== Number.POSITIVE_INFINITY) return false;
  const { body } = node;
  return body.kind === 'set' && [...NEEDED].every((char) => accepts(body.set, char.charCodeAt(0)));
}

function addressIn(regex: Failregex, line: string): string | null {
  const found = matchText(regex, `${line}\n`);
  if (found === null) return null;
  for (const name of ADDRESS_GROUPS) {
    const number = regex.fields.get(name);
    const value = number === undefined ? undefined : found.groups[number];
    if (value !== undefined && value !== '') return value;
  }
  return null;
}
