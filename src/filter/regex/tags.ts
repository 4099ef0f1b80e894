import type { UseDns } from '../../config/jail.ts';

/** A pattern and, for each of its characters, the offset in the text that the user wrote. */
export type Expanded = { readonly text: string; readonly origins: readonly number[] };

const ip4 = '(?:\\d{1,3}\\.){3}\\d{1,3}';
// Every turn of the loop ends with a colon, so the last colon needs no lookbehind.
const ip6 = '(?:[0-9a-fA-F]{1,4}::?|::){1,7}(?:[0-9a-fA-F]{1,4}|:)';
const IP4 = `(?:::f{4,6}:)?(?P<ip4>${ip4})`;
const IP6 = `(?P<ip6>${ip6})`;
const DNS = '(?P<dns>[\\w\\-.^_]*\\w)';
const CIDR = '(?P<cidr>\\d+)';
const ADDR = `\\[?(?:${IP4}|${IP6})\\]?`;

/** Tags with a fixed expression; jail.conf(5), fail2ban 1.0.2 behaviour. */
const FIXED: ReadonlyMap<string, string> = new Map([
  ['IP4', IP4],
  ['F-IP4/', IP4],
  ['IP6', IP6],
  ['F-IP6/', IP6],
  ['ADDR', ADDR],
  ['F-ADDR/', ADDR],
  ['CIDR', CIDR],
  ['F-CIDR/', CIDR],
  ['SUBNET', `\\[?(?:${IP4}|${IP6})(?:/${CIDR})?\\]?`],
  ['F-SUBNET/', `\\[?(?:${IP4}|${IP6})(?:/${CIDR})?\\]?`],
  ['DNS', DNS],
  ['F-DNS/', DNS],
  ['F-ID/', '(?P<fid>\\S+)'],
  ['F-PORT/', '(?P<fport>\\w+)'],
]);

/** The group name of the tag F-`name`: in lower case; `id` and `port` become fail2ban's `fid` and `fport`. */
export function fieldName(name: string): string {
  const lower = name.toLowerCase();
  return lower === 'id' || lower === 'port' ? `f${lower}` : lower;
}

/**
 * Replaces fail2ban's tags by Python syntax. Other text in angle brackets stays. `wrapping` (filter/wrapping.ts)
 * takes the place of a `^` at the beginning and of <F-WRAPPING/>; null: they stay.
 */
export function expandTags(pattern: string, usedns: UseDns, wrapping: string | null = null): Expanded {
  const out: string[] = [];
  const origins: number[] = [];
  const push = (text: string, at: number, step: 0 | 1) => {
    out.push(text);
    for (let i = 0; i < text.length; i++) origins.push(at + i * step);
  };
  const opened = new Set<string>();
  let skips = 0;
  let from = 0;
  if (wrapping !== null && pattern.startsWith('^')) {
    push(wrapping, 0, 0);
    from = 1;
  }
  for (const found of pattern.matchAll(/<(\/?[\p{L}\p{N}_-]+\/?)>/gu)) {
    const tag = found[1] ?? '';
    let text = tag === 'SKIPLINES' ? `\\n(?P<skiplines${skips++}>(?:(?:.*\\n)*?))` : wholeOf(tag, usedns);
    const custom = /^(\/?)F-([A-Z0-9_-]+)$/.exec(tag);
    if (text === null && custom !== null) {
      const name = custom[2] ?? '';
      if (custom[1] === '') {
        opened.add(name);
        text = `(?P<${fieldName(name)}>`;
      } else if (opened.has(name)) {
        text = ')';
      }
    }
    if (tag === 'F-WRAPPING/') text = wrapping;
    if (text === null) continue;
    push(pattern.slice(from, found.index), from, 1);
    push(text, found.index, 0);
    from = found.index + found[0].length;
  }
  push(pattern.slice(from), from, 1);
  return { text: out.join(''), origins };
}

function wholeOf(tag: string, usedns: UseDns): string | null {
  if (tag === 'HOST') return usedns === 'no' ? ADDR : `(?:${ADDR}|${DNS})`;
  return FIXED.get(tag) ?? null;
}
