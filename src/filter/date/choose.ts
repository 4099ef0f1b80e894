import { codesOf, endsThere, firstCore, isWall } from './lastdate.ts';
import { isAhead, servicePlace } from './place.ts';
import { spanOf, type Template } from './template.ts';

/** A template and its record in one log. */
export type Slot = {
  readonly template: Template;
  /** Lines whose date it read. */
  hits: number;
  /** Lines on which it matched, used or not. */
  seen: number;
  /** `now` at its last hit. */
  lastUsed: number;
  /** Offset of its last match in the line. */
  distance: number;
};

/** The order in which templates are tried, and the edges of the last date. Changes with every line. */
export type Choice = {
  readonly slots: Slot[];
  /** No template matches an ASCII line without a CORE (lastdate.ts). */
  readonly needsCore: boolean;
  /** All templates are default forms. */
  readonly isDefault: boolean;
  last: Last | null;
  /** All slots before this one have been used. */
  firstUnused: number;
};

type Last = {
  index: number;
  start: number;
  end: number;
  /** The characters on both sides of each end of the date; '' at an end of the line. */
  beforeStart: string;
  atStart: string;
  beforeEnd: string;
  atEnd: string;
};

/** Seconds after which an unused template loses its place. */
const UNUSED = 300;
const NOWHERE = Number.POSITIVE_INFINITY;

/** The chosen slot, its match, and the bounds of the match. */
export type Chosen = { readonly slot: Slot; readonly match: RegExpExecArray };

type DateCandidate = { readonly index: number; readonly match: RegExpExecArray };

/** The order of trial for templates that have not been used yet. */
export function makeChoice(templates: readonly Template[]): Choice {
  const slots = templates.map((template) => ({ template, hits: 0, seen: 0, lastUsed: 0, distance: NOWHERE }));
  const needsCore = templates.every((template) => template.hasCore);
  const isDefault = templates.every((template) => template.isForm);
  return { slots, needsCore, isDefault, last: null, firstUnused: 0 };
}

/**
 * Finds the date of a line by fail2ban 1.0.2's rules: the template that hit last is tried first; anchored
 * ones win, else the earliest position; used templates move forward.
 */
export function choose(choice: Choice, asked: Asked, now: number): Chosen | null {
  if (choice.needsCore && asked.isAscii && firstCore(asked.line) < 0) return null;
  const retry = tryLast(choice, asked);
  const first = retry.settled ? retry.candidate : findCandidate(choice, asked, retry);
  if (first === null) return null;
  const winner = atServicePlace(choice, asked, first);
  const slot = choice.slots[winner.index];
  if (slot === undefined) return null;
  settle(choice, { slot, ...winner }, { line: asked.line, now });
  return { slot, match: winner.match };
}

/**
 * Counts `count` more hits of the last template. The last hit is `shift` characters further right than the
 * one before, and followed by `atEnd`. Has no call or loop, so that a time limit cannot interrupt it.
 */
export function countHits(choice: Choice, now: number, { count, shift, atEnd, walled }: Hits): void {
  const { last } = choice;
  const slot = last === null ? undefined : choice.slots[last.index];
  if (last === null || slot === undefined) return;
  slot.hits += count;
  slot.seen += count;
  slot.lastUsed = now;
  last.atEnd = atEnd;
  if (shift === 0) return;
  last.start += shift;
  last.end += shift;
  slot.distance = last.start;
  if (walled !== null) walled.start += shift;
}

/** Undoes the hit of the last date. */
export function undoHit({ last, slots }: Choice): void {
  const slot = last === null ? undefined : slots[last.index];
  if (slot !== undefined) slot.hits--;
}

/** Arguments of countHits(). */
export type Hits = {
  readonly count: number;
  readonly shift: number;
  readonly atEnd: string;
  /** The start of a date behind a wall moves as well. */
  readonly walled: { start: number } | null;
};

type Retry = {
  readonly candidate: DateCandidate | null;
  /** The last template matched at the same place, so no other is tried. */
  readonly settled: boolean;
  /** Index of a slot to skip; -1 for none. */
  readonly skip: number;
};

function tryLast(choice: Choice, asked: Asked): Retry {
  const { last } = choice;
  const slot = last === null ? undefined : choice.slots[last.index];
  if (last === null || slot === undefined) return { candidate: null, settled: false, skip: -1 };
  const { index } = last;
  const within = !slot.template.anchored && sameEdges(last, asked.line);
  const match = within ? execWithin(slot, asked, last) : exec(slot, asked);
  const skip = within ? -1 : index;
  if (match === null) return { candidate: null, settled: false, skip };
  const samePlace = match.index === last.start && match.index + match[0].length === last.end;
  const settled =
    choice.slots.length === 1 || slot.template.anchored || samePlace || standsAlone(choice, asked, match);
  return { candidate: { index, match }, settled, skip };
}

/** Whether a match of the last template at another place stands: no other default form could win. */
function standsAlone({ isDefault, slots, last }: Choice, asked: Asked, match: RegExpExecArray): boolean {
  if (!isDefault || !asked.isAscii || last === null || slots[last.index]?.template.isSolitary !== true)
    return false;
  const { index: start } = match;
  const { line } = asked;
  const end = start + match[0].length;
  const behind = line.slice(end, end + 3);
  // If the last date's place lay after this one, a date further right would be preferred.
  return (
    start > 2 &&
    last.start < end &&
    isWall(line.charCodeAt(start - 1)) &&
    endsThere(codesOf(behind, behind.length), 0, behind.length) &&
    firstCore(line) >= start
  );
}

