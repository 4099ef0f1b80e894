import { type Problem, problem } from '../base/errors.ts';
import type { FilterSource, Jail, RegexSource } from './jail.ts';
import { BUILT_IN, builtIn, type RawOptions, type Sections } from './sections.ts';
import { linesOf, placeOf, type Text, textAt } from './text.ts';
import * as values from './values.ts';

/** An option of a jail, or of fail2ban.conf. */
export type OptionInfo = {
  readonly name: string;
  /** Its text if no file sets it; null = none. */
  readonly default: string | null;
  /**
   * Whether the default is in [DEFAULT], where `%(x)s` finds it. Otherwise an empty value counts as unset.
   */
  readonly isShared: boolean;
  /** One line for the manual. */
  readonly help: string;
};

/** An option and the function that reads its value. */
export type Row<T> = OptionInfo & { readonly read: values.Read<T> };

/** A row for each field of T. */
export type Rows<T> = { readonly [K in keyof T]: Row<T[K]> };

function info(spec: string, help: string): OptionInfo {
  const [name = '', text = null] = spec.split(/ = (.*)/s);
  return { name, default: text, isShared: text !== null, help };
}

/** An option with a default as in a file, `findtime = 10m`, which is in [DEFAULT]. */
function shared<T>(spec: string, read: values.Read<T>, help: string): Row<T> {
  return { ...info(spec, help), read };
}

/** The same for a default that is not in [DEFAULT]. */
export function row<T>(spec: string, read: values.Read<T>, help: string): Row<T> {
  return { ...info(spec, help), isShared: false, read };
}

const whole = (text: Text): RegexSource | null =>
  text.text === '' ? null : { text: text.text, place: placeOf(text) };
const lines = (text: Text): string[] => linesOf(text).map((line) => line.text);

/** The options of a filter; a jail that sets one of these overrides the filter's. */
const FILTER = {
  prefregex: row('prefregex', whole, 'matched first; failregexes look at its <F-CONTENT>'),
  ignoreregex: row('ignoreregex', linesOf, 'lines that are no failure, a regex a line'),
  failregex: row('failregex', linesOf, 'lines that are a failure, a regex a line'),
  maxlines: row('maxlines = 1', values.integerFrom(1), 'lines that a regex looks at together'),
  datepattern: row('datepattern', whole, 'how the time of a line is written'),
  journalmatch: row('journalmatch', lines, 'entries of the journal to read'),
  wrapping: row('wrapping', whole, 'what may stand around the message: syslog, journal, docker-json, ...'),
  program: row('program', whole, "a regex of the program's names in syslog and the journal"),
};

/** Sources, failures and limits of a jail. */
const JAIL = {
  backend: shared('backend = auto', values.readBackend, 'where lines come from: auto, polling, systemd'),
  journalInstead: row(
    'systemd_if_nologs = true',
    values.readBoolean,
    'whether backend = auto reads the journal if no log file exists',
  ),
  maxretry: shared('maxretry = 5', values.integerFrom(1), 'failures that lead to a ban'),
  maxmatches: shared('maxmatches = %(maxretry)s', values.integerFrom(0), 'matched lines kept for actions'),
  findtime: shared('findtime = 10m', values.readDuration, 'time within which failures count'),
  bantime: shared('bantime = 10m', values.readBantime, 'length of a ban, -1 for ever'),
  logtimezone: shared('logtimezone', values.readTimeZone, 'time zone of times that name none, as UTC+0200'),
  logencoding: shared('logencoding = auto', values.readEncoding, 'encoding of the log'),
  logpath: shared('logpath', values.readLogPath, 'log files: a glob a line, perhaps with head or tail'),
  usedns: row('usedns = warn', values.readUseDns, 'whether names in a log are looked up: yes, warn, no, raw'),
  ipv6prefix: row('ipv6prefix = 64', values.readPrefix, 'prefix by which IPv6 is counted and banned'),
  protectssh: row('protectssh = true', values.readBoolean, 'never ban an address with an SSH login'),
  maxbans: row('maxbans = 50000', values.readMaxBans, 'most bans that the log makes at a time'),
  rollup: row('rollup', values.readRollup, 'hosts/prefix: so many bans become one of their network'),
};

