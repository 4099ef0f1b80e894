import { type Place, type Problem, problem } from '../base/errors.ts';
import type { Services } from '../base/ports.ts';
import { guarded } from './definition.ts';
import { getOption, type Scope } from './interpolate.ts';
import type { Action, Jail } from './jail.ts';
import { buildFilter, buildJail, FILTER_KEYS, KNOWN_KEYS, OPTIONS } from './options.ts';
import { commandProblems, readActions } from './readaction.ts';
import { filterOptions, knownOptions, openFilter } from './readfilter.ts';
import { BUILT_IN, type ConfigReader, isBuiltIn, type Sections } from './sections.ts';
import { placeOf, type Text, textAt } from './text.ts';
import { checkJailName, readBoolean, readValue, unknownOption } from './values.ts';

/** Input shared by all jails of a configuration. */
export type JailInput = {
  readonly reader: ConfigReader;
  readonly sections: Sections;
  readonly services: Services;
  /** Names that a `%(x)s` refers to. */
  readonly referenced: ReadonlySet<string>;
  /** See LoadOptions. */
  readonly usesJournal: (jail: Jail) => boolean;
};

/** A section of jail.conf. `jail` is null if it has mistakes or is not enabled. */
export type JailResult = {
  readonly name: string;
  readonly place: Place;
  readonly isEnabled: boolean;
  /** All options of the jail that are set, with everything filled in. */
  readonly options: ReadonlyMap<string, string>;
  /** The same, each line with the place where it is written. */
  readonly written: ReadonlyMap<string, Text>;
  readonly jail: Jail | null;
  /** What it does at a ban, also where something else is wrong with it; null when that could not be read, or it is not enabled. */
  readonly actions: readonly Action[] | null;
  readonly problems: readonly Problem[];
};

/**
 * Reads a jail and reports all its mistakes at once. `force`: as if it were enabled. A jail of `auto` without
 * a log file is read as one of `systemd` if it can be (fail2ban 1.1.1 behaviour), for the filter depends on it.
 */
export function readJail(input: JailInput, name: string, force: boolean): JailResult {
  const plain = readAs(input, name, { force, isJournal: false });
  const { jail, options } = plain;
  const isAuto = /^auto\b/i.test(options.get('backend') ?? '');
  if (jail === null || !isAuto || !jail.journalInstead || jail.filter.journalmatch.length === 0) return plain;
  return input.usesJournal(jail) ? readAs(input, name, { force, isJournal: true }) : plain;
}

type ReadAs = { readonly force: boolean; readonly isJournal: boolean };

function readAs(input: JailInput, name: string, { force, isJournal }: ReadAs): JailResult {
  const problems: Problem[] = [];
  const place = input.sections.places.get(name) ?? BUILT_IN;
  let known: readonly Action[] | null = null;
  const done = (isEnabled: boolean, options: ReadonlyMap<string, Text>, jail: Jail | null): JailResult => {
    const named = withoutRepeats(problems).map((one): Problem => {
      // Users cannot edit a built-in default, so the jail that uses it is cited.
      const isDefault = one.place !== null && isBuiltIn(one.place);
      return { ...one, jail: name, place: isDefault ? place : one.place };
    });
    const texts = new Map([...options].map(([key, text]) => [key, text.text]));
    const misread = input.reader.problems.filter((one) => one.jail === name);
    const isBroken = [...problems, ...misread].some((one) => one.severity === 'error');
    const working = isBroken ? null : jail;
    return {
      name,
      place,
      isEnabled,
      options: texts,
      written: options,
      jail: working,
      actions: known,
      problems: named,
    };
  };
  const scope: Scope = { sections: input.sections, section: name, vars: new Map() };
  const early = readOptions(scope, ['enabled', 'backend', 'filter'], problems);
  const wish = early.get('enabled');
  const isOn = wish === undefined ? { value: false } : readValue('enabled', wish, readBoolean, problems);
  if (isOn === null) return done(true, early, null);
  if (!isOn.value && !force) return done(false, early, null);
  readValue(null, textAt(name, place), checkJailName, problems);
  const spec = early.get('filter') ?? textAt('', place);
  const backend = isJournal ? 'systemd' : (early.get('backend')?.text ?? 'auto');
  const use = spec.text === '' ? null : openFilter(input.reader, spec, backend, problems);
  const vars = use === null ? new Map<string, Text>() : knownOptions(use, early);
  const keys = OPTIONS.map((option) => option.name);
  const options = readOptions({ ...scope, vars }, keys, problems);
  const own = use === null ? new Map<string, Text>() : filterOptions(use, options, problems);
  // The jail's options override the filter's.
  const all = new Map([
    ...options,
    ...[...own].filter(([key]) => FILTER_KEYS.includes(key) && !options.has(key)),
  ]);
  if (isJournal) {
    const from = placeOf(options.get('logpath') ?? textAt('', place));
    all.set('backend', textAt(backend, from));
    const hint = 'a log file that is made later is read after a reload';
    const text = 'no such file exists: the journal is read instead';
    problems.push(problem(text, { severity: 'warning', place: from, key: 'logpath', hint }));
  }
  const filter = buildFilter(use?.name ?? '', all, problems);
  const found: Problem[] = [];
  const actions = readActions(input, scope, options, found);
  const isRead = options.has('action') || !problems.some((one) => one.severity === 'error');
  if (isRead && !found.some((one) => one.severity === 'error')) known = actions;
  problems.push(...found);
  const command = all.get('ignorecommand');
  if (command !== undefined)
    problems.push(...commandProblems('ignorecommand', command.text, placeOf(command)));
  for (const { key, place } of input.sections.sections.get(name)?.values() ?? [])
    if (!KNOWN_KEYS.includes(key) && !input.referenced.has(key))
      problems.push(unknownOption(key, place, KNOWN_KEYS));
  return done(true, options, buildJail({ name, place, filter, actions }, all, problems));
}

/** Several options may share a mistake (`maxmatches = %(maxretry)s`); only the first is reported. */
function withoutRepeats(problems: readonly Problem[]): Problem[] {
  const told = new Set<string>();
  return problems.filter(({ text, place }) => {
    const id = JSON.stringify([text, place]);
    const isNew = !told.has(id);
    told.add(id);
    return isNew;
  });
}

function readOptions(scope: Scope, keys: readonly string[], problems: Problem[]): Map<string, Text> {
  const options = new Map<string, Text>();
  for (const key of keys) {
    const text = guarded(problems, () => getOption(scope, key));
    if (text !== null) options.set(key, text);
  }
  return options;
}

/** Names that a `%(x)s` of the files refers to, with or without a section. */
export function referencedNames(sections: Sections): Set<string> {
  const names = new Set<string>();
  for (const options of [sections.defaults, ...sections.sections.values()]) {
    for (const option of options.values()) {
      for (const [, name = ''] of option.text.text.matchAll(/%\(([^)]+)\)s/g)) {
        names.add(name.toLowerCase());
        names.add(name.toLowerCase().replace(/^[\w-]+\//, ''));
      }
    }
  }
  return names;
}
