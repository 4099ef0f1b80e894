import { formatIp4 } from '../../base/ip.ts';
import { asciiText } from '../ascii.ts';
import type { Fields } from '../fields.ts';
import { Ring, ROOM } from './ring.ts';

/** The data of a failure, or of a session (lines that share an MLFID) that may become one. */
export type Gathered = {
  readonly fields: Fields;
  /** Lines that show the failure. */
  matches: readonly string[];
  /** Lines of helper matches, kept until a failure needs them. */
  helperMatches: readonly string[];
  /** Every user that the session named, null before the first. */
  users: Set<string> | null;
  /** A failure was seen before any line named its address. */
  isPending: boolean;
};

/** As in fail2ban 1.0.2: older sessions are dropped, and the oldest beyond this number. */
const MAX_SESSIONS = 100;
const MAX_AGE = 300;
/** Lines and users kept for a session that never ends; the last ones stay. */
const MAX_KEPT = 100;
const MAX_KEPT_CHARS = 32768;

/** An ASCII text in an array; empty unless `to` is greater than `from`. */
export type IdPlace = { codes: Uint8Array; from: number; to: number };

/** A line of a plain session: only the address is needed, not the fields. */
export type PlainLine = {
  readonly id: IdPlace;
  readonly user: IdPlace;
  /**
   * The line's text, which begins with the id and stays in place until keep(); empty if it does not.
   * `userAt`: offset of the user name in the text, -1 if it is not there.
   */
  readonly text: IdPlace;
  userAt: number;
  /** The address as an unsigned 32-bit number; -1 if the line has none. */
  ip: number;
  /** F-NOFAIL or F-MLFGAINED. */
  isHelper: boolean;
  isGained: boolean;
  isForgotten: boolean;
};

/** Flags of a plain session. */
const HAS_IP = 1;
const IS_PENDING = 2;
/** Its lines name several users. */
const IS_SEVERAL = 4;

/** Pending changes of a plain session. */
const NOTHING = 0;
const BEGINS = 1;
const CHANGES = 2;
const ENDS = 3;

/** A pending change of a session. `gathered` null: drop it. `until` null: keep its end. */
type SessionChange = {
  readonly id: string;
  readonly gathered: Gathered | null;
  readonly until: number | null;
};

/**
 * The sessions of one jail by MLFID, oldest first. Times are epoch seconds. Changes wait for commit(): an
 * interrupted line is matched again and must find the same data, or its failure would look like one already
 * reported.
 */
export class Sessions {
  readonly #slots = new Ring(MAX_SESSIONS);
  // By slot.
  readonly #until = new Float64Array(MAX_SESSIONS);
  /** Null: the session is plain, and its data is in the columns below. */
  readonly #gathered: (Gathered | null)[] = [];
  readonly #ips = new Float64Array(MAX_SESSIONS);
  readonly #flags = new Uint8Array(MAX_SESSIONS);
  /** The user name: its offset in the slot's text, -1 if not there; or a text. */
  readonly #userAt = new Int32Array(MAX_SESSIONS);
  readonly #userLength = new Int32Array(MAX_SESSIONS);
  readonly #userText: (string | null)[] = [];
  readonly #lengths = new Int32Array(MAX_SESSIONS);
  #changes: SessionChange[] = [];
  /** The pending change of a plain session. */
  #noted = NOTHING;
  #slot = -1;
  #flagsThen = 0;
  #userThen: string | null = null;
  #hasLent = false;
  /** The address, after followPlain() returned `matched`. */
  ip = 0;

  get size(): number {
    return this.#slots.size;
  }