const INCREMENT = {
  enabled: row('bantime.increment = false', values.readBoolean, 'longer bans for addresses banned before'),
  factor: row('bantime.factor = 1', values.readNumber, 'factor of the growth'),
  formula: row('bantime.formula', values.readFormula, 'growth as a formula of ban.Time and ban.Count'),
  multipliers: row('bantime.multipliers', values.readMultipliers, 'growth as a list, 1 5 30 60'),
  maxtime: row('bantime.maxtime', values.readMaxTime, 'longest ban'),
  rndtime: row('bantime.rndtime', values.readRandomTime, 'random time on top of a ban, at most'),
  overalljails: row('bantime.overalljails = false', values.readBoolean, 'count the bans of all jails'),
};

const IGNORE = {
  command: row('ignorecommand', ({ text }) => text || null, 'command that exits with 0 to ignore an address'),
  self: row('ignoreself = true', values.readBoolean, "ignore this machine's addresses"),
  list: row('ignoreip', values.readIgnoreIp, 'addresses, networks, names and file:PATH that are ignored'),
  cache: row('ignorecache', values.readCacheRule, "how long ignorecommand's answers are remembered"),
};

/** Options that choose the filter and the actions; they are read by name. */
const CHOICES: readonly OptionInfo[] = [
  info('enabled = false', 'whether the jail works'),
  info('filter = %(__name__)s[mode=%(mode)s]', 'file in filter.d, with its options'),
  info('action = %(action_)s', 'what a ban does: files in action.d and firewalls, with their options'),
];

const BRACKETS = 'port="%(port)s", protocol="%(protocol)s", chain="%(chain)s"';
const MAIL = 'sender="%(sender)s", dest="%(destemail)s"';

/** Options that are only used by others as `%(x)s`. */
const VARIABLES: readonly OptionInfo[] = [
  info('mode = normal', "the filter's mode"),
  info('port = 0:65535', 'ports that a ban closes'),
  info('protocol = tcp', 'protocols that a ban closes'),
  info('chain = <known/chain>', 'chains of the firewall'),
  info('banaction = auto', 'firewall of a ban'),
  info('banaction_allports = %(banaction)s', 'firewall of a ban of all ports'),
  info('destemail = root@localhost', 'receiver of mail'),
  info('sender = root@<fq-hostname>', 'sender of mail'),
  info('mta = sendmail', 'program that sends mail'),
  info(`action_ = %(banaction)s[${BRACKETS}]`, 'ban'),
  info(
    `action_mw = %(action_)s\n%(mta)s-whois[${MAIL}, protocol="%(protocol)s", chain="%(chain)s"]`,
    'ban, and mail with whois',
  ),
  info(
    `action_mwl = %(action_)s\n%(mta)s-whois-lines[${MAIL}, logpath="%(logpath)s", chain="%(chain)s"]`,
    'ban, and mail with whois and log lines',
  ),
];

/** More options of fail2ban, listed to avoid a warning. */
const UNUSED = 'action_xarf action_abuseipdb sendername fail2ban_agent skip_if_nologs blocktype returntype';

/** The options of a filter. */
export const FILTER_KEYS: readonly string[] = ['usedns', ...Object.values(FILTER).map(({ name }) => name)];

/** The options of a jail that are read whether or not a file sets them. */
export const OPTIONS: readonly OptionInfo[] = [
  ...CHOICES,
  ...Object.values(JAIL),
  ...Object.values(INCREMENT),
  ...Object.values(IGNORE),
  ...Object.values(FILTER),
];

