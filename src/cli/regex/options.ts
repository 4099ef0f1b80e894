import { UsageError } from '../../base/errors.ts';
import type { UseDns } from '../../config/jail.ts';
import { compileDates, findDate } from '../../filter/date/datepattern.ts';
import type { Call, OptionSpec } from '../command.ts';
import type { Listing, ReportOptions } from './report.ts';

/** The options of `f2b regex`. */
export type RegexRequest = {
  readonly report: ReportOptions;
  readonly isVerboseDate: boolean;
  readonly isDebuggex: boolean;
  /** Prints the reason under missed lines. */
  readonly isExplaining: boolean;
  readonly json: boolean;
  readonly out: string | null;
  /** Prints the lines that are no failure, in place of the failures. */
  readonly invert: boolean;
  /** Tries every regex on every line. */
  readonly checkAll: boolean;
  readonly raw: boolean;
  readonly usedns: UseDns | null;
  readonly datepattern: string | null;
  readonly timezone: string | null;
  readonly maxlines: number | null;
  readonly journalmatch: string | null;
  readonly encoding: string | null;
  /** Epoch seconds. */
  readonly now: number;
};

/** Default number of listed lines, and of explained misses. */
export const LISTED = 20;

/** All options of fail2ban-regex(1), and our own. */
export const OPTIONS: readonly OptionSpec[] = [
  {
    name: 'datepattern',
    short: 'd',
    value: 'PATTERN',
    help: "how dates are written, in place of the filter's own pattern",
  },
  { name: 'timezone', value: 'ZONE', help: 'zone of dates that name none: UTC+0200, Europe/Zurich' },
  { name: 'TZ', value: 'ZONE', help: 'the same' },
  { name: 'now', value: 'TIME', help: 'judge as of TIME: epoch seconds or a date' },
  { name: 'encoding', short: 'e', value: 'NAME', help: "the log's encoding (utf-8)" },
  { name: 'raw', short: 'r', help: 'show host names as they are, resolve none' },
  { name: 'usedns', value: 'HOW', help: 'yes, warn, no or raw: what <HOST> takes besides addresses' },
  { name: 'maxlines', short: 'L', value: 'N', help: 'let the regexes see N lines at once' },
  {
    name: 'journalmatch',
    short: 'm',
    value: 'MATCH',
    help: "matches for systemd-journal, in place of the filter's own",
  },
  {
    name: 'out',
    short: 'o',
    value: 'FORM',
    help: 'print only failures: id, ip, msg, row, a group, or a text with <tags>',
  },
  { name: 'invert', short: 'i', help: 'with --out, or alone: print the lines that are no failure' },
  { name: 'check-all', help: 'count the hits of every regex, as fail2ban-regex does' },
  { name: 'first-only', help: 'stop at the first regex that hits, as a jail does (default)' },
  { name: 'brief', help: 'do not say why lines were missed' },
  { name: 'print-all-matched', help: 'list every matched line' },
  { name: 'print-all-missed', help: 'list every missed line, however many' },
  { name: 'print-all-ignored', help: 'list every ignored line, however many' },
  { name: 'print-no-missed', help: 'list no missed lines' },
  { name: 'print-no-ignored', help: 'list no ignored lines' },
  { name: 'verbose', short: 'v', help: 'list all regexes, and each hit with its time' },
  { name: 'verbosity', value: 'N', help: '1 and more is --verbose' },
  { name: 'verbose-date', help: 'show the patterns of the date forms' },
  { name: 'VD', help: 'the same' },
  { name: 'debuggex', short: 'D', help: 'add a link to debuggex.com to each line listed' },
  { name: 'log-level', short: 'l', value: 'LEVEL', help: "taken and not used, for fail2ban-regex's sake" },
  { name: 'log-traceback', short: 't', help: 'likewise' },
  { name: 'full-traceback', help: 'likewise' },
  { name: 'version', short: 'V', help: 'show the version' },
];

/** Reads the options. Throws UsageError for invalid ones. */
export function readWish({ options, global, io }: Call): RegexRequest {
  const text = (...names: readonly string[]): string | null => {
    for (const name of names) {
      const value = options[name];
      if (typeof value === 'string') return value;
    }
    return null;
  };
  const isOn = (...names: readonly string[]): boolean => names.some((name) => options[name] === true);
  const listing = (name: string, usual: Listing): Listing => {
    const [all, none] = [isOn(`print-all-${name}`), isOn(`print-no-${name}`)];
    if (all && none) throw new UsageError(`--print-all-${name} and --print-no-${name} contradict each other`);
    return all ? 'all' : none ? 'none' : usual;
  };
  const maxlines = wholeNumber('maxlines', text('maxlines'));
  const timezone = text('timezone', 'TZ');
  return {
    report: {
      matched: listing('matched', 'none'),
      missed: listing('missed', 'some'),
      ignored: listing('ignored', 'some'),
      // For fail2ban-regex this is both the limit of listed lines and the window.
      maxlines: maxlines ?? LISTED,
      verbose: isOn('verbose') || (wholeNumber('verbosity', text('verbosity')) ?? 0) > 0,
    },
    isVerboseDate: isOn('verbose-date', 'VD'),
    isDebuggex: isOn('debuggex'),
    isExplaining: !isOn('brief'),
    json: global.json,
    out: text('out') ?? (isOn('invert') ? 'msg' : null),
    invert: isOn('invert'),
    checkAll: isOn('check-all') && !isOn('first-only') && text('out') === null && !isOn('invert'),
    raw: isOn('raw'),
    usedns: usednsOf(text('usedns')),
    datepattern: text('datepattern'),
    timezone,
    maxlines,
    journalmatch: text('journalmatch'),
    encoding: text('encoding'),
    now: nowOf(text('now'), timezone, io.now()),
  };
}

function wholeNumber(name: string, text: string | null): number | null {
  if (text === null) return null;
  if (!/^\d{1,5}$/.test(text)) throw new UsageError(`--${name}: cannot read "${text}" as a number`);
  return Number(text);
}

function usednsOf(text: string | null): UseDns | null {
  if (text === null) return null;
  const known = (['yes', 'warn', 'no', 'raw'] as const).find((each) => each === text.toLowerCase());
  if (known === undefined)
    throw new UsageError(`--usedns: cannot read "${text}"`, 'write yes, warn, no or raw');
  return known;
}

function nowOf(text: string | null, timezone: string | null, now: number): number {
  if (text === null) return now;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  const found = findDate(compileDates(null, timezone), text, now);
  if (found !== null) return found.time;
  throw new UsageError(
    `--now: cannot read "${text}" as a time`,
    'write epoch seconds or a date such as 2026-11-20T04:12:09',
  );
}
