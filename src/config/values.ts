import { parseDuration } from '../base/duration.ts';
import { type Place, type Problem, problem } from '../base/errors.ts';
import { type Network, parseNetwork } from '../base/ip.ts';
import { didYouMean } from '../base/suggest.ts';
import { parseNamed } from './brackets.ts';
import type { Backend, LogPath, Rollup, UseDns } from './jail.ts';
import { linesOf, placeOf, type Text } from './text.ts';

/** How durations are written, for hints. */
const DURATION_HINT = 'write 600, 10m, 1h 30m, or -1 for ever';

function refuse(problems: Problem[], key: string, place: Place, [text, hint]: [string, string | null]): null {
  problems.push(problem(text, { place, key, hint }));
  return null;
}

/** `true yes on 1` or `false no off 0` (and nothing for no); null, with a problem, for anything else. */
export function readBoolean(key: string, text: Text, problems: Problem[]): boolean | null {
  const word = text.text.trim().toLowerCase();
  if (['1', 'on', 'true', 'yes'].includes(word)) return true;
  if (['', '0', 'off', 'false', 'no', 'none'].includes(word)) return false;
  return refuse(problems, key, placeOf(text), [
    `cannot read "${text.text}" as yes or no`,
    'write true or false',
  ]);
}

/** A whole number of at least `least`; null, with a problem, for anything else. */
export function readInteger(key: string, text: Text, least: number, problems: Problem[]): number | null {
  const isNumber = /^[+-]?\d{1,15}$/.test(text.text.trim());
  if (!isNumber)
    return refuse(problems, key, placeOf(text), [`cannot read "${text.text}" as a whole number`, null]);
  const value = Number(text.text);
  if (value >= least) return value;
  return refuse(problems, key, placeOf(text), [`cannot use ${value}: expected ${least} or more`, null]);
}

/** A number above nought, with a fraction perhaps. */
export function readNumber(key: string, text: Text, problems: Problem[]): number | null {
  const value = /^[+]?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(text.text.trim()) ? Number(text.text) : Number.NaN;
  if (Number.isFinite(value) && value > 0) return value;
  return refuse(problems, key, placeOf(text), [`cannot read "${text.text}" as a number above 0`, null]);
}

/** Seconds above nought. */
export function readDuration(key: string, text: Text, problems: Problem[]): number | null {
  const seconds = parseDuration(text.text);
  if (seconds === null) {
    const hint = key === 'bantime' ? DURATION_HINT : 'write 600, 10m or 1h 30m';
    return refuse(problems, key, placeOf(text), [`cannot read "${text.text}" as a duration`, hint]);
  }
  if (seconds > 0) return seconds;
  return refuse(problems, key, placeOf(text), [
    `cannot use "${text.text}": expected more than 0 seconds`,
    null,
  ]);
}

/** Seconds, or Infinity for a negative one, which is how a ban for ever is written; null with a problem. */
export function readBantime(key: string, text: Text, problems: Problem[]): number | null {
  const seconds = parseDuration(text.text);
  return seconds !== null && seconds < 0 ? Number.POSITIVE_INFINITY : readDuration(key, text, problems);
}

/** One word out of a list; null, with a problem, for any other. */
export function readWord<W extends string>(
  key: string,
  text: Text,
  words: readonly W[],
  problems: Problem[],
): W | null {
  const word = text.text.trim().toLowerCase();
  const found = words.find((one) => one.toLowerCase() === word);
  if (found !== undefined) return found;
  const hint = didYouMean(word, words) ?? `expected one of ${words.join(', ')}`;
  return refuse(problems, key, placeOf(text), [`cannot use "${text.text}"`, hint]);
}

/** `usedns`, jail.conf(5); `true` and `false` are read as yes and no. */
export function readUseDns(text: Text, problems: Problem[]): UseDns | null {
  const word = text.text.trim().toLowerCase();
  if (['1', 'on', 'true'].includes(word)) return 'yes';
  if (['0', 'off', 'false'].includes(word)) return 'no';
  return readWord('usedns', text, ['yes', 'warn', 'no', 'raw'], problems);
}

