import { partsOf, wrapped } from '../wrap.ts';

/** Text for a manual page in mdoc(7): what could be read as a macro or an escape is written so that it is none. */
export function plain(text: string): string {
  return noMacro(text.replaceAll('\\', '\\e').replaceAll('-', '\\-'));
}

/** A line that begins with a dot or a quote would be a macro. */
function noMacro(line: string): string {
  return line.replace(/^[.']/, '\\&$&');
}

/** A line of a macro: its arguments are quoted where that is needed. */
export function macro(name: string, ...words: readonly string[]): string {
  return `.${[name, ...words.map(argument)].join(' ')}`;
}

/** An argument of a macro that is text, also where it looks like a macro's name or holds spaces. */
function argument(word: string): string {
  const escaped = plain(word).replaceAll('"', '\\(dq');
  return /^[A-Z][a-z]$|^[,:;()[\]?!|]$/.test(word)
    ? `\\&${escaped}`
    : /[\s]/.test(word)
      ? `"${escaped}"`
      : escaped;
}

/** Longest line of a page's source. */
const WIDTH = 79;

/** Where a sentence ends: the next one begins on a line of its own. */
const SENTENCE = /(?<=[.:?!]) +(?=[A-Z-])/;

/** The paragraphs and tables of a text. */
export function paragraphs(text: string): readonly string[] {
  return partsOf(text).flatMap(({ kind, lines }, i) => {
    if (kind === 'table') return ['.Bd -literal', ...lines.map((line) => plain(line.slice(2))), '.Ed'];
    const sentences = lines.flatMap((line) => line.split(SENTENCE));
    return [
      ...(i === 0 ? [] : ['.Pp']),
      ...sentences.flatMap((one) => wrapped(plain(one), WIDTH).map(noMacro)),
    ];
  });
}

/** A list of tagged items. */
export function tagged(items: readonly (readonly [tag: string, text: string])[]): readonly string[] {
  if (items.length === 0) return [];
  return ['.Bl -tag -width Ds', ...items.flatMap(([tag, text]) => [tag, ...paragraphs(text)]), '.El'];
}

/** Commands as they are typed, each with what it does. */
export function examples(rows: readonly (readonly [command: string, meaning: string])[]): readonly string[] {
  return rows.flatMap(([command, meaning]) => [
    ...(meaning === '' ? [] : wrapped(plain(capital(meaning).replace(/(?<!\?)$/, ':')), WIDTH)),
    macro('Dl', command),
    '.Pp',
  ]);
}

/** The text with its first letter as a capital. */
export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

/** A page's place in the manual. */
export type PageHead = { readonly title: string; readonly section: number; readonly about: string };

/** The day on which the texts of the pages last changed much: the same build gives the same page. */
const DATE = 'December 1, 2026';

/** A whole page. */
export function page({ title, section, about }: PageHead, lines: readonly string[]): string {
  const head = [`.Dd ${DATE}`, `.Dt ${title.toUpperCase()} ${section}`, '.Os', '.Sh NAME', `.Nm ${title}`];
  const text = [...head, macro('Nd', about), ...lines];
  // A paragraph break before a heading or the end means nothing.
  const isIdle = (i: number): boolean => /^\.(?:Sh|Ss|El)/.test(text[i + 1] ?? '.Sh');
  return `${text.filter((line, i) => line !== '.Pp' || !isIdle(i)).join('\n')}\n`;
}
