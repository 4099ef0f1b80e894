/**
 * One path as an endless source of lines, over rotation, truncation, symlink swaps, vanishing and restarts.
 *
 * The path leads to a sequence of files ("generations"). Each is kept open until it was read to its end and has
 * been quiet for a while, also when its name is gone; lines are handed out oldest file first. Polling with
 * fs.watchFile says when to look; wake-ups by the kernel (FolderSight) make it faster. A change is never
 * believed without looking: which file stands at the path (inode), and whether the bytes before the offset are
 * still those that were read (they are not after a truncation, however fast the file grew again).
 */
import { type BigIntStats, statSync } from 'node:fs';
import { codeOf, MachineError, reasonOf } from './errors.ts';
import type { Batch, FileMark, FilePosition, LineSource, Say, SourceStatus } from './linesource.ts';
import { type Codec, codecOf, RAW } from './logfile/encoding.ts';
import type { FolderSight } from './logfile/foldersight.ts';
import { fits, Generation, isTelling, kindOf, type Outcome, openPlain } from './logfile/generation.ts';
import { Health } from './logfile/health.ts';
import { type Found, keyOf, type Recovered, recover, type Search } from './logfile/recover.ts';
import { keyOfOpened, resume } from './logfile/resume.ts';
import { type DateOf, seekSince } from './logfile/seek.ts';
import { Sights } from './logfile/sights.ts';

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
  /** Epoch seconds: a file born since is new and read from its start, whatever `start` says; default: the opening. */
  readonly bornSince?: number;
  /** Where another source stood in a file (`dev:ino`) that came to this path, if that mark is accepted; it is given up there. */
  readonly adopt?: (key: string, accepts: (mark: FileMark) => boolean) => FileMark | null;
  /** Whether another source follows a path, as when a glob matches rotated files too. */
  readonly isFollowed?: (path: string) => boolean;
};

const PARTIAL_MS = 60_000;
const DRAIN_MS = 60_000;
/** The same for a copy, which nobody writes to, and for the oldest when there are too many. */
const COPY_MS = 1000;
const CROWD_MS = 1000;
/** A file may be away for a moment while it is rotated; only a longer absence is worth a word. */
const MISSING_MS = 2000;
/** Files held open for one path at the most. */
const OPEN_MOST = 256;
/** Files that were done with, remembered to know them again: in memory, and in what is saved. */
const PAST_MEMORY = 256;
const PAST_SAVED = 2;
/** A backlog in bytes from which on searching for `since` pays. */
const BACKLOG = 16 * 1024 * 1024;
/** Birth times come from the kernel's coarse clock, a few milliseconds behind. */
const COARSE = 0.02;
/** fs.watchFile takes its first look some time after the opening; what happens until then is looked for. */
const FIRST_TICKS = 2;

/** How often a file that cannot be judged yet is looked at again, one poll apart. */
const LOOKS = 5;

/** What is looked for beside the log: what came since `seen`, by renaming or by copying. */
type Between = { readonly seen: number; readonly renamed: boolean };

const EMPTY: Extract<Outcome, { kind: 'lines' }> = {
  kind: 'lines',
  bytes: Buffer.alloc(0),
  start: 0,
  end: 0,
};

/** Begins to follow a path. Throws nothing: what stands in the way is said, stands in the status and is tried again. */
export function openLogFile(path: string, options: LogFileOptions): LogFile {
  return new LogFile(path, options);
}

/** A followed path; see openLogFile() and LineSource. */
export class LogFile implements LineSource {
  readonly name: string;
  readonly #options: LogFileOptions;
  readonly #codec: Codec;
  readonly #health: Health;
  readonly #sights: Sights;
  readonly #bornSince: number;
  /** Oldest first; when #atPath, the last one is what the path leads to. */
  #generations: Generation[] = [];
  #atPath = false;
  #missingSince: number | null = null;
  #past: readonly FileMark[] = [];
  /** Epoch seconds at which the newest generation was last seen at the path and unharmed. */
  #seen: number;
  /** Nothing was opened yet. */
  #first: boolean;
  #opening = false;
  #closed = false;
  #tick: NodeJS.Timeout | null = null;
  #ticks = 0;
  #rescan: (Between & { readonly dueMs: number; readonly left: number }) | null = null;
  readonly #wake = (): void => {
    if (!this.#closed) this.#options.onReady();
  };

