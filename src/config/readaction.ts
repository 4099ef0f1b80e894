import { type Place, type Problem, problem } from '../base/errors.ts';
import type { Services } from '../base/ports.ts';
import { didYouMean } from '../base/suggest.ts';
import {
  FIREWALL_ACTIONS,
  FIREWALL_DEFAULTS,
  hasCommands,
  planAction,
  type UnplannedAction,
} from './actionkind.ts';
import { parseNamed, splitNamed } from './brackets.ts';
import { expandAll, type Merged, mergeDefinition, withInit } from './definition.ts';
import { findOption, type Scope } from './interpolate.ts';
import type { Action } from './jail.ts';
import {
  brokenFiles,
  builtIn,
  type ConfigReader,
  isBuiltIn,
  noSections,
  readSections,
  type Sections,
} from './sections.ts';
import { programTags, tagKind } from './shelldata.ts';
import { placeOf, type Text, textAt } from './text.ts';
import { readValue } from './values.ts';

/** The options that an action file defines. */
export const ACTION_KEYS: readonly string[] = [
  'actionstart',
  'actionstart_on_demand',
  'actionstop',
  'actionflush',
  'actionreload',
  'actioncheck',
  'actionrepair',
  'actionrepair_on_unban',
  'actionban',
  'actionprolong',
  'actionreban',
  'actionunban',
  'norestored',
];

/** Tags that are replaced at the ban: they come from the log, or belong to the ban. */
const DYNAMIC: readonly string[] = ['matches', 'ipmatches', 'ipjailmatches', 'timeout', 'bantime'];

/** The jail's name and options, for an action. */
export type ActionUse = { readonly jail: string; readonly vars: ReadonlyMap<string, Text> };

/** Resolves an action of a jail, `name[options]` in `text`; null, with a problem, if it is invalid. */
export function readAction(
  reader: ConfigReader,
  { text, place, key = 'action' }: { readonly text: string; readonly place: Place; readonly key?: string },
  use: ActionUse,
  problems: Problem[],
): UnplannedAction | null {
  const refuse = (told: string, hint: string | null = null): null => {
    problems.push(problem(told, { place, key, hint }));
    return null;
  };
  const named = parseNamed(text);
  if (typeof named === 'string') return refuse(`cannot read "${text}": ${named}`);
  const type = named.name;
  if (type.endsWith('.py')) {
    const hint = 'actions in Python cannot run here; write the command into an action.d file';
    problems.push(problem(`"${type}" is left out`, { severity: 'warning', place, key, hint }));
    return null;
  }
  const sections = readSections(reader, `action.d/${type}`) ?? builtInAction(type);
  if (sections === null) {
    const hint = didYouMean(type, [...actionNames(reader), ...FIREWALL_ACTIONS]);
    return refuse(`cannot find the action "${type}": no action.d/${type}.conf or .local`, hint);
  }
  problems.push(...brokenFiles(reader, sections, { place, key }));
  const given = givenOptions(type, named.options, use.jail, place);
  const init = withInit(sections, given, problems);
  const vars = new Map([...use.vars, ...given]);
  const merged = mergeDefinition({ sections, keys: ACTION_KEYS, vars, init }, problems);
  const name = given.get('actname')?.text ?? type;
  return {
    name,
    type,
    place,
    isCustom: isCustom(sections, reader, type),
    ...expandFamilies(merged, problems),
  };
}

/**
 * The options in brackets, with defaults for `name` (the jail's) and `actname` (unique in the jail). fail2ban
 * 1.0.2 behaviour.
 */
function givenOptions(
  type: string,
  options: ReadonlyMap<string, string>,
  jail: string,
  place: Place,
): Map<string, Text> {
  const given = new Map([...options].map(([key, value]): [string, Text] => [key, textAt(value, place)]));
  const name = options.get('name') ?? jail;
  if (!options.has('name')) given.set('name', textAt(name, place));
  if (options.has('actname')) return given;
  const suffix = name === jail ? '' : name.startsWith(jail) ? name.slice(jail.length) : `-${name}`;
  return given.set('actname', textAt(type + suffix, place));
}

function builtInAction(type: string): Sections | null {
  if (!FIREWALL_ACTIONS.includes(type)) return null;
  const init = new Map([...FIREWALL_DEFAULTS].map(([key, value]) => [key, builtIn(key, value)]));
  return { ...noSections(), sections: new Map([['Init', init]]) };
}

function actionNames(reader: ConfigReader): string[] {
  return reader.tree.list('action.d').map((file) => file.replace(/\.(?:conf|local)$/, ''));
}

/** Whether a `.local` file or a drop-in changes the command of a ban. */
function isCustom(sections: Sections, reader: ConfigReader, type: string): boolean {
  const definition = sections.sections.get('Definition');
  if (definition === undefined) return false;
  const main = reader.tree.show(`action.d/${type}.conf`);
  return ['actionban', 'actionunban', 'actionstart'].some((key) => {
    const file = definition.get(key)?.place.file ?? main;
    return file.endsWith('.local') || file.includes(`/action.d/${type}.d/`);
  });
}

