import { type BigIntStats, closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { codeOf, MachineError } from '../../base/errors.ts';

/** Descriptors for everything but log files, and the part of the others that is left for looks beside the logs. */
const OTHERS = 40;
const SPARE_PART = 0.2;
const LEAST = 4;

/** An open file; `path` leads to it, and is left out where it cannot be opened again. */
export type Opened = { readonly fd: number; readonly stat: BigIntStats; readonly path?: string };

/** A file that was closed while it was quiet does not stand at its path any more. */
export class FileMoved extends Error {}

/** Opens a path as a plain file for reading; MachineError when it is something else, a system error as it comes. */
export function openPlain(path: string): Opened {
  // O_NONBLOCK: between a look and the opening a FIFO may have come, and opening one would wait for ever.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    const stat = fstatSync(fd, { bigint: true });
    if (!stat.isFile()) throw new MachineError(`cannot follow ${path}: it is ${kindOf(stat)}, not a file`);
    return { fd, stat, path };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** What a path holds, for a message: `a folder`, `a FIFO`. */
export function kindOf(stat: BigIntStats): string {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isSocket()) return 'a socket';
  return stat.isFile() ? 'a file' : 'a device';
}

/** Whether a file could not be read: the disk failed (EIO), a server took it away (ESTALE), it was moved while closed. */
export function isReadError(error: unknown): boolean {
  if (error instanceof FileMoved) return true;
  return error instanceof Error && 'syscall' in error && error.syscall === 'read';
}

/** The descriptor of a log file: closed when others need one, and opened again by its path when it is used after that. */
export class Descriptor {
  readonly #dev: bigint;
  readonly #ino: bigint;
  readonly #shared: Descriptors | null;
  /** Null: closed for now. */
  #fd: number | null;
  #path: string | undefined;
  /** When it was closed for others, in epoch seconds, and how long it was then. */
  #parked = { at: 0, size: 0 };

  constructor({ fd, stat, path }: Opened, shared: Descriptors | null) {
    this.#fd = fd;
    this.#dev = stat.dev;
    this.#ino = stat.ino;
    this.#path = path;
    this.#shared = path === undefined ? null : shared;
    this.#shared?.use(this);
  }

  /** Its descriptor; FileMoved when it was closed and its path leads elsewhere by now. */
  get fd(): number {
    const fd = this.#fd ?? this.#openAgain();
    this.#shared?.use(this);
    return fd;
  }

  /** False: it has to be looked for. */
  get isReachable(): boolean {
    try {
      return this.fd >= 0;
    } catch (error) {
      if (error instanceof FileMoved) return false;
      throw error;
    }
  }

  /** When its descriptor was last given to another file, in epoch seconds. */
  get parkedAt(): number {
    return this.#parked.at;
  }

  /** Closes it until it is used again. */
  park(): void {
    if (this.#fd === null) return;
    this.#parked = { at: Date.now() / 1000, size: sizeOf(this.#fd) ?? 0 };
    closeSync(this.#fd);
    this.#fd = null;
  }

  /** It was found under another name. */
  reopen({ fd, path }: Opened): void {
    this.#path = path;
    this.#fd = fd;
    this.#shared?.use(this);
  }

  #openAgain(): number {
    const path = this.#path ?? '';
    let opened: Opened;
    try {
      opened = openPlain(path);
    } catch (error) {
      if (error instanceof MachineError || codeOf(error) === 'ENOENT') throw new FileMoved(path);
      throw error;
    }
    const { fd, stat } = opened;
    if (stat.ino !== this.#ino || stat.dev !== this.#dev) {
      closeSync(fd);
      throw new FileMoved(path);
    }
    this.#fd = fd;
    return fd;
  }

  /** How long the file is, or was when it was closed for others; null when that cannot be had. */
  size(): number | null {
    return this.#fd === null ? this.#parked.size : sizeOf(this.#fd);
  }

  close(): void {
    this.#shared?.drop(this);
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

/**
 * The open descriptors of log files, so many at most: the one that was not used for longest is closed for the next one.
 * Node.js itself aborts when the process has none left.
 */
export class Descriptors {
  readonly #most: number;
  readonly #open = new Set<Descriptor>();

  constructor(most = mostDescriptors()) {
    this.#most = most;
  }

  /** How many are open. */
  get size(): number {
    return this.#open.size;
  }

  /** One is open, and used now. */
  use(one: Descriptor): void {
    this.#open.delete(one);
    this.#open.add(one);
    if (this.#open.size <= this.#most) return;
    for (const oldest of this.#open) {
      this.#open.delete(oldest);
      oldest.park();
      return;
    }
  }

  /** One was closed. */
  drop(one: Descriptor): void {
    this.#open.delete(one);
  }
}

function sizeOf(fd: number): number | null {
  try {
    return fstatSync(fd).size;
  } catch {
    return null;
  }
}

function mostDescriptors(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
    return Math.max(LEAST, Math.floor((soft - OTHERS) * (1 - SPARE_PART)));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
