/**
 * The systemd journal as an endless source of lines, through `journalctl --follow`. It promises what every LineSource does:
 *
 *     new Journal({ matches: ['_SYSTEMD_UNIT=sshd.service'], options: new Map(), position: null, since, say, onReady });
 *
 * journalctl is started at the last entry that was handed out and must show that entry first: so it is known that
 * the cursor still means something (an unknown one would silently replay everything). When it does not, the
 * entry's time takes its place. When journalctl dies it is started again, later and later; what it had
 * written and nobody had read is asked for again, so that no entry is lost or comes twice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { MachineError, reasonOf } from '../../base/errors.ts';
import { dieWithParent } from '../../base/process.ts';
import { isIn, ownPath } from '../../base/programs.ts';
import type { Jail } from '../../config/jail.ts';
import { expandGlob } from '../logfile/glob.ts';
import {
  type Batch,
  isRecord,
  LINE_CAP,
  type LineSource,
  makeGroup,
  type ReadingJail,
  type Say,
  type SourceGroup,
  type SourceOptions,
  type SourceStatus,
} from '../source.ts';
import { SourceStats } from '../status.ts';
import { type From, journalArguments, matchArguments, type Selection } from './arguments.ts';
import { type JournalEntry, readEntry } from './entry.ts';
import { Pieces } from './pieces.ts';

/** Position in the journal: the last entry that was handed out and its `__REALTIME_TIMESTAMP` in microseconds. */
export type JournalPosition = {
  readonly kind: 'journal';
  readonly cursor: string;
  readonly realtime: number;
  /** Streams whose line goes on in a later entry; left out where there are none. */
  readonly open?: readonly string[];
};

/** How to follow the journal. */
export type JournalOptions = Selection & {
  /** Where it stood when it was saved; null: never followed before. */
  readonly position: JournalPosition | null;
  /** Epoch seconds: entries before it do not matter (now - findtime). */
  readonly since: number;
  /** Read what is there and end there, in place of following. */
  readonly once?: boolean;
  readonly say: Say;
  /** Called, never from inside read(), when read() may have something. */
  readonly onReady: () => void;
  /** The program and its first arguments; default: `journalctl`. */
  readonly command?: readonly string[];
};

/** Output that was not read yet, in bytes: beyond it journalctl has to wait. Also the longest entry that is read. */
const PENDING_MOST = 1024 * 1024;
const BACK_OFF_MS = 100;
const BACK_OFF_MOST_MS = 30_000;
/** Where only what is there is read, a journal that grows all the time is left after so long, in milliseconds. */
const ONCE_MS = 2000;
/** A run of this length was a good one; so is one that brings an entry. */
const GOOD_RUN_MS = 60_000;

/**
 * Why there is no journal to follow here (no journalctl, no journal), in words; null when there is one. The
 * caller then reads the log file instead.
 */
export function journalTrouble(options: ReadonlyMap<string, string>, program = 'journalctl'): string | null {
  if (!isInstalled(program)) return `${program} is not installed`;
  const path = options.get('journalpath');
  if (path !== undefined) return existsSync(path) ? null : `there is no journal in ${path}`;
  if (options.has('journalfiles')) return null;
  const places = ['/run/log/journal', '/var/log/journal'];
  return places.some((place) => existsSync(place)) ? null : `there is no journal in ${places.join(' or ')}`;
}

/** Whether a jail of `backend = auto` finds no log file, but a journal. */
export function readsJournalInstead({ logpath, backendOptions }: Jail): boolean {
  return (
    logpath.every(({ glob }) => expandGlob(glob).length === 0) && journalTrouble(backendOptions) === null
  );
}

/** Whether the jail reads the journal. One that should, where there is none, reads its log files; that is said. */
export function readsJournal({ name, backend, backendOptions, logpath }: Jail, say: Say): boolean {
  if (backend !== 'systemd') return false;
  const trouble = journalTrouble(backendOptions);
  if (trouble === null) return true;
  const instead = logpath.length > 0 ? 'reading its log files instead' : 'it has no log files either';
  say('warning', `[${name}] ${trouble}: ${instead}`);
  return false;
}

/** Follows the journals that the jails want: jails that select the same entries share one. */
export function openJournals(jails: readonly ReadingJail[], options: SourceOptions): readonly SourceGroup[] {
  const groups = Map.groupBy(jails, ({ jail }) => journalKey(selectionOf(jail)));
  return [...groups].flatMap(([key, readers]) => {
    const [first] = readers;
    if (first === undefined) return [];
    const position = readJournalPosition(options.positions.get(key));
    const since = Math.min(...readers.map((one) => one.since));
    const { say, onReady, once = false } = options;
    const journal = new Journal({ ...selectionOf(first.jail), position, since, once, say, onReady });
    const names = readers.map(({ jail }) => jail.name);
    return [makeGroup(key, journal, names)];
  });
}

