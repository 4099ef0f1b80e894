import type { SourceStats } from '../status.ts';
import type { OpenFile } from './openfile.ts';
import type { LogFileOptions } from './options.ts';
import { type FileSearch, inodeKey, type Recovered, recover } from './recover.ts';
import type { RotatedFiles } from './rotation.ts';

/** How often a file that cannot be judged yet is looked at again, one poll apart. */
const LOOKS = 5;

/** What is looked for beside the log: what came since `seen` (epoch seconds), by renaming or by copying. */
export type Sought = { readonly seen: number; readonly isRenamed: boolean };

/** What a look beside the log works with. */
export type BesideParts = {
  readonly path: string;
  readonly options: Pick<LogFileOptions, 'pollMs' | 'isFollowed' | 'say'>;
  readonly rotated: RotatedFiles;
  readonly health: SourceStats;
};

/** Looks beside a log for files that came and went between two looks at the path, and has them read too. */
export class RotationSearch {
  readonly #parts: BesideParts;
  #again: (Sought & { readonly dueMs: number; readonly left: number }) | null = null;

  constructor(parts: BesideParts) {
    this.#parts = parts;
  }

  /** Whether another look is planned. */
  get isPending(): boolean {
    return this.#again !== null;
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

  /** The file was emptied in place: what was not read yet is in a copy, if anywhere. It is read from its start again. */
  truncated(one: OpenFile, seen: number, nowMs: number): void {
    const { path, options, rotated, health } = this.#parts;
    health.counts.truncations++;
    const mark = one.mark();
    const taken = new Set(rotated.open.map(inodeKey));
    // What was filled, copied and emptied since is looked for later, when a copy of the present can be told from it.
    const never = Number.POSITIVE_INFINITY;
    const search = { wanted: [mark], familiar: [], seen: never, taken, original: null };
    const { found, lost } = this.#recover(search);
    for (const text of lost) options.say('info', `${path} was emptied: ${text}`);
    rotated.remember({ ...mark, done: true });
    one.seek(0);
    rotated.take(found, one, true);
    // A copy may be in the making.
    if (one === rotated.newest) this.#lookAgain(nowMs, { seen, isRenamed: false }, LOOKS);
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
    const original = isRenamed || current === null ? null : current.fd;
    const { found, again } = this.#recover({ wanted: [], familiar, seen, taken, original });
    rotated.take(found, current, !isRenamed);
    return again;
  }

  #lookAgain(nowMs: number, { seen, isRenamed }: Sought, left: number): void {
    if (left === 0) return;
    const earliest = Math.min(seen, this.#again?.seen ?? seen);
    this.#again = { seen: earliest, isRenamed, dueMs: nowMs + this.#parts.options.pollMs, left };
  }

  #recover(search: Omit<FileSearch, 'path' | 'isFollowed'>): Recovered {
    const { path, options } = this.#parts;
    return recover({ ...search, path, isFollowed: options.isFollowed ?? (() => false) });
  }
}
