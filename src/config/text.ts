import type { Place } from '../errors.ts';
import type { IniOption } from '../inifile.ts';

/** A value of the configuration that knows where each of its lines comes from. */
export type Text = {
  readonly text: string /** One for each line of text. */;
  readonly places: readonly Place[];
};

/** Text whose lines all come from one place. */
export function textAt(text: string, place: Place): Text {
  return { text, places: text.split('\n').map(() => place) };
}

/** The value of an option as read from a file. */
export function textOf(option: IniOption): Text {
  const { file, line } = option.place;
  const places = option.value.split('\n').map((_, i) => ({ file, line: option.lines[i] ?? line }));
  return { text: option.value, places };
}

/** The place of the text's first line. */
export function placeOf(text: Text): Place {
  return text.places[0] ?? { file: '', line: 0 };
}

/**
 * Puts `insert` in the place of text[start, end). A line keeps its own place when something is inserted into it; an insert
 * that makes up the whole line brings its places along, so that a regex is cited where it is written.
 */
export function splice(text: Text, start: number, end: number, insert: Text): Text {
  const before = text.text.slice(0, start).split('\n');
  const after = text.text.slice(end).split('\n');
  const first = before.length - 1;
  const last = text.places.length - after.length;
  const own = [...insert.places];
  const outer = text.places[first];
  if (outer !== undefined && !isBlank(before[first])) own[0] = outer;
  if (outer !== undefined && own.length === 1 && !isBlank(after[0])) own[0] = outer;
  return {
    text: text.text.slice(0, start) + insert.text + text.text.slice(end),
    places: [...text.places.slice(0, first), ...own, ...text.places.slice(last + 1)],
  };
}

function isBlank(text: string | undefined): boolean {
  return text === undefined || text.trim() === '';
}

/** Joins pieces one behind the other, without anything between them. */
export function joinTexts(pieces: readonly Text[], place: Place): Text {
  let all = textAt('', place);
  for (const piece of pieces) all = splice(all, all.text.length, all.text.length, piece);
  return all;
}

/** The lines that say something, each with its place. */
export function linesOf(text: Text): { readonly text: string; readonly place: Place }[] {
  return text.text
    .split('\n')
    .map((line, i) => ({ text: line, place: text.places[i] ?? placeOf(text) }))
    .filter((line) => line.text !== '');
}
