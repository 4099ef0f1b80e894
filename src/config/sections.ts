import { dirname, isAbsolute, join } from 'node:path';
import { type Place, type Problem, problem, reasonOf } from '../base/errors.ts';
import { type IniFile, readIni } from './inifile.ts';
import { optionText, type Text, textAt } from './text.ts';
import { type ConfigTree, isBeneath } from './tree.ts';

/**
 * An option as the last file set it. `known` is the value of the files before: jail.conf(5), `%(known/x)s`.
 */
export type Option = {
  readonly key: string;
  readonly text: Text;
  readonly place: Place;
  readonly known: Option | null;
};

/** Options by lower-case name; a conditional one is `name?family=inet6`. */
export type RawOptions = Map<string, Option>;

/** All files of one name (`jail`, `filter.d/sshd`), merged in read order. */
export type Sections = {
  readonly defaults: RawOptions;
  readonly sections: Map<string, RawOptions>;
  /** Where each section first appears, in a file of the admin if it is in one. */
  readonly places: Map<string, Place>;
  /** Sections that appear in more than one file. */
  readonly reopened: Set<string>;
  /**
   * Paths in the tree, in the order in which they were merged; a file that is included twice is listed twice.
   */
  readonly files: string[];
};

export function noSections(): Sections {
  return { defaults: new Map(), sections: new Map(), places: new Map(), reopened: new Set(), files: [] };
}

/** A tree with a cache of its parsed files and their mistakes. */
export type ConfigReader = {
  readonly tree: ConfigTree;
  readonly parsed: Map<string, IniFile | null>;
  readonly problems: Problem[];
  /** Whether a filter may be named by a path: on the command line, not in a jail. */
  readonly takesPaths: boolean;
  /** Files with mistakes, as they are cited. */
  readonly broken: Set<string>;
};

/** A reader for a tree; use one for each run, since it caches files. */
export function openReader(tree: ConfigTree): ConfigReader {
  return { tree, parsed: new Map(), problems: [], takesPaths: false, broken: new Set() };
}

/** The place of a value that is not from a file. */
export const BUILT_IN: Place = { file: 'built-in default', line: 0 };

/** Whether the value at this place is not from a file. */
export function isBuiltIn(place: Place): boolean {
  return place.file === BUILT_IN.file;
}

/** An option that is not from a file. */
export function builtIn(key: string, value: string): Option {
  const place = BUILT_IN;
  return { key, text: textAt(value, place), place, known: null };
}

/**
 * Reads NAME.conf, NAME.d/*.conf, NAME.local, NAME.d/*.local with all their includes; null if there are none.
 * Mistakes go to the reader's problems.
 */
export function readSections(reader: ConfigReader, name: string): Sections | null {
  const dropIns = listDropIns(reader, `${name}.d`);
  const ofKind = (end: string): string[] => dropIns.filter((file) => file.endsWith(end));
  return readFiles(reader, [`${name}.conf`, ...ofKind('.conf'), `${name}.local`, ...ofKind('.local')]);
}

/** A problem for a jail or filter whose files have mistakes. */
export function brokenFiles(
  reader: ConfigReader,
  sections: Sections,
  where: { readonly place: Place; readonly key: string },
): Problem[] {
  const files = [...new Set(sections.files.map((path) => reader.tree.show(path)))];
  const broken = files.filter((file) => reader.broken.has(file));
  return broken.map((file) => problem(`cannot use what ${file} says: it has mistakes`, where));
}

/** Merges the existing files in this order, each with its includes; null if there are none. */
export function readFiles(reader: ConfigReader, paths: readonly string[]): Sections | null {
  const present = paths.filter((path) => parseFile(reader, path) !== null);
  const walk = { reader, left: MAX_FILES };
  const order = present.length === 0 ? [] : withIncludes(walk, present, []);
  if (walk.left < 0) {
    const place = { file: reader.tree.show(paths[0] ?? ''), line: 1 };
    reader.problems.push(problem(`includes more than ${MAX_FILES} files`, { place }));
  }
  if (order.length === 0) return null;
  const all: Sections = { ...noSections(), files: order };
  const beneath = new Set<string>();
  for (const path of order) {
    const ini = parseFile(reader, path);
    if (ini === null) continue;
    merge(all, ini);
    if (isBeneath(path)) for (const name of ini.sections.keys()) beneath.add(name);
    else for (const [name, { place }] of ini.sections) if (beneath.delete(name)) all.places.set(name, place);
  }
  return all;
}

