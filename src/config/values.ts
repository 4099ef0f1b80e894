import { parseDuration } from '../base/duration.ts';
import { ENCODING_EXAMPLES, encodingLabel } from '../base/encoding.ts';
import { ConfigError, type Place, type Problem, problem, reasonOf } from '../base/errors.ts';
import { type Network, parseNetwork } from '../base/ip.ts';
import { hasOpenQuote, splitWords } from '../base/shellwords.ts';
import { didYouMean } from '../base/suggest.ts';
import { parseNamed } from './brackets.ts';
import { guarded } from './definition.ts';
import { type Formula, parseFormula } from './formula.ts';
import type { Backend, CacheRule, Ignore, LogPath, Rollup, UseDns } from './jail.ts';
import { linesOf, placeOf, type Text, textAt } from './text.ts';

/** Reports a warning; readValue() adds the option's name and place. */
export type Warn = (text: string, more?: Partial<Problem>) => void;

/** Reads the value of an option. Throws ConfigError, see refuse(), if it is invalid. */
export type Read<T> = (text: Text, warn: Warn) => T;

/** Throws a mistake in a value, with a hint how to write it; readValue() adds the option's name and place. */
export function refuse(text: string, hint: string | null = null, place: Place | null = null): never {
  throw new ConfigError([problem(text, { hint, place })]);
}

/** The value of the option `key`; null, with problems, if it is invalid. */
export function readValue<T>(
  key: string | null,
  text: Text,
  read: Read<T>,
  problems: Problem[],
): { readonly value: T } | null {
  const found: Problem[] = [];
  const warn: Warn = (told, more) => found.push(problem(told, { severity: 'warning', ...more }));
  const value = guarded(found, () => ({ value: read(text, warn) }));
  problems.push(...found.map((one) => ({ ...one, key, place: one.place ?? placeOf(text) })));
  return value;
}

/** A warning for an unknown option. */
export function unknownOption(key: string, place: Place, known: readonly string[]): Problem {
  const hint = didYouMean(key, known);
  return problem('no such option; it has no effect', { severity: 'warning', place, key, hint });
}

/** Reads all items. Throws one ConfigError with all mistakes. */
function readEach<O, T>(all: Iterable<O>, read: (one: O) => T): T[] {
  const problems: Problem[] = [];
  const values = [...all].flatMap((one) => guarded(problems, () => [read(one)]) ?? []);
  if (problems.length > 0) throw new ConfigError(problems);
  return values;
}

/** The words of a list with white space or commas between them, each with the place of its line. */
function wordsOf(text: Text): { readonly text: string; readonly place: Place }[] {
  return linesOf(text).flatMap(({ text: line, place }) =>
    line
      .split(/[\s,]+/)
      .filter((word) => word !== '')
      .map((word) => ({ text: word, place })),
  );
}

/** `true yes on 1` or `false no off 0`; empty is no. */
export function readBoolean({ text }: Text): boolean {
  const word = text.trim().toLowerCase();
  if (['1', 'on', 'true', 'yes'].includes(word)) return true;
  if (['', '0', 'off', 'false', 'no', 'none'].includes(word)) return false;
  return refuse(`cannot read "${text}" as yes or no`, 'write true or false');
}

/** Reads a whole number; `least` is the minimum. */
export function integerFrom(least: number): Read<number> {
  return ({ text }) => {
    if (!/^[+-]?\d{1,15}$/.test(text.trim())) refuse(`cannot read "${text}" as a whole number`);
    const value = Number(text);
    return value >= least ? value : refuse(`cannot use ${value}: expected ${least} or more`);
  };
}

/** A number above 0; fractions are allowed. */
export function readNumber({ text }: { readonly text: string }): number {
  const value = /^[+]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text.trim()) ? Number(text) : Number.NaN;
  return Number.isFinite(value) && value > 0 ? value : refuse(`cannot read "${text}" as a number above 0`);
}

/** Seconds above 0. */
export function readDuration({ text }: Text): number {
  const seconds = parseDuration(text);
  if (seconds === null) return refuse(`cannot read "${text}" as a duration`, 'write 600, 10m or 1h 30m');
  return seconds > 0 ? seconds : refuse(`cannot use "${text}": expected more than 0 seconds`);
}

