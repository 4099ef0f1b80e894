import type { Problem } from '../base/errors.ts';
import { problem } from '../base/errors.ts';
import { didYouMean } from '../base/suggest.ts';
import { parseNamed } from './brackets.ts';
import { guarded } from './definition.ts';
import { getOption } from './interpolate.ts';
import type { ConfigReader } from './sections.ts';
import { noSections, readSections } from './sections.ts';
import type { Text } from './text.ts';
import { placeOf } from './text.ts';
import * as values from './values.ts';

/** Levels of the log, the gravest first. */
export const LOG_LEVELS = [
  'CRITICAL',
  'ERROR',
  'WARNING',
  'NOTICE',
  'INFO',
  'DEBUG',
  'TRACEDEBUG',
  'HEAVYDEBUG',
] as const;

/** One of fail2ban.conf's levels. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** fail2ban.conf: what concerns the program and no single jail. */
export type Settings = {
  readonly loglevel: LogLevel;
  /** A file's path, STDOUT, STDERR, SYSLOG or SYSTEMD-JOURNAL; null when no file says. */
  readonly logtarget: string | null;
  /** The options in brackets behind it (`SYSLOG[facility=auth]`). */
  readonly logtargetOptions: ReadonlyMap<string, string>;
  /** `auto` or a path. */
  readonly syslogsocket: string;
  readonly allowipv6: 'auto' | 'yes' | 'no';
  /** Seconds that a ban which ended is remembered. */
  readonly dbpurgeage: number;
  /** Matched lines kept for a ban. */
  readonly dbmaxmatches: number;
  /** Every option of [Definition], with everything filled in: socket, pidfile, dbfile and the rest. */
  readonly options: ReadonlyMap<string, string>;
};

const KNOWN: readonly string[] = [
  'loglevel',
  'logtarget',
  'syslogsocket',
  'socket',
  'pidfile',
  'allowipv6',
  'dbfile',
  'dbpurgeage',
  'dbmaxmatches',
];

/** What these options have no effect on here, and why; for `f2b check`. */
export const WITHOUT_EFFECT: ReadonlyMap<string, string> = new Map([
  ['socket', 'f2b has no socket: its commands work on the state file'],
  ['pidfile', 'the lock beside the state file holds the pid'],
  ['dbfile', 'everything is kept in the state file'],
  ['stacksize', 'f2b has no threads'],
]);

/** Reads fail2ban.conf with its drop-ins; a tree without it has the defaults. Problems name no jail. */
export function readSettings(reader: ConfigReader, problems: Problem[]): Settings {
  const sections = readSections(reader, 'fail2ban') ?? noSections();
  const options = new Map<string, Text>();
  const own = [...(sections.sections.get('Definition')?.keys() ?? [])];
  const found: Problem[] = [];
  for (const key of new Set([...KNOWN, ...own])) {
    const scope = { sections, section: 'Definition', vars: new Map() };
    const text = guarded(found, () => getOption(scope, key));
    if (text !== null && text.text !== '') options.set(key, text);
    if (text !== null && !KNOWN.includes(key)) warnOfUnknown(key, text, found);
  }
  const get = <T>(key: string, read: (text: Text) => T | null, otherwise: T): T => {
    const text = options.get(key);
    return (text === undefined ? null : read(text)) ?? otherwise;
  };
  const target = get('logtarget', (t) => readTarget(t, found), null);
  const settings: Settings = {
    loglevel: get('loglevel', (t) => values.readWord('loglevel', t, LOG_LEVELS, found), 'INFO'),
    logtarget: target?.name ?? null,
    logtargetOptions: target?.options ?? new Map(),
    syslogsocket: options.get('syslogsocket')?.text ?? 'auto',
    allowipv6: get('allowipv6', (t) => readAllow(t, found), 'auto'),
    dbpurgeage: get('dbpurgeage', (t) => values.readDuration('dbpurgeage', t, found), 86400),
    dbmaxmatches: get('dbmaxmatches', (t) => values.readInteger('dbmaxmatches', t, 0, found), 10),
    options: new Map([...options].map(([key, text]) => [key, text.text])),
  };
  problems.push(...found.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0)));
  return settings;
}

function warnOfUnknown(key: string, text: Text, problems: Problem[]): void {
  const more = { severity: 'warning', place: placeOf(text), key, hint: didYouMean(key, KNOWN) } as const;
  problems.push(problem('no such option; it has no effect', more));
}

function readAllow(text: Text, problems: Problem[]): 'auto' | 'yes' | 'no' | null {
  if (text.text.trim().toLowerCase() === 'auto') return 'auto';
  const isOn = values.readBoolean('allowipv6', text, problems);
  return isOn === null ? null : isOn ? 'yes' : 'no';
}

function readTarget(
  text: Text,
  problems: Problem[],
): { readonly name: string; readonly options: ReadonlyMap<string, string> } | null {
  const named = parseNamed(text.text);
  const name = typeof named === 'string' ? '' : named.name;
  const word = ['STDOUT', 'STDERR', 'SYSLOG', 'SYSTEMD-JOURNAL', 'SYSOUT'].find(
    (one) => one === name.toUpperCase(),
  );
  if (word === 'SYSOUT') return { name: 'STDOUT', options: new Map() };
  if (typeof named !== 'string' && (word !== undefined || name.startsWith('/'))) {
    return { name: word ?? name, options: named.options };
  }
  const hint = 'write the path of a file, STDOUT, STDERR, SYSLOG or SYSTEMD-JOURNAL';
  problems.push(problem(`cannot log to "${text.text}"`, { place: placeOf(text), key: 'logtarget', hint }));
  return null;
}
