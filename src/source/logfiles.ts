/**
 * Every log file of every jail, as one group of sources. Each file is read once, however many jails look at it, and globs
 * are looked at again at intervals. No line is given twice or lost over rotation, globs that match rotated files, and restarts:
 *
 *     const files = new LogFiles([{ jail: 'sshd', logpath: [{ glob: '/var/log/secure*', start: 'catchup' }], .. }], options);
 *     for (let next = files.next(65536); next !== null; next = files.next(65536)) count(next.jails, next.batch);
 *     save(files.positions());
 */
import { readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LogPath } from '../config/jail.ts';
import { codecOf } from './logfile/encoding.ts';
import { expandGlob, hasMagic } from './logfile/glob.ts';
import { LogFile } from './logfile/logfile.ts';
import { type FileMark, type FilePosition, readFilePosition } from './logfile/position.ts';
import { inodeKey } from './logfile/recover.ts';
import { isCompressed } from './logfile/siblings.ts';
import { FolderWatch } from './logfile/watchfolder.ts';
import type { Batch, DateOf, Followed, ReadingJail, SourceGroup, SourceOptions } from './source.ts';

/** What one jail wants to read. */
export type JailLogs = {
  readonly jail: string;
  readonly logpath: readonly LogPath[];
  /** `logencoding`. */
  readonly encoding: string;
  /** True for `backend = auto`: wake-ups by the kernel besides polling. */
  readonly wakeUps: boolean;
  /** Epoch seconds: lines before it do not matter to the jail (now - findtime). */
  readonly since: number;
  readonly dateOf: DateOf;
};

/** A jail that reads a file; one that begins at the `tail` must not be given batches that are not live. */
type JailReader = { readonly logs: JailLogs; readonly start: LogPath['start'] };

/** A file to follow. */
type FileTarget = { readonly path: string; readonly codec: string; readonly readers: JailReader[] };

/** How to follow them all. */
export type LogFilesOptions = SourceOptions & {
  /** Interval at which globs are looked at again, in milliseconds. */
  readonly globMs?: number;
};

const GLOB_MS = 10_000;
const SETTLE_MS = 50;
/** Positions of files that are gone, kept in case they come back. */
const GONE_MOST = 100;

/** Descriptors for everything but log files, and the part of the others that is left for rotated files. */
const OTHERS = 40;
const ROTATED_PART = 0.2;
/** So many files are named that cannot be read. */
const NAMED = 5;

type FollowedFile = {
  readonly key: string;
  readonly file: LogFile;
  readonly codec: string;
  readers: readonly JailReader[];
  isAnnounced: boolean;
};

/** What a jail wants of the log files. */
export function logsOf({ jail, since, dateOf }: ReadingJail): JailLogs {
  const { name, logpath, logencoding, backend } = jail;
  return { jail: name, logpath, encoding: logencoding, wakeUps: backend !== 'polling', since, dateOf };
}

/** The log files of all jails. */
export class LogFiles implements SourceGroup {
  readonly #wanted: readonly JailLogs[];
  readonly #options: LogFilesOptions;
  readonly #folderWatch: FolderWatch;
  readonly #entries = new Map<string, FollowedFile>();
  readonly #ready = new Set<FollowedFile>();
  readonly #gone = new Map<string, FilePosition>();
  readonly #stops: (() => void)[] = [];
  #timer: NodeJS.Timeout | null = null;
  #soon: NodeJS.Timeout | null = null;
  /** Null while the first files are opened. */
  #openedAt: number | null = null;
  #closed = false;
  /** So many files are followed at most. */
  readonly #most = mostFiles();
  /** How many files are not read for that reason. */
  #left = 0;

