import type { Failregex, Match } from './regex/failregex.ts';

/** A line split at its date; the regexes see the parts before and after it. */
export type WindowLine = { readonly before: string; readonly date: string; readonly after: string };

/** The whole line. */
export function wholeText(piece: WindowLine): string {
  return piece.before + piece.date + piece.after;
}

/** The lines without their dates, each with a newline. */
export function matchedText(pieces: readonly WindowLine[]): string {
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return `${only.before}${only.after}\n`;
  return pieces.map((piece) => `${piece.before}${piece.after}\n`).join('');
}

/**
 * Splits a window into the lines of a match and the others; lines matched by <SKIPLINES> belong to the
 * others.
 */
export function splitWindow(
  pieces: readonly WindowLine[],
  text: string,
  regex: Failregex,
  match: Match,
): { readonly matched: readonly WindowLine[]; readonly unmatched: readonly WindowLine[] } {
  if (pieces.length <= 1) return { matched: pieces, unmatched: [] };
  const first = text.lastIndexOf('\n', match.start) + 1;
  const newline = text.indexOf('\n', Math.max(0, match.end - 1));
  const from = countNewlines(text, first);
  const to = countNewlines(text, newline < 0 ? text.length : newline + 1);
  const matched = pieces.slice(from, to);
  const unmatched = pieces.slice(0, from);
  let at = 0;
  for (const skipped of skippedLines(regex, match)) {
    const found = matched.findIndex((piece, i) => i >= at && piece.before + piece.after === skipped);
    if (found < 0) continue;
    unmatched.push(...matched.splice(found, 1));
    at = found;
  }
  return { matched, unmatched: [...unmatched, ...pieces.slice(to)] };
}

function countNewlines(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function skippedLines(regex: Failregex, match: Match): string[] {
  let text = '';
  for (const [name, number] of regex.fields) {
    if (/^skiplines\d+$/.test(name)) text += match.groups[number] ?? '';
  }
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
