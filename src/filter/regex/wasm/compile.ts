/**
 * Compiles failregexes to WebAssembly that matches the bytes of a log in place, without a string or an
 * allocation. The code backtracks like native RegExp and finds the same matches. It counts its work and gives
 * up beyond a bound; then the native regex must be used, under a time limit. Patterns that it cannot express
 * are left to the native regex, too.
 */

import { keptGroups } from '../groups.ts';
import type { Tree } from '../tree.ts';
import { Generator, NotCompiled, type Slots } from './generate.ts';

export { GAVE_UP, NO, YES } from './emit.ts';

/** Bytes for the bounds of a group. */
const SLOT = 8;

/**
 * A module whose `main(from, end)` searches an ASCII text that ends in a newline, and returns NO, YES or
 * GAVE_UP.
 */
export type Compiled = {
  readonly module: Uint8Array<ArrayBuffer>;
  /**
   * By group: the address of its bounds, two integers; 0 is the whole match. The end is -1 if the group is
   * unset.
   */
  readonly slots: Slots;
};

/**
 * Memory for bounds: `room` bytes from `address` on. `spent` is the address of the work counter; a search's
 * work is added when the next one begins.
 */
export type Region = { readonly address: number; readonly room: number; readonly spent: number };

/** Compiles a tree; the bounds of its named groups go to the region. Null if it cannot be compiled. */
export function compileTree(tree: Tree, { address, room, spent }: Region): Compiled | null {
  const slots = new Map([[0, address]]);
  for (const index of keptGroups(tree)) slots.set(index, address + slots.size * SLOT);
  if (slots.size * SLOT > room) return null;
  try {
    return { module: new Generator(tree, slots, spent).module(), slots };
  } catch (error) {
    // Stack overflow, from a long or deep tree.
    if (error instanceof NotCompiled || error instanceof RangeError) return null;
    throw error;
  }
}
