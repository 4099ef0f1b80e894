import { compileDates, findStamp } from '../date/datepattern.ts';
import { matchText } from '../regex/failregex.ts';
import type { Filter } from '../types.ts';

/** One character for each kind of text that V8 compiles an expression for by itself. */
const KINDS = ['a', '\u00e9', '\u4e00'] as const;
const warmed = new WeakMap<Filter, Set<string>>();

/**
 * Has everything compiled that the filter needs for a text like this one: forms for other alphabets are made at their first
 * use, and the 100 ms that this takes once must not count as the line's.
 */
export function warmUp(filter: Filter, text: string): void {
  const kind = /[^\x00-\xff]/.test(text) ? KINDS[2] : /[^\x00-\x7f]/.test(text) ? KINDS[1] : KINDS[0];
  const known = warmed.get(filter) ?? new Set();
  if (known.has(kind)) return;
  warmed.set(filter, known.add(kind));
  const { prefregex, failregex, ignoreregex } = filter;
  const all = [...failregex, ...ignoreregex, ...(prefregex === null ? [] : [prefregex])];
  // V8 compiles for good at the second use.
  for (const { regex } of [...all, ...all]) matchText(regex, `${kind} 1\n`);
  const dates = compileDates(filter.datepattern, filter.logtimezone);
  for (const { template } of dates.choice.slots) template.compiled();
  for (const end of ['1', '2']) findStamp(dates, `${kind} ${end}`, 0);
}
