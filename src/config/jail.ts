import { FIREWALL_ACTIONS, planAction, wishedPorts } from '../action.ts';
import type { Place, Problem } from '../errors.ts';
import { problem } from '../errors.ts';
import type { ActionSource, FilterSource, Ignore, Increment, Jail } from '../jail.ts';
import type { Services } from '../ports.ts';
import { readAction } from './action.ts';
import { blame } from './blame.ts';
import { splitNamed } from './brackets.ts';
import { guarded } from './definition.ts';
import type { FilterOptions } from './filter.ts';
import { buildFilter, FILTER_KEYS, filterOptions, knownOptions, openFilter } from './filter.ts';
import type { Scope } from './interpolate.ts';
import { findOption, getOption } from './interpolate.ts';
import { JAIL_KEYS, OWN_KEYS, uselessOptions } from './jailkeys.ts';
import { jailNameTrouble } from './jailname.ts';
import type { Reader, Sections } from './sections.ts';
import { BUILT_IN, isBuiltIn } from './sections.ts';
import type { Text } from './text.ts';
import { placeOf, textAt } from './text.ts';
import * as values from './values.ts';

/** What all jails of one configuration share. */
export type JailInput = {
  readonly reader: Reader;
  readonly sections: Sections;
  readonly services: Services;
  /** Names that some `%(x)s` refers to. */
  readonly referenced: ReadonlySet<string>;
};

/** One section of jail.conf, read. `jail` is null when something is wrong with it, or it is not enabled. */
export type JailResult = {
  readonly name: string;
  readonly place: Place;
  readonly isEnabled: boolean;
  /** Every option of the jail that is set, with everything filled in. */
  readonly options: ReadonlyMap<string, string>;
  readonly jail: Jail | null;
  readonly problems: readonly Problem[];
};

type Field = { readonly options: ReadonlyMap<string, Text>; readonly problems: Problem[] };

/** Reads one jail; `force` reads it as if it were enabled. All its mistakes are found in one go. */
export function readJail(input: JailInput, name: string, force: boolean): JailResult {
  const problems: Problem[] = [];
  const place = input.sections.places.get(name) ?? BUILT_IN;
  const done = (isEnabled: boolean, options: ReadonlyMap<string, Text>, jail: Jail | null): JailResult => {
    const named = withoutRepeats(problems).map((one): Problem => {
      // Nobody can mend a default: what is wrong with it is wrong with the jail that left it so.
      const isDefault = one.place !== null && isBuiltIn(one.place);
      return { ...one, jail: name, place: isDefault ? place : one.place };
    });
    const texts = new Map([...options].map(([key, text]) => [key, text.text]));
    const misread = input.reader.problems.filter((one) => one.jail === name);
    const isBroken = [...problems, ...misread].some((one) => one.severity === 'error');
    return { name, place, isEnabled, options: texts, jail: isBroken ? null : jail, problems: named };
  };
  const scope: Scope = { sections: input.sections, section: name, vars: new Map() };
  const early = readOptions(scope, ['enabled', 'backend', 'filter'], problems);
  const wish = early.get('enabled');
  const isOn = wish === undefined ? false : values.readBoolean('enabled', wish, problems);
  if (isOn === null) return done(true, early, null);
  if (!isOn && !force) return done(false, early, null);
  checkName(name, place, problems);
  const spec = early.get('filter') ?? textAt('', place);
  const backend = early.get('backend')?.text ?? 'auto';
  const use = spec.text === '' ? null : openFilter(input.reader, spec, backend, problems);
  const vars = use === null ? new Map<string, Text>() : knownOptions(use, early);
  const keys = [...JAIL_KEYS, ...FILTER_KEYS, ...OWN_KEYS];
  const options = readOptions({ ...scope, vars }, keys, problems);
  const own = use === null ? new Map<string, Text>() : filterOptions(use, options, problems);
  const filter = mergeFilter(use?.name ?? '', own, options, problems);
  const actions = readActions(input, scope, options, problems);
  warnOfUseless(input, name, problems);
  const jail = buildJail({ name, place, filter, actions }, own, { options, problems });
  return done(true, options, jail);
}

/** One mistake may be met in several options (`maxmatches = %(maxretry)s`); it is told for the first. */
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

