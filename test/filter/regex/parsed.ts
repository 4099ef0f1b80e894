import { parse } from '../../../src/filter/regex/parse.ts';
import { expandTags } from '../../../src/filter/regex/tags.ts';
import type { Tree } from '../../../src/filter/regex/tree.ts';

/** The tree of a pattern. */
export function parsed(text: string, isMultiline = false): Tree {
  return parse(expandTags(text, 'warn'), isMultiline);
}