/** `bantime`: seconds; null for a negative number, which means for ever. */
export function readBantime(text: Text): number | null {
  const seconds = parseDuration(text.text);
  const hint = 'write 600, 10m, 1h 30m, or -1 for ever';
  if (seconds === null) return refuse(`cannot read "${text.text}" as a duration`, hint);
  return seconds < 0 ? null : readDuration(text);
}

/** `bantime.maxtime`; null if empty: no limit. */
export function readMaxTime(text: Text): number | null {
  return text.text === '' ? null : readDuration(text);
}

/** `bantime.rndtime`: seconds, 0 for none. */
export function readRandomTime(text: Text): number {
  return /^(?:0+[a-z]*)?$/i.test(text.text) ? 0 : readDuration(text);
}

/** Reads one of the words. */
export function oneOf<W extends string>(words: readonly W[]): Read<W> {
  return ({ text }) => {
    const word = text.trim().toLowerCase();
    const hint = didYouMean(word, words) ?? `expected one of ${words.join(', ')}`;
    return words.find((one) => one.toLowerCase() === word) ?? refuse(`cannot use "${text}"`, hint);
  };
}

/** `usedns`, jail.conf(5); `true` and `false` mean yes and no. */
export function readUseDns(text: Text, warn: Warn): UseDns {
  const word = text.text.trim().toLowerCase();
  if (['1', 'on', 'true'].includes(word)) return 'yes';
  if (['0', 'off', 'false'].includes(word)) return 'no';
  return oneOf<UseDns>(['yes', 'warn', 'no', 'raw'])(text, warn);
}

/** The options in brackets of `backend = systemd[...]`: valid values, and a hint. */
const JOURNAL_OPTIONS: ReadonlyMap<string, readonly [good: RegExp, hint: string]> = new Map([
  ['journalpath', [/\S/, 'write the path of a folder']],
  ['journalfiles', [/\S/, 'write paths of journal files, between blanks']],
  ['journalflags', [/^\d{1,2}$/, 'write a number: 1 local, 2 runtime, 4 system, 8 user, or a sum of them']],
  ['namespace', [/\S/, 'write the name of a journal namespace']],
  ['rotated', [/\S/, 'write yes or no']],
]);

/** `backend` with its options in brackets; the backends of fail2ban that use kernel events become `auto`. */
export function readBackend(
  text: Text,
  warn: Warn,
): { readonly backend: Backend; readonly backendOptions: ReadonlyMap<string, string> } {
  const named = parseNamed(text.text);
  if (typeof named === 'string') return refuse(`cannot read "${text.text}": ${named}`);
  const words = ['auto', 'polling', 'pyinotify', 'gamin', 'systemd'] as const;
  const word = oneOf(words)({ ...text, text: named.name }, warn);
  const known: typeof JOURNAL_OPTIONS = word === 'systemd' ? JOURNAL_OPTIONS : new Map();
  readEach(named.options, ([option, value]) => {
    const [good, hint] = known.get(option) ?? [];
    if (good === undefined)
      warn(`the option "${option}" has no effect with ${word}`, { hint: didYouMean(option, known.keys()) });
    else if (!good.test(value) || hasOpenQuote(value)) refuse(`cannot use "${value}" as ${option}`, hint);
  });
  const backend = word === 'systemd' || word === 'polling' ? word : 'auto';
  return { backend, backendOptions: named.options };
}

/** Checks `journalmatch` like journalctl: `FIELD=value` or a path, with `+` for alternatives. */
export function checkJournalMatch(text: Text): void {
  readEach(linesOf(text), ({ text: line, place }) => {
    if (hasOpenQuote(line)) refuse(`cannot read "${line}": a quote is not closed`, null, place);
    for (const [i, word] of splitWords(line).entries()) {
      const isEnd = i === 0 || i === splitWords(line).length - 1;
      if (word === '+' ? !isEnd : /^(?:[A-Z_][A-Z0-9_]*=|\/)/.test(word)) continue;
      const hint = 'write FIELD=value, such as _SYSTEMD_UNIT=sshd.service, with + between two of them';
      refuse(`cannot read "${word}" as a match`, hint, place);
    }
  });
}

