import type { SourceStats } from '../status.ts';
import { fits, type OpenFile } from './openfile.ts';
import type { LogFileOptions } from './options.ts';
import type { ReadPart } from './position.ts';
import { type FileSearch, inodeKey, type Recovered, recover } from './recover.ts';
import { judge } from './rewritten.ts';
import type { RotatedFiles } from './rotation.ts';

/** How often a file that cannot be judged yet is looked at again, one poll apart. */
const LOOKS = 5;
/** A file that is written anew counts as whole when it has not changed for so long, or after so long, in milliseconds. */
const QUIET_MS = 500;
const WRITING_MS = 5000;

/** What is looked for beside the log: what came since `seen` (epoch seconds), by renaming or by copying. */
export type Sought = { readonly seen: number; readonly isRenamed: boolean };

/** A search; `born` is when the compressed files that it may unpack were made at the earliest (epoch seconds). */
type Seeking = Pick<FileSearch, 'wanted' | 'familiar' | 'seen' | 'taken' | 'original'> & {
  readonly born: number;
};

/** What a look beside the log works with. */
export type BesideParts = {
  readonly path: string;
  readonly options: Pick<LogFileOptions, 'pollMs' | 'isFollowed' | 'say' | 'dateOf' | 'since'>;
  readonly rotated: RotatedFiles;
  readonly health: SourceStats;
};

/** A file that may hold what was read before it, and since when its beginning can be looked at. */
type Suspect = {
  readonly file: OpenFile;
  /** What was read, as of now: the file before it may still be read. */
  readonly before: () => ReadPart;
  readonly isReplaced: () => boolean;
  /** Epoch seconds at which the part that was read was last seen. */
  readonly seen: number;
  /** Bytes that were seen behind it and not read. */
  readonly unread: number;
  /** Null: nothing stands in it yet. */
  sinceMs: number | null;
  /** What was emptied was looked for beside the log. */
  isSought: boolean;
};

/** Looks beside a log for files that came and went between two looks at the path, and has them read too. */
export class RotationSearch {
  readonly #parts: BesideParts;
  #suspect: Suspect | null = null;
  /** What was read of the file that was removed from the path while it was closed. */
  #removed: ReadPart | null = null;
  #again: (Sought & { readonly dueMs: number; readonly left: number }) | null = null;

  constructor(parts: BesideParts) {
    this.#parts = parts;
  }

  /** Whether another look is planned. */
  get isPending(): boolean {
    return this.#again !== null || (this.#suspect !== null && this.#suspect.sinceMs !== null);
  }

  /**
   * `next` stands at the path now, in place of the file before it. What came and went in between is read before it; a list
   * of a folder in which files are being renamed can lack one of them, so there will be a second look.
   */
  replaced(next: OpenFile, seen: number, nowMs: number): void {
    const sought = { seen, isRenamed: true };
    this.#look(next, sought);
    this.#lookAgain(nowMs, sought, 1);
  }