/** Whether both ends look as on the last line: the same character outside, or the same punctuation inside. */
function sameEdges(last: Last, line: string): boolean {
  const left =
    line.charAt(last.start - 1) === last.beforeStart ||
    (line.charAt(last.start) === last.atStart && !isAlnum(last.atStart));
  const right =
    line.charAt(last.end) === last.atEnd ||
    (line.charAt(last.end - 1) === last.beforeEnd && !isAlnum(last.beforeEnd));
  return left && right;
}

/**
 * If the line shows where the service writes its date, and `found` is elsewhere: the date at that place. A
 * date with a clock at the beginning of the line is the service's, too: syslog writes it before any other
 * line.
 */
function atServicePlace(choice: Choice, asked: Asked, found: DateCandidate): DateCandidate {
  const slot = choice.slots[found.index];
  if (!choice.isDefault || slot === undefined) return found;
  const [start, end] = spanOf(slot.template, found.match);
  if (start <= 2 && slot.template.anchored && isAhead(asked.line, start, end)) return found;
  const place = servicePlace(asked.line);
  if (place === null || (start >= place.start && end <= place.end)) return found;
  for (const [index, { template }] of choice.slots.entries()) {
    if (template.anchored || (asked.isAscii && template.hint !== null && !holds(asked, template.hint)))
      continue;
    const match = execFrom(template, asked, place.start - 1);
    if (match === null) continue;
    const span = spanOf(template, match);
    if (span[0] >= place.start && span[1] <= place.end) return { index, match };
  }
  return found;
}

function findCandidate(choice: Choice, asked: Asked, retry: Retry): DateCandidate | null {
  const { slots, last } = choice;
  const lastStart = last === null ? 1 : last.start;
  let kept = retry.candidate;
  for (const [index, slot] of slots.entries()) {
    if (index === retry.skip) continue;
    const match = exec(slot, asked);
    if (match === null) continue;
    const candidate: DateCandidate = { index, match };
    const next = slots[index + 1];
    if (slot.template.anchored) return candidate;
    if (next === undefined) return kept === null || match.index <= kept.match.index ? candidate : kept;
    if (match.index === 0 && slot.hits > 0 && next.seen === 0) return candidate;
    if (match.index <= slot.distance && match.index <= lastStart) return candidate;
    // Further right than before: this may be text of the message, so the others are tried too.
    if (kept === null || match.index < kept.match.index) kept = candidate;
  }
  return kept;
}

function settle(
  choice: Choice,
  won: DateCandidate & { readonly slot: Slot },
  seen: { readonly line: string; readonly now: number },
): void {
  const { slot, match, index } = won;
  const { line, now } = seen;
  const start = match.index;
  const end = start + match[0].length;
  slot.hits++;
  slot.lastUsed = now;
  slot.distance = start;
  if (choice.firstUnused === index) choice.firstUnused++;
  const moved = index > 0 && index !== choice.last?.index ? moveForward(choice, index) : index;
  choice.last = {
    index: moved,
    start,
    end,
    beforeStart: line.charAt(start - 1),
    atStart: line.charAt(start),
    beforeEnd: line.charAt(end - 1),
    atEnd: line.charAt(end),
  };
}

const weightOf = (slot: Slot): number => (slot.hits * slot.template.weight) / Math.max(1, slot.distance);

/** Moves a slot that was hit towards the front past slots of less weight; returns its new index. */
function moveForward(choice: Choice, index: number): number {
  const { slots } = choice;
  const slot = slots[index];
  if (slot === undefined) return index;
  const outweighs = (place: number): boolean => {
    const other = slots[place];
    if (other === undefined) return false;
    return weightOf(slot) > weightOf(other) || slot.lastUsed - UNUSED > other.lastUsed;
  };
  let place = choice.firstUnused < index ? choice.firstUnused : Math.floor(index / 2);
  if (!outweighs(place)) {
    if (place === index - 1) return index;
    place = index - 1;
    if (!outweighs(place)) return index;
  }
  slots.splice(index, 1);
  slots.splice(place, 0, slot);
  while ((slots[choice.firstUnused]?.hits ?? 0) > 0) choice.firstUnused++;
  return place;
}

/** Arguments of choose(). `hints`: results of hints already searched for in the line. */
export type Asked = {
  readonly line: string;
  readonly isAscii: boolean;
  readonly hints: Map<RegExp, boolean>;
};

/** Cached: several forms share a hint, and a line may be long. */
function holds({ line, hints }: Asked, hint: RegExp): boolean {
  const known = hints.get(hint);
  if (known !== undefined) return known;
  const is = hint.test(line);
  hints.set(hint, is);
  return is;
}

function exec(slot: Slot, asked: Asked): RegExpExecArray | null {
  const { line, isAscii } = asked;
  if (isAscii && slot.template.hint !== null && !holds(asked, slot.template.hint)) return null;
  const { ascii, exact } = slot.template.compiled();
  const regex = isAscii ? ascii : exact();
  regex.lastIndex = 0;
  const match = regex.exec(line);
  if (match !== null) slot.seen++;
  return match;
}

/** Matches at or after `from`. */
function execFrom(template: Template, { line, isAscii }: Asked, from: number): RegExpExecArray | null {
  const { ascii, exact } = template.compiled();
  const regex = isAscii ? ascii : exact();
  regex.lastIndex = Math.max(0, from);
  return regex.exec(line);
}

function execWithin(slot: Slot, { line, isAscii }: Asked, last: Last): RegExpExecArray | null {
  const { ascii, exact } = slot.template.compiled();
  const regex = isAscii ? ascii : exact();
  regex.lastIndex = last.start;
  const match = regex.exec(line.length === last.end ? line : line.slice(0, last.end));
  if (match !== null) slot.seen++;
  return match;
}

function isAlnum(char: string): boolean {
  return /^[\p{L}\p{N}]$/u.test(char);
}
