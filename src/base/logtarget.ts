import { closeSync, constants, fstatSync, openSync, type Stats, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, reasonOf } from './errors.ts';

const STDERR = 2;
/** Milliseconds until a file that could not be opened or written is tried again. */
const RETRY_MS = 10_000;
/** Does not block: a named pipe may have no reader, and bans must not wait for a log. */
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

/**
 * The log file. It is opened again when its path leads to another file, so that other programs may rotate it.
 * While it cannot be opened or written, lines go to standard error, which gives the reason once.
 */
export class LogTarget {
  #path: string | null;
  #fd = STDERR;
  #file: Pick<Stats, 'dev' | 'ino'> | null = null;
  /** Why lines go to standard error; null if the last write to the file succeeded. */
  #trouble: string | null = null;
  #retryMs = 0;

  /** `path` is null for standard error. */
  constructor(path: string | null) {
    this.#path = path;
    if (path !== null) this.#open(path);
  }

  /**
   * Appends the bytes. A full disk or a closed pipe never ends the process; bytes that standard error does
   * not accept are lost.
   */
  write(bytes: Uint8Array): void {
    if (this.#path === null) {
      writeBytes(STDERR, bytes);
      return;
    }
    this.#follow(this.#path);
    const { rest, reason } = writeBytes(this.#fd, bytes);
    if (this.#fd === STDERR) return;
    if (reason === null) {
      this.#recovered();
      return;
    }
    this.#failed(`cannot write the log ${this.#path}: ${reason}`);
    writeBytes(STDERR, rest);
  }

  /** The file, null = standard error. */
  get path(): string | null {
    return this.#path;
  }

  /** Writes to another file from now on, null = standard error; false where that cannot be opened, and nothing changes. */
  lead(path: string | null): boolean {
    if (path !== null) {
      try {
        closeSync(openSync(path, FLAGS, 0o640));
      } catch {
        return false;
      }
    }
    this.#close();
    this.#path = path;
    this.#trouble = null;
    if (path !== null) this.#open(path);
    return true;
  }

  /** Opens the file again, even if it is the same one or could not be opened a moment ago. */
  reopen(): void {
    if (this.#path !== null) this.#open(this.#path);
  }

  #follow(path: string): void {
    if (this.#file === null) {
      if (performance.now() >= this.#retryMs) this.#open(path);
      return;
    }
    if (!isSame(this.#file, lookAt(path))) this.#open(path);
  }

  #open(path: string): void {
    try {
      const fd = openSync(path, FLAGS, 0o640);
      this.#close();
      this.#fd = fd;
      this.#file = fstatSync(fd);
    } catch (error) {
      this.#failed(`cannot open the log ${path}: ${codeOf(error) || reasonOf(error)}`);
    }
  }

  #failed(trouble: string): void {
    this.#close();
    this.#retryMs = performance.now() + RETRY_MS;
    if (trouble !== this.#trouble) {
      say(`${trouble}: log lines go to standard error until it works`);
      if (trouble.endsWith(': EROFS'))
        say(`hint: in a systemd unit: ReadWritePaths=${dirname(this.#path ?? '')}`);
    }
    this.#trouble = trouble;
  }

  #recovered(): void {
    if (this.#trouble === null) return;
    this.#trouble = null;
    say(`log lines go to ${this.#path} again`);
  }

  #close(): void {
    if (this.#fd !== STDERR) closeSync(this.#fd);
    this.#fd = STDERR;
    this.#file = null;
  }
}

function say(text: string): void {
  writeBytes(STDERR, Buffer.from(`f2b: ${text}\n`));
}

function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isSame(one: Pick<Stats, 'dev' | 'ino'>, other: Stats | undefined): boolean {
  return other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

/** Returns the bytes that were not written, and why. A pipe that stays full loses them silently. */
function writeBytes(
  fd: number,
  bytes: Uint8Array,
): { readonly rest: Uint8Array; readonly reason: string | null } {
  let at = 0;
  for (let tries = 0; at < bytes.length && tries < 100; tries++) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      if (codeOf(error) === 'EAGAIN') continue;
      return { rest: bytes.subarray(at), reason: codeOf(error) || reasonOf(error) };
    }
  }
  return { rest: bytes.subarray(at), reason: null };
}
