/** Number of single-letter inserts, deletes, replacements and swaps of neighbours between two words. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (isSame ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The candidate closest to `word`, ignoring case; null if none is close. */
export function nearest(word: string, candidates: Iterable<string>): string | null {
  const wanted = word.toLowerCase();
  if (wanted.length > 64) return null;
  const limit = wanted.length <= 3 ? 1 : wanted.length <= 6 ? 2 : 3;
  let best: { name: string; cost: number } | null = null;
  for (const name of candidates) {
    if (Math.abs(name.length - wanted.length) > limit) continue;
    const cost = distance(wanted, name.toLowerCase());
    if (cost <= limit && cost < name.length && (best === null || cost < best.cost)) best = { name, cost };
  }
  return best?.name ?? null;
}

/** `did you mean "x"?`, or null if no candidate is close. `spell` formats the name, such as `--x`. */
export function didYouMean(
  word: string,
  candidates: Iterable<string>,
  spell = (name: string): string => `"${name}"`,
): string | null {
  const name = nearest(word, candidates);
  return name === null ? null : `did you mean ${spell(name)}?`;
}
