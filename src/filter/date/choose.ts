import { codesOf, endsThere, firstCore, isWall } from './lastdate.ts';
import { isAhead, servicePlace } from './place.ts';
import { spanOf, type Template } from './template.ts';

/** A template and what it has done so far in one log. */
export type Slot = {
  readonly template: Template;
  /** Lines whose date it gave. */
  hits: number;
  /** Lines on which it matched, given or not. */
  seen: number;
  /** The `now` of its last hit. */
  lastUsed: number;
  /** Where in the line it last matched. */
  distance: number;
};

/** The order of trial and what the last dated line looked like; changes with every line. */
export type Choice = {
  readonly slots: Slot[];
  /** No template matches a line of ASCII characters without a CORE. */
  readonly needsCore: boolean;
  /** All templates are default forms. */
  readonly isDefault: boolean;
  last: Last | null;
  /** Slots before this one have all been used. */
  firstUnused: number;
};

type Last = {
  index: number;
  start: number;
  end: number;
  /** The characters outside and inside of both ends; '' at a line's end. */
  beforeStart: string;
  atStart: string;
  beforeEnd: string;
  atEnd: string;
};

/** Seconds after which a template that nobody uses loses its place. */
const UNUSED = 300;
const NOWHERE = Number.POSITIVE_INFINITY;

/** What was chosen: the slot, and the whole match with its bounds. */
export type Chosen = { readonly slot: Slot; readonly match: RegExpExecArray };

type DateCandidate = { readonly index: number; readonly match: RegExpExecArray };

/** Makes the order of trial from templates, none used yet. */
export function makeChoice(templates: readonly Template[]): Choice {
  const slots = templates.map((template) => ({ template, hits: 0, seen: 0, lastUsed: 0, distance: NOWHERE }));
  const needsCore = templates.every((template) => template.hasCore);
  const isDefault = templates.every((template) => template.isForm);
  return { slots, needsCore, isDefault, last: null, firstUnused: 0 };
}

/**
 * Finds the date of a line by fail2ban 1.0.2's rules: the template that hit last is tried first, anchored ones win,
 * else the earliest position; used templates move forward.
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
 * Counts `count` more hits of the last template, the last of them `shift` further right than the one before, with the character
 * `atEnd` behind it. Happens as a whole: there is no call in it and no loop, where a time limit may interrupt.
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

/** Takes back the hit of the date that was found last. */
export function undoHit({ last, slots }: Choice): void {
  const slot = last === null ? undefined : slots[last.index];
  if (slot !== undefined) slot.hits--;
}

/** See countHits(). */
export type Hits = {
  readonly count: number;
  readonly shift: number;
  readonly atEnd: string;
  /** Moves as well. */
  readonly walled: { start: number } | null;
};

type Retry = {
  readonly candidate: DateCandidate | null;
  /** The last template matched where it did before: nothing else is tried. */
  readonly settled: boolean;
  /** Index that need not be tried again, -1 for none. */
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

/** Whether a match of the last template at another place is one that no other default form could take from it. */
function standsAlone({ isDefault, slots, last }: Choice, asked: Asked, match: RegExpExecArray): boolean {
  if (!isDefault || !asked.isAscii || last === null || slots[last.index]?.template.isSolitary !== true)
    return false;
  const { index: start } = match;
  const { line } = asked;
  const end = start + match[0].length;
  const behind = line.slice(end, end + 3);
  // Were the last date's place behind this one, a date further right would be preferred to it.
  return (
    start > 2 &&
    last.start < end &&
    isWall(line.charCodeAt(start - 1)) &&
    endsThere(codesOf(behind, behind.length), 0, behind.length) &&
    firstCore(line) >= start
  );
}

/** Both ends look as they did on the last line: the same outside, or the same sign (no letter or digit) inside. */
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
 * The date at the place where the service writes it, where the line shows that place and another date was found. A date and clock at
 * the line's beginning is the service's too: syslog writes it there, in front of whatever line.
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
    // Further right than before: perhaps text of the message, so the others are asked as well.
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

/** Moves a slot that was hit towards the front when it outweighs who stands there; answers its new index. */
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

/** What choose() is asked about; `hints`: those that were looked for in the line. */
export type Asked = {
  readonly line: string;
  readonly isAscii: boolean;
  readonly hints: Map<RegExp, boolean>;
};

/** Several forms have the same hint, and a line may be long. */
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

/** Matches from a place on, and not before it. */
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
