import type { Place, Problem } from '../base/errors.ts';
import { problem } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { FIREWALL_ACTIONS, FIREWALL_DEFAULTS } from './actionkind.ts';
import { parseNamed } from './brackets.ts';
import type { Merged } from './definition.ts';
import { expandAll, mergeDefinition, withInit } from './definition.ts';
import type { ActionSource } from './jail.ts';
import type { Reader, Sections } from './sections.ts';
import { brokenFiles, builtIn, noSections, readSections } from './sections.ts';
import type { Text } from './text.ts';
import { textAt } from './text.ts';

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

/** Left for the moment of the ban: they come from the log, or are the ban's own. */
const DYNAMIC: readonly string[] = ['matches', 'ipmatches', 'ipjailmatches', 'timeout', 'bantime'];

/** What an action is read for: the jail's name and its options. */
export type ActionUse = { readonly jail: string; readonly vars: ReadonlyMap<string, Text> };

/** Resolves one action of a jail, `text` being `name[options]` at `place`; null, with a problem, when it cannot. */
export function readAction(
  reader: Reader,
  { text, place, key = 'action' }: { readonly text: string; readonly place: Place; readonly key?: string },
  use: ActionUse,
  problems: Problem[],
): ActionSource | null {
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

/** The brackets with `name` (the jail's, unless told) and `actname` (unique in the jail). fail2ban 1.0.2 behaviour. */
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

function actionNames(reader: Reader): string[] {
  return reader.tree.list('action.d').map((file) => file.replace(/\.(?:conf|local)$/, ''));
}

/** Whether the command of a ban was written into a `.local` or a drop-in. */
function isCustom(sections: Sections, reader: Reader, type: string): boolean {
  const definition = sections.sections.get('Definition');
  if (definition === undefined) return false;
  const main = reader.tree.show(`action.d/${type}.conf`);
  return ['actionban', 'actionunban', 'actionstart'].some((key) => {
    const file = definition.get(key)?.place.file ?? main;
    return file.endsWith('.local') || file.includes(`/action.d/${type}.d/`);
  });
}

function expandFamilies(merged: Merged, problems: Problem[]): Pick<ActionSource, 'options' | 'options6'> {
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
  return { options, options6 };
}

function forFamily(merged: Merged, condition: string): Merged {
  const options = new Map(merged.options);
  for (const [key, text] of merged.options) {
    if (key.endsWith(condition)) options.set(key.slice(0, -condition.length), text);
  }
  return { options, lookup: (tag) => options.get(tag) ?? merged.lookup(tag) };
}