/** The lines of `logpath`: a glob each, optionally followed by `tail` or `head`. */
export function readLogPath(text: Text, warn: Warn): LogPath[] {
  return linesOf(text).map(({ text: line, place }): LogPath => {
    const found = /^(.*\S)\s+(tail|head)$/i.exec(line);
    const glob = found?.[1] ?? line;
    const last = /\s([a-z]+)$/i.exec(glob)?.[1];
    const meant = last === undefined ? null : didYouMean(last, ['tail', 'head']);
    if (/\s\/|,\s*\//.test(glob) || meant !== null)
      warn(`"${glob}" is read as one path`, {
        place,
        hint: meant ?? 'write one path a line, the further lines indented',
      });
    const word = found?.[2]?.toLowerCase();
    return { glob, start: word === 'tail' || word === 'head' ? word : 'catchup' };
  });
}

/** `ignoreip`: addresses, networks, masks, DNS names and `file:PATH`, separated by commas or white space. */
export function readIgnoreIp(text: Text): Pick<Ignore, 'networks' | 'names' | 'files'> {
  const networks: Network[] = [];
  const names: string[] = [];
  const files: string[] = [];
  readEach(wordsOf(text), ({ text: word, place }) => {
    const network = parseNetwork(word.replace(/^\[(.*)\]$/, '$1'));
    if (network !== null) networks.push(network);
    else if (/^file:./i.test(word)) files.push(word.replace(/^file:(?:\/\/(?=\/))?/i, ''));
    else if (isDnsName(word)) names.push(word.toLowerCase().replace(/\.$/, ''));
    else {
      const hint = 'expected an address, a network such as 192.0.2.0/24, a DNS name, or file:PATH';
      refuse(`cannot read "${word}" as an address`, hint, place);
    }
  });
  return { networks, names, files };
}

/** A word of digits and dots is a mistyped address, not a name. */
function isDnsName(word: string): boolean {
  if (word.length > 253 || /^[\d.]+$/.test(word)) return false;
  return /^(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.)*[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.?$/u.test(
    word,
  );
}

/** `ignorecache`: `key="<ip>", max-count=100, max-time=5m`; null if there is no cache. */
export function readCacheRule(text: Text, warn: Warn): CacheRule | null {
  if (text.text.trim() === '') return null;
  const named = parseNamed(`ignorecache[${text.text}]`);
  const hint = 'write key="<ip>", max-count=100, max-time=5m';
  if (typeof named === 'string') return refuse(named, hint);
  const problems: Problem[] = [];
  const known: string[] = [];
  const option = <T>(name: string, otherwise: string, read: Read<T>): T | null => {
    known.push(name);
    const told: Problem[] = [];
    const value = guarded(told, () =>
      read(textAt(named.options.get(name) ?? otherwise, placeOf(text)), warn),
    );
    problems.push(...told.map((one) => ({ ...one, text: `${name}: ${one.text}` })));
    return value;
  };
  const key = option('key', '<ip>', readCacheKey);
  const maxCount = option('max-count', '100', integerFrom(1));
  const maxTime = option('max-time', '5m', readDuration);
  for (const name of named.options.keys())
    if (!known.includes(name))
      problems.push(problem(`no such option: "${name}"`, { hint: didYouMean(name, known) ?? hint }));
  if (problems.length > 0 || key === null || maxCount === null || maxTime === null)
    throw new ConfigError(problems);
  return { key, maxCount, maxTime };
}

/** Without a tag in the key, one answer would apply to all addresses. */
function readCacheKey({ text }: Text): string {
  return /<[^<>\s]+>/.test(text) ? text : refuse(`cannot use "${text}"`, 'write "<ip>", or other tags');
}

/** `logencoding`: `auto`, or the label of an encoding that Python or the WHATWG names. */
export function readEncoding({ text }: Text): string {
  const label = encodingLabel(text);
  if (label !== null) return label;
  const hint = didYouMean(text.trim().toLowerCase(), ENCODING_EXAMPLES) ?? 'write auto, UTF-8 or latin-1';
  return refuse(`cannot use "${text}" as an encoding`, hint);
}

/** Whether the constructor accepts the name; only it knows the valid time zones. */
function isMade(make: () => object): boolean {
  try {
    return make() !== null;
  } catch {
    return false;
  }
}

/** `logtimezone`: an offset (`UTC+0200`, `+02:00`, `Z`) or an IANA name; null if empty. */
export function readTimeZone({ text }: Text): string | null {
  const zone = text.trim();
  if (text === '') return null;
  if (/^(?:(?:UTC|GMT|Z)?[+-][01]\d(?::?[0-5]\d)?|UTC|GMT|Z)$/i.test(zone)) return zone;
  if (zone !== '' && isMade(() => new Intl.DateTimeFormat('en', { timeZone: zone }))) return zone;
  const hint = 'write an offset such as UTC+0200, or a name such as Europe/Berlin';
  return refuse(`cannot read "${zone}" as a time zone`, hint);
}

/** `bantime.multipliers`: numbers above 0, separated by white space or commas. */
export function readMultipliers(text: Text): number[] {
  return readEach(wordsOf(text), readNumber);
}

/** `bantime.formula`; null if empty. */
export function readFormula({ text }: Text): Formula | null {
  try {
    return text === '' ? null : parseFormula(text);
  } catch (error) {
    const hint = 'write for instance ban.Time * (1<<ban.Count) * banFactor';
    return refuse(`cannot read "${text}" as a formula: ${reasonOf(error)}`, hint);
  }
}

/** `ipv6prefix`: `64`, `/64` or `128`. */
export function readPrefix({ text }: Text): number {
  const bits = Number(/^\/?(\d{1,3})$/.exec(text.trim())?.[1] ?? 0);
  const hint = 'write 64 to count by /64, 128 to count by address';
  return bits >= 32 && bits <= 128 ? bits : refuse(`cannot read "${text}" as a prefix of 32 to 128`, hint);
}

/** Addresses that a set of a firewall holds. */
export const SET_SIZE = 262_144;
/** The rest of a set is for bans by hand. */
const MOST_BANS = 250_000;

/** `maxbans`: 1 to 250000, so that the bans of a log never fill a set of the firewall. */
export function readMaxBans({ text }: Text): number {
  const count = /^\d{1,6}$/.test(text.trim()) ? Number(text) : 0;
  if (count >= 1 && count <= MOST_BANS) return count;
  return refuse(`cannot read "${text}" as a number of bans`, `write a number from 1 to ${MOST_BANS}`);
}

/**
 * `rollup`: `5/24` for IPv4, `5/24 20/48` for both families (a prefix above 32 means IPv6), `no` for none.
 * Null if nothing is rolled up.
 */
export function readRollup(text: Text): Rollup | null {
  const words = wordsOf(text);
  if (words.length === 0 || /^(?:no|off|none|false|0)$/i.test(words[0]?.text ?? '')) return null;
  let rollup: Rollup = { v4: null, v6: null };
  for (const { text: word } of words) {
    const found = /^(\d{1,6})\/(\d{1,3})$/.exec(word);
    const [hosts, prefix] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
    if (hosts >= 2 && prefix >= 16 && prefix < 32) rollup = { ...rollup, v4: { hosts, prefix } };
    else if (hosts >= 2 && prefix > 32 && prefix < 128) rollup = { ...rollup, v6: { hosts, prefix } };
    else {
      const hint =
        'write 5/24 for IPv4, 20/48 for IPv6, or both: at least 2 hosts, /16 to /31 or /33 to /127';
      refuse(`cannot read "${word}" as hosts/prefix`, hint);
    }
  }
  return rollup;
}

/** iptables' limit for chain names, minus the `f2b-` prefix. */
const LONGEST = 25;

/**
 * Checks a jail's name, which is used in sets, chains, files and logs: no slashes, blanks or control
 * characters.
 */
export function checkJailName({ text: name }: Text, warn: Warn): void {
  const shown = JSON.stringify(name);
  const trouble = (why: string, hint: string | null = 'use letters, digits, "-", "_" and "."'): never =>
    refuse(`cannot use ${shown} as a jail's name: ${why}`, hint);
  if (/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(name))
    trouble('it holds a control character');
  if (/\s/.test(name)) trouble('it holds a blank');
  if (name.includes('/')) trouble('it holds a slash');
  if (/["'`$\\;|&<>(){}[\]*?!#%,]/.test(name)) trouble('it holds a character that shells and lists read');
  if (/^[-.]/.test(name)) trouble(`it begins with "${name.charAt(0)}"`);
  if (name.length > 200) trouble('it is longer than 200 characters', null);
  if (name.length > LONGEST)
    warn(`the jail's name ${shown} has ${name.length} characters; firewalls show at most ${LONGEST}`);
}
