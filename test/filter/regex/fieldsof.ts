import type { UseDns } from '../../../src/config/jail.ts';
import { compileFailregex, type Failregex, matchText } from '../../../src/filter/regex/failregex.ts';

export function compile(text: string, usedns: UseDns = 'warn', isMultiline = false): Failregex {
  return compileFailregex(text, { usedns, isMultiline });
}

/** The named captures of a line, or null when it does not match. */
export function fieldsOf(regex: Failregex, line: string): Record<string, string> | null {
  const match = matchText(regex, `${line}\n`);
  if (match === null) return null;
  const found: Record<string, string> = {};
  for (const [name, number] of regex.fields) {
    const value = match.groups[number];
    if (value !== undefined) found[name] = value;
  }
  return found;
}
