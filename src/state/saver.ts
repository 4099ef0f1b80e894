/**
 * Shares the state file between the daemon and commands.
 *
 * The daemon's copy is newer in everything except the orders that commands add to the file. The saver applies
 * these, under the lock, before each write. A change is in the file within about a second, or as soon as the
 * disk allows. If a write fails, the daemon continues and the saver tries again.
 *
 *     const saver = new StateSaver(path, loaded, { onOrders, onTrouble, beforeSave, now });
 *     saver.watch();
 *     saver.changed('soon');
 */
import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { codeOf, reasonOf } from '../base/errors.ts';
import { stampOf } from '../base/files.ts';
import { settledWithin } from '../base/timeout.ts';
import { loadState, lockStateAsync, prepareFolder, saveState } from './file.ts';
import { adoptBans, applyOrders, type ObeyedOrder, type State } from './state.ts';

/** Seconds that the daemon waits for a command's lock before it tries again later. */
const LOCK_WAIT = 5;
/**
 * How soon a change is written: counts within 1 s, ends of bans within 50 ms, bans and answers at once (those for a firewall before
 * it has them, see saved()); always after the pause that follows a write.
 */
export type Urgency = 'calm' | 'soon' | 'now';
const DELAY_MS: Readonly<Record<Urgency, number>> = { calm: 1000, soon: 50, now: 0 };
/** Milliseconds between checks of the file, in addition to the kernel's notifications. */
const LOOK_MS = 1000;
/** Milliseconds until a failed write is tried again. */
const RETRY_MS = 5000;
/**
 * The pause after a write, as multiples of the processor time of printing and of the time of the whole write,
 * which is mostly waiting.
 */
const PRINT_REST = 20;
const WRITE_REST = 2;
const LONGEST_MS = 60_000;
/** A ban waits for its write, but no longer than this. */
const AHEAD_MS = 1000;
/** Bytes up to which a state is written for each ban without a pause: printing takes a millisecond or two. */
const SMALL = 262_144;

/**
 * Milliseconds to pause after a write, if printing the state took `printMs` and the whole write `writeMs`. A large state must not keep
 * the processor busy; the pause of a slow disk is for what is not urgent.
 */
export function restAfter(printMs: number, writeMs: number, urgency: Urgency): number {
  const disk = urgency === 'now' ? 0 : writeMs * WRITE_REST;
  return Math.min(LONGEST_MS, Math.max(printMs * PRINT_REST, disk));
}

/** Callbacks of a StateSaver. */
export type SaverEvents = {
  /** Commands changed the file; the state already obeyed. */
  onOrders(orders: readonly ObeyedOrder[]): void;
  /** The state cannot be written, and why; null when it can be again. Told once each. */
  onTrouble(reason: string | null): void;
  /** Another process wrote a damaged file; the warning says what was wrong and what was done. */
  onDamage(warning: string): void;
  /** Called just before the state is printed: positions and counts must belong together. */
  beforeSave(): void;
  /** Epoch seconds. */
  now(): number;
};

/** A state, and stampOf() its file; `isUnread`: it is empty as the file could not be read. */
export type LoadedCopy = { readonly state: State; readonly stamp?: string; readonly isUnread?: boolean };

/**
 * Keeps the state and its file the same: writes changes, and applies orders of commands. Works in sequence
 * under the state's lock.
 */
export class StateSaver {
  readonly #path: string;
  readonly #state: State;
  readonly #events: SaverEvents;
  #isUnread: boolean;
  /** Stamp of the file when it was last read or written here. */
  #stamp: string;
  #seenSeq: number;
  #timer: NodeJS.Timeout | null = null;
  #dueMs = Number.POSITIVE_INFINITY;
  #looking: NodeJS.Timeout | null = null;
  #watcher: FSWatcher | null = null;
  #isDirty = false;
  /** Whether a write is in progress. */
  #isSaving = false;
  /** End of the pause after the last write. */
  #restedMs: Readonly<Record<Urgency, number>> = { calm: 0, soon: 0, now: 0 };
  /** Whether work is done under the lock. */
  #isWorking = false;
  #writing: Promise<void> = Promise.resolve();
  /** Bytes of the last write. */
  #size = 0;
  /** Resolves when the write in progress is done or has failed. */
  #current: Promise<void> = Promise.resolve();
  /** The write to come that saved() waits for. */
  #next: PromiseWithResolvers<void> | null = null;
  #trouble: string | null = null;
  #queue: Promise<unknown> = Promise.resolve();

