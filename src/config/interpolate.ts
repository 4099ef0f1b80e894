import type { Place } from '../errors.ts';
import { ConfigError, problem } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import type { Option, Sections } from './sections.ts';
import type { Text } from './text.ts';
import { joinTexts, placeOf, textAt } from './text.ts';

/** Where a name is looked up: `vars` first, then the section, then [DEFAULT]. */
export type Scope = {
  readonly sections: Sections;
  readonly section: string;
  /** Values that are final: they are inserted as they are, never interpolated again. */
  readonly vars: ReadonlyMap<string, Text>;
};

/** Deeper than any honest configuration; a cycle is noticed long before. */
const MAX_DEPTH = 100;
/** An expansion that doubles itself must not eat the memory. */
const MAX_LENGTH = 1024 * 1024;

type Step = { readonly scope: Scope; readonly trail: readonly Option[] };

/** The raw option that a section or else [DEFAULT] sets, or null. */
export function findOption(sections: Sections, section: string, key: string): Option | null {
  const own = section === 'DEFAULT' ? undefined : sections.sections.get(section)?.get(key);
  return own ?? sections.defaults.get(key) ?? null;
}

/**
 * The value of an option with every `%(x)s` replaced, or null when nobody sets it. Throws ConfigError for a name that is
 * not there, a lone `%`, and a value that contains itself.
 */
export function getOption(scope: Scope, key: string): Text | null {
  const given = scope.vars.get(key);
  if (given !== undefined) return given;
  const option = findOption(scope.sections, scope.section, key);
  return option === null ? null : interpolate(option, { scope, trail: [] });
}

/** The value of a raw option with every `%(x)s` replaced. Throws ConfigError like getOption. */
export function interpolateOption(scope: Scope, option: Option): Text {
  return interpolate(option, { scope, trail: [] });
}

function interpolate(option: Option, step: Step): Text {
  const { text, places } = option.text;
  if (!text.includes('%')) return option.text;
  if (step.trail.includes(option) || step.trail.length > MAX_DEPTH) {
    throw broken(step.trail[0] ?? option, placeOf(option.text), `"%(${option.key})s" contains itself`);
  }
  const inner = { scope: step.scope, trail: [...step.trail, option] };
  const pieces: Text[] = [];
  let at = 0;
  let line = 0;
  let length = 0;
  for (const found of text.matchAll(/%(?:%|\(([^)]+)\)s|)/g)) {
    const before = text.slice(at, found.index);
    pieces.push({ text: before, places: places.slice(line, line + before.split('\n').length) });
    line += before.split('\n').length - 1;
    const here = places[line] ?? placeOf(option.text);
    at = found.index + found[0].length;
    line += found[0].split('\n').length - 1;
    if (found[0] === '%%') pieces.push(textAt('%', here));
    else if (found[1] !== undefined) pieces.push(lookUp(found[1], option, inner, here));
    else
      throw broken(
        option,
        here,
        `cannot read "${text.slice(found.index, at + 12)}"`,
        'write %% for a percent sign',
      );
    length += pieces.at(-1)?.text.length ?? 0;
    if (length > MAX_LENGTH) throw broken(option, here, 'grows beyond 1 MB');
  }
  pieces.push({ text: text.slice(at), places: places.slice(line) });
  return joinTexts(pieces, placeOf(option.text));
}

function broken(option: Option, place: Place, text: string, hint: string | null = null): ConfigError {
  return new ConfigError([problem(text, { place, key: option.key, hint })]);
}

function lookUp(spelt: string, from: Option, step: Step, here: Place): Text {
  const { sections, section, vars } = step.scope;
  const name = spelt.toLowerCase();
  if (name === '__name__') return textAt(section, here);
  const given = vars.get(name);
  if (given !== undefined) return given;
  const option = findOption(sections, section, name) ?? inSection(spelt, from, step.scope);
  if (option !== null) return interpolate(option, step);
  const names = [
    ...(sections.sections.get(section)?.keys() ?? []),
    ...sections.defaults.keys(),
    ...vars.keys(),
  ];
  throw broken(from, here, `cannot find "%(${spelt})s"`, didYouMean(name, names));
}

/** `section/option`, `default/option`, `known/option`; each falls back to [DEFAULT] as the original does. */
function inSection(spelt: string, from: Option, scope: Scope): Option | null {
  const found = /^([\w-]+)\/(.+)$/s.exec(spelt);
  if (found === null) return null;
  const [, name = '', tail = ''] = found;
  const key = tail.toLowerCase();
  const { sections, section } = scope;
  const fallback = sections.defaults.get(key) ?? null;
  if (name.toLowerCase() === 'default') return fallback;
  if (name.toLowerCase() !== 'known') return sections.sections.get(name)?.get(key) ?? fallback;
  if (from.key === key && from.known !== null) return from.known;
  return sections.sections.get(section)?.get(key)?.known ?? (fallback === from ? null : fallback);
}
