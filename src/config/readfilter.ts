import { isAbsolute, resolve } from 'node:path';
import { type Place, type Problem, problem } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { parseNamed } from './brackets.ts';
import { expandAll, guarded, mergeDefinition, withInit } from './definition.ts';
import { getOption } from './interpolate.ts';
import type { FilterSource, UseDns } from './jail.ts';
import { whyNoFilter } from './nofilter.ts';
import { buildFilter, FILTER_KEYS, type Texts } from './options.ts';
import {
  brokenFiles,
  type ConfigReader,
  openReader,
  readFiles,
  readSections,
  type Sections,
} from './sections.ts';
import type { Lookup } from './tags.ts';
import { placeOf, type Text, textAt } from './text.ts';
import { type ConfigTree, diskTree } from './tree.ts';
import { readUseDns, readValue } from './values.ts';

/** A filter's file and its options in brackets. */
export type FilterUse = {
  readonly name: string;
  readonly sections: Sections;
  readonly given: ReadonlyMap<string, Text>;
  readonly place: Place;
};

const NO_TEXTS: ReadonlyMap<string, Text> = new Map();

/** Finds the filter that `spec` names (`sshd[mode=aggressive]`); null, with a problem, if there is none. */
export function openFilter(
  reader: ConfigReader,
  spec: Text,
  backend: string,
  problems: Problem[],
): FilterUse | null {
  const place = placeOf(spec);
  const named = parseNamed(spec.text);
  if (typeof named === 'string') {
    problems.push(problem(`cannot read "${spec.text}": ${named}`, { place, key: 'filter' }));
    return null;
  }
  const sections = readFilter(reader, named.name);
  if (sections === null) {
    problems.push(noFilter(reader, named.name, place));
    return null;
  }
  problems.push(...brokenFiles(reader, sections, { place, key: 'filter' }));
  const given = new Map([...named.options].map(([key, value]) => [key, textAt(value, place)]));
  const own = sections.sections.get('Definition')?.has('logtype') ?? false;
  if (!given.get('logtype')?.text && !own) {
    given.set('logtype', textAt(backend.startsWith('systemd') ? 'journal' : 'file', place));
  }
  return { name: named.name, sections, given, place };
}

function noFilter(reader: ConfigReader, name: string, place: Place): Problem {
  const files = ['conf', 'local'].map((end) => reader.tree.show(`filter.d/${name}.${end}`));
  const unread = files.find((file) => reader.broken.has(file));
  if (unread !== undefined)
    return problem(`cannot use the filter "${name}": ${unread} cannot be read`, { place, key: 'filter' });
  const why = whyNoFilter(name);
  if (why !== null) return problem(`f2b has no filter "${name}": ${why}`, { place, key: 'filter' });
  const hint = didYouMean(name, filterNames(reader.tree));
  const text = `cannot find the filter "${name}": no filter.d/${name}.conf or .local`;
  return problem(text, { place, key: 'filter', hint });
}

function readFilter(reader: ConfigReader, name: string): Sections | null {
  if (!reader.takesPaths || !isPath(name)) return readSections(reader, `filter.d/${name}`);
  const path = resolve(name);
  const disk = diskTree('/');
  const explicit: ConfigReader = { ...reader, tree: disk, parsed: new Map() };
  return readFiles(explicit, [path]);
}

function isPath(name: string): boolean {
  return isAbsolute(name) || name.includes('/') || /\.(?:conf|local)$/.test(name);
}

/** The names of all filters in the tree. */
export function filterNames(tree: ConfigTree): string[] {
  const names = tree.list('filter.d').map((file) => /^(.+)\.(?:conf|local)$/.exec(file)?.[1] ?? '');
  return [...new Set(names.filter((name) => name !== ''))];
}

/**
 * The jail's values that a filter's tags may use; all others are only for `%(x)s`. fail2ban 1.0.2 behaviour.
 */
const EARLY: readonly string[] = ['enabled', 'backend', 'filter'];

/**
 * All options that a filter provides to a jail as `%(known/x)s`. Mistakes are not reported; filterOptions()
 * does that.
 */
