import { ConfigError, type Place, problem } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Option, Sections } from './sections.ts';
import { joinPieces, partsOf, placeOf, type Text, type TextPiece, textAt } from './text.ts';

/** Where names are looked up: `vars` first, then the section, then [DEFAULT]. */
export type Scope = {
  readonly sections: Sections;
  readonly section: string;
  /** Values from outside: from the jail, from brackets, from its filter as `known/x`. */
  readonly vars: ReadonlyMap<string, Text>;
};

/** Deeper than any real configuration; a cycle is found long before. */
const MAX_DEPTH = 100;
/** A value that doubles itself must not fill the memory. */
const MAX_LENGTH = 1024 * 1024;

/** No real configuration needs more insertions for one value. */
const MAX_STEPS = 20_000;

type InterpolationStep = {
  readonly scope: Scope;
  readonly trail: readonly Option[];
  readonly budget: { left: number };
};

/** The raw option of a section or else of [DEFAULT]; null if unset. */
export function findOption(sections: Sections, section: string, key: string): Option | null {
  const own = section === 'DEFAULT' ? undefined : sections.sections.get(section)?.get(key);
  return own ?? sections.defaults.get(key) ?? null;
}

/**
 * The value of an option with all `%(x)s` replaced; null if it is not set. Throws ConfigError for an unknown
 * name, a lone `%`, and a value that contains itself.
 */
export function getOption(scope: Scope, key: string): Text | null {
  const given = scope.vars.get(key);
  if (given !== undefined) return interpolateOption(scope, asOption(key, given), true);
  const option = findOption(scope.sections, scope.section, key);
  return option === null ? null : interpolateOption(scope, option);
}

/** The value of a raw option with all `%(x)s` replaced. Throws ConfigError like getOption(). */
export function interpolateOption(scope: Scope, option: Option, isGiven = false): Text {
  return interpolate(option, { scope, trail: [], budget: { left: MAX_STEPS } }, isGiven);
}

const GIVEN = new WeakMap<Text, Option>();

/** A given value as an option; always the same object, so that cycles are found. */
function asOption(key: string, text: Text): Option {
  const option = GIVEN.get(text) ?? { key, text, place: placeOf(text), known: null };
  GIVEN.set(text, option);
  return option;
}

/** `%(x)s`, `%%`, and a lone `%`. */
const REFERENCE = /(%(?:%|\([^)]+\)s|))/;

/** `isGiven`: the value was interpolated before, so a lone `%` in it is an ordinary character. */
function interpolate(option: Option, step: InterpolationStep, isGiven = false): Text {
  const { text } = option.text;
  if (!text.includes('%')) return option.text;
  if (step.trail.includes(option) || step.trail.length > MAX_DEPTH || step.budget.left-- <= 0) {
    throw broken(step.trail[0] ?? option, placeOf(option.text), `"%(${option.key})s" contains itself`);
  }
  const inner = { ...step, trail: [...step.trail, option] };
  const pieces: TextPiece[] = [];
  let length = 0;
  const parts = partsOf(option.text, text.split(REFERENCE));
  for (const [i, part] of parts.entries()) {
    if (i % 2 === 0) {
      pieces.push({ text: part, isOwn: true });
      continue;
    }
    const here = placeOf(part);
    const name = /^%\((.+)\)s$/s.exec(part.text)?.[1] ?? null;
    const piece =
      part.text === '%%'
        ? textAt('%', here)
        : ((name === null ? null : lookUp(name, option, inner, here)) ?? (isGiven ? part : null));
    if (piece === null && name !== null) {
      const hint = didYouMean(name.toLowerCase(), namesIn(step.scope));
      throw broken(option, here, `cannot find "${part.text}"`, hint);
    }
    if (piece === null) {
      const rest = parts.slice(i).map((one) => one.text);
      const shown = rest.join('').slice(0, 12).split('\n')[0];
      throw broken(option, here, `cannot read "${shown}"`, 'write %% for a percent sign');
    }
    pieces.push({ text: piece, isOwn: part.text === '%%' });
    length += piece.text.length;
    if (length > MAX_LENGTH) throw broken(option, here, 'grows beyond 1 MB');
  }
  return joinPieces(pieces, placeOf(option.text));
}

function namesIn({ sections, section, vars }: Scope): string[] {
  return [...(sections.sections.get(section)?.keys() ?? []), ...sections.defaults.keys(), ...vars.keys()];
}

function broken(option: Option, place: Place, text: string, hint: string | null = null): ConfigError {
  return new ConfigError([problem(text, { place, key: option.key, hint })]);
}

function lookUp(spelt: string, from: Option, step: InterpolationStep, here: Place): Text | null {
  const { sections, section, vars } = step.scope;
  const name = spelt.toLowerCase();
  if (name === '__name__') return textAt(section, here);
  const given = vars.get(name);
  if (given !== undefined) return interpolate(asOption(name, given), step, true);
  const option = findOption(sections, section, name) ?? inSection(spelt, from, step.scope);
  return option === null ? null : interpolate(option, step);
}

/** `section/option`, `default/option`, `known/option`; each falls back to [DEFAULT] as in fail2ban. */
function inSection(spelt: string, from: Option, scope: Scope): Option | null {
  const found = /^([\w-]+)\/(.+)$/s.exec(spelt);
  if (found === null) return null;
  const [, name = '', tail = ''] = found;
  const key = tail.toLowerCase();
  const { sections } = scope;
  const fallback = sections.defaults.get(key) ?? null;
  if (name.toLowerCase() === 'default') return fallback;
  if (name.toLowerCase() !== 'known') return sections.sections.get(name)?.get(key) ?? fallback;
  return knownOption(key, from, scope, fallback);
}

/**
 * `known/option`: the value before the one that refers to it, else the section's last earlier one, else
 * [DEFAULT]'s.
 */
function knownOption(key: string, from: Option, scope: Scope, fallback: Option | null): Option | null {
  const own = scope.sections.sections.get(scope.section)?.get(key) ?? null;
  if (isLater(own, from)) return from.known ?? fallback;
  return own?.known ?? (isLater(fallback, from) ? from.known : fallback);
}

/** Whether `option` is `other` or a later value of it. */
function isLater(option: Option | null, other: Option): boolean {
  for (let one = option; one !== null; one = one.known) if (one === other) return true;
  return false;
}
