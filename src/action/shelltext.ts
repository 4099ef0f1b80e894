/**
 * Puts values into a shell text without making them part of its code. A value of harmless characters is
 * inserted as it is, so that stock commands look as in fail2ban. Any other value is passed in the
 * environment, and the text refers to it as the quotes around the tag require.
 */
import { leadingMarks, programTags, tagKind } from '../config/shelldata.ts';
import { SHELL_TAG } from '../config/shellparse.ts';

/** A shell text and the environment variables it uses. */
export type FilledText = { readonly text: string; readonly env: Readonly<Record<string, string>> };

/** The value of a tag (`ip` for `<ip>`); null leaves the tag unchanged. */
export type TagValue = (tag: string) => string | null;

const HARMLESS = /^(?!-)[A-Za-z0-9_.:/@%+=,-]*$/;
const TAG = new RegExp(SHELL_TAG);

/**
 * The quoting around a character. `ticks` are back-ticks within double quotes, where shells disagree about
 * inner quotes.
 */
type ShellPlace = 'plain' | 'single' | 'double' | 'ticks' | 'here' | 'quotedHere';

/**
 * Fills the tags in. A value at the beginning of a word loses the dashes that would make it an option. Throws an Error for a
 * tag of the log that stands where its value would be more than data.
 */
export function fillTags(text: string, read: TagValue): FilledText {
  const kindOf = kindsBy(read);
  const [refused] = programTags(text, kindOf);
  if (refused !== undefined) throw new Error(`<${refused.tag}> ${refused.why}`);
  const marks = leadingMarks(text, kindOf);
  const env: Record<string, string> = {};
  const scanner = newScanner(text);
  let filled = '';
  while (scanner.at < text.length) {
    TAG.lastIndex = scanner.at;
    const found = text[scanner.at] === '<' ? TAG.exec(text) : null;
    const tag = found?.[1] ?? '';
    const value = found === null ? null : read(tag);
    if (found === null || value === null) {
      filled += readNext(scanner);
      continue;
    }
    const mark = marks.get(scanner.at);
    const plain = mark === undefined ? value : value.replace(mark, '');
    filled += referTo(plain === value ? tag : `${tag}_bare`, plain, { place: placeOf(scanner), env });
    scanner.at += found[0].length;
  }
  return { text: filled, env };
}

function kindsBy(read: TagValue): (tag: string) => 'log' | 'own' | null {
  return (tag) => {
    const value = read(tag);
    return value === null ? null : (tagKind(tag, value) ?? 'log');
  };
}

function referTo(
  tag: string,
  value: string,
  { place, env }: { readonly place: ShellPlace; readonly env: Record<string, string> },
): string {
  if (HARMLESS.test(value)) return value;
  const name = `F2B_${tag.replace(/[^A-Za-z0-9]/g, '_')}`;
  if (place === 'quotedHere')
    throw new Error(`<${tag}> stands in a here-document with a quoted end: write <<END for it`);
  if (place === 'ticks') return value.replace(/[^A-Za-z0-9_.:/@%+=,-]/g, '?').replace(/^-+/, '');
  // Shell variables cannot contain NUL.
  env[name] = value.replaceAll('\0', '');
  const reference = `\${${name}}`;
  if (place === 'double' || place === 'here') return reference;
  return place === 'single' ? `'"${reference}"'` : `"${reference}"`;
}

type Frame = { readonly kind: 'plain' | 'single' | 'double' | 'ticks' | 'sub' | 'param'; depth: number };
type Here = { readonly end: string; readonly isQuoted: boolean; readonly stripsTabs: boolean };
type Scanner = {
  readonly text: string;
  at: number;
  readonly stack: Frame[];
  waiting: Here[];
  here: Here | null;
};

function newScanner(text: string): Scanner {
  return { text, at: 0, stack: [{ kind: 'plain', depth: 0 }], waiting: [], here: null };
}