  /**
   * `state` was loaded from `path` under its lock; `stamp` is stampOf(path) under the same lock. Without a
   * stamp the file is checked again, since a command may have changed it. A file that was not read is not written
   * before it can be: its bans are taken over then.
   */
  constructor(path: string, { state, stamp = '', isUnread = false }: LoadedCopy, events: SaverEvents) {
    this.#path = path;
    this.#isUnread = isUnread;
    this.#stamp = stamp;
    this.#state = state;
    this.#events = events;
    this.#seenSeq = state.seq;
  }

  /** Why the state cannot be written; null if the last attempt succeeded. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Call after a change of the state. */
  changed(urgency: Urgency): void {
    this.#isDirty = true;
    this.#schedule(DELAY_MS[urgency], urgency);
  }

  /**
   * Resolves when the state as it is now is in the file. Does not wait for long on a slow disk, nor at all on one that takes
   * no write or for the pause after the write of a large state.
   */
  async saved(): Promise<void> {
    if (this.#trouble !== null) return;
    let write = this.#current;
    if (this.#isDirty) {
      if (this.#size <= SMALL) this.#restedMs = { ...this.#restedMs, now: 0 };
      if (this.#restedMs.now > performance.now()) return;
      write = this.#isWorking ? this.#save().catch(() => undefined) : this.#soonest();
    }
    await settledWithin(AHEAD_MS, write);
  }

  /** Checks whether a command changed the file, and applies its orders. */
  look(): void {
    // The saver's own write changes the file as well.
    if (!this.#isSaving && stampOf(this.#path) !== this.#stamp) this.#schedule(0);
  }

  /** Checks the file repeatedly until close(). */
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
      // Without a kernel watch, checks at intervals suffice.
    }
  }

  /** Takes the lock, applies orders, runs `work`, writes. False if that failed. */
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

  /** The next write, as soon as it can be had. */
  #soonest(): Promise<void> {
    this.#next ??= Promise.withResolvers<void>();
    this.#schedule(0, 'now');
    return this.#next.promise;
  }

  async #attempt(work: () => Promise<void>): Promise<boolean> {
    try {
      const lock = await lockStateAsync(this.#path, LOCK_WAIT);
      if (lock === null) throw new Error(`another process holds the lock of ${this.#path}`);
      try {
        this.#takeIn();
        this.#isWorking = true;
        await work();
        this.#isWorking = false;
        this.#isDirty = true;
        await this.#save();
      } finally {
        this.#isWorking = false;
        lock.release();
      }
    } catch (error) {
      this.#tell(codeOf(error) === '' ? reasonOf(error) : `${codeOf(error)}: ${reasonOf(error)}`);
      this.#next?.resolve();
      this.#next = null;
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
    const brought = this.#isUnread ? adoptBans(this.#state, file, this.#events.now()) : [];
    this.#isUnread = false;
    const orders = [...brought, ...applyOrders(this.#state, file, this.#seenSeq)];
    this.#seenSeq = this.#state.seq;
    if (orders.length > 0) this.#events.onOrders(orders);
  }

  /** Writes what is unwritten once the write in progress is done. The lock is held. */
  #save(): Promise<void> {
    const result = this.#writing.then(() => (this.#isDirty ? this.#write() : undefined));
    this.#writing = result.catch(() => undefined);
    return result;
  }

  async #write(): Promise<void> {
    prepareFolder(this.#path);
    const beginMs = performance.now();
    this.#isDirty = false;
    this.#isSaving = true;
    const write = this.#next ?? Promise.withResolvers<void>();
    this.#next = null;
    this.#current = write.promise;
    this.#events.beforeSave();
    const saving = saveState(this.#path, this.#state, this.#events.now(), write.resolve);
    const printMs = performance.now() - beginMs;
    try {
      this.#size = await saving;
    } catch (error) {
      this.#isDirty = true;
      throw error;
    } finally {
      const endMs = performance.now();
      this.#isSaving = false;
      write.resolve();
      const rested = (urgency: Urgency): number => endMs + restAfter(printMs, endMs - beginMs, urgency);
      this.#restedMs = { calm: rested('calm'), soon: rested('soon'), now: rested('now') };
    }
    this.#stamp = stampOf(this.#path);
  }

  #tell(reason: string | null): void {
    if (reason === this.#trouble) return;
    this.#trouble = reason;
    this.#events.onTrouble(reason);
  }

  /** The apparent change by another process may be our own write that is still in progress. */
  async #catchUp(): Promise<void> {
    await this.#queue;
    if (this.#isDirty || stampOf(this.#path) !== this.#stamp) await this.locked(async () => undefined);
  }

  #schedule(inMs: number, urgency: Urgency = 'calm'): void {
    const nowMs = performance.now();
    const wanted = Math.max(nowMs + inMs, this.#restedMs[urgency]);
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
