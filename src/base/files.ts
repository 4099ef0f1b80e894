import { close, fsync, link, open, rename, type Stats, statSync, unlink, write } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf } from './errors.ts';

/**
 * Functions of node:fs/promises, made from node:fs. That module loads a dozen others: 1 MB of an idle daemon,
 * and a twentieth of a command's start.
 */
export const files = {
  link: promisify(link),
  /** Answers a descriptor. */
  open: promisify(open),
  close: promisify(close),
  rename: promisify(rename),
  fsync: promisify(fsync),
};

/** A text that changes whenever the file is changed or replaced; the error's code if it cannot be read. */
export function stampOf(path: string): string {
  try {
    const { ino, mtimeMs, ctimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
  } catch (error) {
    return codeOf(error);
  }
}

/** What a path leads to; null where that cannot be said: it is missing, a link in a circle, in a folder that is closed. */
export function statOrNull(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}

/** Removes a file; a missing one is not an error. */
export async function removeFile(path: string): Promise<void> {
  try {
    await promisify(unlink)(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const writeSome = promisify(write);

/** Writes all bytes at the descriptor's position. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await writeSome(fd, bytes, at)).bytesWritten;
}