function placeOf({ stack, here }: Scanner): ShellPlace {
  if (here !== null) return here.isQuoted ? 'quotedHere' : 'here';
  const kinds = stack.map(({ kind }) => kind);
  const last = kinds.at(-1);
  const ticks = kinds.lastIndexOf('ticks');
  if (ticks > 0 && kinds.slice(0, ticks).includes('double')) return 'ticks';
  if (last === 'single' || last === 'double') return last;
  if (last === 'param') return kinds.includes('double') ? 'double' : 'plain';
  return 'plain';
}

/** Reads one character, or several that belong together, and tracks the quotes they open and close. */
function readNext(scanner: Scanner): string {
  const { text, stack } = scanner;
  const char = text[scanner.at] ?? '';
  const frame = stack.at(-1);
  if (char === '\n') return lineBreak(scanner);
  if (scanner.here !== null || frame === undefined) return advance(scanner, 1);
  if (frame.kind === 'single') {
    if (char === "'") stack.pop();
    return advance(scanner, 1);
  }
  if (char === '\\') return advance(scanner, 2);
  const pair = text.slice(scanner.at, scanner.at + 2);
  if (pair === '$(') {
    stack.push({ kind: 'sub', depth: 0 });
    return advance(scanner, 2);
  }
  if (pair === '${') {
    stack.push({ kind: 'param', depth: 0 });
    return advance(scanner, 2);
  }
  if (char === '#' && (frame.kind === 'plain' || frame.kind === 'sub') && isWordStart(scanner))
    return advance(scanner, /[^\n]*/.exec(text.slice(scanner.at))?.[0].length ?? 1);
  if (frame.kind !== 'double' && frame.kind !== 'param' && pair === '<<') return hereBegin(scanner);
  if (char === '`') toggle(stack, 'ticks');
  else if (char === '"') toggle(stack, 'double');
  else if (char === "'" && frame.kind !== 'double') stack.push({ kind: 'single', depth: 0 });
  else if (char === '(' && frame.kind === 'sub') frame.depth++;
  else if (char === ')' && frame.kind === 'sub' && frame.depth-- === 0) stack.pop();
  else if (char === '}' && frame.kind === 'param') stack.pop();
  return advance(scanner, 1);
}

function isWordStart({ text, at }: Scanner): boolean {
  return at === 0 || /[\s;&|()]/.test(text[at - 1] ?? '');
}

function toggle(stack: Frame[], kind: 'ticks' | 'double'): void {
  if (stack.at(-1)?.kind === kind) stack.pop();
  else stack.push({ kind, depth: 0 });
}

function advance(scanner: Scanner, count: number): string {
  const part = scanner.text.slice(scanner.at, scanner.at + count);
  scanner.at += part.length;
  return part;
}

/** `<<END`, `<<-END`, `<<'END'`: the body begins after the line. Not `<<<`. */
function hereBegin(scanner: Scanner): string {
  const found = /<<(-?)[ \t]*(?:'([^'\n]+)'|"([^"\n]+)"|\\?([A-Za-z0-9_]+))/y;
  found.lastIndex = scanner.at;
  const [whole, tabs, single, double, bare] = found.exec(scanner.text) ?? [];
  if (whole === undefined) return advance(scanner, 2);
  const isQuoted = bare === undefined || whole.includes('\\');
  scanner.waiting.push({ end: single ?? double ?? bare ?? '', isQuoted, stripsTabs: tabs === '-' });
  return advance(scanner, whole.length);
}

function lineBreak(scanner: Scanner): string {
  const part = advance(scanner, 1);
  if (scanner.here === null) scanner.here = scanner.waiting.shift() ?? null;
  const { here } = scanner;
  if (here === null) return part;
  const stop = scanner.text.indexOf('\n', scanner.at);
  const line = scanner.text.slice(scanner.at, stop < 0 ? undefined : stop);
  if ((here.stripsTabs ? line.replace(/^\t+/, '') : line) !== here.end) return part;
  scanner.here = scanner.waiting.shift() ?? null;
  return part + advance(scanner, line.length);
}