function selectionOf({ filter, backendOptions }: Jail): Selection {
  return { matches: filter.journalmatch, options: backendOptions };
}

/** Reads a JournalPosition out of parsed JSON; null when it is none. */
export function readJournalPosition(json: unknown): JournalPosition | null {
  if (!isRecord(json)) return null;
  const { kind, cursor, realtime } = json;
  if (kind !== 'journal' || typeof cursor !== 'string' || typeof realtime !== 'number') return null;
  if (!Number.isSafeInteger(realtime) || realtime < 0) return null;
  const { open } = json;
  if (open === undefined) return { kind, cursor, realtime };
  if (!Array.isArray(open) || !open.every((one) => typeof one === 'string')) return null;
  return { kind, cursor, realtime, open };
}

/** journalctl is run with our own PATH, as far as nobody else can write there, not with the fixed one of the firewalls. */
function isInstalled(program: string): boolean {
  return isIn(ownPath(), program);
}

/** The same for selections that show the same entries: jails with the same key can share one source. */
export function journalKey(selection: Selection): string {
  const options = [...selection.options].sort().map(([key, value]) => `${key}=${value}`);
  return ['journal', ...options, ...matchArguments(selection.matches)].join(' ');
}

/** The journal, followed and LineSource. */
export class Journal implements LineSource {
  readonly name: string;
  readonly #options: JournalOptions;
  readonly #command: readonly string[];
  readonly #health: SourceStats;
  #position: JournalPosition | null;
  readonly #pieces: Pieces;
  #child: ChildProcess | null = null;
  #startedMs = 0;
  #backOffMs = BACK_OFF_MS;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** The rest of an entry that is too long is being passed over. */
  #passing = false;
  /** The entry that must come first; null: it came, or none is expected. */
  #expected: string | null = null;
  /** Entries up to this time (microseconds) are known; 0: none. */
  #knownUntil = 0;
  /** The saved cursor means nothing any more: only the time does. */
  #cursorIsLost = false;
  #stderr = '';
  /** journalctl has printed all there was, and ended. */
  #isAtEnd = false;
  readonly #openedMs = performance.now();

  constructor(options: JournalOptions) {
    this.name = journalKey(options);
    this.#options = options;
    this.#command = options.command ?? ['journalctl'];
    this.#health = new SourceStats(this.name, Date.now() / 1000, options.say);
    this.#position = options.position;
    this.#pieces = new Pieces(options.position?.open);
    const program = this.#command[0] ?? 'journalctl';
    if (!isInstalled(program))
      throw new MachineError(`cannot follow the journal: ${program} is not installed`);
    this.#start();
  }

