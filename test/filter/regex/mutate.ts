/** A seeded source of numbers in [0, 1), mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const ODD = [
  '\r', '\0', '\u2028', '\u2029', '\u00a0', '\u0085', '\x1c', '\x1f', '\t', '\v', '\ufeff', '\u3000',
  'é', 'É', 'ß', 'İ', 'ı', 'ſ', '\u212a', 'Ω', 'µ', '٣', '²', 'Ⅷ', '一', '\u0301', '😀', '𝟘', '\ufffd',
  ' ', ':', ']', '[', '"', "'", '<', '>', '(', ')', '.', '-', '_', '0', '9', 'a', 'Z', '/', ',',
]; // biome-ignore format: a table
const CHUNKS = [
  '::1',
  '[2001:db8::7]',
  '::ffff:192.0.2.9',
  '::FFFF:192.0.2.9',
  '1:2:3:4:5:6:7:8',
  '1:::2',
  'fe80::',
  '192.0.2.300',
  '192.0.2.1.5',
  'dead.beef',
  'example.com',
  ' from 192.0.2.77',
  ' port 22',
  'user=root',
  '401',
  'a'.repeat(40),
  '\n',
];

function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** One of the texts, changed in one to four places; always ends in a newline. */
export function mutate(random: () => number, base: readonly string[], others: readonly string[]): string {
  let text = pick(random, base).slice(0, -1);
  const times = 1 + Math.floor(random() * random() * 4);
  for (let i = 0; i < times; i++) text = change(random, text, others);
  return `${text}\n`;
}

function change(random: () => number, text: string, others: readonly string[]): string {
  const chars = Array.from(text);
  const at = Math.floor(random() * (chars.length + 1));
  const to = Math.min(chars.length, at + 1 + Math.floor(random() * 12));
  const before = chars.slice(0, at).join('');
  const after = chars.slice(at).join('');
  switch (Math.floor(random() * 10)) {
    case 0:
    case 1:
      return before + pick(random, ODD) + chars.slice(at + 1).join('');
    case 2:
    case 3:
      return before + pick(random, ODD) + after;
    case 4:
      return before + chars.slice(to).join('');
    case 5:
      return before + chars.slice(at, to).join('').repeat(2) + chars.slice(to).join('');
    case 6:
      return before + (random() < 0.5 ? after.toUpperCase() : after.toLowerCase());
    case 7:
      return text.replace(/\d{1,3}(?:\.\d{1,3}){3}/, pick(random, CHUNKS));
    case 8:
      return before + pick(random, CHUNKS) + after;
    default:
      return before + pick(random, others).slice(0, -1).slice(at);
  }
}
