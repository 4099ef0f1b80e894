import { readSync } from 'node:fs';

const BLOCK = 1 << 20;

let block: Buffer | null = null;
let nuls: Buffer | null = null;

/** Where a run of NULs was followed to. `isText`: another byte stands at `at`; else the file or `most` bytes ended there. */
export type NulRun = { readonly at: number; readonly isText: boolean; readonly isEnd: boolean };

/** Follows the NULs that stand from `from` on in an open file, for `most` bytes at the most; a hole reads as NULs. */
export function followNuls(fd: number, from: number, most: number): NulRun {
  block ??= Buffer.allocUnsafeSlow(BLOCK);
  nuls ??= Buffer.alloc(BLOCK);
  for (let at = from; at < from + most; ) {
    const got = readSync(fd, block, 0, Math.min(BLOCK, from + most - at), at);
    if (got === 0) return { at, isText: false, isEnd: true };
    if (nuls.compare(block, 0, got, 0, got) !== 0) {
      const text = block.findIndex((byte) => byte !== 0);
      return { at: at + text, isText: true, isEnd: false };
    }
    at += got;
  }
  return { at: from + most, isText: false, isEnd: false };
}
