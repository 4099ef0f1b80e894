/**
 * One path as an endless source of lines, over rotation, truncation, symlink swaps, vanishing and restarts.
 *
 * The path leads to a sequence of files ("generations"). Each is kept open until it was read to its end and has
 * been quiet for a while, also when its name is gone; lines are handed out oldest file first. Polling with
 * fs.watchFile says when to look; wake-ups by the kernel (FolderWatch) make it faster. A change is never
 * believed without looking: which file stands at the path (inode), and whether the bytes before the offset are
 * still those that were read (they are not after a truncation, however fast the file grew again).
 */
import { type BigIntStats, statSync } from 'node:fs';
import { codeOf, MachineError, reasonOf } from '../../base/errors.ts';
import type { Batch, LineSource, SourceStatus } from '../source.ts';
import { SourceStats } from '../status.ts';
import { isReadError, kindOf, openPlain } from './descriptors.ts';
import { codecOf, RAW } from './encoding.ts';
import { fits, type OpenFile, type ReadResult } from './openfile.ts';
import type { LogFileOptions } from './options.ts';
import type { FileMark, FilePosition } from './position.ts';
import { inodeKey } from './recover.ts';
import { keyOfOpened, resume } from './resume.ts';
import { RotationSearch } from './rotated.ts';
import { RotatedFiles } from './rotation.ts';
import { begin, hurry } from './seek.ts';
import { PathWatch } from './watch.ts';

export type { LogFileOptions } from './options.ts';

const PARTIAL_MS = 60_000;
const DRAIN_MS = 60_000;
/** A file may be away for a moment while it is rotated; only a longer absence is worth a word. */
const MISSING_MS = 2000;
/** The longest pause after a read that failed; the first is one poll, each further one twice as long. */
const PAUSE_MS = 60_000;
/** Stands for a file's key where the pause is for the saved position. */
const POSITION = '';
/** fs.watchFile takes its first look some time after the opening; what happens until then is looked for. */
const FIRST_TICKS = 2;

const EMPTY: Extract<ReadResult, { kind: 'lines' }> = {
  kind: 'lines',
  bytes: Buffer.alloc(0),
  start: 0,
  end: 0,
};

/** A followed path and LineSource. */
export class LogFile implements LineSource {
  readonly name: string;
  readonly #options: LogFileOptions;
  readonly #health: SourceStats;
  readonly #pathWatch: PathWatch;
  readonly #rotated: RotatedFiles;
  readonly #search: RotationSearch;
  #missingSince: number | null = null;
  /** A saved position whose files could not be read yet. */
  #unresumed: FilePosition | null;
  /** By `dev:ino` the files that could not be read, and when they are tried again. */
  readonly #pauses = new Map<string, { readonly untilMs: number; readonly lengthMs: number }>();
  /** Epoch seconds at which the newest file was last seen at the path and unharmed. */
  #seen: number;
  /** When an earlier run had read everything; null: there was none. */
  readonly #resumedFrom: number | null;
  /** Nothing was opened yet. */
  #first: boolean;
  #opening = false;
  #closed = false;
  #tick: NodeJS.Timeout | null = null;
  #ticks = 0;
  readonly #wake = (): void => {
    if (!this.#closed) this.#options.onReady();
  };

