import type { Health } from '../status.ts';
import type { Generation } from './openfile.ts';
import type { LogFileOptions } from './options.ts';
import { keyOf, type Recovered, recover, type Search } from './recover.ts';
import type { Succession } from './rotation.ts';

/** How often a file that cannot be judged yet is looked at again, one poll apart. */
const LOOKS = 5;

/** What is looked for beside the log: what came since `seen` (epoch seconds), by renaming or by copying. */
export type Sought = { readonly seen: number; readonly isRenamed: boolean };

/** What a look beside the log works with. */
export type BesideParts = {
  readonly path: string;
  readonly options: Pick<LogFileOptions, 'pollMs' | 'isFollowed' | 'say'>;
  readonly succession: Succession;
  readonly health: Health;
};

/** Looks beside a log for files that came and went between two looks at the path, and has them read too. */
export class Beside {
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
  replaced(next: Generation, seen: number, nowMs: number): void {
    const sought = { seen, isRenamed: true };
    this.#look(next, sought);
    this.#lookAgain(nowMs, sought, 1);
  }

  /**
   * The first bytes were read of a file that was empty when it was last looked at: it may have been filled, copied
   * and emptied in between, which its size does not tell.
   */
  begun(one: Generation, seen: number, nowMs: number): void {
    const sought = { seen, isRenamed: false };
    if (this.#look(one, sought)) this.#lookAgain(nowMs, sought, LOOKS);
  }

  /** The file was emptied in place: what was not read yet is in a copy, if anywhere. It is read from its start again. */
  truncated(one: Generation, seen: number, nowMs: number): void {
    const { path, options, succession, health } = this.#parts;
    health.counts.truncations++;
    const mark = one.mark();
    const taken = new Set(succession.open.map(keyOf));
    // What was filled, copied and emptied since is looked for later, when a copy of the present can be told from it.
    const never = Number.POSITIVE_INFINITY;
    const search = { wanted: [mark], familiar: [], seen: never, taken, original: null };
    const { found, lost } = this.#recover(search);
    for (const text of lost) options.say('info', `${path} was emptied: ${text}`);
    succession.remember({ ...mark, done: true });
    one.seek(0);
    succession.take(found, one, true);
    // A copy may be in the making.
    if (one === succession.newest) this.#lookAgain(nowMs, { seen, isRenamed: false }, LOOKS);
  }

  /** Takes the look that is due, if one is. */
  settle(nowMs: number): void {
    const again = this.#again;
    if (again === null || nowMs < again.dueMs) return;
    this.#again = null;
    const isUnclear = this.#look(this.#parts.succession.newest ?? null, again);
    if (isUnclear) this.#lookAgain(nowMs, again, again.left - 1);
  }

  /** True when a file could not be judged yet. Where rotation copies, a copy may be in the making. */
  #look(current: Generation | null, { seen, isRenamed }: Sought): boolean {
    const { succession } = this.#parts;
    const isNew = current !== null && !succession.open.includes(current);
    const all = isNew ? [...succession.open, current] : succession.open;
    const familiar = isNew ? [...succession.known(), current.mark()] : succession.known();
    const taken = new Set(all.map(keyOf));
    const original = isRenamed || current === null ? null : current.fd;
    const { found, again } = this.#recover({ wanted: [], familiar, seen, taken, original });
    succession.take(found, current, !isRenamed);
    return again;
  }

  #lookAgain(nowMs: number, { seen, isRenamed }: Sought, left: number): void {
    if (left === 0) return;
    const earliest = Math.min(seen, this.#again?.seen ?? seen);
    this.#again = { seen: earliest, isRenamed, dueMs: nowMs + this.#parts.options.pollMs, left };
  }

  #recover(search: Omit<Search, 'path' | 'isFollowed'>): Recovered {
    const { path, options } = this.#parts;
    return recover({ ...search, path, isFollowed: options.isFollowed ?? (() => false) });
  }
}
