import { type Problem, problem } from '../base/errors.ts';
import type { Rollup } from './jail.ts';
import { placeOf, type Text } from './text.ts';

/**
 * `rollup`: `5/24` for IPv4, `5/24 20/48` for both (the prefix says which family it is: above 32 it is IPv6), `no` for none.
 * null, perhaps with a problem, when nothing is rolled up.
 */
export function readRollup(text: Text, problems: Problem[]): Rollup | null {
  const words = text.text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0 || /^(?:no|off|none|false|0)$/i.test(words[0] ?? '')) return null;
  let rollup: Rollup = { v4: null, v6: null };
  for (const word of words) {
    const found = /^(\d{1,6})\/(\d{1,3})$/.exec(word);
    const [hosts, prefix] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
    if (hosts >= 2 && prefix >= 16 && prefix < 32) rollup = { ...rollup, v4: { hosts, prefix } };
    else if (hosts >= 2 && prefix > 32 && prefix < 128) rollup = { ...rollup, v6: { hosts, prefix } };
    else {
      const told = `cannot read "${word}" as hosts/prefix`;
      const hint =
        'write 5/24 for IPv4, 20/48 for IPv6, or both: at least 2 hosts, /16 to /31 or /33 to /127';
      problems.push(problem(told, { place: placeOf(text), key: 'rollup', hint }));
      return null;
    }
  }
  return rollup;
}