  constructor(wanted: readonly JailLogs[], options: LogFilesOptions) {
    this.#wanted = wanted;
    this.#options = options;
    for (const [key, saved] of options.positions) {
      const position = readFilePosition(saved);
      if (position !== null) this.#gone.set(key, position);
    }
    this.#folderWatch = new FolderWatch(options.say);
    const now = Date.now() / 1000;
    this.rescan();
    this.#trimGone();
    this.#openedAt = now;
    this.#timer = setInterval(() => {
      this.#folderWatch.refresh();
      this.rescan();
    }, options.globMs ?? GLOB_MS);
    this.#watchGlobs();
  }

  /** The next batch of any file, the files in turn; null: nothing now. */
  next(maxBytes: number): (Followed & { readonly batch: Batch }) | null {
    for (const entry of this.#ready) {
      const batch = entry.file.read(maxBytes);
      this.#ready.delete(entry);
      if (batch === null) continue;
      this.#ready.add(entry);
      const heard = entry.readers.filter(({ start }) => batch.live || start !== 'tail');
      return { source: entry.file, jails: heard.map(({ logs }) => logs.jail), batch };
    }
    return null;
  }

  /** Every file that is followed, for `status --sources`. */
  all(): readonly Followed[] {
    return [...this.#entries.values()].map(({ file, readers }) => ({
      source: file,
      jails: readers.map(({ logs }) => logs.jail),
    }));
  }

  /** Where every file stands after everything that next() handed out, those that are gone too. */
  positions(): ReadonlyMap<string, FilePosition> {
    const all = new Map(this.#gone);
    for (const [key, entry] of this.#entries) {
      const position = entry.file.position();
      if (position !== null) all.set(key, position);
    }
    return all;
  }

  /** Looks at the globs again, at once. */
  rescan(): void {
    if (this.#closed) return;
    const found = this.#expand();
    const left: string[] = [];
    for (const [key, target] of found) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) entry.readers = target.readers;
      else if (this.#entries.size < this.#most) this.#open(key, target);
      else left.push(target.path);
    }
    this.#tellLeft(left);
    for (const [key, entry] of this.#entries) {
      if (!found.has(key) && entry.file.isGone()) this.#drop(key, entry);
      else this.#announce(entry);
    }
  }

  /** Says which files are not read since too many are open; once for each number of them. */
  #tellLeft(paths: readonly string[]): void {
    if (paths.length === this.#left) return;
    this.#left = paths.length;
    if (paths.length === 0) {
      this.#options.say('info', 'all log files are read again');
      return;
    }
    const more = paths.length > NAMED ? ` and ${paths.length - NAMED} more` : '';
    const limit = `no more than ${this.#most} log files can be open (ulimit -n, LimitNOFILE)`;
    this.#options.say('error', `${limit}, not read: ${paths.slice(0, NAMED).join(', ')}${more}`);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    if (this.#soon !== null) clearTimeout(this.#soon);
    for (const stop of this.#stops) stop();
    for (const entry of this.#entries.values()) entry.file.close();
    this.#folderWatch.close();
  }

  #expand(): ReadonlyMap<string, FileTarget> {
    const found = new Map<string, FileTarget>();
    for (const logs of this.#wanted) {
      const codec = codecOf(logs.encoding)?.name ?? 'raw';
      // Two names of one file are one file to a jail.
      const known = new Set<string>();
      for (const { glob, start } of logs.logpath) {
        const paths = hasMagic(glob) ? expandGlob(glob).filter((path) => !isCompressed(path)) : [glob];
        for (const path of paths) {
          const real = realOf(path);
          if (known.has(real)) continue;
          known.add(real);
          const key = keyFor(path, codec);
          const target = found.get(key) ?? { path, codec, readers: [] };
          target.readers.push({ logs, start });
          found.set(key, target);
        }
      }
    }
    return found;
  }

  #open(key: string, { path, codec, readers }: FileTarget): void {
    const wanted = readers.map(({ logs }) => logs);
    const holder: { entry: FollowedFile | null } = { entry: null };
    const file = new LogFile(path, {
      position: this.#gone.get(key) ?? this.#gone.get(path) ?? null,
      start: earliest(readers),
      ...(this.#openedAt === null ? {} : { bornSince: this.#openedAt }),
      since: Math.min(...wanted.map((one) => one.since)),
      dateOf: (line) => firstDate(wanted, line),
      encoding: wanted[0]?.encoding ?? 'auto',
      pollMs: this.#options.pollMs,
      folderWatch: wanted.some((one) => one.wakeUps) ? this.#folderWatch : null,
      say: this.#options.say,
      onReady: () => this.#wake(holder.entry),
      adopt: (file, accepts) => this.#adopt(file, { key, codec, accepts }),
      isFollowed: (other) => other !== path && this.#entries.has(keyFor(other, codec)),
    });
    this.#gone.delete(key);
    holder.entry = { key, file, codec, readers, isAnnounced: false };
    this.#entries.set(key, holder.entry);
  }

  /** Says that a file is followed, and where reading begins, once there is one. */
  #announce(entry: FollowedFile): void {
    const mark = entry.file.position()?.files.findLast(({ done }) => !done);
    if (mark === undefined || entry.isAnnounced) return;
    entry.isAnnounced = true;
    const { offset, head } = mark;
    this.#options.say('info', `Added logfile: '${entry.file.name}' (pos = ${offset}, hash = ${head})`);
  }

  #wake(entry: FollowedFile | null): void {
    if (entry === null || this.#closed) return;
    const idle = this.#ready.size === 0;
    this.#ready.add(entry);
    if (idle) this.#options.onReady();
  }

  /** A rotated file came to a path that is followed too: whoever read it under its former name gives it up. */
  #adopt(
    file: string,
    by: { readonly key: string; readonly codec: string; readonly accepts: (mark: FileMark) => boolean },
  ): FileMark | null {
    const { key, codec, accepts } = by;
    const others = [...this.#entries.values()].filter((one) => one.key !== key && one.codec === codec);
    const gone = [...this.#gone].filter(([goneKey]) => goneKey !== key);
    const marks = [
      ...others.flatMap((one) => one.file.marksOf(file)),
      ...gone.flatMap(([, position]) => position.files.filter((one) => inodeKey(one) === file)),
    ].filter((one) => one.offset > 0 && accepts(one));
    if (marks.length === 0) return null;
    for (const one of others) one.file.forget(file);
    for (const [goneKey, position] of gone) {
      this.#gone.set(goneKey, { ...position, files: position.files.filter((one) => inodeKey(one) !== file) });
    }
    return marks.reduce((a, b) => (b.offset > a.offset ? b : a));
  }

  #drop(key: string, entry: FollowedFile): void {
    const position = entry.file.position();
    entry.file.close();
    this.#entries.delete(key);
    this.#ready.delete(entry);
    if (position !== null) this.#gone.set(key, position);
    this.#trimGone();
  }

  #trimGone(): void {
    const oldestFirst = [...this.#gone].sort(([, a], [, b]) => a.seen - b.seen);
    for (const [key] of oldestFirst.slice(0, -GONE_MOST)) this.#gone.delete(key);
  }

  #watchGlobs(): void {
    const globs = this.#wanted
      .filter((one) => one.wakeUps)
      .flatMap((one) => one.logpath.map((path) => path.glob));
    const folders = new Set(globs.filter((glob) => hasMagic(glob) && !hasMagic(dirname(glob))).map(dirname));
    for (const folder of folders) {
      const stop = this.#folderWatch.subscribe(folder, null, (renamed) => {
        if (renamed && !this.#closed) this.#soon ??= setTimeout(() => this.#rescanSoon(), SETTLE_MS);
      });
      this.#stops.push(stop);
    }
  }

  #rescanSoon(): void {
    this.#soon = null;
    this.rescan();
  }
}

function keyFor(path: string, codec: string): string {
  return codec === 'raw' ? path : `${path} [${codec}]`;
}

function realOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

function earliest(readers: readonly JailReader[]): LogPath['start'] {
  const starts = readers.map((one) => one.start);
  if (starts.includes('head')) return 'head';
  return starts.includes('catchup') ? 'catchup' : 'tail';
}

function firstDate(wanted: readonly JailLogs[], line: string): number | null {
  for (const one of wanted) {
    const date = one.dateOf(line);
    if (date !== null) return date;
  }
  return null;
}

/** How many log files can be followed with the descriptors of this process: without a reserve Node.js aborts. */
function mostFiles(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'utf8');
    const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
    return Math.max(4, Math.floor((soft - OTHERS) * (1 - ROTATED_PART)));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
