/**
 * One path as an endless source of lines, over rotation, truncation, symlink swaps, vanishing and restarts.
 *
 * The path leads to a sequence of files ("generations"). Each is kept open until it was read to its end and has
 * been quiet for a while, also when its name is gone; lines are handed out oldest file first. Polling with
 * fs.watchFile says when to look; wake-ups by the kernel (FolderSight) make it faster. A change is never
 * believed without looking: which file stands at the path (inode), and whether the bytes before the offset are
 * still those that were read (they are not after a truncation, however fast the file grew again).
 */
import { type BigIntStats, realpathSync, statSync, unwatchFile, watchFile } from 'node:fs';
import { basename, dirname } from 'node:path';
import { codeOf, MachineError, reasonOf } from './errors.ts';
import type {
  Batch,
  FileMark,
  FilePosition,
  LineSource,
  Say,
  SourceState,
  SourceStatus,
} from './linesource.ts';
import { type Codec, codecOf } from './logfile/encoding.ts';
import type { FolderSight } from './logfile/foldersight.ts';
import { fits, Generation, isTelling, kindOf, type Outcome, openPlain } from './logfile/generation.ts';
import { type Found, keyOf, recover } from './logfile/recover.ts';
import { type DateOf, seekSince } from './logfile/seek.ts';

/** How to follow a path. */
export type LogFileOptions = {
  /** Where it stood when it was saved; null: never followed before. */
  readonly position: FilePosition | null;
  /** Where to begin a file that stands there at the first opening; later ones are read from their start. */
  readonly start: 'catchup' | 'head' | 'tail';
  /** Epoch seconds: `catchup`, and a large backlog after a pause, begin with the lines of that time. */
  readonly since: number;
  readonly dateOf: DateOf;
  /** `logencoding` of jail.conf(5). */
  readonly encoding: string;
  /** Interval of fs.watchFile, and of the looks at what is unfinished, in milliseconds. */
  readonly pollMs: number;
  /** Wake-ups by the kernel; null: polling only. */
  readonly sight: FolderSight | null;
  readonly say: Say;
  /** Called, never from inside read(), when read() may have something; perhaps more often than that. */
  readonly onReady: () => void;
  /** How long an unfinished last line is waited for, in milliseconds. */
  readonly partialMs?: number;
  /** How long a file that left the path is still watched after it fell silent, in milliseconds. */
  readonly drainMs?: number;
  /** Where another source stands in a file (`dev:ino`) that now came to this path; it is given up there. */
  readonly adopt?: (key: string) => FileMark | null;
};

const PARTIAL_MS = 60_000;
const DRAIN_MS = 60_000;
/** Files held open for one path at the most. */
const OPEN_MOST = 32;
/** Files that were done with, remembered to know them again: in memory, and in what is saved. */
const PAST_MEMORY = 16;
const PAST_SAVED = 2;
/** A backlog in bytes from which on searching for `since` pays. */
const BACKLOG = 16 * 1024 * 1024;
const COARSE = 0.02;

const NOTHING = Buffer.alloc(0);

/** Begins to follow a path. Throws nothing: what stands in the way is said, stands in the status and is tried again. */
export function openLogFile(path: string, options: LogFileOptions): LogFile {
  return new LogFile(path, options);
}

/** A followed path; see openLogFile() and LineSource. */
export class LogFile implements LineSource {
  readonly name: string;
  readonly #options: LogFileOptions;
  readonly #codec: Codec;
  #generations: Generation[] = [];
  #past: FileMark[] = [];
  #seen: number;
  #first: boolean;
  #closed = false;
  #tick: NodeJS.Timeout | null = null;
  #sights: { readonly folder: string; readonly stop: () => void }[] = [];
  #drainSights: (() => void)[] = [];
  #rescan: { readonly seen: number; readonly dueMs: number } | null = null;
  #trouble: string | null = null;
  #state: SourceState = 'waiting';
  #counts = { bytes: 0, errors: 0, cutLines: 0, skippedBytes: 0, rotations: 0, truncations: 0, lostFiles: 0 };
  readonly #openedAt: number;
  #lastLine: number | null = null;
  #live = false;
  readonly #wake = (): void => {
    if (!this.#closed) this.#options.onReady();
  };

