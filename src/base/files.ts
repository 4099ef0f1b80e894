import { close, fsync, link, open, rename, statSync, unlink, write } from 'node:fs';
import { promisify } from 'node:util';
import { codeOf } from './errors.ts';

/**
 * What node:fs/promises offers, made of node:fs: that module brings a dozen others along, 1 MB of an idle daemon and a twentieth of
 * the time that a command takes to start.
 */
export const files = {
  link: promisify(link),
  /** Answers a descriptor. */
  open: promisify(open),
  close: promisify(close),
  rename: promisify(rename),
  fsync: promisify(fsync),
};

/** A text that changes whenever the file is changed or replaced; the error's code where there is none. */
export function stampOf(path: string): string {
  try {
    const { ino, mtimeMs, ctimeMs, size } = statSync(path);
    return `${ino} ${mtimeMs} ${ctimeMs} ${size}`;
  } catch (error) {
    return codeOf(error);
  }
}

/** Removes a file; one that is not there is no error. */
export async function removeFile(path: string): Promise<void> {
  try {
    await promisify(unlink)(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const writeSome = promisify(write);

/** Writes all bytes at the place where the descriptor stands. */
export async function writeAll(fd: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) at += (await writeSome(fd, bytes, at)).bytesWritten;
}