/** `backend` with its options in brackets; what watches files by kernel events is `auto` here. */
export function readBackend(
  text: Text,
  problems: Problem[],
): { readonly backend: Backend; readonly options: ReadonlyMap<string, string> } | null {
  const named = parseNamed(text.text);
  if (typeof named === 'string') {
    return refuse(problems, 'backend', placeOf(text), [`cannot read "${text.text}": ${named}`, null]);
  }
  const words = ['auto', 'polling', 'pyinotify', 'gamin', 'systemd'] as const;
  const word = readWord('backend', { ...text, text: named.name }, words, problems);
  if (word === null) return null;
  const backend = word === 'systemd' || word === 'polling' ? word : 'auto';
  const known = ['journalpath', 'journalfiles', 'journalflags', 'namespace', 'rotated'];
  for (const option of named.options.keys()) {
    if (backend === 'systemd' && known.includes(option)) continue;
    const told = `the option "${option}" has no effect with ${word}`;
    const hint = backend === 'systemd' ? didYouMean(option, known) : null;
    problems.push(problem(told, { severity: 'warning', place: placeOf(text), key: 'backend', hint }));
  }
  return { backend, options: named.options };
}

/** The lines of `logpath`: a glob each, perhaps with `tail` or `head` behind it. */
export function readLogPath(text: Text, problems: Problem[]): LogPath[] {
  return linesOf(text).map(({ text: line, place }): LogPath => {
    const found = /^(.*\S)\s+(tail|head)$/i.exec(line);
    const glob = found?.[1] ?? line;
    if (/\s\/|,\s*\//.test(glob)) {
      const hint = 'write one path a line, the further lines indented';
      problems.push(
        problem(`"${glob}" is read as one path`, { severity: 'warning', place, key: 'logpath', hint }),
      );
    }
    const word = found?.[2]?.toLowerCase();
    return { glob, start: word === 'tail' ? 'tail' : word === 'head' ? 'head' : 'catchup' };
  });
}

/** What `ignoreip` lists, by kind. */
export type IgnoreSetting = {
  readonly networks: Network[];
  readonly names: string[];
  readonly files: string[];
};

/** `ignoreip`: addresses, networks, masks, DNS names and `file:PATH`, between commas or white space. */
export function readIgnoreIp(text: Text, problems: Problem[]): IgnoreSetting {
  const list: IgnoreSetting = { networks: [], names: [], files: [] };
  for (const { text: line, place } of linesOf(text)) {
    for (const word of line.split(/[\s,]+/).filter((one) => one !== '')) {
      const network = parseNetwork(word.replace(/^\[(.*)\]$/, '$1'));
      if (network !== null) list.networks.push(network);
      else if (/^file:./i.test(word)) list.files.push(word.replace(/^file:(?:\/\/(?=\/))?/i, ''));
      else if (isDnsName(word)) list.names.push(word.toLowerCase().replace(/\.$/, ''));
      else {
        const hint = 'expected an address, a network such as 192.0.2.0/24, a DNS name, or file:PATH';
        refuse(problems, 'ignoreip', place, [`cannot read "${word}" as an address`, hint]);
      }
    }
  }
  return list;
}