function checkName(name: string, place: Place, problems: Problem[]): void {
  const trouble = jailNameTrouble(name);
  if (trouble !== null)
    problems.push(problem(trouble.text, { place, severity: trouble.severity, hint: trouble.hint }));
}

/** The filter with what the jail says in its stead. */
function mergeFilter(
  name: string,
  own: FilterOptions,
  jail: FilterOptions,
  problems: Problem[],
): FilterSource {
  const merged = new Map(own);
  for (const key of FILTER_KEYS) {
    const text = jail.get(key);
    if (text !== undefined) merged.set(key, text);
  }
  return buildFilter(name, merged, problems);
}

function readActions(
  input: JailInput,
  scope: Scope,
  vars: FilterOptions,
  problems: Problem[],
): ActionSource[] {
  const text = vars.get('action');
  if (text === undefined) return [];
  const actions: ActionSource[] = [];
  for (const piece of splitNamed(text.text)) {
    const line = text.text.slice(0, piece.at).split('\n').length - 1;
    const name = /^[^[]*/.exec(piece.text)?.[0] ?? '';
    const source = blame(scope, name, text.places[line] ?? placeOf(text));
    const use = { jail: scope.section, vars };
    const action = readAction(input.reader, { text: piece.text, ...source }, use, problems);
    if (action === null) continue;
    const hint = 'give one of them another name: [actname=...]';
    const isTwin = actions.some((other) => other.name === action.name);
    const place = findOption(scope.sections, scope.section, 'action')?.place ?? source.place;
    const told = `two actions are called "${action.name}"`;
    if (isTwin) problems.push(problem(told, { place, key: 'action', hint }));
    else actions.push(action);
    checkAction(action, scope, input.services, problems);
  }
  return actions;
}

/** What is wrong with an action is told at the line of the jail's own option. */
function checkAction(action: ActionSource, scope: Scope, services: Services, problems: Problem[]): void {
  const plan = planAction(action);
  if (plan.kind === 'command') {
    if (['actionban', 'actionstart'].some((key) => (action.options.get(key) ?? '') !== '')) return;
    const isTold = problems.some((one) => one.severity === 'error');
    if (!FIREWALL_ACTIONS.includes(action.type)) {
      if (isTold) return;
      const told = `the action "${action.type}" does nothing on a ban`;
      problems.push(problem(told, { severity: 'warning', place: action.place, key: 'action' }));
      return;
    }
    const block = action.options.get('blocktype') ?? '';
    const hint = 'write REJECT, DROP or tcp-reset';
    problems.push(
      problem(`cannot use "${block}" as blocktype`, { ...blame(scope, block, action.place), hint }),
    );
    return;
  }
  const refuse = (word: string, what: string, hint: string): void => {
    problems.push(problem(`cannot ${what}`, { ...blame(scope, word, action.place), hint }));
  };
  for (const word of wishedPorts(plan.rule, services).bad) {
    const hint = 'write a number from 1 to 65535, a range such as 80:90, or a service of /etc/services';
    refuse(word, `read "${word}" as a port`, hint);
  }
  for (const word of plan.rule.protocols) {
    if (!/^(?:[a-z][a-z0-9-]*|\d{1,3})$/.test(word))
      refuse(word, `read "${word}" as a protocol`, 'write tcp or udp');
  }
  for (const word of plan.rule.chains) {
    const isChain = /^[A-Za-z0-9_][\w.+:-]{0,28}$/.test(word);
    if (!isChain) refuse(word, `use "${word}" as a chain`, 'write INPUT or DOCKER-USER');
  }
}

function warnOfUseless(input: JailInput, name: string, problems: Problem[]): void {
  for (const { option, meant } of uselessOptions(input.sections, name, input.referenced)) {
    const hint = meant === null ? null : `did you mean "${meant}"?`;
    const more = { severity: 'warning', place: option.place, key: option.key, hint } as const;
    problems.push(problem('no such option; it has no effect', more));
  }
}

type Parts = Pick<Jail, 'name' | 'place' | 'filter' | 'actions'>;

function buildJail(parts: Parts, filter: FilterOptions, field: Field): Jail {
  const { problems } = field;
  const get = <T>(key: string, read: (text: Text) => T | null, otherwise: T): T => {
    const text = field.options.get(key);
    return (text === undefined ? null : read(text)) ?? otherwise;
  };
  const backend = get('backend', (t) => values.readBackend(t, problems), {
    backend: 'auto',
    options: new Map(),
  });
  const usedns = field.options.get('usedns') ?? filter.get('usedns');
  const maxretry = get('maxretry', (t) => values.readInteger('maxretry', t, 1, problems), 5);
  const bantime = get('bantime', (t) => values.readBantime('bantime', t, problems), 600);
  const jail: Jail = {
    ...parts,
    backend: backend.backend,
    backendOptions: backend.options,
    logpath: get('logpath', (t) => values.readLogPath(t, problems), []),
    journalmatch: parts.filter.journalmatch,
    logencoding: get('logencoding', (t) => values.readEncoding(t, problems), 'auto'),
    logtimezone: get('logtimezone', (t) => (t.text === '' ? null : values.readTimeZone(t, problems)), null),
    usedns: (usedns === undefined ? null : values.readUseDns(usedns, problems)) ?? 'warn',
    maxretry,
    findtime: get('findtime', (t) => values.readDuration('findtime', t, problems), 600),
    bantime: Number.isFinite(bantime) ? bantime : null,
    maxmatches: get('maxmatches', (t) => values.readInteger('maxmatches', t, 0, problems), maxretry),
    increment: readIncrement(field),
    ignore: readIgnore(field),
    ipv6prefix: get('ipv6prefix', (t) => values.readPrefix(t, problems), 64),
  };
  const isBroken = problems.some((one) => one.severity === 'error');
  if (!isBroken) checkSense(jail, (field.options.get('action')?.text ?? '') === '', problems);
  return jail;
}

function readIncrement({ options, problems }: Field): Increment {
  const set = (key: string): Text | null => {
    const text = options.get(`bantime.${key}`);
    return text === undefined || text.text === '' ? null : text;
  };
  const duration = (key: string): number | null => {
    const text = set(key);
    return text === null ? null : values.readDuration(`bantime.${key}`, text, problems);
  };
  const switched = (key: string): boolean => {
    const text = set(key);
    return (text === null ? null : values.readBoolean(`bantime.${key}`, text, problems)) ?? false;
  };
  const factor = set('factor');
  const multipliers = set('multipliers');
  const rndtime = set('rndtime');
  return {
    enabled: switched('increment'),
    factor: (factor === null ? null : values.readNumber('bantime.factor', factor, problems)) ?? 1,
    formula: set('formula')?.text ?? null,
    multipliers: (multipliers === null ? null : values.readMultipliers(multipliers, problems)) ?? [],
    maxtime: duration('maxtime'),
    rndtime: rndtime === null || /^0+[a-z]*$/i.test(rndtime.text) ? 0 : (duration('rndtime') ?? 0),
    overalljails: switched('overalljails'),
  };
}

function readIgnore({ options, problems }: Field): Ignore {
  const self = options.get('ignoreself');
  const list = options.get('ignoreip');
  const { networks, names, files } =
    list === undefined ? { networks: [], names: [], files: [] } : values.readIgnoreIp(list, problems);
  return {
    self: (self === undefined ? null : values.readBoolean('ignoreself', self, problems)) ?? true,
    networks,
    names,
    files,
    command: options.get('ignorecommand')?.text || null,
    cache: options.get('ignorecache')?.text || null,
  };
}

/** What is no mistake of spelling but leaves a jail without work. */
function checkSense(jail: Jail, isActionless: boolean, problems: Problem[]): void {
  const warn = (text: string, hint: string | null = null): void => {
    problems.push(problem(text, { severity: 'warning', place: jail.place, hint }));
  };
  const name = `jail "${jail.name}"`;
  if (jail.filter.name === '' && jail.filter.failregex.length === 0)
    warn(`${name} has no filter: it bans only by hand`);
  else if (jail.filter.failregex.length === 0)
    warn(`${name}: the filter "${jail.filter.name}" has no failregex`);
  const isReading = jail.backend === 'systemd' || jail.logpath.length > 0;
  if (!isReading && jail.filter.failregex.length > 0) {
    warn(`${name} has no logpath: it reads nothing`, 'set logpath, or backend = systemd');
  }
  if (isActionless) warn(`${name} has no action: a ban does nothing`);
}
