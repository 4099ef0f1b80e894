import type { Place } from '../base/errors.ts';
import type { IniOption } from './inifile.ts';

/** A value of the configuration, with the place of each of its lines. */
export type Text = {
  readonly text: string;
  /** One for each line of text. */
  readonly places: readonly Place[];
};

/** Text with a single place. */
export function textAt(text: string, place: Place): Text {
  return { text, places: text.split('\n').map(() => place) };
}

/** The value of an option as read from a file. */
export function optionText(option: IniOption): Text {
  const { file, line } = option.place;
  const places = option.value.split('\n').map((_, i) => ({ file, line: option.lines[i] ?? line }));
  return { text: option.value, places };
}

/** The place of the text's first line. */
export function placeOf(text: Text): Place {
  return text.places[0] ?? { file: '', line: 0 };
}

/** Parts of a text, each with the places of its lines. */
export function partsOf(text: Text, parts: readonly string[]): Text[] {
  let line = 0;
  return parts.map((part) => {
    const first = line;
    line += part.split('\n').length - 1;
    return { text: part, places: text.places.slice(first, line + 1) };
  });
}

/** A part of a value: written there itself, or inserted. */
export type TextPiece = { readonly text: Text; readonly isOwn: boolean };

/**
 * Joins pieces. The place of a line is where its own text was written; a line that was inserted as a whole
 * keeps its place. `place` is for empty lines.
 */
export function joinPieces(pieces: readonly TextPiece[], place: Place): Text {
  let text = '';
  let places: Place[] = [place];
  // The origin of the last line's place: 0 none yet, 1 inserted, 2 own.
  let sure = 0;
  for (const { text: piece, isOwn } of pieces) {
    for (const [i, line] of piece.text.split('\n').entries()) {
      const here = piece.places[i] ?? place;
      const worth = line.trim() === '' ? 0 : isOwn ? 2 : 1;
      if (i > 0) {
        places.push(here);
        sure = worth;
      } else if (worth > sure || (sure === 0 && places.length > 1)) {
        places = [...places.slice(0, -1), here];
        sure = worth;
      }
    }
    text += piece.text;
  }
  return { text, places };
}

/** The lines that are not blank, each with its place. */
export function linesOf(text: Text): { readonly text: string; readonly place: Place }[] {
  return text.text
    .split('\n')
    .map((line, i) => ({ text: line, place: text.places[i] ?? placeOf(text) }))
    .filter((line) => line.text !== '');
}
