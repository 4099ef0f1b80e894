/**
 * Failregexes as WebAssembly, which matches the bytes of a log where they stand: no text is made of them, and nothing is
 * allocated. The code goes back and forth as native RegExp does and finds the same, but it counts its work and gives up beyond a
 * bound, when the native one has to look under a time limit. What it cannot express it leaves to that as well.
 */

import { keptGroups } from '../groups.ts';
import type { Tree } from '../tree.ts';
import { Generator, NotCompiled, type Slots } from './generate.ts';

export { GAVE_UP, NO, YES } from './emit.ts';

/** Bytes that the bounds of a group take. */
const SLOT = 8;

/** A module whose `main(from, end)` searches the ASCII text there, which ends in a newline, and answers NO, YES or GAVE_UP. */
export type Compiled = {
  readonly module: Uint8Array<ArrayBuffer>;
  /** By group the address of its bounds after a match, two integers; 0 is the whole match. The end is -1 where it was not set. */
  readonly slots: Slots;
};

/** Where bounds may be put: `room` bytes from `address` on; and an integer to which work is added, that of a search when the next begins. */
export type Region = { readonly address: number; readonly room: number; readonly spent: number };

/** Compiles a tree; the bounds of its named groups are put into the region. Null where it cannot. */
export function compileTree(tree: Tree, { address, room, spent }: Region): Compiled | null {
  const slots = new Map([[0, address]]);
  for (const index of keptGroups(tree)) slots.set(index, address + slots.size * SLOT);
  if (slots.size * SLOT > room) return null;
  try {
    return { module: new Generator(tree, slots, spent).module(), slots };
  } catch (error) {
    // The engine's stack, overflown by a tree that is long or deep.
    if (error instanceof NotCompiled || error instanceof RangeError) return null;
    throw error;
  }
}