/** All options with a meaning in a jail, for the manual. */
export const JAIL_OPTIONS: readonly OptionInfo[] = [...OPTIONS, ...VARIABLES];

/** The names that cause no warning in a jail. */
export const KNOWN_KEYS: readonly string[] = [...JAIL_OPTIONS.map(({ name }) => name), ...UNUSED.split(' ')];

/** The version of fail2ban whose configuration language f2b reads; `%(fail2ban_version)s`. */
export const FAIL2BAN_VERSION = '1.1.1';

/** Adds the built-in [DEFAULT] below the files' options, and fixed values above them. */
export function withDefaults(sections: Sections, root: string): Sections {
  const below: RawOptions = new Map();
  for (const { name, default: text, isShared } of [...OPTIONS, ...VARIABLES])
    if (isShared && text !== null) below.set(name, builtIn(name, text));
  const fixed: RawOptions = new Map([
    ['fail2ban_version', builtIn('fail2ban_version', FAIL2BAN_VERSION)],
    ['fail2ban_confpath', builtIn('fail2ban_confpath', root.replaceAll('%', '%%'))],
  ]);
  return { ...sections, defaults: new Map([...below, ...sections.defaults, ...fixed]) };
}

/** Options as text, with everything filled in. */
export type Texts = ReadonlyMap<string, Text>;

/** Reads all rows; null, with problems, if a value is invalid. */
export function readRows<T>(rows: Rows<T>, options: Texts, problems: Problem[]): T | null;
export function readRows(rows: Rows<Record<string, unknown>>, options: Texts, problems: Problem[]) {
  const fields = Object.entries(rows).map(([field, one]): [string, { readonly value: unknown } | null] => {
    const set = options.get(one.name);
    // The option is in [DEFAULT], so its absence was already reported.
    if (set === undefined && one.isShared) return [field, null];
    const isSet = set !== undefined && (one.isShared || set.text !== '');
    const text = isSet ? set : textAt(one.default ?? '', BUILT_IN);
    return [field, values.readValue(one.name, text, one.read, problems)];
  });
  if (fields.some(([, read]) => read === null)) return null;
  return Object.fromEntries(fields.map(([field, read]) => [field, read?.value]));
}

/** Makes a filter from its options; null, with problems, if a value is invalid. */
export function buildFilter(name: string, options: Texts, problems: Problem[]): FilterSource | null {
  const read = readRows(FILTER, options, problems);
  return read && { name, ...read };
}

/** The parts of a jail known before its values are read; null parts were already reported. */
export type JailParts = Pick<Jail, 'name' | 'place' | 'actions'> & { readonly filter: FilterSource | null };

/** Reads all values of a jail; null, with problems, if one is invalid. */
export function buildJail({ filter, ...parts }: JailParts, options: Texts, problems: Problem[]): Jail | null {
  const own = readRows(JAIL, options, problems);
  const increment = readRows(INCREMENT, options, problems);
  const ignore = readRows(IGNORE, options, problems);
  if (own === null || increment === null || ignore === null || filter === null) return null;
  const { backend, ...limits } = own;
  const { list, ...ignored } = ignore;
  const match = options.get('journalmatch');
  if (backend.backend === 'systemd' && match !== undefined)
    values.readValue('journalmatch', match, values.checkJournalMatch, problems);
  const jail = { ...parts, filter, ...limits, ...backend, increment, ignore: { ...ignored, ...list } };
  if (problems.some((one) => one.severity === 'error')) return null;
  checkSense(jail, (options.get('action')?.text ?? '') === '', problems);
  checkUnread(jail, options, problems);
  return jail;
}

/** Files that set the logs of all jails. */
const GENERAL = /(?:^|\/)(?:jail|paths-[^/]*)\.conf$/;

/** Warns of a jail with a log of its own that reads the journal because of another file. */
function checkUnread(jail: Jail, options: Texts, problems: Problem[]): void {
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

/** Warns of valid values that leave a jail without work. */
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
