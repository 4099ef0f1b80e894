import type { Problem } from '../base/errors.ts';
import { LEVELS, type Level } from '../base/log.ts';
import { type Named, parseNamed } from './brackets.ts';
import { guarded } from './definition.ts';
import { getOption } from './interpolate.ts';
import { type OptionInfo, type Row, row } from './options.ts';
import { BUILT_IN, type ConfigReader, noSections, readSections } from './sections.ts';
import { placeOf, type Text, textAt } from './text.ts';
import * as values from './values.ts';

/** fail2ban.conf: options of the program, not of a jail. */
export type Settings = {
  readonly loglevel: Level;
  /** A path, STDOUT, STDERR, SYSLOG or SYSTEMD-JOURNAL; null if not set. */
  readonly logtarget: string | null;
  /** Seconds for which an ended ban is remembered. */
  readonly dbpurgeage: number;
  /** All options of [Definition], with everything filled in: socket, pidfile, dbfile and others. */
  readonly options: ReadonlyMap<string, string>;
  /** Options that are set without effect, each with the reason. */
  readonly notes: readonly string[];
};

const SETTINGS = {
  loglevel: row('loglevel = INFO', readLevel, 'least grave level that is logged'),
  logtarget: row('logtarget', readTarget, 'file, STDOUT, STDERR, SYSLOG or SYSTEMD-JOURNAL'),
  dbpurgeage: row('dbpurgeage = 1d', values.readDuration, 'how long an ended ban is remembered'),
};

const asIs = ({ text }: Text): string => text;

/** Options without effect: fail2ban's own value, and the reason. */
const NO_EFFECT = {
  syslogsocket: row('syslogsocket = auto', asIs, 'log lines go to a file or to standard error'),
  allowipv6: row('allowipv6 = auto', readAllow, 'IPv6 is always understood'),
  dbfile: row('dbfile = /var/lib/fail2ban/fail2ban.sqlite3', asIs, 'the state file keeps everything'),
  dbmaxmatches: row('dbmaxmatches = 10', values.integerFrom(0), 'the maxmatches of a jail counts'),
};

/** Paths that the daemon makes where they are set, as texts in `options`. */
const PATHS = {
  socket: row('socket', asIs, "where fail2ban's clients are answered"),
  pidfile: row('pidfile', asIs, 'file with the process id of the daemon'),
};

/** The options of fail2ban.conf that have an effect, for the manual. */
export const PROGRAM_OPTIONS: readonly OptionInfo[] = [SETTINGS, PATHS].flatMap((rows) =>
  Object.values(rows),
);

const KNOWN = [SETTINGS, NO_EFFECT, PATHS].flatMap((rows) => Object.values(rows)).map(({ name }) => name);

/** The path of fail2ban's database, or its word for none. */
export function databaseOf({ options }: Settings): string {
  return options.get('dbfile') ?? NO_EFFECT.dbfile.default ?? '';
}

/** Reads fail2ban.conf with its drop-ins; without it the defaults apply. Problems have no jail. */
export function readSettings(reader: ConfigReader, problems: Problem[]): Settings {
  const sections = readSections(reader, 'fail2ban') ?? noSections();
  const options = new Map<string, Text>();
  const own = [...(sections.sections.get('Definition')?.keys() ?? [])];
  const found: Problem[] = [];
  for (const key of new Set([...KNOWN, ...own])) {
    const scope = { sections, section: 'Definition', vars: new Map() };
    const text = guarded(found, () => getOption(scope, key));
    if (text !== null && text.text !== '') options.set(key, text);
    if (text !== null && !KNOWN.includes(key)) found.push(values.unknownOption(key, placeOf(text), KNOWN));
  }
  const read = <T>(one: Row<T>): T => {
    const text = options.get(one.name);
    const value = text === undefined ? null : values.readValue(one.name, text, one.read, found);
    return value === null ? one.read(textAt(one.default ?? '', BUILT_IN), () => undefined) : value.value;
  };
  const target = read(SETTINGS.logtarget);
  const settings = {
    loglevel: read(SETTINGS.loglevel),
    logtarget: target?.name ?? null,
    dbpurgeage: read(SETTINGS.dbpurgeage),
  };
  for (const one of Object.values(NO_EFFECT)) read<unknown>(one);
  const notes = Object.values(NO_EFFECT).flatMap(({ name, default: usual, help }) => {
    const text = options.get(name)?.text ?? usual;
    return text === usual ? [] : [`${name} has no effect: ${help}`];
  });
  if (target !== null && target.options.size > 0) notes.push('the options behind logtarget have no effect');
  problems.push(...found.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0)));
  const texts = new Map([...options].map(([key, text]) => [key, text.text]));
  return { ...settings, options: texts, notes };
}

function readLevel(text: Text, warn: values.Warn): Level {
  const level = values.oneOf([...LEVELS, 'TRACEDEBUG', 'HEAVYDEBUG'])(text, warn);
  return level === 'TRACEDEBUG' || level === 'HEAVYDEBUG' ? 'DEBUG' : level;
}

function readAllow(text: Text): boolean {
  return text.text.trim().toLowerCase() === 'auto' || values.readBoolean(text);
}

function readTarget({ text }: Text): Named | null {
  const named = parseNamed(text);
  const name = typeof named === 'string' ? '' : named.name;
  const word = ['STDOUT', 'STDERR', 'SYSLOG', 'SYSTEMD-JOURNAL', 'SYSOUT'].find(
    (one) => one === name.toUpperCase(),
  );
  if (text === '') return null;
  if (word === 'SYSOUT') return { name: 'STDOUT', options: new Map() };
  if (typeof named !== 'string' && (word !== undefined || name.startsWith('/')))
    return { ...named, name: word ?? name };
  const hint = 'write the path of a file, STDOUT, STDERR, SYSLOG or SYSTEMD-JOURNAL';
  return values.refuse(`cannot log to "${text}"`, hint);
}
