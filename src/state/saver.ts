/**
 * The daemon's way of sharing the state's file with commands. The daemon's copy is the newer one in everything but the orders
 * that commands left in the file: these are taken in, under the lock, before anything is written. A change is in the file within
 * about a second, or as soon as the disk can take it; a file that cannot be written stops nothing and is tried again:
 *
 *     const saver = new StateSaver(path, loaded, { onOrders, onTrouble, beforeSave, now });
 *     saver.watch();
 *     saver.changed('soon');
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { codeOf, reasonOf } from '../base/errors.ts';
import { stampOf } from '../base/files.ts';
import { takeLockAsync } from '../base/lock.ts';
import { loadState, lockPath, saveState } from './file.ts';
import { applyOrders, type CommandOrder, type State } from './state.ts';

/** How long the daemon waits for a command to finish its change before it tries again, in seconds. */
const LOCK_WAIT = 5;
/**
 * How soon a change is written: a count within about a second; a ban soon, so that what the firewall says of it
 * usually comes along; that word at once. Never before the rest after the last write is over.
 */
export type Urgency = 'calm' | 'soon' | 'now';
const HASTE_MS: Readonly<Record<Urgency, number>> = { calm: 1000, soon: 50, now: 0 };
/** The file is looked at this often, besides the kernel's word that it changed. */
const LOOK_MS = 1000;
/** A state that could not be written is tried again this often. */
const RETRY_MS = 5000;
/** Of processor time one part in so many goes into writing; of the disk's, which is mostly waited for, far more. */
const PRINT_REST = 20;
const WRITE_REST = 2;
const LONGEST_MS = 60_000;

/**
 * How long the keeper rests after a write, in milliseconds, when printing the state took `printMs` and the whole write
 * `writeMs`: a large state must not keep the processor busy, nor a slow disk keep bans from being written down.
 */
export function restAfter(printMs: number, writeMs: number): number {
  return Math.min(LONGEST_MS, Math.max(printMs * PRINT_REST, writeMs * WRITE_REST));
}

/** What the keeper asks of the daemon and tells it. */
export type SaverEvents = {
  /** Commands changed the file; the state already obeyed. */
  onOrders(orders: readonly CommandOrder[]): void;
  /** The state cannot be written, and why; null when it can be again. Told once each. */
  onTrouble(reason: string | null): void;
  /** What was wrong with the file, which somebody else wrote, and what became of it. */
  onDamage(warning: string): void;
  /** Called just before the state is printed: positions and counts must belong together. */
  beforeSave(): void;
  /** Epoch seconds. */
  now(): number;
};

/** A state from its file, and which file that was. */
export type LoadedCopy = { readonly state: State; readonly stamp?: string };

/**
 * Keeps the daemon's state and its file the same: writes what changed, takes in what commands changed. All of
 * it happens one after the other, under the state's lock.
 */
export class StateSaver {
  readonly #path: string;
  readonly #state: State;
  readonly #events: SaverEvents;
  /** Of the file as we last read or wrote it. */
  #stamp: string;
  #seenSeq: number;
  #timer: NodeJS.Timeout | null = null;
  #dueMs = Number.POSITIVE_INFINITY;
  #looking: NodeJS.Timeout | null = null;
  #watcher: FSWatcher | null = null;
  #isDirty = false;
  /** The file is being replaced by us. */
  #isSaving = false;
  /** Until when the last write is rested from. */
  #restedMs = 0;
  #trouble: string | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * `state` was just loaded from `path` under its lock; `stamp` is stampOf(path) from under the same lock. Without it the file
   * is looked at again, since a command may have been there meanwhile.
   */
  constructor(path: string, { state, stamp = '' }: LoadedCopy, events: SaverEvents) {
    this.#path = path;
    this.#stamp = stamp;
    this.#state = state;
    this.#events = events;
    this.#seenSeq = state.seq;
  }

  /** Why the state cannot be written; null when the last attempt worked. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Something changed: see the kinds of Haste. */
  changed(haste: Urgency): void {
    this.#isDirty = true;
    this.#schedule(HASTE_MS[haste]);
  }

  /** Looks whether a command changed the file, and has that taken in. */
  look(): void {
    // Who holds the lock is the one that changes the file.
    if (!this.#isSaving && stampOf(this.#path) !== this.#stamp) this.#schedule(0);
  }

  /** Goes on looking, until it is closed. */
  watch(): void {
    this.#looking = setInterval(() => this.look(), LOOK_MS);
    try {
      const watcher = watch(dirname(this.#path), (_, name) => {
        if (name === basename(this.#path)) this.look();
      });
      watcher.on('error', () => watcher.close());
      watcher.unref();
      this.#watcher = watcher;
    } catch {
      // Looking at intervals serves where the kernel has no watches left.
    }
  }

  /** Takes the lock, obeys what commands wrote, runs `work`, writes. False when it could not. */
  locked(work: () => Promise<void>): Promise<boolean> {
    const result = this.#queue.then(() => this.#attempt(work));
    this.#queue = result;
    return result;
  }

  /** Writes for the last time. */
  async close(): Promise<void> {
    if (this.#looking !== null) clearInterval(this.#looking);
    this.#watcher?.close();
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#queue;
    this.#dueMs = Number.NEGATIVE_INFINITY;
    if (this.#isDirty || stampOf(this.#path) !== this.#stamp) await this.#attempt(async () => undefined);
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      const lock = await takeLockAsync(lockPath(this.#path), LOCK_WAIT);
      if (lock === null) throw new Error(`${lockPath(this.#path)} is held by somebody else`);
      try {
        this.#takeIn();
        await work();
        await this.#save();
      } finally {
        lock.release();
      }
    } catch (error) {
      this.#tell(codeOf(error) === '' ? reasonOf(error) : `${codeOf(error)}: ${reasonOf(error)}`);
      this.#schedule(RETRY_MS);
      return false;
    }
    this.#tell(null);
    return true;
  }

  #takeIn(): void {
    if (stampOf(this.#path) === this.#stamp) return;
    const { state: file, warnings } = loadState(this.#path, true);
    for (const warning of warnings) this.#events.onDamage(warning);
    const orders = applyOrders(this.#state, file, this.#seenSeq);
    this.#seenSeq = this.#state.seq;
    if (orders.length > 0) this.#events.onOrders(orders);
  }

  async #save(): Promise<void> {
    const beginMs = performance.now();
    this.#isDirty = false;
    this.#isSaving = true;
    this.#events.beforeSave();
    const saving = saveState(this.#path, this.#state, this.#events.now());
    const printMs = performance.now() - beginMs;
    try {
      await saving;
    } catch (error) {
      this.#isDirty = true;
      throw error;
    } finally {
      const endMs = performance.now();
      this.#isSaving = false;
      this.#restedMs = endMs + restAfter(printMs, endMs - beginMs);
    }
    this.#stamp = stampOf(this.#path);
  }

  #tell(reason: string | null): void {
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#events.onTrouble(reason);
  }

  /** What looked like somebody else's write may have been our own, still under way. */
  async #catchUp(): Promise<void> {
    await this.#queue;
    if (this.#isDirty || stampOf(this.#path) !== this.#stamp) await this.locked(async () => undefined);
  }

  #schedule(inMs: number): void {
    const nowMs = performance.now();
    const wanted = Math.max(nowMs + inMs, this.#restedMs);
    if (wanted >= this.#dueMs) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#dueMs = wanted;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#dueMs = Number.POSITIVE_INFINITY;
      void this.#catchUp();
    }, wanted - nowMs);
  }
}
