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

/** The sessions of one jail by MLFID, oldest first. Times are epoch seconds. */
export class Sessions {
  readonly #slots = new Ring(MAX_SESSIONS);
  // By slot.
  readonly #until = new Float64Array(MAX_SESSIONS);
  readonly #gathered: (Gathered | null)[] = [];
  /** Of sessions of which nothing but the first line is known. */
  readonly #make: (FirstLine | null)[] = [];
  readonly #lengths = new Int32Array(MAX_SESSIONS);
  readonly #regexes = new Int32Array(MAX_SESSIONS);

  get size(): number {
    return this.#slots.size;
  }

  /** Whether there is a session of that id, be it too old. */
  has(id: string): boolean {
    return this.#slots.find(id) >= 0;
  }

  recall(id: string, now: number): Gathered | null {
    const slot = this.#slots.find(id);
    if (slot < 0) return null;
    if ((this.#until[slot] ?? 0) > now) return (this.#gathered[slot] ??= this.#gather(id, slot));
    this.forget(id);
    return null;
  }

  #gather(id: string, slot: number): Gathered | null {
    const make = this.#make[slot] ?? null;
    if (make === null) return null;
    const from = slot * ROOM;
    const text = String.fromCharCode(...this.bytes.subarray(from, from + (this.#lengths[slot] ?? 0)));
    return make(id, text, this.#regexes[slot] ?? 0);
  }

  remember(id: string, gathered: Gathered, now: number): void {
    const slot = this.#slots.add(id);
    this.#until[slot] = now + MAX_AGE;
    this.#gathered[slot] = gathered;
    this.#make[slot] = null;
  }

  /** Where the texts of begin() stand. */
  get bytes(): Uint8Array {
    return this.#slots.bytes;
  }

  /**
   * A new session; what it gathers is put together when a second line of it comes, and most have none. Answers where in `bytes`
   * the caller has to write the `length` ASCII characters of its first line, which begin with the id; -1, and nothing is done,
   * where they are too many.
   */
  begin(
    id: string,
    first: { readonly length: number; readonly regex: number },
    now: number,
    make: FirstLine,
  ): number {
    if (first.length > ROOM) return -1;
    const slot = this.#slots.addText(id);
    this.#lengths[slot] = first.length;
    this.#regexes[slot] = first.regex;
    this.#until[slot] = now + MAX_AGE;
    this.#gathered[slot] = null;
    this.#make[slot] = make;
    return slot * ROOM;
  }

  forget(id: string): void {
    const slot = this.#slots.find(id);
    if (slot < 0) return;
    this.#gathered[slot] = null;
    this.#slots.delete(id);
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
  const gathered = known === null ? gather(fields, []) : extend(known, fields, isGained);
  if (known === null && !isForgotten) {
    addUser(gathered, fields);
    sessions?.remember(line.id, gathered, now);
  } else if (isForgotten) {
    sessions?.forget(line.id);
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