  constructor(path: string, options: LogFileOptions) {
    const now = Date.now() / 1000;
    this.name = path;
    this.#options = options;
    this.#seen = now;
    this.#resumedFrom = options.position?.seen ?? null;
    this.#first = options.position === null;
    const codec = codecOf(options.encoding);
    if (codec === null)
      options.say('warning', `${path}: unknown encoding ${options.encoding}, reading as auto`);
    const health = new SourceStats(path, now, options.say);
    const rotated = new RotatedFiles({
      codec: codec ?? RAW,
      bornSince: options.bornSince ?? now,
      drainMs: options.drainMs ?? DRAIN_MS,
      health,
      descriptors: options.descriptors ?? null,
      onKnown: options.onKnown ?? (() => {}),
    });
    this.#health = health;
    this.#rotated = rotated;
    this.#search = new RotationSearch({ path, options, rotated, health });
    this.#pathWatch = new PathWatch(path, options, this.#wake);
    this.#unresumed = options.position;
    this.#isResumed(performance.now());
    this.#opening = options.bornSince === undefined;
    this.#look(performance.now());
    this.#opening = false;
    if (this.#missingSince !== null) this.#missing(Number.POSITIVE_INFINITY);
    setImmediate(this.#wake);
  }

  read(maxBytes: number): Batch | null {
    if (this.#closed) return null;
    const nowMs = performance.now();
    const begun = Date.now() / 1000;
    this.#look(nowMs);
    for (let round = 0; round < 64; round++) {
      const batch = this.#readAny(maxBytes, nowMs, begun);
      if (batch !== null) return batch;
      if (this.#look(nowMs)) continue;
      this.#settle(nowMs, begun);
      // An empty batch has the state saved, from which `status` tells.
      return this.#health.takeNews() ? this.#batch(EMPTY, this.#health.live) : null;
    }
    return this.#batch(EMPTY, false);
  }

  position(): FilePosition | null {
    if (this.#unresumed !== null) return this.#unresumed;
    const files = this.#rotated.marks();
    return files.length === 0 ? null : { kind: 'file', seen: this.#seen, files };
  }

  status(): SourceStatus {
    let { cutLines, skippedBytes } = this.#health.counts;
    for (const one of this.#rotated.open) {
      cutLines += one.cutLines;
      skippedBytes += one.skippedBytes;
    }
    return { ...this.#health.report(this.#lag()), cutLines, skippedBytes };
  }

  #lag(): number {
    return this.#rotated.open.reduce((sum, one) => sum + one.lag(), 0);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pathWatch.close();
    if (this.#tick !== null) clearTimeout(this.#tick);
    this.#rotated.close();
  }

  /** Whether nothing stands at the path and nothing is left to read. */
  isGone(): boolean {
    return this.#rotated.open.length === 0 && this.#health.state === 'waiting';
  }

  /** Every file that is known here, as `dev:ino`. */
  known(): readonly string[] {
    return this.#rotated.known().map(inodeKey);
  }

  /** How far a file that is known here but does not stand at this path was read; [] when there is none. */
  marksOf(key: string): readonly FileMark[] {
    const known = this.#rotated.known().filter((one) => inodeKey(one) === key);
    return known.length > 0 && this.#leadsTo(key) ? [] : known;
  }

  /** Gives up a file that came to another source's path; it stays known here, so as not to be taken for a new one. */
  forget(key: string): void {
    if (this.#leadsTo(key)) return;
    for (const one of this.#rotated.open) if (inodeKey(one) === key) this.#rotated.retire(one);
  }

  #leadsTo(key: string): boolean {
    try {
      const stat = statSync(this.name, { bigint: true });
      return `${stat.dev}:${stat.ino}` === key;
    } catch {
      return false;
    }
  }

  #readAny(maxBytes: number, nowMs: number, begun: number): Batch | null {
    const { open } = this.#rotated;
    for (const one of open) {
      for (let tries = 0; ; tries++) {
        const seen = this.#seen;
        if (!this.#isAtHand(one, nowMs)) return this.#batch(EMPTY, one.live);
        if (this.#isUnclear(one, nowMs)) break;
        // An older file was found, whose turn is first.
        if (this.#rotated.open !== open) return this.#batch(EMPTY, false);
        const wasEmpty = one.offset === 0;
        const outcome = this.#attempt(one, maxBytes, nowMs);
        if (outcome === null) break;
        if (outcome.kind === 'truncated') {
          // What another file was copied over has nothing more to tell; it is known by its bytes where it does.
          if (one.isCopy || one !== this.#rotated.newest) this.#rotated.retire(one);
          else this.#search.changed(one, seen);
          return this.#batch(EMPTY, one.live);
        }
        const isNewest = this.#rotated.isAtPath(one);
        if (isNewest && (one.offset > 0 || outcome.kind === 'end')) this.#seen = begun;
        if (isNewest && wasEmpty && one.offset > 0) this.#search.begun(one, seen, nowMs);
        if (outcome.kind === 'lines') return this.#batch(outcome, one.live);
        if (outcome.kind === 'end') break;
        if (tries === 64) return this.#batch(EMPTY, one.live);
      }
    }
    return null;
  }

  /** Null: the file cannot be read (NFS took it away, the disk fails). At the path it is opened anew after a pause. */
  #attempt(one: OpenFile, maxBytes: number, nowMs: number): ReadResult | null {
    const key = inodeKey(one);
    if (this.#isPaused(key, nowMs)) return null;
    try {
      const outcome = one.read(maxBytes, nowMs, this.#options.partialMs ?? PARTIAL_MS);
      this.#pauses.delete(key);
      return outcome;
    } catch (error) {
      this.#failed(key, nowMs, error);
      if (this.#rotated.isAtPath(one)) this.#rotated.retire(one);
      return null;
    }
  }

  #isUnclear(one: OpenFile, nowMs: number): boolean {
    if (this.#isPaused(inodeKey(one), nowMs)) return false;
    try {
      return this.#search.isUnclear(one, nowMs);
    } catch (error) {
      if (!isReadError(error)) throw error;
      this.#failed(inodeKey(one), nowMs, error);
      return true;
    }
  }

  #isPaused(key: string, nowMs: number): boolean {
    return nowMs < (this.#pauses.get(key)?.untilMs ?? Number.NEGATIVE_INFINITY);
  }

  /** Says once that a file cannot be read, and leaves it alone for a while, longer each time. */
  #failed(key: string, nowMs: number, error: unknown): void {
    const before = this.#pauses.get(key);
    const lengthMs = before === undefined ? this.#options.pollMs : Math.min(PAUSE_MS, before.lengthMs * 2);
    this.#pauses.set(key, { untilMs: nowMs + lengthMs, lengthMs });
    const text = `cannot read ${this.name}: ${reasonOf(error)}`;
    if (before === undefined) this.#health.fail(text);
  }

  #batch(lines: Extract<ReadResult, { kind: 'lines' }>, live: boolean): Batch {
    if (lines.end > lines.start) {
      this.#health.counts.bytes += lines.end - lines.start;
      this.#health.advance(Date.now() / 1000);
    }
    const written = this.#resumedFrom === null ? {} : { writtenSince: this.#resumedFrom };
    return { bytes: lines.bytes, start: lines.start, end: lines.end, times: null, live, ...written };
  }

  /** Looks at what stands at the path; true when there is another file to read than before. */
  #look(nowMs: number): boolean {
    if (!this.#isResumed(nowMs)) return false;
    try {
      const stat = statSync(this.name, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) {
        this.#missing(nowMs);
        return false;
      }
      const key = `${stat.dev}:${stat.ino}`;
      if (this.#isPaused(key, nowMs)) return false;
      return this.#arrive(key, stat, nowMs);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.#missing(nowMs);
      else if (error instanceof MachineError) this.#health.fail(error.message, 'refused');
      else this.#health.fail(`cannot open ${this.name}: ${reasonOf(error)}`);
      return false;
    }
  }

  /** Takes in the file that stands at the path; true when it is another one than before. */
  #arrive(key: string, stat: BigIntStats, nowMs: number): boolean {
    const { newest } = this.#rotated;
    const same = newest !== undefined && inodeKey(newest) === key;
    if (!same) this.#leave(nowMs);
    if (!same && !stat.isFile()) {
      throw new MachineError(`cannot follow ${this.name}: it is ${kindOf(stat)}, not a file`);
    }
    if (!same && this.#rotated.isFull) return false;
    try {
      if (!same && !this.#rotated.comesBack(key)) this.#welcome(nowMs);
    } catch (error) {
      if (!isReadError(error)) throw error;
      this.#failed(key, nowMs, error);
      return false;
    }
    this.#rotated.atPath = true;
    this.#missingSince = null;
    if (!this.#pauses.has(key)) this.#health.well();
    return !same;
  }

  /** What stood at the path does not any more; where it was closed it is looked for at once. */
  #leave(nowMs: number): void {
    const { newest, atPath } = this.#rotated;
    this.#rotated.leave(nowMs);
    if (atPath && newest !== undefined && !newest.descriptor.isReachable) this.#search.reopen(newest, true);
  }

  /** Whether a file is open, or could be opened again where it was; else it is looked for, or given up. */
  #isAtHand(one: OpenFile, nowMs: number): boolean {
    try {
      if (one.descriptor.isReachable) return true;
      const wasAtPath = this.#rotated.isAtPath(one);
      if (wasAtPath) this.#rotated.leave(nowMs);
      this.#search.reopen(one, wasAtPath);
      return false;
    } catch {
      // Reading tells what is wrong.
      return true;
    }
  }

  #missing(nowMs: number): void {
    this.#leave(nowMs);
    this.#missingSince ??= nowMs;
    if (nowMs - this.#missingSince < MISSING_MS) return;
    this.#health.wait(`${this.name} does not exist, waiting for it`);
  }

  /** Another file than before stands at the path. */
  #welcome(nowMs: number): void {
    const opened = openPlain(this.name);
    const next = this.#rotated.adopt(opened);
    this.#pathWatch.refresh();
    try {
      this.#place(next, Number(opened.stat.size), nowMs);
    } catch (error) {
      next.close();
      throw error;
    }
    this.#first = false;
    this.#rotated.push(next);
  }

  /** Finds out where a file goes on, or begins. */
  #place(next: OpenFile, size: number, nowMs: number): void {
    const { newest, past } = this.#rotated;
    const known = this.#adopt(next) ?? this.#rotated.markOf(next);
    if (newest !== undefined) this.#health.counts.rotations++;
    if (known !== null) {
      next.seek(known.offset, known.skip);
      // The same log was written anew: what is left to read of it is in the new file, too.
      if (newest !== undefined && known.ino === newest.ino && known.ino !== next.ino)
        this.#rotated.retire(newest);
    } else if (newest !== undefined || past.length > 0) {
      this.#search.replaced(next, this.#seen, nowMs);
      this.#search.suspect(next, this.#seen);
    } else if (this.#first && (this.#opening || !next.live)) {
      begin(next, size, this.#options);
    }
  }

  /** Where another source left off a file that came to this path. */
  #adopt(file: { readonly fd: number; readonly dev: string; readonly ino: string }): FileMark | null {
    return this.#options.adopt?.(inodeKey(file), (mark) => fits(file.fd, mark)) ?? null;
  }

  /** Whether the saved position, if there is one, was taken up; what cannot be read is tried again later. */
  #isResumed(nowMs: number): boolean {
    if (this.#unresumed === null) return true;
    if (this.#isPaused(POSITION, nowMs)) return false;
    try {
      this.#resume(this.#unresumed);
      this.#unresumed = null;
      this.#pauses.delete(POSITION);
      return true;
    } catch (error) {
      if (!isReadError(error)) throw error;
      this.#failed(POSITION, nowMs, error);
      return false;
    }
  }

  #resume(position: FilePosition): void {
    this.#seen = position.seen;
    const { before, current, past, lost } = resume(position, {
      path: this.name,
      isFollowed: this.#options.isFollowed ?? (() => false),
      dateOf: this.#options.dateOf,
      since: this.#options.since,
      adopt: (opened) => this.#options.adopt?.(keyOfOpened(opened), (mark) => fits(opened.fd, mark)) ?? null,
    });
    this.#rotated.remember(...past);
    this.#rotated.take(current === null ? before : [...before, current], null, false);
    if (lost !== null) {
      this.#health.counts.lostFiles++;
      this.#options.say('warning', `${this.name}: ${lost}`);
    }
    try {
      for (const one of this.#rotated.open) hurry(one, this.#options);
    } catch (error) {
      // Reading tells it.
      if (!isReadError(error)) throw error;
    }
  }

  /** Everything was read: closes what is done with, and sees to a later look where no event will call. */
  #settle(nowMs: number, now: number): void {
    if (this.#rotated.open.length > 0) this.#health.live = true;
    this.#search.settle(nowMs);
    this.#rotated.retireQuiet(nowMs);
    this.#pathWatch.drain(this.#rotated.open.length > 1);
    this.#health.waits(this.#lag(), now);
    if (this.#isSettled() || this.#tick !== null) return;
    this.#ticks++;
    this.#tick = setTimeout(() => {
      this.#tick = null;
      this.#wake();
    }, this.#options.pollMs);
  }

  #isSettled(): boolean {
    const { open, atPath } = this.#rotated;
    if (this.#ticks < FIRST_TICKS || this.#search.isPending || this.#health.state !== 'reading') return false;
    if (this.#health.isWaiting) return false;
    return atPath && open.length === 1 && !open.some((one) => one.hasPartial);
  }
}
