/** Memory for compiled regexes, as a finder has it. */
import type { SharedMemory } from '../../src/filter/fast/search.ts';

/** Where the text stands that is to be searched. */
export const TEXT_AT = 131_072;

export function makeGround(): SharedMemory {
  const memory = new WebAssembly.Memory({ initial: 64 });
  return {
    memory,
    ...{ bytes: Buffer.from(memory.buffer), words: new Int32Array(memory.buffer) },
    ...{ bounds: 1024, boundsRoom: 65_536, text: 70_000, spent: 512 },
  };
}