function listDropIns(reader: ConfigReader, folder: string): string[] {
  try {
    const names = reader.tree.list(folder).filter((name) => !name.startsWith('.'));
    return names.map((name) => `${folder}/${name}`);
  } catch (error) {
    reader.problems.push(problem(reasonOf(error)));
    return [];
  }
}

function parseFile(reader: ConfigReader, path: string): IniFile | null {
  const earlier = reader.parsed.get(path);
  if (earlier !== undefined) return earlier;
  reader.parsed.set(path, null);
  const file = reader.tree.show(path);
  let text: string | null = null;
  try {
    text = reader.tree.read(path);
  } catch (error) {
    reader.problems.push(problem(reasonOf(error)));
    reader.broken.add(file);
  }
  if (text === null) return null;
  const ini = readIni(text, file);
  warnOfBadBytes(reader, text, file);
  reader.problems.push(...ini.problems);
  if (ini.problems.some((one) => one.severity === 'error')) reader.broken.add(file);
  reader.parsed.set(path, ini);
  return ini;
}

function warnOfBadBytes(reader: ConfigReader, text: string, file: string): void {
  const at = text.indexOf('\ufffd');
  if (at < 0) return;
  const place = { file, line: text.slice(0, at).split('\n').length };
  reader.problems.push(problem('bytes that are no UTF-8 are read as U+FFFD', { severity: 'warning', place }));
}

/** More files than this for one name mean that includes form a cycle. */
const MAX_FILES = 500;

type Walk = { readonly reader: ConfigReader; left: number };

function withIncludes(walk: Walk, paths: readonly string[], seen: readonly string[]): string[] {
  const files: string[] = [];
  for (const path of paths) {
    files.push(path);
    const local = path.replace(/\.[^./]*$/, '.local');
    if (!paths.includes(local) && !files.includes(local)) files.push(local);
  }
  const fresh = files.filter((path) => !seen.includes(path));
  return fresh.flatMap((path) => {
    const ini = parseFile(walk.reader, path);
    if (ini === null || walk.left-- <= 0) return [];
    const include = (key: IncludeKey): string[] => {
      const wanted = includesOf(ini, key, path).filter(({ file }) => file !== path);
      for (const one of wanted) warnOfMissing(walk.reader, key, one);
      return wanted.flatMap(({ file }) => withIncludes(walk, [file], [...seen, path]));
    };
    return [...include('before'), path, ...include('after')];
  });
}

type IncludeKey = 'before' | 'after';
/** A file that is to be included, the text that names it, and the place of that text. */
type Include = { readonly file: string; readonly name: string; readonly place: Place };

function includesOf(ini: IniFile, key: IncludeKey, path: string): Include[] {
  const option = ini.sections.get('INCLUDES')?.options.get(key);
  return (option?.value.split('\n') ?? []).flatMap((name, i): Include[] => {
    if (name === '') return [];
    const line = option?.lines[i] ?? option?.place.line ?? 0;
    const file = isAbsolute(name) ? name : join(dirname(path), name);
    return [{ file, name, place: { file: ini.file, line } }];
  });
}

/** Distributions may put a .local beside a file, so that either is enough. A missing `after` .local is usual. */
function warnOfMissing(reader: ConfigReader, key: IncludeKey, { file, name, place }: Include): void {
  const local = file.replace(/\.[^./]*$/, '.local');
  if (file === local && key === 'after') return;
  if (
    [file, local].some((one) => parseFile(reader, one) !== null || reader.broken.has(reader.tree.show(one)))
  )
    return;
  const hint = /\s/.test(name) ? 'write each file on a line of its own' : null;
  const text = `cannot find "${name}": no file ${reader.tree.show(file)}`;
  if (reader.problems.some((one) => one.text === text && one.place?.file === place.file)) return;
  reader.problems.push(problem(text, { severity: 'warning', place, key, hint }));
}

function merge(all: Sections, ini: IniFile): void {
  for (const [header, section] of ini.sections) {
    const conditional = /^(\w+)(\?.+)$/s.exec(header);
    const name = conditional?.[1] ?? header;
    const condition = conditional?.[2] ?? '';
    if (all.places.has(name)) all.reopened.add(name);
    else all.places.set(name, section.place);
    const target = name === 'DEFAULT' ? all.defaults : (all.sections.get(name) ?? new Map<string, Option>());
    if (name !== 'DEFAULT') all.sections.set(name, target);
    for (const [short, option] of section.options) {
      const key = short + condition;
      const known = target.get(key) ?? null;
      const text = optionText(option);
      // A file that is included twice must not count as its own earlier value.
      if (known !== null && known.place.file === option.place.file && known.text.text === text.text) continue;
      target.set(key, { key, text, place: option.place, known });
    }
  }
}
