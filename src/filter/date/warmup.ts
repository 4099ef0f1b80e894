/** Has date forms compiled ahead, so that what that takes is no line's fault. */

import { kindOf } from '../ascii.ts';
import type { Dates } from './datepattern.ts';
import type { Template } from './template.ts';

const warmed = new WeakMap<Template, Set<string>>();

/** Has compiled, once, all that is asked of a text like this one; it takes up to 100 ms, on a slow machine seconds. */
export function warmUpDates({ choice }: Dates, text: string): void {
  const kind = kindOf(text);
  for (const { template } of choice.slots) {
    const known = warmed.get(template) ?? new Set();
    if (known.has(kind)) continue;
    warmed.set(template, known.add(kind));
    const { ascii, exact } = template.compiled();
    const regex = kind === 'a' ? ascii : exact();
    // V8 compiles for good at the second use.
    for (const end of ['1', '2']) {
      regex.lastIndex = 0;
      regex.exec(`${kind} ${end}`);
    }
  }
}