/** Digits and dots alone are a mistyped address, not a name. */
function isDnsName(word: string): boolean {
  if (word.length > 253 || /^[\d.]+$/.test(word)) return false;
  return /^(?:[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.)*[\p{L}\p{N}_](?:[\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?\.?$/u.test(
    word,
  );
}

/** Python's names of encodings that the decoder knows by another one. */
const ENCODINGS: ReadonlyMap<string, string> = new Map([
  ['latin-1', 'latin1'],
  ['latin', 'latin1'],
  ['l1', 'latin1'],
  ['cp819', 'latin1'],
  ['u8', 'utf-8'],
  ['utf', 'utf-8'],
  ['utf-8-sig', 'utf-8'],
  ['utf-16-le', 'utf-16le'],
  ['utf-16-be', 'utf-16be'],
  ['iso8859-1', 'latin1'],
  ['646', 'ascii'],
]);

/** `logencoding`: `auto`, or a name that TextDecoder takes. */
export function readEncoding(text: Text, problems: Problem[]): string | null {
  const name = text.text.trim().toLowerCase().replaceAll('_', '-');
  if (name === '' || name === 'auto') return 'auto';
  for (const label of [ENCODINGS.get(name), name, name.replace(/^iso-?8859-?(\d+)$/, 'iso-8859-$1')]) {
    if (label !== undefined && isEncoding(label)) return label;
  }
  const hint =
    didYouMean(name, ['auto', 'utf-8', 'latin1', 'ascii', 'utf-16le']) ?? 'write auto, UTF-8 or latin1';
  return refuse(problems, 'logencoding', placeOf(text), [`cannot use "${text.text}" as an encoding`, hint]);
}

function isEncoding(label: string): boolean {
  try {
    return new TextDecoder(label).encoding !== '';
  } catch {
    return false;
  }
}

/** `logtimezone`: an offset (`UTC+0200`, `+02:00`, `Z`) or an IANA name; null, with a problem, for anything else. */
export function readTimeZone(text: Text, problems: Problem[]): string | null {
  const zone = text.text.trim();
  if (/^(?:(?:UTC|GMT|Z)?[+-](?:[01]?\d|2[0-3])(?::?[0-5]\d)?|UTC|GMT|Z)$/i.test(zone)) return zone;
  if (zone !== '' && isTimeZone(zone)) return zone;
  const hint = 'write an offset such as UTC+0200, or a name such as Europe/Berlin';
  return refuse(problems, 'logtimezone', placeOf(text), [`cannot read "${zone}" as a time zone`, hint]);
}

function isTimeZone(zone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: zone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** `bantime.multipliers`: numbers above nought between white space or commas. */
export function readMultipliers(text: Text, problems: Problem[]): number[] | null {
  const numbers: number[] = [];
  for (const { text: line, place } of linesOf(text)) {
    for (const word of line.split(/[\s,]+/).filter((one) => one !== '')) {
      const value = readNumber('bantime.multipliers', { text: word, places: [place] }, problems);
      if (value === null) return null;
      numbers.push(value);
    }
  }
  return numbers;
}

/** `ipv6prefix`: `64`, `/64` or `128`. */
export function readPrefix(text: Text, problems: Problem[]): number | null {
  const found = /^\/?(\d{1,3})$/.exec(text.text.trim());
  const bits = found === null ? 0 : Number(found[1]);
  if (bits >= 32 && bits <= 128) return bits;
  const hint = 'write 64 to count by /64, 128 to count by address';
  return refuse(problems, 'ipv6prefix', placeOf(text), [
    `cannot read "${text.text}" as a prefix of 32 to 128`,
    hint,
  ]);
}

/** What is wrong with a jail's name; a name ends up in sets, chains, files and logs. */
export type NameTrouble = {
  readonly severity: 'error' | 'warning';
  readonly text: string;
  readonly hint: string | null;
};

/** iptables' limit for a chain's name, less the `f2b-` before it. */
const LONGEST = 25;

/** null when the name is good. Slashes, blanks and control characters are refused, more than 25 characters warned of. */
export function jailNameTrouble(name: string): NameTrouble | null {
  const shown = JSON.stringify(name);
  const refuse = (why: string, hint: string | null): NameTrouble => {
    return { severity: 'error', text: `cannot use ${shown} as a jail's name: ${why}`, hint };
  };
  const hint = 'use letters, digits, "-", "_" and "."';
  if (/[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/.test(name)) {
    return refuse('it holds a control character', hint);
  }
  if (/\s/.test(name)) return refuse('it holds a blank', hint);
  if (name.includes('/')) return refuse('it holds a slash', hint);
  if (/["'`$\\;|&<>(){}[\]*?!#%,]/.test(name))
    return refuse('it holds a character that shells and lists read', hint);
  if (/^[-.]/.test(name)) return refuse(`it begins with "${name.charAt(0)}"`, hint);
  if (name.length > 200) return refuse('it is longer than 200 characters', null);
  if (name.length <= LONGEST) return null;
  return {
    severity: 'warning',
    text: `the jail's name ${shown} has ${name.length} characters; firewalls show at most ${LONGEST}`,
    hint: null,
  };
}

/**
 * `rollup`: `5/24` for IPv4, `5/24 20/48` for both (the prefix says which family it is: above 32 it is IPv6), `no` for none.
 * null, perhaps with a problem, when nothing is rolled up.
 */
export function readRollup(text: Text, problems: Problem[]): Rollup | null {
  const words = text.text.split(/[\s,]+/).filter((word) => word !== '');
  if (words.length === 0 || /^(?:no|off|none|false|0)$/i.test(words[0] ?? '')) return null;
  let rollup: Rollup = { v4: null, v6: null };
  for (const word of words) {
    const found = /^(\d{1,6})\/(\d{1,3})$/.exec(word);
    const [hosts, prefix] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
    if (hosts >= 2 && prefix >= 16 && prefix < 32) rollup = { ...rollup, v4: { hosts, prefix } };
    else if (hosts >= 2 && prefix > 32 && prefix < 128) rollup = { ...rollup, v6: { hosts, prefix } };
    else {
      const told = `cannot read "${word}" as hosts/prefix`;
      const hint =
        'write 5/24 for IPv4, 20/48 for IPv6, or both: at least 2 hosts, /16 to /31 or /33 to /127';
      problems.push(problem(told, { place: placeOf(text), key: 'rollup', hint }));
      return null;
    }
  }
  return rollup;
}
