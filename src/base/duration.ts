/** All units that fail2ban 1.0.2 accepts, in seconds. */
const UNITS: ReadonlyMap<string, number> = new Map(
  (
    [
      ['y yy yea year years', 31557600],
      ['mo mon month months', 31557600 / 12],
      ['w ww wee week weeks', 604800],
      ['d dd da day days', 86400],
      ['h hh hou hour hours', 3600],
      ['m mm min minute minutes', 60],
      ['s ss sec second seconds', 1],
    ] as const
  ).flatMap(([words, seconds]) => words.split(' ').map((word): [string, number] => [word, seconds])),
);

/**
 * Reads a duration as in jail.conf(5) (`10m`, `1d12h`, `1h 30m`, `600`, `-1`). Returns seconds; null if it is
 * not one. A year has 365.25 days, a month a twelfth of that. Terms are added; other arithmetic is not
 * supported.
 */
export function parseDuration(text: string): number | null {
  const input = text.trim().toLowerCase();
  if (/^-?\d+(\.\d+)?$/.test(input)) return Number(input);
  const term = /([+-]?)\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*/y;
  let sum = 0;
  let at = 0;
  while (at < input.length) {
    term.lastIndex = at;
    const found = term.exec(input);
    if (found === null) return null;
    const [whole, sign, amount, unit] = found;
    const seconds = unit === '' ? 1 : UNITS.get(unit ?? '');
    if (seconds === undefined) return null;
    sum += (sign === '-' ? -1 : 1) * Number(amount) * seconds;
    at += whole.length;
  }
  return at === 0 ? null : sum;
}

/** Formats whole seconds for people: 3600 -> `1h`, 5400 -> `1h 30m`, 0 -> `0s`. */
export function formatDuration(seconds: number): string {
  const steps: [string, number][] = [
    ['w', 604800],
    ['d', 86400],
    ['h', 3600],
    ['m', 60],
    ['s', 1],
  ];
  const parts: string[] = [];
  let rest = Math.max(0, Math.round(seconds));
  for (const [unit, size] of steps) {
    const count = Math.floor(rest / size);
    if (count > 0) parts.push(`${count}${unit}`);
    rest -= count * size;
  }
  return parts.length === 0 ? '0s' : parts.join(' ');
}
