/** A compiled template's regex: the names of its groups by number (index 0 is the whole match). */
export type Translated = { readonly regex: RegExp; readonly groups: readonly (string | null)[] };

/** A datepattern that cannot be had, and where in its text (characters from 0). */
export class DatePatternError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(message);
    this.name = 'DatePatternError';
    this.offset = offset;
  }
}

/**
 * Turns Python's regex syntax into a native regex with numbered groups; `exact` asks for the places of groups.
 * Throws DatePatternError when the syntax is broken.
 */
export function translate(python: string, exact: boolean): Translated {
  const groups: (string | null)[] = [null];
  let ignoreCase = false;
  const source = python.replace(
    /\\A|\\Z|\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\(\?[aiu]+\)|\(\?P<(\w+)>|\(\?P=(\w+)\)|\((?!\?)|\(\?#[^)]*\)/gs,
    (piece: string, name: string | undefined, reference: string | undefined) => {
      if (name !== undefined) return openGroup(groups, name);
      if (reference !== undefined) return `(?:\\${groups.indexOf(reference)})`;
      if (piece === '(') return openGroup(groups, null);
      if (piece.startsWith('(?#')) return '';
      if (/^\(\?[aiu]+\)$/.test(piece)) {
        ignoreCase ||= piece.includes('i');
        return '';
      }
      if (piece.startsWith('[')) return translateClass(piece);
      return piece === '\\A' ? '^' : piece === '\\Z' ? '$' : piece;
    },
  );
  try {
    const flags = `g${ignoreCase ? 'i' : ''}${exact ? 'd' : ''}`;
    return { regex: new RegExp(source, flags), groups };
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^.*: /, '').toLowerCase() : String(error);
    throw new DatePatternError(reason, 0);
  }
}

function openGroup(groups: (string | null)[], name: string | null): string {
  if (name !== null && groups.includes(name)) {
    throw new DatePatternError(`%${name} or a group of that name stands there twice`, 0);
  }
  groups.push(name);
  return '(';
}

function translateClass(piece: string): string {
  const opening = /^\[\^?\]/.exec(piece)?.[0];
  return opening === undefined ? piece : `${opening.slice(0, -1)}\\]${piece.slice(opening.length)}`;
}
