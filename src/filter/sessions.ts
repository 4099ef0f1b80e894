import type { Fields } from './fields.ts';
import { Ring, ROOM } from './ring.ts';

/** What is known of a failure, or of a session (lines that share an MLFID) that may become one. */
export type Gathered = {
  readonly fields: Fields;
  /** Lines that show the failure. */
  matches: readonly string[];
  /** Lines of helper matches, kept until a failure wants them. */
  helperMatches: readonly string[];
  /** Every user that the session named, null before the first. */
  users: Set<string> | null;
  /** A failure was seen before anything said who it was. */
  isPending: boolean;
};

/** As in fail2ban 1.0.2: a session that is older, or over this number, is forgotten. */
const MAX_SESSIONS = 100;
const MAX_AGE = 300;
/** A session that never ends must not gather lines and users without bound; the last ones are kept. */
const MAX_KEPT = 100;
const MAX_KEPT_CHARS = 32768;

/** Puts together what a session gathered by its first line: by `text`, which `regex` (by number) matched. */
export type FirstLine = (id: string, text: string, regex: number) => Gathered;

/** Where a session's id stands, in ASCII characters. */
export type IdPlace = { codes: Uint8Array; from: number; to: number };

/** Where the text of a session's first line stands, without its date, and the number of the failregex that matched it. */
export type FirstText = { codes: Uint8Array; from: number; to: number; regex: number };

/** What is to become of a session; `gathered` null: it is forgotten. `until` null: it ends when it would have. */
type Change = { readonly id: string; readonly gathered: Gathered | null; readonly until: number | null };

/**
 * The sessions of one jail by MLFID, oldest first. Times are epoch seconds. Changes are only noted until commit(): a line that is
 * interrupted on its way and taken again must find what it found, or its failure would be taken for one that was told.
 */
export class Sessions {
  readonly #slots = new Ring(MAX_SESSIONS);
  // By slot.
  readonly #until = new Float64Array(MAX_SESSIONS);
  readonly #gathered: (Gathered | null)[] = [];
  /** Of sessions of which nothing but the first line is known. */
  readonly #make: (FirstLine | null)[] = [];
  readonly #lengths = new Int32Array(MAX_SESSIONS);
  readonly #regexes = new Int32Array(MAX_SESSIONS);
  #changes: Change[] = [];
  /** The slot of a session that begins, -1 = none does. */
  #beginning = -1;
  #hasLent = false;

  get size(): number {
    return this.#slots.size;
  }

  /** Whether there is a session of the id that stands there, be it too old. */
  hasAt({ codes, from, to }: IdPlace): boolean {
    return this.#slots.findAt(codes, from, to) >= 0;
  }

