import { ConfigError, type Problem } from '../base/errors.ts';
import { getOption, interpolateOption } from './interpolate.ts';
import type { RawOptions, Sections } from './sections.ts';
import { expandTags, type Lookup } from './tags.ts';
import type { Text } from './text.ts';

/** A filter or action file and its given values. */
export type DefinitionInput = {
  readonly sections: Sections;
  /** Options that are read from [Definition]; the others only serve as `<tags>`. */
  readonly keys: readonly string[];
  /** Values that `%(x)s` finds before the file's own options; such a key is not read from [Definition]. */
  readonly vars: ReadonlyMap<string, Text>;
  /** [Init] and the options in brackets, see withInit(). They override [Definition]. */
  readonly init: ReadonlyMap<string, Text>;
};

/** The merged options before their tags are replaced, and the lookup for these tags. */
export type Merged = { readonly options: ReadonlyMap<string, Text>; readonly lookup: Lookup };

const NO_VARS: ReadonlyMap<string, Text> = new Map();

/** Runs `work`. A ConfigError is added to the problems, and the result is null. */
export function guarded<T>(problems: Problem[], work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return null;
  }
}

/** The file's [Init], with each value also as `known/x`; `given`, the options in brackets, override it. */
export function withInit(
  sections: Sections,
  given: ReadonlyMap<string, Text>,
  problems: Problem[],
): Map<string, Text> {
  const all = new Map(given);
  const scope = { sections, section: 'Init', vars: new Map() };
  for (const [key, option] of sections.sections.get('Init') ?? []) {
    const value = guarded(problems, () => interpolateOption(scope, option));
    if (value === null) continue;
    if (!key.startsWith('known/')) all.set(`known/${key}`, value);
    if (!all.has(key)) all.set(key, value);
  }
  return all;
}

/** Merges the file's options with the given ones. Invalid ones are reported and left out. */
export function mergeDefinition(input: DefinitionInput, problems: Problem[]): Merged {
  const { sections, vars } = input;
  const scope = { sections, section: 'Definition', vars };
  const options = new Map<string, Text>();
  const hasDefinition = sections.sections.has('Definition');
  for (const key of input.keys) {
    if (!hasDefinition || vars.has(key)) continue;
    const value = guarded(problems, () => getOption(scope, key));
    if (value !== null) options.set(key, value);
  }
  for (const [key, value] of input.init) options.set(key, value);
  return { options, lookup: (tag) => options.get(tag) ?? lookUpTag(sections, vars, tag) };
}

/**
 * `<section/x>`, `<known/x>` (the value that a later file replaced), `<default/x>`, or any option of
 * [Definition].
 */
function lookUpTag(sections: Sections, vars: ReadonlyMap<string, Text>, tag: string): Text | null {
  const found = /^([\w-]+)\/([^\s>]+)$/.exec(tag);
  if (found !== null) {
    const [, name = '', tail = ''] = found;
    const value = lookUpIn(sections, name, tail.toLowerCase());
    if (value !== null) return value;
  }
  if (!sections.sections.has('Definition')) return null;
  return getOption({ sections, section: 'Definition', vars }, tag.toLowerCase());
}

function lookUpIn(sections: Sections, name: string, key: string): Text | null {
  const get = (all: Sections, section: string): Text | null =>
    getOption({ sections: all, section, vars: NO_VARS }, key);
  const lower = name.toLowerCase();
  if (lower === 'default') return get(sections, 'DEFAULT');
  if (lower !== 'known') return sections.sections.has(name) ? get(sections, name) : null;
  const own = sections.sections.get('Definition');
  if (own === undefined) return null;
  if (!sections.reopened.has('Definition')) return get(sections, 'Definition');
  // References in an earlier value refer to earlier values, too.
  const past: RawOptions = new Map();
  for (const option of own.values()) if (option.known !== null) past.set(option.key, option.known);
  const before = { ...sections, sections: new Map([...sections.sections, ['KNOWN/Definition', past]]) };
  const value = guarded([], () => get(before, 'KNOWN/Definition'));
  return value ?? get(sections, 'Definition');
}

/** Replaces the tags in every option, except the tags in `except`. */
export function expandAll(
  merged: Merged,
  except: ReadonlySet<string>,
  problems: Problem[],
): Map<string, Text> {
  const expanded = new Map<string, Text>();
  const lookup: Lookup = (tag) => (except.has(tag) ? null : merged.lookup(tag));
  for (const [key, value] of merged.options) {
    if (except.has(key)) {
      expanded.set(key, value);
      continue;
    }
    const text = guarded(problems, () => expandTags(key, value, lookup));
    if (text !== null) expanded.set(key, text);
  }
  return expanded;
}
