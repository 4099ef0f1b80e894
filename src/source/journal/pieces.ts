import type { JournalEntry } from './entry.ts';

/** So many streams are remembered; the one that was opened first is forgotten. */
const MOST = 64;

/**
 * Finds the later pieces of lines that came in several entries. They are left out: a client chooses where they
 * begin, and each has a header of its own, so they could pass for messages of the service.
 */
export class Pieces {
  readonly #open: Set<string>;

  /** `open`: as open() gave it. */
  constructor(open: readonly string[] = []) {
    this.#open = new Set(open.slice(-MOST));
  }

  /** Whether an entry, the next of the journal, continues the line of an earlier one. */
  isLater({ stream, isOpen }: Pick<JournalEntry, 'stream' | 'isOpen'>): boolean {
    if (stream === '') return false;
    const isLater = this.#open.delete(stream);
    if (isOpen) this.#open.add(stream);
    if (this.#open.size > MOST) for (const first of [...this.#open].slice(0, -MOST)) this.#open.delete(first);
    return isLater;
  }

  /** The streams whose last line goes on. */
  open(): readonly string[] {
    return [...this.#open];
  }
}