  constructor(path: string, options: LogFileOptions) {
    this.name = path;
    this.#options = options;
    this.#openedAt = Date.now() / 1000;
    this.#seen = this.#openedAt;
    this.#first = options.position === null;
    const codec = codecOf(options.encoding);
    if (codec === null)
      options.say('warning', `${path}: unknown encoding ${options.encoding}, reading as auto`);
    this.#codec = codec ?? (codecOf('auto') as Codec);
    watchFile(path, { bigint: true, interval: options.pollMs, persistent: true }, this.#wake);
    this.#watchFolders();
    if (options.position !== null) this.#resume(options.position);
    else this.#look();
    setImmediate(this.#wake);
  }

  read(maxBytes: number): Batch | null {
    if (this.#closed) return null;
    const nowMs = performance.now();
    const begun = Date.now() / 1000;
    this.#look();
    for (let round = 0; round < 64; round++) {
      const step = this.#readOnce(maxBytes, nowMs, begun);
      if (step !== null) return step;
      if (!this.#look()) {
        this.#settle(nowMs);
        return null;
      }
    }
    return this.#batch({ kind: 'lines', bytes: NOTHING, start: 0, end: 0 }, false);
  }

  position(): FilePosition | null {
    if (this.#generations.length === 0 && this.#past.length === 0) return null;
    const past = this.#past.slice(-PAST_SAVED);
    return {
      kind: 'file',
      seen: this.#seen,
      files: [...past, ...this.#generations.map((one) => one.mark())],
    };
  }

  status(): SourceStatus {
    const sum = { ...this.#counts };
    let lag = 0;
    for (const one of this.#generations) {
      sum.cutLines += one.cutLines;
      sum.skippedBytes += one.skippedBytes;
      lag += one.lag();
    }
    return {
      ...sum,
      state: this.#state,
      trouble: this.#trouble,
      openedAt: this.#openedAt,
      lastLine: this.#lastLine,
      live: this.#live,
      lag,
    };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    unwatchFile(this.name, this.#wake);
    if (this.#tick !== null) clearTimeout(this.#tick);
    for (const sight of this.#sights) sight.stop();
    for (const stop of this.#drainSights) stop();
    for (const one of this.#generations) one.close();
    this.#generations = [];
  }

  /** Whether nothing stands at the path and nothing is left to read. */
  isGone(): boolean {
    return this.#generations.length === 0 && this.#state === 'waiting';
  }

  /** Gives up a file that another source took over, and answers where it stood; null: not one of this path's. */
  release(key: string): FileMark | null {
    const at = this.#generations.findLastIndex((one) => keyOf(one) === key);
    const generation = this.#generations[at];
    if (generation === undefined) return this.#past.findLast((one) => keyOf(one) === key) ?? null;
    const mark = generation.mark();
    this.#retire(generation);
    return mark;
  }

  #readOnce(maxBytes: number, nowMs: number, begun: number): Batch | null {
    for (const one of [...this.#generations]) {
      for (let tries = 0; tries < 64; tries++) {
        const outcome = this.#attempt(one, maxBytes, nowMs);
        if (outcome === null) break;
        if (outcome.kind === 'truncated') {
          this.#truncated(one);
          return this.#batch({ kind: 'lines', bytes: NOTHING, start: 0, end: 0 }, one.live);
        }
        if (one === this.#generations.at(-1)) this.#seen = begun;
        if (outcome.kind === 'lines') return this.#batch(outcome, one.live);
        if (outcome.kind === 'end') break;
        if (tries === 63) return this.#batch({ kind: 'lines', bytes: NOTHING, start: 0, end: 0 }, one.live);
      }
    }
    return null;
  }

  /** Null: the file cannot be read any more (NFS took it away, the disk failed) and is given up; it is opened anew. */
  #attempt(one: Generation, maxBytes: number, nowMs: number): Outcome | null {
    try {
      return one.read(maxBytes, nowMs, this.#options.partialMs ?? PARTIAL_MS);
    } catch (error) {
      this.#fail(`cannot read ${this.name}: ${reasonOf(error)}`);
      this.#retire(one);
      return null;
    }
  }

  #batch(lines: Extract<Outcome, { kind: 'lines' }>, live: boolean): Batch {
    if (lines.end > lines.start) {
      this.#counts.bytes += lines.end - lines.start;
      this.#lastLine = Date.now() / 1000;
    }
    return { bytes: lines.bytes, start: lines.start, end: lines.end, times: null, live };
  }

  /** Looks at what stands at the path; true when there is another file to read than before. */
  #look(): boolean {
    let stat: BigIntStats | undefined;
    try {
      stat = statSync(this.name, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) {
        if (this.#state === 'reading') this.#generations.at(-1)?.leave(performance.now());
        this.#wait(`${this.name} does not exist, waiting for it`);
        return false;
      }
      const key = `${stat.dev}:${stat.ino}`;
      const newest = this.#generations.at(-1);
      if (newest !== undefined && keyOf(newest) === key) {
        this.#well();
        return false;
      }
      if (!stat.isFile())
        throw new MachineError(`cannot follow ${this.name}: it is ${kindOf(stat)}, not a file`);
      if (this.#generations.length >= OPEN_MOST) return false;
      this.#welcome(key);
      this.#well();
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      const refused = error instanceof MachineError;
      this.#fail(refused ? error.message : `cannot open ${this.name}: ${reasonOf(error)}`);
      this.#state = refused ? 'refused' : 'waiting';
      return false;
    }
  }

  /** Another file than before stands at the path. */
  #welcome(key: string): void {
    const back = this.#generations.find((one) => keyOf(one) === key);
    if (back !== undefined) {
      this.#generations = [...this.#generations.filter((one) => one !== back), back];
      return;
    }
    const opened = openPlain(this.name);
    const next = this.#generation(opened);
    const newest = this.#generations.at(-1);
    const replaced = newest === undefined ? null : newest.mark();
    if (newest !== undefined) {
      this.#counts.rotations++;
      newest.leave(performance.now());
    }
    this.#watchFolders();
    const known = this.#knownMark(next, newest);
    if (known !== null) {
      next.seek(known.offset, known.skip);
      if (newest !== undefined && known.ino === replaced?.ino) this.#retire(newest);
    } else if (this.#first) {
      this.#begin(next, Number(opened.stat.size));
    } else if (newest !== undefined || this.#past.length > 0) {
      this.#between(next, this.#seen);
      this.#rescan = { seen: this.#seen, dueMs: performance.now() + this.#options.pollMs };
    }
    this.#first = false;
    this.#generations.push(next);
  }

  /** Where a file that came to the path was left off, when it is no new one: it came back, was rewritten, or was another source's. */
  #knownMark(next: Generation, newest: Generation | undefined): FileMark | null {
    const adopted = this.#options.adopt?.(keyOf(next)) ?? null;
    if (adopted !== null && fits(next.fd, adopted)) return adopted;
    const back = this.#past.findLast(
      (mark) => mark.ino === next.ino && mark.offset > 0 && fits(next.fd, mark),
    );
    if (back !== undefined) return back;
    const candidates = newest === undefined ? this.#past : [newest.mark()];
    return candidates.findLast((mark) => isTelling(mark) && fits(next.fd, mark)) ?? null;
  }

  /** Files that came and went between two looks are read too, before the one that now stands at the path. */
  #between(current: Generation | null, seen: number): void {
    const taken = new Set([...this.#generations, ...(current === null ? [] : [current])].map(keyOf));
    const familiar = [...this.#past, ...this.#generations.map((one) => one.mark())];
    this.#take(recover({ path: this.name, wanted: [], familiar, seen, taken }).found, current);
  }

  #take(found: readonly Found[], before: Generation | null = null): void {
    const added = found.map((one) => {
      const generation = this.#generation(one.opened);
      if (one.offset > 0) generation.seek(one.offset, one.skip);
      return generation;
    });
    const at = before === null ? -1 : this.#generations.indexOf(before);
    this.#generations.splice(at < 0 ? this.#generations.length : at, 0, ...added);
  }

  /** The file was emptied in place: what was not read yet is in a copy, if anywhere. */
  #truncated(one: Generation): void {
    this.#counts.truncations++;
    const mark = one.mark();
    const taken = new Set(this.#generations.map(keyOf));
    const familiar = [...this.#past, mark];
    const { found, lost } = recover({ path: this.name, wanted: [mark], familiar, seen: this.#seen, taken });
    for (const text of lost) this.#options.say('info', `${this.name} was emptied: ${text}`);
    this.#remember({ ...mark, done: true });
    one.seek(0);
    this.#take(found, one);
  }

  #resume(position: FilePosition): void {
    const { files, seen } = position;
    this.#seen = seen;
    this.#past = files.filter((one) => one.done);
    const pending = files.filter((one) => !one.done);
    const current = this.#tryOpen();
    const mark = current === null ? null : markOf(current, pending, files);
    const wanted = pending.filter((one) => one !== mark);
    const rotated = mark === null || mark !== pending.at(-1);
    if (rotated || wanted.length > 0) {
      const taken = new Set(current === null ? [] : [keyOf(current)]);
      const search = {
        path: this.name,
        wanted,
        familiar: files,
        seen: rotated ? seen : Number.POSITIVE_INFINITY,
        taken,
      };
      const { found, lost } = recover(search);
      this.#take(found);
      const missed = rotated ? lost.at(-1) : undefined;
      if (missed !== undefined && found.length === 0) {
        this.#counts.lostFiles++;
        this.#options.say('warning', `${this.name}: ${missed}`);
      }
      for (const one of wanted) this.#remember({ ...one, done: true });
    }
    if (current !== null) {
      if (mark !== null) current.seek(mark.offset, mark.skip);
      this.#generations.push(current);
      this.#well();
    } else {
      this.#look();
    }
    for (const one of this.#generations) this.#hurry(one);
  }

  #tryOpen(): Generation | null {
    try {
      return this.#generation(openPlain(this.name));
    } catch {
      return null;
    }
  }

  /** After a long pause: jumps over lines that are too old to matter. */
  #hurry(one: Generation): void {
    const lag = one.lag();
    if (lag < BACKLOG) return;
    const at = seekSince(one.fd, [one.offset, one.offset + lag], this.#options.since, this.#options.dateOf);
    if (at !== null && at > one.offset) one.seek(at);
  }

  /** A file that is followed for the first time. */
  #begin(next: Generation, size: number): void {
    const { start, since, dateOf } = this.#options;
    if (start === 'head' || size === 0) return;
    const found = start === 'catchup' ? seekSince(next.fd, [0, size], since, dateOf) : null;
    next.seek(found ?? next.lineStartBefore(size));
  }

  #generation(opened: { readonly fd: number; readonly stat: BigIntStats }): Generation {
    const generation = new Generation(opened, this.#codec, performance.now());
    const born = Number(opened.stat.birthtimeNs / 1000n) / 1e6;
    generation.live = born >= this.#openedAt - COARSE;
    return generation;
  }

  /** Everything was read: closes what is done with, and sees to a later look where no event will call. */
  #settle(nowMs: number): void {
    this.#live = true;
    // A list of a folder in which files are being renamed can lack one of them, hence a second look.
    if (this.#rescan !== null && nowMs >= this.#rescan.dueMs) {
      this.#between(this.#generations.at(-1) ?? null, this.#rescan.seen);
      this.#rescan = null;
    }
    const atPath = this.#state === 'reading' ? this.#generations.at(-1) : undefined;
    for (const one of [...this.#generations]) {
      const quiet = nowMs - one.quietSince;
      const enough = this.#generations.length > OPEN_MOST / 2 ? 1000 : (this.#options.drainMs ?? DRAIN_MS);
      if (one !== atPath && quiet >= enough) this.#retire(one);
    }
    this.#watchDrained();
    const unfinished = this.#generations.length > 1 || this.#generations.some((one) => one.hasPartial);
    if (this.#tick !== null || (!unfinished && this.#state === 'reading' && this.#rescan === null)) return;
    this.#tick = setTimeout(() => {
      this.#tick = null;
      this.#wake();
    }, this.#options.pollMs);
  }

  #retire(one: Generation): void {
    this.#counts.cutLines += one.cutLines;
    this.#counts.skippedBytes += one.skippedBytes;
    this.#remember(one.mark(true));
    this.#generations = this.#generations.filter((other) => other !== one);
    one.close();
  }

  #remember(mark: FileMark): void {
    this.#past = [...this.#past, mark].slice(-PAST_MEMORY);
  }

  #watchFolders(): void {
    const { sight } = this.#options;
    if (sight === null) return;
    const paths = new Map([[dirname(this.name), basename(this.name)]]);
    try {
      const real = realpathSync(this.name);
      paths.set(dirname(real), basename(real));
    } catch {
      // It does not exist yet.
    }
    const before = this.#sights;
    this.#sights = [...paths].map(([folder, name]) => ({
      folder,
      stop: sight.subscribe(folder, name, this.#wake),
    }));
    for (const one of before) one.stop();
  }

  /** Files that left the path are written to under other names. */
  #watchDrained(): void {
    const { sight } = this.#options;
    const draining = this.#generations.length > 1;
    if (sight === null || draining === this.#drainSights.length > 0) return;
    for (const stop of this.#drainSights) stop();
    const folders = draining ? this.#sights.map((one) => one.folder) : [];
    this.#drainSights = folders.map((folder) => sight.subscribe(folder, null, this.#wake));
  }

  #wait(text: string): void {
    if (this.#trouble !== text) this.#options.say('info', text);
    this.#trouble = text;
    this.#state = 'waiting';
  }

  #fail(text: string): void {
    if (this.#trouble !== text) {
      this.#counts.errors++;
      this.#options.say('error', text);
    }
    this.#trouble = text;
  }

  #well(): void {
    if (this.#trouble !== null) this.#options.say('info', `reading ${this.name}`);
    this.#trouble = null;
    this.#state = 'reading';
  }
}

/** Which of the saved marks an open file goes on from: its own, or, when it was rewritten, one that cannot agree by chance. */
function markOf(
  current: Generation,
  pending: readonly FileMark[],
  all: readonly FileMark[],
): FileMark | null {
  const own = all.findLast((one) => one.ino === current.ino && fits(current.fd, one));
  return own ?? pending.findLast((one) => isTelling(one) && fits(current.fd, one)) ?? null;
}
