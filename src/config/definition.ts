import type { Problem } from '../errors.ts';
import { ConfigError } from '../errors.ts';
import { findOption, getOption, interpolateOption } from './interpolate.ts';
import type { Sections } from './sections.ts';
import type { Lookup } from './tags.ts';
import { expandTags } from './tags.ts';
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
    const key = tail.toLowerCase();
    const lower = name.toLowerCase();
    const section = lower === 'default' ? 'DEFAULT' : lower === 'known' ? 'Definition' : name;
    const option = findOption(sections, section, key);
    const wanted = lower === 'known' ? (option?.known ?? option) : option;
    const exists = section === 'DEFAULT' || sections.sections.has(section);
    if (wanted !== null && exists) return interpolateOption({ sections, section, vars: new Map() }, wanted);
  }
  if (!sections.sections.has('Definition')) return null;
  return getOption({ sections, section: 'Definition', vars }, tag.toLowerCase());
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
