import type { Fields } from './fields.ts';
import { Ring } from './ring.ts';

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

/** What a session gathered, or how to put that together once somebody asks. */
type Session = { readonly until: number; gathered: Gathered | null; readonly make: (() => Gathered) | null };

/** The sessions of one jail by MLFID, oldest first. Times are epoch seconds. */
export class Sessions {
  readonly #all = new Ring<Session>(MAX_SESSIONS);

  get size(): number {
    return this.#all.size;
  }

  /** Whether there is a session of that id, be it too old. */
  has(id: string): boolean {
    return this.#all.get(id) !== undefined;
  }

  recall(id: string, now: number): Gathered | null {
    const session = this.#all.get(id);
    if (session === undefined) return null;
    if (session.until > now) return (session.gathered ??= session.make?.() ?? null);
    this.#all.delete(id);
    return null;
  }

  remember(id: string, gathered: Gathered, now: number): void {
    this.#all.set(id, { until: now + MAX_AGE, gathered, make: null });
  }

  /** As remember(), but `make` is only called when the session is asked for. */
  begin(id: string, now: number, make: () => Gathered): void {
    this.#all.set(id, { until: now + MAX_AGE, gathered: null, make });
  }

  forget(id: string): void {
    this.#all.delete(id);
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