  /**
   * Applies a line to its session like mergeSession() and judgeMatch(), but without building fields. Returns
   * null, and does nothing, if the session is not plain, too old, or has no address for a failure. `isAsked`:
   * helpers need an address, too.
   */
  followPlain(line: PlainLine, now: number, isAsked: boolean): 'helper' | 'matched' | null {
    const slot = this.#slots.findAt(line.id.codes, line.id.from, line.id.to);
    if (slot < 0) return this.#beginPlain(line, now, isAsked);
    if ((this.#gathered[slot] ?? null) !== null || (this.#until[slot] ?? 0) <= now) return null;
    const flags = this.#flags[slot] ?? 0;
    const isSeveral = (flags & IS_SEVERAL) !== 0 || this.#isOther(slot, line.user);
    const isAwaited = (flags & IS_PENDING) !== 0 && !line.isGained;
    const isHelper = line.isHelper && !isAwaited && !isSeveral;
    const hasIp = line.ip >= 0 || (flags & HAS_IP) !== 0;
    if (!isHelper && !hasIp) return null;
    this.ip = line.ip >= 0 ? line.ip : (this.#ips[slot] ?? 0);
    this.#noted = line.isForgotten ? ENDS : CHANGES;
    this.#slot = slot;
    this.#flagsThen = flagsOf(hasIp, !hasIp && isAsked, isSeveral);
    const isFirst = this.#userText[slot] === null && (this.#userAt[slot] ?? -1) < 0;
    this.#userThen = isFirst && line.user.to > line.user.from ? idText(line.user) : null;
    return isHelper ? 'helper' : 'matched';
  }

  #beginPlain(line: PlainLine, now: number, isAsked: boolean): 'helper' | 'matched' | null {
    const hasIp = line.ip >= 0;
    if (!line.isHelper && !hasIp) return null;
    this.ip = line.ip;
    if (!line.isForgotten) {
      const { id, user, text } = line;
      const length = text.to - text.from;
      const isLent = length > 0 && length <= ROOM;
      const hasUser = user.to > user.from;
      const isThere = isLent && line.userAt >= 0;
      const slot = isLent ? this.#slots.reserveAt(id.codes, id.from, id.to) : this.#slots.reserve(idText(id));
      if (isLent) this.#slots.lend(slot, text.codes, text.from);
      this.#hasLent ||= isLent;
      this.#lengths[slot] = length;
      this.#until[slot] = now + MAX_AGE;
      this.#gathered[slot] = null;
      this.#ips[slot] = line.ip;
      this.#flags[slot] = flagsOf(hasIp, !hasIp && isAsked, false);
      this.#userAt[slot] = hasUser && isThere ? line.userAt : -1;
      this.#userLength[slot] = user.to - user.from;
      this.#userText[slot] = hasUser && !isThere ? idText(user) : null;
      this.#slot = slot;
      this.#noted = BEGINS;
    }
    return line.isHelper ? 'helper' : 'matched';
  }

  /** Whether the text is not empty and differs from the slot's user name; false if the slot has none. */
  #isOther(slot: number, { codes, from, to }: IdPlace): boolean {
    if (to <= from) return false;
    const known = this.#userText[slot] ?? null;
    if (known !== null) return known !== idText({ codes, from, to });
    const at = this.#userAt[slot] ?? -1;
    if (at < 0) return false;
    return this.#userLength[slot] !== to - from || !this.#slots.standsIn(slot, at, { codes, from, to });
  }

  /** The session's data, not to be changed; null if there is none or it is too old. */
  recall(id: string, now: number): Gathered | null {
    const change = this.#changes.findLast((one) => one.id === id);
    if (change !== undefined) return change.gathered;
    const slot = this.#slots.find(id);
    if (slot < 0) return null;
    if ((this.#until[slot] ?? 0) > now) return (this.#gathered[slot] ??= this.#gather(id, slot));
    this.forget(id);
    return null;
  }

  /** The data of a plain session. Of several users it has the first, and a marker for more. */
  #gather(id: string, slot: number): Gathered {
    const flags = this.#flags[slot] ?? 0;
    const fields: Fields = new Map([['mlfid', id]]);
    if ((flags & HAS_IP) !== 0) fields.set('ip4', formatIp4(this.#ips[slot] ?? 0));
    const at = this.#userAt[slot] ?? -1;
    const user =
      at < 0 ? (this.#userText[slot] ?? null) : this.#slots.textIn(slot, at, this.#userLength[slot] ?? 0);
    const users =
      user === null ? null : new Set((flags & IS_SEVERAL) === 0 ? [user] : [user, `${user}, ...`]);
    return { ...gather(fields, []), users, isPending: (flags & IS_PENDING) !== 0 };
  }

  /** Adds a session. */
  remember(id: string, gathered: Gathered, now: number): void {
    this.#changes.push({ id, gathered, until: now + MAX_AGE });
  }

  /** Replaces the data of a session. */
  replace(id: string, gathered: Gathered): void {
    this.#changes.push({ id, gathered, until: null });
  }

  forget(id: string): void {
    this.#changes.push({ id, gathered: null, until: null });
  }

  /**
   * Copies lent texts: the caller may reuse its bytes afterwards. Most sessions that begin in a batch also
   * end in it, so few are copied.
   */
  keep(): void {
    if (!this.#hasLent) return;
    for (let slot = 0; slot < MAX_SESSIONS; slot++) this.#slots.copyLent(slot, this.#lengths[slot] ?? 0);
    this.#hasLent = false;
  }

  /** Drops the pending changes of an interrupted line. */
  rollBack(): void {
    if (this.#changes.length > 0) this.#changes = [];
    this.#noted = NOTHING;
  }

  /** Carries out the pending changes. May be interrupted and called again. */
  commit(): void {
    if (this.#noted !== NOTHING) this.#changePlain(this.#slot);
    if (this.#changes.length > 0) for (const change of this.#changes) this.#change(change);
    this.rollBack();
  }

  #changePlain(slot: number): void {
    if (this.#noted === BEGINS) this.#slots.link(slot);
    else if (this.#noted === ENDS) this.#slots.delete(slot);
    else {
      this.#ips[slot] = this.ip;
      this.#flags[slot] = this.#flagsThen;
      this.#userText[slot] = this.#userThen ?? this.#userText[slot] ?? null;
    }
    // There is no call or loop above, so nothing is done twice.
    this.#noted = NOTHING;
  }

  #change({ id, gathered, until }: SessionChange): void {
    const known = this.#slots.find(id);
    if (gathered === null) {
      if (known < 0) return;
      this.#gathered[known] = null;
      this.#slots.delete(known);
      return;
    }
    const slot = known < 0 ? this.#slots.reserve(id) : known;
    if (until !== null) this.#until[slot] = until;
    this.#gathered[slot] = gathered;
    if (known < 0) this.#slots.link(slot);
  }
}

function flagsOf(hasIp: boolean, isPending: boolean, isSeveral: boolean): number {
  return (hasIp ? HAS_IP : 0) | (isPending ? IS_PENDING : 0) | (isSeveral ? IS_SEVERAL : 0);
}

function idText({ codes, from, to }: IdPlace): string {
  return asciiText(codes, from, to);
}

/** Data of a session with one line. */
export function gather(fields: Fields, matches: readonly string[]): Gathered {
  return { fields, matches, helperMatches: [], users: null, isPending: false };
}

/** A copy that is not affected by later lines of the session. */
export function copyGathered(gathered: Gathered): Gathered {
  return {
    ...gathered,
    fields: new Map(gathered.fields),
    users: gathered.users && new Set(gathered.users),
  };
}

/** Whether the field is set and not empty; fail2ban tests its marks this way. */
export function isMarked(fields: Fields, name: string): boolean {
  const value = fields.get(name);
  return value !== undefined && value.length > 0;
}

/** One matched line of a session. */
type SessionLine = { readonly id: string; readonly fields: Fields; readonly lines: readonly string[] };

/**
 * Merges a matched line into its session and returns the session's data with the line's fields on top. A
 * field `nofail` in the result means no failure (yet). Drops the session if the line says so. fail2ban 1.0.2
 * behaviour.
 */
export function mergeSession(sessions: Sessions, line: SessionLine, now: number): Gathered {
  const { fields } = line;
  const gained = fields.get('mlfgained');
  let isGained = isMarked(fields, 'mlfgained');
  if (isGained && gained !== undefined && !isMarked(fields, 'nofail')) fields.set('nofail', gained);
  let isHelper = isMarked(fields, 'nofail');
  const isForgotten = isMarked(fields, 'mlfforget');
  fields.delete('mlfforget');
  const known = sessions.recall(line.id, now);
  const gathered = known === null ? gather(fields, []) : extend(copyGathered(known), fields, isGained);
  if (isForgotten) {
    sessions.forget(line.id);
  } else if (known === null) {
    addUser(gathered, fields);
    sessions.remember(line.id, gathered, now);
  } else {
    sessions.replace(line.id, gathered);
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
  // A failure with these lines was already reported.
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
