import { parse } from 'ini';
import { type Place, type Problem, problem } from '../base/errors.ts';

/** An option: its value, with continuation lines joined by newlines, and the line number of each line. */
export type IniOption = {
  readonly value: string;
  readonly place: Place;
  /** One for each line of the value, counted from 1. */
  readonly lines: readonly number[];
};

/** A section. Option names are in lower case; a section written twice is one. */
export type IniSection = { readonly place: Place; readonly options: ReadonlyMap<string, IniOption> };

/**
 * A parsed configuration file, with section names as written, in order, and all its mistakes. `jail` of a
 * problem is the section; the caller decides whether that is a jail.
 */
export type IniFile = {
  readonly file: string;
  readonly sections: ReadonlyMap<string, IniSection>;
  readonly problems: readonly Problem[];
};

/** A file with one entry for each option; `key` is null for a section header. */
type IniEntry = { section: string; key: string | null; parts: string[]; lines: number[] };
type Folding = { entries: IniEntry[]; problems: Problem[]; file: string };

// The white space of Python's str.strip(), which differs slightly from trim().
const SPACE = '[\\s\\x1c-\\x1f\\x85]';
const LEADING = new RegExp(`^${SPACE}+`);
const TRAILING = new RegExp(`${SPACE}+$`);
const BEFORE_COMMENT = new RegExp(`${SPACE};`);

function strip(text: string): string {
  return text.replace(LEADING, '').replace(TRAILING, '');
}

/** The line without its comment; null if it is only a comment. */
function withoutComment(line: string): string | null {
  const bare = strip(line);
  if (bare.startsWith('#') || bare.startsWith(';')) return null;
  const at = line.search(BEFORE_COMMENT);
  if (at < 0) return bare;
  return strip(line.slice(0, at)) || null;
}

/**
 * Reads fail2ban's INI dialect (Python's ConfigParser, with `;` after white space as inline comment): `=` or
 * `:`, continuation lines indented deeper than their key, blank lines inside a value kept. A duplicate
 * section or key is a warning, and the last one wins. Never throws; mistakes are in the problems.
 */
export function readIni(text: string, file: string): IniFile {
  const folding: Folding = { entries: [], problems: [], file };
  fold(text.startsWith('\ufeff') ? text.slice(1) : text, folding);
  const values = parseStrict(strictIni(folding.entries.map((e) => [e.section, e.key, foldedValue(e)])));
  const sections = new Map<string, { place: Place; options: Map<string, IniOption> }>();
  for (const entry of folding.entries) {
    const place = { file, line: entry.lines[0] ?? 0 };
    const section = sections.get(entry.section) ?? { place, options: new Map() };
    sections.set(entry.section, section);
    if (entry.key === null) continue;
    const value = values.get(entry.section)?.get(entry.key) ?? '';
    section.options.set(entry.key, { value, place, lines: entry.lines.slice(0, value.split('\n').length) });
  }
  warnOfDuplicates(folding);
  return { file, sections, problems: folding.problems };
}

function foldedValue(entry: IniEntry): string {
  return entry.parts.join('\n').replace(TRAILING, '');
}

function fold(text: string, folding: Folding): void {
  let section: string | null = null;
  let open: IniEntry | null = null;
  let depth = 0;
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    const number = i + 1;
    const said = withoutComment(line);
    if (said === null) continue;
    if (said === '') {
      open?.parts.push('');
      open?.lines.push(number);
      continue;
    }
    const indent = LEADING.exec(line)?.[0].length ?? 0;
    if (open !== null && indent > depth) {
      open.parts.push(said);
      open.lines.push(number);
      continue;
    }
    depth = indent;
    const header = /^\[(.+)\](.*)$/s.exec(said);
    if (header !== null) {
      section = header[1] ?? '';
      open = null;
      folding.entries.push({ section, key: null, parts: [], lines: [number] });
      if (strip(header[2] ?? '') !== '')
        complain(folding, number, `"${header[2]}" after a section has no effect`);
    } else {
      open = readOption(said, number, section, folding);
    }
  }
}

function readOption(said: string, number: number, section: string | null, folding: Folding): IniEntry {
  const at = said.search(/[=:]/);
  const key = at < 0 ? '' : strip(said.slice(0, at)).toLowerCase();
  const entry = { section: section ?? '', key, parts: [strip(said.slice(at + 1))], lines: [number] };
  if (key === '' || section === null) {
    const text =
      key === '' ? `cannot read "${shorten(said)}": expected "option = value"` : 'no [section] before this';
    const place = { file: folding.file, line: number };
    folding.problems.push(problem(text, { place, key: key || null, jail: section }));
    // Not added, but kept open: its continuation lines must not become part of another option.
    return entry;
  }
  folding.entries.push(entry);
  return entry;
}

function complain(folding: Folding, line: number, text: string, key: string | null = null): void {
  folding.problems.push(problem(text, { severity: 'warning', place: { file: folding.file, line }, key }));
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function warnOfDuplicates(folding: Folding): void {
  const seen = new Map<string, number>();
  for (const { section, key, lines } of folding.entries) {
    const id = JSON.stringify([section, key]);
    const line = lines[0] ?? 0;
    const first = seen.get(id);
    seen.set(id, line);
    if (first === undefined) continue;
    if (key === null)
      complain(folding, line, `section [${section}] begins in line ${first} already; both parts are read`);
    else complain(folding, line, `already set in line ${first} of [${section}]; the last value counts`, key);
  }
}

/**
 * A form that the `ini` package reads without loss: names and values as JSON strings. Names have a mark at
 * both ends, since `ini` reads `x[]` as a list, drops `__proto__`, and nests `[a.b]`.
 */
export function strictIni(
  entries: readonly (readonly [section: string, key: string | null, value: string])[],
): string {
  let now: string | null = null;
  let out = '';
  for (const [section, key, value] of entries) {
    if (section !== now) out += `[${quoted(`<${section}>`.replaceAll('.', '\\.'))}]\n`;
    now = section;
    if (key !== null) out += `${quoted(`<${key}>`)}=${quoted(value)}\n`;
  }
  return out;
}

function quoted(text: string): string {
  const code = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text).replace(/[\]=\u2028\u2029\u0085]/g, code);
}

/** Reads the output of strictIni(): section -> option -> value; the last value of a repeated option. */
export function parseStrict(strict: string): Map<string, Map<string, string>> {
  const parsed: Record<string, unknown> = parse(strict);
  const sections = new Map<string, Map<string, string>>();
  for (const [section, options] of Object.entries(parsed)) {
    const values = new Map<string, string>();
    for (const [key, value] of Object.entries(options ?? {})) values.set(key.slice(1, -1), String(value));
    sections.set(section.slice(1, -1), values);
  }
  return sections;
}