  /**
   * The first bytes were read of a file that was empty when it was last looked at: it may have been filled, copied
   * and emptied in between, which its size does not tell.
   */
  begun(one: OpenFile, seen: number, nowMs: number): void {
    const sought = { seen, isRenamed: false };
    if (this.#look(one, sought)) this.#lookAgain(nowMs, sought, LOOKS);
  }

  /** The bytes before the offset are others: the file was emptied in place, or written anew. */
  changed(file: OpenFile, seen: number): void {
    const { rotated, health } = this.#parts;
    health.counts.truncations++;
    const [before, unread] = [file.part(), file.unread];
    rotated.remember({ ...before.mark, done: true });
    file.seek(0);
    const isReplaced = (): boolean => false;
    this.#suspect = { file, before: () => before, isReplaced, seen, unread, sinceMs: null, isSought: false };
  }

  /** Another file than before stands at the path, which may hold what was read of that, written anew. */
  suspect(file: OpenFile, seen: number): void {
    const { newest, past } = this.#parts.rotated;
    const mark = past.at(-1);
    const kinds = { seen, unread: 0, sinceMs: null, isSought: true };
    if (newest !== undefined) {
      const isReplaced = (): boolean => !newest.isRemoved;
      this.#suspect = { file, before: () => newest.part(), isReplaced, ...kinds };
    } else if (this.#removed !== null) {
      const removed = this.#removed;
      this.#removed = null;
      this.#suspect = { file, before: () => removed, isReplaced: () => false, ...kinds };
    } else if (mark !== undefined) {
      const before = { mark, first: null, last: null, tail: null };
      this.#suspect = { file, before: () => before, isReplaced: () => true, ...kinds };
    }
  }

  /** Whether a file is not to be read yet, since it may hold what was read before; goes to where it goes on. */
  isUnclear(file: OpenFile, nowMs: number): boolean {
    const suspect = this.#suspect;
    if (suspect?.file !== file) return false;
    if (file.offset > 0) this.#suspect = null;
    if (file.offset > 0) return false;
    if (file.lag() === 0) {
      if (!suspect.isSought) this.#emptied(suspect, nowMs);
      return false;
    }
    suspect.sinceMs ??= nowMs;
    const { path, options } = this.#parts;
    const isFinal = nowMs - suspect.sinceMs > WRITING_MS || file.isQuiet(QUIET_MS);
    const part = suspect.before();
    const [{ dateOf }, { seen }, isReplaced] = [options, suspect, suspect.isReplaced()];
    const verdict = judge(file.fd, part, { dateOf, seen, isReplaced, isFinal });
    if (verdict === 'unclear') return true;
    this.#suspect = null;
    if (verdict === 'new') {
      if (!suspect.isSought) this.#emptied(suspect, nowMs);
      return false;
    }
    file.seek(verdict.offset, verdict.skip);
    options.say('info', `${path} was written anew: reading goes on at byte ${verdict.offset}`);
    return false;
  }

  /** The file was emptied in place: what was not read yet is in a copy, if anywhere. It is read from its start again. */
  #emptied(suspect: Suspect, nowMs: number): void {
    const { file, before, seen, unread } = suspect;
    const { path, options, rotated, health } = this.#parts;
    suspect.isSought = true;
    for (const one of rotated.open) if (one.isCopy && !fits(one.fd, one.mark())) rotated.retire(one);
    const taken = new Set(rotated.open.map(inodeKey));
    // What was filled, copied and emptied since is looked for later, when a copy of the present can be told from it.
    const never = Number.POSITIVE_INFINITY;
    const search = { wanted: [before().mark], familiar: [], seen: never, taken, original: null, born: seen };
    const { found, lost } = this.#recover(search);
    for (const { text } of lost) {
      const known = unread === 0 ? '' : ` (${unread} bytes at least)`;
      options.say(unread === 0 ? 'info' : 'warning', `${path} was emptied: ${text}${known}`);
      if (unread > 0) health.counts.lostFiles++;
    }
    rotated.take(found, file, true);
    // A copy may be in the making.
    if (file === rotated.newest) this.#lookAgain(nowMs, { seen, isRenamed: false }, LOOKS);
  }

  /** A file that was closed for others is not at its path any more: it is looked for as after a restart. */
  reopen(file: OpenFile, wasAtPath: boolean): void {
    const { path, options, rotated, health } = this.#parts;
    const taken = new Set(rotated.open.filter((one) => one !== file).map(inodeKey));
    const never = Number.POSITIVE_INFINITY;
    const search = { wanted: [file.mark()], familiar: [], seen: never, taken, original: null };
    const { found, lost, again } = this.#recover({ ...search, born: file.descriptor.parkedAt });
    const [first] = found;
    if (again) return;
    if (first?.opened.path !== undefined && String(first.opened.stat.ino) === file.ino) {
      file.descriptor.reopen(first.opened);
      return;
    }
    const part = file.part();
    const isUnread = file.lag() > 0;
    rotated.take(found, file, file.isCopy);
    rotated.retire(file);
    if (!wasAtPath) return;
    if (first === undefined) this.#removed = part;
    if (lost[0] === undefined) return;
    if (isUnread) health.counts.lostFiles++;
    options.say(isUnread ? 'warning' : 'info', `${path}: ${lost[0].text}`);
  }

  /** Takes the look that is due, if one is. */
  settle(nowMs: number): void {
    const again = this.#again;
    if (again === null || nowMs < again.dueMs) return;
    this.#again = null;
    const isUnclear = this.#look(this.#parts.rotated.newest ?? null, again);
    if (isUnclear) this.#lookAgain(nowMs, again, again.left - 1);
  }

  /** True when a file could not be judged yet. Where rotation copies, a copy may be in the making. */
  #look(current: OpenFile | null, { seen, isRenamed }: Sought): boolean {
    const { rotated } = this.#parts;
    const isNew = current !== null && !rotated.open.includes(current);
    const all = isNew ? [...rotated.open, current] : rotated.open;
    const familiar = isNew ? [...rotated.known(), current.mark()] : rotated.known();
    const taken = new Set(all.map(inodeKey));
    if (!isRenamed && current !== null && !current.descriptor.isReachable) return true;
    const original = isRenamed || current === null ? null : current.fd;
    const { found, again } = this.#recover({ wanted: [], familiar, seen, taken, original, born: seen });
    rotated.take(found, current, !isRenamed);
    return again;
  }

  #lookAgain(nowMs: number, { seen, isRenamed }: Sought, left: number): void {
    if (left === 0) return;
    const earliest = Math.min(seen, this.#again?.seen ?? seen);
    this.#again = { seen: earliest, isRenamed, dueMs: nowMs + this.#parts.options.pollMs, left };
  }

  #recover({ born, ...search }: Seeking): Recovered {
    const { path, options } = this.#parts;
    const { dateOf, since } = options;
    const isFollowed = options.isFollowed ?? (() => false);
    return recover({ ...search, path, dateOf, isFollowed, packed: { born, since }, takesPacked: false });
  }
}
