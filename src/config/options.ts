import type { Problem } from '../base/errors.ts';
import { problem, reasonOf } from '../base/errors.ts';
import { parseFormula } from './formula.ts';
import type { Ignore, Increment, Jail } from './jail.ts';
import type { FilterReading } from './readfilter.ts';
import type { Text } from './text.ts';
import { placeOf } from './text.ts';
import * as values from './values.ts';
import { readRollup } from './values.ts';

/** A jail's options as text, and where to tell what is wrong with them. */
export type Field = { readonly options: ReadonlyMap<string, Text>; readonly problems: Problem[] };

/** What is known of a jail before its values are read. */
export type OptionParts = Pick<Jail, 'name' | 'place' | 'filter' | 'actions'>;

/** Reads every value of a jail; one that is wrong is told, and its default takes its place. */
export function buildJail(parts: OptionParts, filter: FilterReading, field: Field): Jail {
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
    protectssh: get('protectssh', (t) => values.readBoolean('protectssh', t, problems), true),
    rollup: get('rollup', (t) => readRollup(t, problems), null),
  };
  const isBroken = problems.some((one) => one.severity === 'error');
  if (!isBroken) {
    checkSense(jail, (field.options.get('action')?.text ?? '') === '', problems);
    checkUnread(jail, field);
  }
  return jail;
}

/** Files that name the logs of every jail, whatever it reads. */
const GENERAL = /(?:^|\/)(?:jail|paths-[^/]*)\.conf$/;

/** Whoever gives a jail a log of its own means it to be read; that it is to read the journal stands in another file. */
function checkUnread(jail: Jail, { options, problems }: Field): void {
  const [logpath, backend] = [options.get('logpath'), options.get('backend')];
  if (jail.backend !== 'systemd' || jail.logpath.length === 0 || logpath === undefined) return;
  const place = placeOf(logpath);
  const other = backend === undefined ? place : placeOf(backend);
  if (place.file === other.file || GENERAL.test(place.file)) return;
  const where = `${other.file}:${other.line}`;
  const hint = 'set backend = auto beside logpath to have it read';
  const told = `jail "${jail.name}" reads the journal (backend = systemd, ${where}), not this logpath`;
  problems.push(problem(told, { severity: 'warning', place, key: 'logpath', hint }));
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
    formula: readFormula(set('formula'), problems),
    multipliers: (multipliers === null ? null : values.readMultipliers(multipliers, problems)) ?? [],
    maxtime: duration('maxtime'),
    rndtime: rndtime === null || /^0+[a-z]*$/i.test(rndtime.text) ? 0 : (duration('rndtime') ?? 0),
    overalljails: switched('overalljails'),
  };
}

/** Parsed only to find its mistakes; the escalation parses it again. */
function readFormula(text: Text | null, problems: Problem[]): string | null {
  if (text === null) return null;
  try {
    parseFormula(text.text);
    return text.text;
  } catch (error) {
    const hint = 'write for instance ban.Time * (1<<ban.Count) * banFactor';
    const told = `cannot read "${text.text}" as a formula: ${reasonOf(error)}`;
    problems.push(problem(told, { place: placeOf(text), key: 'bantime.formula', hint }));
    return null;
  }
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