export function knownOptions(use: FilterUse, jail: ReadonlyMap<string, Text>): Map<string, Text> {
  const { sections } = use;
  const vars = new Map([...jail, ...use.given]);
  const init = withInit(sections, use.given, []);
  const merged = mergeDefinition({ sections, keys: FILTER_KEYS, vars, init }, []);
  const options = new Map<string, Text>();
  for (const key of sections.sections.get('Definition')?.keys() ?? []) {
    if (FILTER_KEYS.includes(key)) continue;
    const read = (given: ReadonlyMap<string, Text>): Text | null =>
      guarded([], () => getOption({ sections, section: 'Definition', vars: given }, key));
    // First without the brackets, as fail2ban reads it; with them if it is incomplete without.
    const value = read(NO_TEXTS) ?? read(new Map([...vars, ...init]));
    if (value !== null) options.set(key, value);
  }
  for (const [key, value] of merged.options) options.set(key, value);
  const lookup: Lookup = (tag) => options.get(tag) ?? merged.lookup(tag);
  const expanded = expandAll({ options, lookup }, conditionalNames(sections), []);
  const known = new Map<string, Text>();
  for (const [key, text] of expanded) if (key.startsWith('known/')) known.set(key, text);
  for (const [key, text] of expanded) if (!key.startsWith('known/')) known.set(`known/${key}`, text);
  return known;
}

function conditionalNames(sections: Sections): Set<string> {
  const keys = [...(sections.sections.get('Init')?.keys() ?? [])];
  return new Set(keys.flatMap((key) => (key.includes('?') ? [key.slice(0, key.indexOf('?'))] : [])));
}

/** The filter's options with everything filled in, without those that `jail` sets itself. */
export function filterOptions(use: FilterUse, jail: ReadonlyMap<string, Text>, problems: Problem[]): Texts {
  const { sections } = use;
  const init = withInit(sections, use.given, problems);
  const vars = new Map([...jail, ...init]);
  const merged = mergeDefinition({ sections, keys: FILTER_KEYS, vars, init }, problems);
  const isHidden = (tag: string): boolean => {
    const key = tag.toLowerCase();
    if (!jail.has(key) || init.has(key) || EARLY.includes(key)) return false;
    const isRead = FILTER_KEYS.includes(key) && sections.defaults.has(key);
    return !isRead && sections.sections.get('Definition')?.has(key) !== true;
  };
  const few = new Map([...jail].filter(([key]) => EARLY.includes(key)));
  const early = mergeDefinition(
    { sections, keys: [], vars: new Map([...few, ...use.given]), init },
    problems,
  );
  const lookup: Lookup = (tag) => (isHidden(tag) ? early.lookup(tag) : merged.lookup(tag));
  return expandAll({ options: merged.options, lookup }, conditionalNames(sections), problems);
}

/** Result of loadFilter(). `filter` is null if there is no such filter, or it is invalid. */
export type LoadedFilter = {
  readonly filter: FilterSource | null;
  /** The filter's own value; null if it has none. */
  readonly usedns: UseDns | null;
  /** All options as text. */
  readonly options: ReadonlyMap<string, string>;
  readonly problems: readonly Problem[];
};

/**
 * Loads a filter outside of any jail, by its name with options (`sshd[mode=ddos]`) or by the path of its
 * file. `extra.backend` decides `logtype`; `extra.options` are more options in brackets.
 */
export function loadFilter(
  tree: ConfigTree,
  spec: string,
  extra: { readonly backend?: string; readonly options?: ReadonlyMap<string, string> } = {},
): LoadedFilter {
  const reader = { ...openReader(tree), takesPaths: true };
  const problems: Problem[] = [];
  const place = { file: 'command line', line: 0 };
  const use = openFilter(reader, textAt(spec, place), extra.backend ?? 'auto', problems);
  if (use === null)
    return { filter: null, usedns: null, options: new Map(), problems: [...reader.problems, ...problems] };
  const more = [...(extra.options ?? [])].map(([key, value]): [string, Text] => [key, textAt(value, place)]);
  const full = { ...use, given: new Map([...use.given, ...more]) };
  const options = filterOptions(full, NO_TEXTS, problems);
  const filter = buildFilter(use.name, options, problems);
  const usedns = options.get('usedns');
  const wish = usedns === undefined ? null : readValue('usedns', usedns, readUseDns, problems);
  const all = [...reader.problems, ...problems];
  return {
    filter: all.some((one) => one.severity === 'error') ? null : filter,
    usedns: wish === null ? null : wish.value,
    options: new Map([...options].map(([key, text]) => [key, text.text])),
    problems: all,
  };
}
