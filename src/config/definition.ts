import { ConfigError, type Problem } from '../base/errors.ts';
import { getOption, interpolateOption } from './interpolate.ts';
import type { RawOptions, Sections } from './sections.ts';
import { expandTags, type Lookup } from './tags.ts';
import type { Text } from './text.ts';

/** A filter or an action file with the values it is given. */
export type DefinitionInput = {
  readonly sections: Sections;
  /** Names that are read from [Definition] into the result; the others only serve as `<tags>`. */
  readonly keys: readonly string[];
  /** What `%(x)s` finds before the file's own options; a key in here is not read from [Definition] at all. */
  readonly vars: ReadonlyMap<string, Text>;
  /** [Init] and the bracket options, see withInit. They win over [Definition]. */
  readonly init: ReadonlyMap<string, Text>;
};

/** The merged options, tags not yet replaced, and how a tag in them is looked up. */
export type Merged = { readonly options: ReadonlyMap<string, Text>; readonly lookup: Lookup };

const NO_VARS: ReadonlyMap<string, Text> = new Map();

/** Runs `work`; a ConfigError goes to the problems and the answer is null. */
export function guarded<T>(problems: Problem[], work: () => T): T | null {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return null;
  }
}

/** [Init] as the file gives it, each value also as `known/x`; `given`, the options in brackets, win. */
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

/** Merges the file's options with what it is given. What cannot be read goes to the problems and is left out. */
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

/** `<section/x>`, `<known/x>` (the value that a later file replaced), `<default/x>`, or any option of [Definition]. */
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
  // The past is read in the light of the past: what it refers to is what was before, too.
  const past: RawOptions = new Map();
  for (const option of own.values()) if (option.known !== null) past.set(option.key, option.known);
  const before = { ...sections, sections: new Map([...sections.sections, ['KNOWN/Definition', past]]) };
  const value = guarded([], () => get(before, 'KNOWN/Definition'));
  return value ?? get(sections, 'Definition');
}

/** Replaces the tags in every option; `except` names tags that are left as they are. */
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
