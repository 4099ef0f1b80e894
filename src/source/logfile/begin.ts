import type { Generation } from './openfile.ts';
import type { LogFileOptions } from './options.ts';
import { seekSince } from './seek.ts';

/** What says where reading begins. */
export type Beginning = Pick<LogFileOptions, 'start' | 'since' | 'dateOf'>;

/** A backlog in bytes from which on searching for `since` pays. */
const BACKLOG = 16 * 1024 * 1024;

/** Goes to where reading begins in a file of `size` bytes that is followed for the first time. */
export function begin(next: Generation, size: number, { start, since, dateOf }: Beginning): void {
  next.live = false;
  if (start === 'head' || size === 0) return;
  const found = start === 'catchup' ? seekSince(next.fd, [0, size], since, dateOf) : null;
  next.seek(found ?? next.lineStartBefore(size));
}

/** After a long pause: jumps over lines that are too old to matter. */
export function hurry(one: Generation, { since, dateOf }: Beginning): void {
  const lag = one.lag();
  if (lag < BACKLOG) return;
  const at = seekSince(one.fd, [one.offset, one.offset + lag], since, dateOf);
  if (at !== null && at > one.offset) one.seek(at);
}