  read(maxBytes: number): Batch | null {
    const texts: string[] = [];
    const times: number[] = [];
    let bytes = 0;
    let live = true;
    while (bytes < maxBytes && !this.#closed) {
      const json = this.#nextJson();
      if (json === null) {
        this.#noteEnd();
        break;
      }
      const entry = readEntry(json);
      if (entry === null || !this.#accept(entry)) continue;
      const entryLive = entry.realtime >= this.#health.openedAt * 1e6;
      live &&= entryLive;
      if (entryLive) this.#health.live = true;
      const text = this.#pieces.isLater(entry) ? '' : this.#capped(entry.line);
      texts.push(text);
      times.push(entry.time);
      bytes += text.length + 1;
      const open = this.#pieces.open();
      const { cursor, realtime } = entry;
      this.#position = { kind: 'journal', cursor, realtime, ...(open.length > 0 ? { open } : {}) };
      const isLong = performance.now() - this.#openedMs > ONCE_MS;
      if (this.#options.once === true && entryLive && isLong) this.close();
    }
    this.#flow();
    if (texts.length === 0) return null;
    const whole = Buffer.from(`${texts.join('\n')}\n`);
    this.#health.counts.bytes += whole.length;
    this.#health.lastLine = Date.now() / 1000;
    return { bytes: whole, start: 0, end: whole.length, times, live };
  }

  position(): JournalPosition | null {
    return this.#position;
  }

  status(): SourceStatus {
    return this.#health.report(null);
  }

  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#stop();
  }

  #start(): void {
    this.#timer = null;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#passing = false;
    this.#stderr = '';
    this.#isAtEnd = false;
    this.#startedMs = performance.now();
    try {
      const [program = 'journalctl', ...args] = [
        ...dieWithParent(),
        ...this.#command,
        ...journalArguments(this.#options, this.#from(), this.#options.once !== true),
      ];
      const env = { ...process.env, PATH: ownPath(), LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' };
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
      this.#child = child;
      this.#listen(child);
      this.#health.state = 'reading';
    } catch (error) {
      this.#again(reasonOf(error));
    }
  }

  /** Where journalctl has to begin; also sets what is expected of its first entries. */
  #from(): From {
    const since = Math.floor(this.#options.since * 1e6);
    const position = this.#position;
    this.#expected = null;
    this.#knownUntil = 0;
    if (position === null || position.realtime < since) return { kind: 'since', realtime: since };
    if (this.#cursorIsLost) {
      this.#knownUntil = position.realtime;
      return { kind: 'since', realtime: position.realtime };
    }
    this.#expected = position.cursor;
    return { kind: 'cursor', cursor: position.cursor };
  }

  #listen(child: ChildProcess): void {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (child !== this.#child) return;
      this.#pending.push(chunk);
      this.#pendingBytes += chunk.length;
      if (this.#pendingBytes >= PENDING_MOST) child.stdout?.pause();
      this.#options.onReady();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      if (child === this.#child) this.#stderr = (this.#stderr + chunk.toString()).slice(-2000);
    });
    child.on('error', (error) => {
      if (child === this.#child) this.#again(error.message);
    });
    child.on('close', (code, signal) => {
      if (child !== this.#child) return;
      if (code === 0 && this.#options.once === true) {
        this.#isAtEnd = true;
        this.#options.onReady();
      } else this.#ended(code === null ? `it was killed by ${signal}` : `it ended with ${code}`);
    });
  }

  /** What it wrote before the end is read first: only then is the rest asked for again. */
  #ended(how: string): void {
    const complaint = this.#stderr.trim().split('\n').at(-1) ?? '';
    if (this.#expected !== null && /cursor/i.test(complaint)) {
      this.#loseCursor(complaint);
      return;
    }
    this.#again(complaint === '' ? how : complaint);
  }

  /** Everything that journalctl printed was read. */
  #noteEnd(): void {
    if (!this.#isAtEnd) return;
    if (this.#expected === null) this.#health.live = true;
    else this.#loseCursor('nothing stands there any more');
  }

  #again(why: string): void {
    this.#stop();
    if (performance.now() - this.#startedMs > GOOD_RUN_MS) this.#backOffMs = BACK_OFF_MS;
    this.#health.fail(`cannot follow the journal: journalctl: ${why}`);
    this.#timer = setTimeout(() => this.#start(), this.#backOffMs);
    this.#backOffMs = Math.min(BACK_OFF_MOST_MS, this.#backOffMs * 2);
  }

  #loseCursor(why: string): void {
    this.#options.say(
      'warning',
      `the journal does not know the saved position (${why}), going on by its time`,
    );
    this.#cursorIsLost = true;
    this.#stop();
    this.#start();
  }

  #stop(): void {
    const child = this.#child;
    this.#child = null;
    child?.stdout?.destroy();
    child?.kill();
  }

  /** Whether an entry is news; finds out whether the cursor is still good. */
  #accept(entry: JournalEntry): boolean {
    if (this.#expected !== null) {
      const known = this.#expected === entry.cursor;
      this.#expected = null;
      if (known) {
        this.#health.well();
        return false;
      }
      // Entries that follow the lost one in time lose nothing; older ones are a replay of everything.
      if (entry.realtime > (this.#position?.realtime ?? 0)) return true;
      this.#loseCursor('it was vacuumed or replaced');
      return false;
    }
    if (entry.realtime <= this.#knownUntil) return false;
    this.#knownUntil = 0;
    this.#cursorIsLost = false;
    this.#backOffMs = BACK_OFF_MS;
    this.#health.well();
    return true;
  }

  #nextJson(): string | null {
    for (;;) {
      const at = this.#pending.findIndex((chunk) => chunk.includes(10));
      if (at < 0) {
        if (this.#pendingBytes >= PENDING_MOST) this.#pass();
        return null;
      }
      const last = this.#pending[at] ?? Buffer.alloc(0);
      const end = last.indexOf(10);
      const line = Buffer.concat([...this.#pending.slice(0, at), last.subarray(0, end)]);
      const rest = last.subarray(end + 1);
      this.#pending = [...(rest.length > 0 ? [rest] : []), ...this.#pending.slice(at + 1)];
      this.#pendingBytes -= line.length + 1;
      if (!this.#passing) return line.toString('utf8');
      this.#passing = false;
      this.#health.counts.skippedBytes += line.length;
    }
  }

  #pass(): void {
    if (!this.#passing) this.#health.counts.cutLines++;
    this.#passing = true;
    this.#health.counts.skippedBytes += this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  #flow(): void {
    const stdout = this.#child?.stdout;
    if (stdout?.isPaused() === true && this.#pendingBytes < PENDING_MOST / 2) stdout.resume();
  }

  #capped(line: string): string {
    if (line.length < LINE_CAP / 3 || Buffer.byteLength(line) <= LINE_CAP) return line;
    this.#health.counts.cutLines++;
    const bytes = Buffer.from(line);
    this.#health.counts.skippedBytes += bytes.length - LINE_CAP;
    return bytes.toString('utf8', 0, LINE_CAP - 3);
  }
}
