/** Damage to texts, by a dice: what a broken service, a full disk or an attacker leaves behind. */
import type { dice } from './dice.ts';

export type Dice = ReturnType<typeof dice>;

export const pick = <T>(roll: Dice, list: readonly T[]): T | undefined => list[roll(list.length)];

/** Bits that parsers trip over. */
const SPLINTERS = [
  ...[
    '',
    ' ',
    '\t',
    '\r',
    '\0',
    '\x01',
    '\x7f',
    '\x80',
    '\xff',
    '\u00e9',
    '\u2028',
    '\u{1f4a9}',
    '\ud800',
    '\ufeff',
  ],
  ...[
    '<HOST>',
    '<F-USER>',
    '</F-USER>',
    '%(x)s',
    '%',
    '(?',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '\\',
    '|',
    '*',
    '+',
    '?',
    '$',
    '^',
  ],
  ...[
    '203.0.113.66',
    '2001:db8::66',
    '::ffff:203.0.113.66',
    '0.0.0.0',
    '999.1.1.1',
    '1.2.3.4/0',
    '::',
    '-1',
    '1e9',
    '0x10',
  ],
  ...[
    '=',
    ':',
    ';',
    '#',
    ',',
    '"',
    "'",
    '`',
    '$(x)',
    'null',
    'true',
    '[Definition]',
    '[x]',
    '\n',
    '\n\n',
    '\n ',
  ],
  ...['9'.repeat(40), 'a'.repeat(300), 'from ', ' port 22', ' user=', '127.0.0.1'],
];

/** The text with some places damaged; `others` are texts that parts are taken from. */
export function damaged(roll: Dice, text: string, others: readonly string[]): string {
  let out = text;
  for (let times = 1 + roll(4); times > 0; times--) {
    const at = roll(out.length + 1);
    const to = Math.min(out.length, at + roll(1 + roll(30)));
    const other = pick(roll, others) ?? '';
    const from = roll(other.length + 1);
    const inserts = [
      () => pick(roll, SPLINTERS) ?? '',
      () => String.fromCharCode(roll(256)),
      () => other.slice(from, from + roll(80)),
      () => out.slice(at, to).repeat(1 + roll(5)),
      () => out.slice(at, to).repeat(roll(30) === 0 ? 2000 : 2),
      () => '',
    ];
    out = (out.slice(0, at) + (pick(roll, inserts)?.() ?? '') + out.slice(to)).slice(0, 70_000);
  }
  return out;
}

/** Bytes of no meaning, with newlines among them. */
export function noise(roll: Dice, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => (roll(40) === 0 ? 10 : roll(256))));
}