  constructor(path: string, options: LogFileOptions) {
    const now = Date.now() / 1000;
    this.name = path;
    this.#options = options;
    this.#health = new Health(path, now, options.say);
    this.#bornSince = options.bornSince ?? now;
    this.#seen = now;
    this.#first = options.position === null;
    const codec = codecOf(options.encoding);
    if (codec === null)
      options.say('warning', `${path}: unknown encoding ${options.encoding}, reading as auto`);
    this.#codec = codec ?? RAW;
    this.#sights = new Sights(path, options, this.#wake);
    if (options.position !== null) this.#resume(options.position);
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
      this.#settle(nowMs);
      return null;
    }
    return this.#batch(EMPTY, false);
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
    let { cutLines, skippedBytes } = this.#health.counts;
    let lag = 0;
    for (const one of this.#generations) {
      cutLines += one.cutLines;
      skippedBytes += one.skippedBytes;
      lag += one.lag();
    }
    return { ...this.#health.report(lag), cutLines, skippedBytes };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#sights.close();
    if (this.#tick !== null) clearTimeout(this.#tick);
    for (const one of this.#generations) one.close();
    this.#generations = [];
  }

  /** Whether nothing stands at the path and nothing is left to read. */
  isGone(): boolean {
    return this.#generations.length === 0 && this.#health.state === 'waiting';
  }

  /** How far a file that is known here but does not stand at this path was read; [] when there is none. */
  marksOf(key: string): readonly FileMark[] {
    const known = [...this.#past, ...this.#generations.map((one) => one.mark())].filter(
      (one) => keyOf(one) === key,
    );
    return known.length > 0 && this.#leadsTo(key) ? [] : known;
  }

  /** Gives up a file that came to another source's path; it stays known here, so as not to be taken for a new one. */
  forget(key: string): void {
    if (this.#leadsTo(key)) return;
    for (const one of this.#generations.filter((other) => keyOf(other) === key)) {
      if (one === this.#generations.at(-1)) this.#atPath = false;
      this.#retire(one);
    }
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
    for (const one of [...this.#generations]) {
      for (let tries = 0; ; tries++) {
        const seen = this.#seen;
        const wasEmpty = one.offset === 0;
        const outcome = this.#attempt(one, maxBytes, nowMs);
        if (outcome === null) break;
        if (outcome.kind === 'truncated') {
          this.#truncated(one, nowMs);
          return this.#batch(EMPTY, one.live);
        }
        const newest = this.#atPath && one === this.#generations.at(-1);
        if (newest && one.offset > 0) this.#seen = begun;
        if (newest && wasEmpty && one.offset > 0) this.#begun(one, seen, nowMs);
        if (outcome.kind === 'lines') return this.#batch(outcome, one.live);
        if (outcome.kind === 'end') break;
        if (tries === 64) return this.#batch(EMPTY, one.live);
      }
    }
    return null;
  }

  /** Null: the file cannot be read any more (NFS took it away, the disk failed) and is given up; it is opened anew. */
  #attempt(one: Generation, maxBytes: number, nowMs: number): Outcome | null {
    try {
      return one.read(maxBytes, nowMs, this.#options.partialMs ?? PARTIAL_MS);
    } catch (error) {
      this.#health.fail(`cannot read ${this.name}: ${reasonOf(error)}`);
      if (one === this.#generations.at(-1)) this.#atPath = false;
      this.#retire(one);
      return null;
    }
  }

  #batch(lines: Extract<Outcome, { kind: 'lines' }>, live: boolean): Batch {
    if (lines.end > lines.start) {
      this.#health.counts.bytes += lines.end - lines.start;
      this.#health.lastLine = Date.now() / 1000;
    }
    return { bytes: lines.bytes, start: lines.start, end: lines.end, times: null, live };
  }

  /** Looks at what stands at the path; true when there is another file to read than before. */
  #look(nowMs: number): boolean {
    try {
      const stat = statSync(this.name, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) {
        this.#missing(nowMs);
        return false;
      }
      const newest = this.#generations.at(-1);
      const key = `${stat.dev}:${stat.ino}`;
      const same = newest !== undefined && keyOf(newest) === key;
      if (!same) this.#leave(nowMs);
      if (!same && !stat.isFile()) {
        throw new MachineError(`cannot follow ${this.name}: it is ${kindOf(stat)}, not a file`);
      }
      if (!same && this.#generations.length >= OPEN_MOST) return false;
      if (!same) this.#welcome(key, nowMs);
      this.#atPath = true;
      this.#missingSince = null;
      this.#health.well();
      return !same;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') this.#missing(nowMs);
      else if (error instanceof MachineError) this.#health.fail(error.message, 'refused');
      else this.#health.fail(`cannot open ${this.name}: ${reasonOf(error)}`);
      return false;
    }
  }

  /** The newest file is not at the path any more. */
  #leave(nowMs: number): void {
    if (this.#atPath) this.#generations.at(-1)?.leave(nowMs);
    this.#atPath = false;
  }

  #missing(nowMs: number): void {
    this.#leave(nowMs);
    this.#missingSince ??= nowMs;
    if (nowMs - this.#missingSince < MISSING_MS) return;
    this.#health.wait(`${this.name} does not exist, waiting for it`);
  }

  /** Another file than before stands at the path. */
  #welcome(key: string, nowMs: number): void {
    const newest = this.#generations.at(-1);
    const back = this.#generations.find((one) => keyOf(one) === key);
    if (back !== undefined) {
      this.#generations = [...this.#generations.filter((one) => one !== back), back];
      return;
    }
    const opened = openPlain(this.name);
    const next = this.#generation(opened);
    this.#sights.refresh();
    const known = this.#knownMark(next, newest);
    if (newest !== undefined) this.#health.counts.rotations++;
    if (known !== null) {
      next.seek(known.offset, known.skip);
      // The same log was written anew: what is left to read of it is in the new file, too.
      if (newest !== undefined && known.ino === newest.ino && known.ino !== next.ino) this.#retire(newest);
    } else if (newest !== undefined || this.#past.length > 0) {
      this.#between(next, { seen: this.#seen, renamed: true });
      this.#lookAgain(nowMs, { seen: this.#seen, renamed: true });
    } else if (this.#first && (this.#opening || !next.live)) {
      this.#begin(next, Number(opened.stat.size));
    }
    this.#first = false;
    this.#generations.push(next);
  }

  /** Where a file that came to the path was left off, when it is no new one: it came back, was rewritten, or was another source's. */
  #knownMark(next: Generation, newest: Generation | undefined): FileMark | null {
    const adopted = this.#adopt(next);
    if (adopted !== null) return adopted;
    const own = (mark: FileMark): boolean => mark.ino === next.ino && mark.offset > 0 && fits(next.fd, mark);
    const back = this.#past.findLast(own);
    if (back !== undefined) return back;
    const candidates = newest === undefined ? this.#past : [newest.mark()];
    return candidates.findLast((mark) => isTelling(mark) && fits(next.fd, mark)) ?? null;
  }

  #adopt(file: { readonly fd: number; readonly dev: string; readonly ino: string }): FileMark | null {
    return this.#options.adopt?.(keyOf(file), (mark) => fits(file.fd, mark)) ?? null;
  }

  /**
   * Files that came and went between two looks are read too, before the one that now stands at the path. True when one
   * could not be judged yet. `renamed`: rotation renames here; else it copies, and a copy may be in the making.
   */
  #between(current: Generation | null, what: Between): boolean {
    const { seen, renamed } = what;
    const open = current === null || this.#generations.includes(current) ? [] : [current];
    const all = [...this.#generations, ...open];
    const familiar = [...this.#past, ...all.map((one) => one.mark())];
    const taken = new Set(all.map(keyOf));
    const original = renamed || current === null ? null : current.fd;
    const { found, again } = this.#recover({ wanted: [], familiar, seen, taken, original });
    this.#take(found, { before: current, areCopies: !renamed });
    return again;
  }

  /** A list of a folder in which files are being renamed can lack one of them, and a copy may be in the making. */
  #lookAgain(nowMs: number, what: Between, left = what.renamed ? 1 : LOOKS): void {
    if (left === 0) return;
    const seen = Math.min(what.seen, this.#rescan?.seen ?? what.seen);
    this.#rescan = { seen, renamed: what.renamed, dueMs: nowMs + this.#options.pollMs, left };
  }

  /**
   * The first bytes were read of a file that was empty when it was last looked at: it may have been filled, copied
   * and emptied in between, which its size does not tell.
   */
  #begun(one: Generation, seen: number, nowMs: number): void {
    const what = { seen, renamed: false };
    if (this.#between(one, what)) this.#lookAgain(nowMs, what);
  }

  #recover(search: Omit<Search, 'path' | 'isFollowed'>): Recovered {
    return recover({ ...search, path: this.name, isFollowed: this.#options.isFollowed ?? (() => false) });
  }

  #take(
    found: readonly Found[],
    how: { readonly before: Generation | null; readonly areCopies: boolean },
  ): void {
    const { before, areCopies } = how;
    const added = found.map((one) => {
      const generation = this.#generation(one.opened);
      generation.isCopy = areCopies;
      if (one.offset > 0) generation.seek(one.offset, one.skip);
      return generation;
    });
    const at = before === null ? -1 : this.#generations.indexOf(before);
    this.#generations.splice(at < 0 ? this.#generations.length : at, 0, ...added);
  }

  /** The file was emptied in place: what was not read yet is in a copy, if anywhere. */
  #truncated(one: Generation, nowMs: number): void {
    this.#health.counts.truncations++;
    const mark = one.mark();
    const taken = new Set(this.#generations.map(keyOf));
    // What was filled, copied and emptied since is looked for later, when a copy of the present can be told from it.
    const never = Number.POSITIVE_INFINITY;
    const { found, lost } = this.#recover({
      wanted: [mark],
      familiar: [],
      seen: never,
      taken,
      original: null,
    });
    for (const text of lost) this.#options.say('info', `${this.name} was emptied: ${text}`);
    this.#remember({ ...mark, done: true });
    one.seek(0);
    this.#take(found, { before: one, areCopies: true });
    if (one === this.#generations.at(-1)) this.#lookAgain(nowMs, { seen: this.#seen, renamed: false });
  }

  #resume(position: FilePosition): void {
    this.#seen = position.seen;
    const { before, current, past, lost } = resume(position, {
      path: this.name,
      isFollowed: this.#options.isFollowed ?? (() => false),
      adopt: (opened) => this.#options.adopt?.(keyOfOpened(opened), (mark) => fits(opened.fd, mark)) ?? null,
    });
    this.#past = past;
    this.#take(current === null ? before : [...before, current], { before: null, areCopies: false });
    if (lost !== null) {
      this.#health.counts.lostFiles++;
      this.#options.say('warning', `${this.name}: ${lost}`);
    }
    for (const one of this.#generations) this.#hurry(one);
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
    next.live = false;
    if (start === 'head' || size === 0) return;
    const found = start === 'catchup' ? seekSince(next.fd, [0, size], since, dateOf) : null;
    next.seek(found ?? next.lineStartBefore(size));
  }

  #generation(opened: { readonly fd: number; readonly stat: BigIntStats }): Generation {
    const generation = new Generation(opened, this.#codec, performance.now());
    const born = Number(opened.stat.birthtimeNs / 1000n) / 1e6;
    generation.live = born >= this.#bornSince - COARSE;
    return generation;
  }

  /** Everything was read: closes what is done with, and sees to a later look where no event will call. */
  #settle(nowMs: number): void {
    const newest = this.#generations.at(-1) ?? null;
    if (newest !== null) this.#health.live = true;
    const rescan = this.#rescan;
    if (rescan !== null && nowMs >= rescan.dueMs) {
      this.#rescan = null;
      if (this.#between(newest, rescan)) this.#lookAgain(nowMs, rescan, rescan.left - 1);
    }
    this.#retireQuiet(nowMs);
    this.#sights.drain(this.#generations.length > 1);
    if (this.#isSettled() || this.#tick !== null) return;
    this.#ticks++;
    this.#tick = setTimeout(() => {
      this.#tick = null;
      this.#wake();
    }, this.#options.pollMs);
  }

  #retireQuiet(nowMs: number): void {
    for (const one of [...this.#generations]) {
      if (this.#atPath && one === this.#generations.at(-1)) continue;
      const drainMs = one.isCopy ? COPY_MS : (this.#options.drainMs ?? DRAIN_MS);
      const enough = this.#generations.length > OPEN_MOST / 2 ? Math.min(CROWD_MS, drainMs) : drainMs;
      if (nowMs - one.quietSince >= enough) this.#retire(one);
    }
  }

  #isSettled(): boolean {
    if (this.#ticks < FIRST_TICKS || this.#rescan !== null || this.#health.state !== 'reading') return false;
    return this.#atPath && this.#generations.length === 1 && !this.#generations.some((one) => one.hasPartial);
  }

  #retire(one: Generation): void {
    this.#health.counts.cutLines += one.cutLines;
    this.#health.counts.skippedBytes += one.skippedBytes;
    this.#remember(one.mark(true));
    this.#generations = this.#generations.filter((other) => other !== one);
    one.close();
  }

  #remember(mark: FileMark): void {
    this.#past = [...this.#past, mark].slice(-PAST_MEMORY);
  }
}