  /** What the session knows, to be copied and not to be changed; null when there is none, or it is too old. */
  recall(id: string, now: number): Gathered | null {
    const change = this.#changes.findLast((one) => one.id === id);
    if (change !== undefined) return change.gathered;
    const slot = this.#slots.find(id);
    if (slot < 0) return null;
    if ((this.#until[slot] ?? 0) > now) return (this.#gathered[slot] ??= this.#gather(id, slot));
    this.forget(id);
    return null;
  }

  #gather(id: string, slot: number): Gathered | null {
    const make = this.#make[slot] ?? null;
    if (make === null) return null;
    return make(id, this.#slots.textOf(slot, this.#lengths[slot] ?? 0), this.#regexes[slot] ?? 0);
  }

  /** A new session. */
  remember(id: string, gathered: Gathered, now: number): void {
    this.#changes.push({ id, gathered, until: now + MAX_AGE });
  }

  /** A known session knows more. */
  replace(id: string, gathered: Gathered): void {
    this.#changes.push({ id, gathered, until: null });
  }

  forget(id: string): void {
    this.#changes.push({ id, gathered: null, until: null });
  }

  /**
   * A session of an id that has none; what it gathers is put together when a second line of it comes, and most have none.
   * `first` are the ASCII characters of its first line, which begin with the id; they must stay where they are until keep(). False, and
   * nothing is done, where they are too many.
   */
  begin({ codes, from, to }: IdPlace, first: FirstText, now: number, make: FirstLine): boolean {
    const length = first.to - first.from;
    if (length > ROOM) return false;
    const slot = this.#slots.reserveAt(codes, from, to);
    this.#slots.lend(slot, first.codes, first.from);
    this.#hasLent = true;
    this.#lengths[slot] = length;
    this.#regexes[slot] = first.regex;
    this.#until[slot] = now + MAX_AGE;
    this.#gathered[slot] = null;
    this.#make[slot] = make;
    this.#beginning = slot;
    return true;
  }

  /** What begin() was given may change from now on. Most sessions that a batch begins are gone at its end, so that few are copied. */
  keep(): void {
    if (!this.#hasLent) return;
    for (let slot = 0; slot < MAX_SESSIONS; slot++) this.#slots.takeOver(slot, this.#lengths[slot] ?? 0);
    this.#hasLent = false;
  }

  /** Drops what a line that was interrupted noted. */
  rollBack(): void {
    if (this.#changes.length > 0) this.#changes = [];
    this.#beginning = -1;
  }

  /** Carries out what was noted. May be interrupted and called again. */
  commit(): void {
    if (this.#beginning >= 0) this.#slots.link(this.#beginning);
    if (this.#changes.length > 0) for (const change of this.#changes) this.#change(change);
    this.rollBack();
  }

  #change({ id, gathered, until }: Change): void {
    const known = this.#slots.find(id);
    if (gathered === null) {
      if (known < 0) return;
      this.#gathered[known] = null;
      this.#make[known] = null;
      this.#slots.delete(known);
      return;
    }
    const slot = known < 0 ? this.#slots.reserve(id) : known;
    if (until !== null) this.#until[slot] = until;
    this.#gathered[slot] = gathered;
    this.#make[slot] = null;
    if (known < 0) this.#slots.link(slot);
  }
}

/** Makes a Gathered of one line's fields. */
export function gather(fields: Fields, matches: readonly string[]): Gathered {
  return { fields, matches, helperMatches: [], users: null, isPending: false };
}

/** A copy that later lines of the session do not change. */
export function copyGathered(gathered: Gathered): Gathered {
  return {
    ...gathered,
    fields: new Map(gathered.fields),
    users: gathered.users && new Set(gathered.users),
  };
}

/** Whether the field is there and not empty, which is what fail2ban's marks are tested for. */
export function isMarked(fields: Fields, name: string): boolean {
  const value = fields.get(name);
  return value !== undefined && value.length > 0;
}

/** One matched line of a session. */
export type SessionLine = { readonly id: string; readonly fields: Fields; readonly lines: readonly string[] };

/**
 * Merges a matched line into its session and answers the session's data with the line's on top. The field `nofail`
 * in the answer says that there is no failure (yet). Ends or forgets the session where the line says so. Without `sessions`
 * the line is the first of its own.
 * fail2ban 1.0.2 behaviour.
 */
export function mergeSession(sessions: Sessions | null, line: SessionLine, now: number): Gathered {
  const { fields } = line;
  const gained = fields.get('mlfgained');
  let isGained = isMarked(fields, 'mlfgained');
  if (isGained && gained !== undefined && !isMarked(fields, 'nofail')) fields.set('nofail', gained);
  let isHelper = isMarked(fields, 'nofail');
  const isForgotten = isMarked(fields, 'mlfforget');
  fields.delete('mlfforget');
  const known = sessions?.recall(line.id, now) ?? null;
  const gathered = known === null ? gather(fields, []) : extend(copyGathered(known), fields, isGained);
  if (isForgotten) {
    sessions?.forget(line.id);
  } else if (known === null) {
    addUser(gathered, fields);
    sessions?.remember(line.id, gathered, now);
  } else {
    sessions?.replace(line.id, gathered);
  }
  const hasSeveral = (gathered.users?.size ?? 0) > 1;
  if (gathered.isPending || hasSeveral) {
    gathered.fields.delete('nofail');
    gathered.fields.delete('mlfgained');
    isHelper = false;
    isGained = false;
  }
  gathered.isPending = false;
  if (!isHelper && !isGained) {
    gathered.matches = capped([...gathered.helperMatches, ...gathered.matches, ...line.lines]);
    gathered.helperMatches = [];
  } else if (!isForgotten) {
    gathered.helperMatches = capped([...gathered.helperMatches, ...line.lines]);
  }
  return gathered;
}

function capped(lines: readonly string[]): readonly string[] {
  let chars = 0;
  let from = lines.length;
  while (from > 0 && lines.length - from < MAX_KEPT) {
    chars += lines[from - 1]?.length ?? 0;
    if (chars > MAX_KEPT_CHARS && from < lines.length) break;
    from--;
  }
  return from === 0 ? lines : lines.slice(from);
}

function extend(gathered: Gathered, fields: Fields, isGained: boolean): Gathered {
  addUser(gathered, fields);
  const wasHelper = isMarked(gathered.fields, 'nofail') || isMarked(gathered.fields, 'mlfgained');
  gathered.fields.delete('nofail');
  gathered.fields.delete('mlfgained');
  if (isGained) gathered.isPending = false;
  // A failure was already told with these lines.
  if (!wasHelper && !gathered.isPending) gathered.matches = [];
  for (const [name, value] of fields) gathered.fields.set(name, value);
  return gathered;
}

function addUser(gathered: Gathered, fields: Fields): void {
  const user = fields.get('user');
  if (typeof user !== 'string' || user === '') return;
  gathered.users ??= new Set();
  if (gathered.users.size < MAX_KEPT) gathered.users.add(user);
}
