import type { Failregex } from '../../../../src/filter/regex/failregex.ts';
import { type Compiled, compileTree, GAVE_UP, YES } from '../../../../src/filter/regex/wasm/compile.ts';
import { makeGround, TEXT_AT } from '../../../testbed/ground.ts';
import { type Main, mainOf } from './mainof.ts';

const shared = makeGround();
const { memory, bytes, words, bounds } = shared;

export type Tried = { readonly compiled: Compiled; readonly main: Main };

/** Null where the regex cannot be compiled. */
export function compile(regex: Failregex): Tried | null {
  const compiled = compileTree(regex.tree, { address: bounds, room: 4096, spent: 512 });
  if (compiled === null) return null;
  return { compiled, main: mainOf(compiled.module, memory) };
}

/** By name what was captured; null: no match; `gave up`: it was too much work. */
export function search({ compiled, main }: Tried, regex: Failregex, text: string): unknown {
  // What stands around the text must not matter.
  bytes.write(' from from', TEXT_AT - 10, 'latin1');
  const end = TEXT_AT + bytes.write(text, TEXT_AT, 'latin1');
  bytes.write('word from 192.0.2.9 port', end, 'latin1');
  const answer = main(TEXT_AT, end);
  if (answer === GAVE_UP) return 'gave up';
  if (answer !== YES) return null;
  return Object.fromEntries(
    [...regex.names].map(([name, index]) => {
      const at = (compiled.slots.get(index) ?? 0) >> 2;
      const [from = 0, to = 0] = [words[at], words[at + 1]];
      const isKept = compiled.slots.has(index) && to >= 0;
      return [name, isKept ? bytes.toString('latin1', from, to) : undefined];
    }),
  );
}

/** The same by the native expression. */
export function natively({ ascii, fields }: Failregex, text: string): unknown {
  const match = ascii.exec(text);
  return match === null
    ? null
    : Object.fromEntries([...fields].map(([name, number]) => [name, match[number]]));
}