function expandFamilies(
  merged: Merged,
  problems: Problem[],
): Pick<UnplannedAction, 'options' | 'options6' | 'places'> {
  const v4 = expandAll(forFamily(merged, '?family=inet4'), new Set(DYNAMIC), problems);
  const only6: Problem[] = [];
  const v6 = expandAll(forFamily(merged, '?family=inet6'), new Set(DYNAMIC), only6);
  const told = new Set(problems.map((one) => one.text));
  problems.push(...only6.filter((one) => !told.has(one.text)));
  const options = new Map<string, string>();
  const options6 = new Map<string, string>();
  const isInner = (key: string): boolean => key.includes('?') || key.startsWith('known/');
  for (const [key, { text }] of v4) if (!isInner(key)) options.set(key, text);
  for (const [key, { text }] of v6) if (!isInner(key) && options.get(key) !== text) options6.set(key, text);
  return { options, options6, places: new Map([...v4].map(([key, text]) => [key, placeOf(text)])) };
}

function forFamily(merged: Merged, condition: string): Merged {
  const options = new Map(merged.options);
  for (const [key, text] of merged.options) {
    if (key.endsWith(condition)) options.set(key.slice(0, -condition.length), text);
  }
  return { options, lookup: (tag) => options.get(tag) ?? merged.lookup(tag) };
}

/** Resolves and plans the actions in a jail's `action`; those with a mistake are reported and left out. */
export function readActions(
  input: { readonly reader: ConfigReader; readonly services: Services },
  scope: Scope,
  vars: ReadonlyMap<string, Text>,
  problems: Problem[],
): Action[] {
  const text = vars.get('action');
  if (text === undefined) return [];
  const actions: Action[] = [];
  for (const piece of splitNamed(text.text)) {
    const line = text.text.slice(0, piece.at).split('\n').length - 1;
    const name = /^[^[]*/.exec(piece.text)?.[0] ?? '';
    const source = blame(scope, name, text.places[line] ?? placeOf(text));
    const use = { jail: scope.section, vars };
    const resolved = readAction(input.reader, { text: piece.text, ...source }, use, problems);
    if (resolved === null) continue;
    const hint = 'give one of them another name: [actname=...]';
    const isTwin = actions.some((other) => other.name === resolved.name);
    const place = findOption(scope.sections, scope.section, 'action')?.place ?? source.place;
    if (isTwin)
      problems.push(problem(`two actions are called "${resolved.name}"`, { place, key: 'action', hint }));
    const action = planned(resolved, scope, input.services, problems);
    if (!isTwin) actions.push(action);
  }
  return actions;
}

/** Reports mistakes in an action at the line of the jail's own option. */
function planned(source: UnplannedAction, scope: Scope, services: Services, problems: Problem[]): Action {
  const { type, place, places } = source;
  const action = planAction(source, {
    services,
    refuse: (word, text, hint) => void problems.push(problem(text, { ...blame(scope, word, place), hint })),
    read: (key, value, read) => {
      const written = places.get(key) ?? place;
      const at = written === place ? blame(scope, `${key}=${value}`, place).place : written;
      const found = readValue(key, textAt(value, at), read, problems);
      return found === null ? null : found.value;
    },
  });
  if (action.kind === 'command') problems.push(...programProblems(source));
  const isTold = problems.some((one) => one.severity === 'error');
  if (action.kind === 'command' && !hasCommands(action) && !isTold) {
    const told = `the action "${type}" does nothing on a ban`;
    problems.push(problem(told, { severity: 'warning', place, key: 'action' }));
  }
  return action;
}

/** Values from a log that a command of the action would take for more than data. */
function programProblems({ options, options6, places, place }: UnplannedAction): Problem[] {
  return [...options, ...options6].flatMap(([key, text]) => {
    const isCommand = /^action(?:start|stop|ban|unban|flush|check|repair)$/.test(key);
    return isCommand ? commandProblems(key, text, places.get(key) ?? place) : [];
  });
}

/** The same for one command. Only what stands in the file counts: a tag is data where it is a word of its own. */
export function commandProblems(key: string, text: string, place: Place): Problem[] {
  return programTags(text, (tag) => tagKind(tag, null)).map(({ tag, why }) =>
    problem(`cannot run the command with <${tag}>: the value ${why}`, {
      place,
      key,
      hint: `give it to a script as a word of its own: /usr/local/bin/report "<${tag}>"`,
    }),
  );
}

/** Options of the jail that make up its actions if `action` is the default, the most likely culprit first. */
const SOURCES: readonly string[] = [
  'port',
  'protocol',
  'chain',
  'blocktype',
  'banaction',
  'banaction_allports',
  'mta',
  'action',
];

/**
 * The place of a word in an action: the option of the jail (or of [DEFAULT]) whose value contains it. A
 * jail's `port` reaches its action through `%(action_)s`, and the message must cite the jail's line.
 */
export function blame(
  scope: Scope,
  word: string,
  otherwise: Place,
): { readonly place: Place; readonly key: string } {
  for (const key of SOURCES) {
    const option = findOption(scope.sections, scope.section, key);
    const at = option?.text.text.indexOf(word) ?? -1;
    if (option === null || at < 0 || isBuiltIn(option.place)) continue;
    const line = option.text.text.slice(0, at).split('\n').length - 1;
    return { place: option.text.places[line] ?? option.place, key };
  }
  return { place: otherwise, key: 'action' };
}
