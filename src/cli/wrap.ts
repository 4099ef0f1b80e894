/** Columns of a terminal that f2b's own texts fit into. */
export const COLUMNS = 80;

/** Breaks a text at spaces into lines of at most `width` characters; a longer word stands alone. */
export function wrapped(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line: string | null = null;
  for (const word of text.split(' ')) {
    if (line === null) line = word;
    else if (line.length + 1 + word.length <= width) line = `${line} ${word}`;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line ?? ''];
}

/** A part of a longer text: a paragraph in one line, or indented lines that stay as they are. */
export type Part = {
  readonly kind: 'paragraph' | 'table';
  readonly lines: readonly string[];
  /** Whether an empty line is before it. */
  readonly isApart: boolean;
};

/** The parts of a text: an empty line ends a paragraph, and so does a line that is indented. */
export function partsOf(text: string): readonly Part[] {
  const parts: { kind: Part['kind']; lines: string[]; isApart: boolean }[] = [];
  let isApart = false;
  for (const line of text.trim().split('\n')) {
    const kind = line.startsWith('  ') ? 'table' : 'paragraph';
    const last = parts.at(-1);
    if (line === '') isApart = true;
    else if (!isApart && last?.kind === kind) last.lines.push(line);
    else parts.push({ kind, lines: [line], isApart });
    if (line !== '') isApart = false;
  }
  return parts.map((part) => (part.kind === 'table' ? part : { ...part, lines: [part.lines.join(' ')] }));
}

/** The widest first column; what is wider has a line of its own. */
const WIDEST_LEFT = 44;

/** Two columns; what does not fit into the second goes on below it. */
export function inColumns(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([{ length }]) => (length > WIDEST_LEFT ? 0 : length)));
  const indent = ' '.repeat(width + 4);
  return rows.flatMap(([left, right]) => {
    const lines = wrapped(right, COLUMNS - indent.length);
    if (left.length > width) return [`  ${left}`, ...lines.map((line) => `${indent}${line}`)];
    const [first = '', ...more] = lines;
    return [`  ${left.padEnd(width)}  ${first}`.trimEnd(), ...more.map((line) => `${indent}${line}`)];
  });
}
