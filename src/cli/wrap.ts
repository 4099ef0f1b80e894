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
export type Part = { readonly kind: 'paragraph' | 'table'; readonly lines: readonly string[] };

/** The parts of a text: an empty line ends a paragraph, and so does a line that is indented. */
export function partsOf(text: string): readonly Part[] {
  const parts: { kind: Part['kind']; lines: string[] }[] = [];
  let isOpen = false;
  for (const line of text.trim().split('\n')) {
    const kind = line.startsWith('  ') ? 'table' : 'paragraph';
    const last = parts.at(-1);
    if (line === '') isOpen = false;
    else if (isOpen && last?.kind === kind) last.lines.push(line);
    else parts.push({ kind, lines: [line] });
    isOpen = line !== '';
  }
  return parts.map(({ kind, lines }) =>
    kind === 'table' ? { kind, lines } : { kind, lines: [lines.join(' ')] },
  );
}

/** Two columns; what does not fit into the second goes on below it. */
export function inColumns(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  const indent = width + 4;
  return rows.flatMap(([left, right]) => {
    const [first = '', ...more] = wrapped(right, COLUMNS - indent);
    const head = `  ${left.padEnd(width)}  ${first}`.trimEnd();
    return [head, ...more.map((line) => `${' '.repeat(indent)}${line}`)];
  });
}
