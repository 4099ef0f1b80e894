import { codesOf, endsThere, firstCore, isWall } from './lastdate.ts';
import { isAhead, servicePlace } from './place.ts';
import { spanOf, type Template } from './template.ts';

/** A template and its record in one log, which only reports use. */
export type Slot = {
  readonly template: Template;
  /** Lines whose date it read. */
  hits: number;
  /** Offset of its last match in the line. */
  distance: number;
};

/** The templates in the order of trial, and the last date. */
export type Choice = {
  readonly slots: readonly Slot[];
  /** No template matches an ASCII line without a CORE (lastdate.ts). */
  readonly needsCore: boolean;
  /** All templates are default forms. */
  readonly isDefault: boolean;
  /** The slot that hit last, and the character after its date; '' at the end of the line. */
  last: { slot: Slot; atEnd: string } | null;
};

/** The chosen slot, its match, and the bounds of the match. */
export type Chosen = { readonly slot: Slot; readonly match: RegExpExecArray };

/** The order of trial for templates that have not been used yet. */
export function makeChoice(templates: readonly Template[]): Choice {
  const slots = templates.map((template) => ({ template, hits: 0, distance: 0 }));
  const needsCore = templates.every((template) => template.hasCore);
  const isDefault = templates.every((template) => template.isForm);
  return { slots, needsCore, isDefault, last: null };
}

/**
 * Finds the date of a line by fail2ban 1.0.2's rules for the first line of a log: anchored templates win, else
 * the earliest position. No line changes how another line is read.
 */
export function choose(choice: Choice, asked: Asked): Chosen | null {
  if (choice.needsCore && asked.isAscii && firstCore(asked.line) < 0) return null;
  const first = tryLast(choice, asked) ?? findCandidate(choice, asked);
  if (first === null) return null;
  const { slot, match } = atServicePlace(choice, asked, first);
  slot.hits++;
  slot.distance = match.index;
  choice.last = { slot, atEnd: asked.line.charAt(match.index + match[0].length) };
  return { slot, match };
}

/**
 * Counts `count` more hits of the last template. The last hit is `shift` characters further right than the
 * one before, and followed by `atEnd`. Has no call or loop, so that a time limit cannot interrupt it.
 */
export function countHits({ last }: Choice, { count, shift, atEnd, walled }: Hits): void {
  if (last === null) return;
  last.slot.hits += count;
  last.atEnd = atEnd;
  if (shift === 0) return;
  last.slot.distance += shift;
  if (walled !== null) walled.start += shift;
}

/** Undoes the hit of the last date. */
export function undoHit({ last }: Choice): void {
  if (last !== null) last.slot.hits--;
}

/** Arguments of countHits(). */
export type Hits = {
  readonly count: number;
  readonly shift: number;
  readonly atEnd: string;
  /** Moves as well. */
  readonly walled: { start: number } | null;
};

/** The match of the last template, if no other default form could win. */
function tryLast({ isDefault, last }: Choice, asked: Asked): Chosen | null {
  if (last === null || !isDefault || !asked.isAscii || !last.slot.template.isSolitary) return null;
  const { slot } = last;
  const match = exec(slot.template, asked);
  if (match === null) return null;
  const { index: start } = match;
  const { line } = asked;
  const end = start + match[0].length;
  const behind = line.slice(end, end + 3);
  const standsAlone =
    start > 2 &&
    isWall(line.charCodeAt(start - 1)) &&
    endsThere(codesOf(behind, behind.length), 0, behind.length) &&
    firstCore(line) >= start;
  return standsAlone ? { slot, match } : null;
}

/**
 * If the line shows where the service writes its date, and `found` is elsewhere: the date at that place. A
 * date with a clock at the beginning of the line is the service's, too: syslog writes it before any other
 * line.
 */
function atServicePlace({ isDefault, slots }: Choice, asked: Asked, found: Chosen): Chosen {
  if (!isDefault) return found;
  const [start, end] = spanOf(found.slot.template, found.match);
  if (start <= 2 && found.slot.template.anchored && isAhead(asked.line, start, end)) return found;
  const place = servicePlace(asked.line);
  if (place === null || (start >= place.start && end <= place.end)) return found;
  for (const slot of slots) {
    if (slot.template.anchored) continue;
    const match = exec(slot.template, asked, place.start - 1);
    if (match === null) continue;
    const span = spanOf(slot.template, match);
    if (span[0] >= place.start && span[1] <= place.end) return { slot, match };
  }
  return found;
}

function findCandidate({ slots }: Choice, asked: Asked): Chosen | null {
  let kept: Chosen | null = null;
  for (const slot of slots) {
    const match = exec(slot.template, asked);
    if (match === null) continue;
    if (slot.template.anchored || match.index <= 1) return { slot, match };
    // This may be text of the message, so the others are tried too. The last one wins a tie.
    const isEarlier = kept === null || match.index < kept.match.index;
    if (isEarlier || (slot === slots.at(-1) && match.index === kept?.match.index)) kept = { slot, match };
  }
  return kept;
}

/** Arguments of choose(). `hints`: results of hints already searched for in the line. */
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

/** Matches at or after `from`. */
function exec(template: Template, asked: Asked, from = 0): RegExpExecArray | null {
  const { line, isAscii } = asked;
  if (isAscii && template.hint !== null && !holds(asked, template.hint)) return null;
  const { ascii, exact } = template.compiled();
  const regex = isAscii ? ascii : exact();
  regex.lastIndex = Math.max(0, from);
  return regex.exec(line);
}
