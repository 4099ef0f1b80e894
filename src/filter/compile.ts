/**
 * Compiles a filter's regexes and datepattern, once, into a Filter.
 *
 * Reports every mistake with its place in the configuration, not only the first; with any mistake there is no
 * filter. A compiled filter never changes.
 *
 *     const filter = compileFilter(source, { usedns: 'warn', logtimezone: null }, problems);
 *     if (filter === null) throw new ConfigError(problems);
 */

import { type Problem, problem } from '../base/errors.ts';
import type { FilterSource, RegexSource, UseDns } from '../config/jail.ts';
import { compileDates, DatePatternError } from './date/datepattern.ts';
import { compileFailregex, RegexError } from './regex/failregex.ts';
import type { Filter, FilterRegex } from './types.ts';
import { prefixOf, type Wrapping, wrappingNames } from './wrapping.ts';

/** The jail's options that affect compilation. */
type CompileOptions = { readonly usedns: UseDns; readonly logtimezone: string | null };

/** Groups that can name the offender; jail.conf(5). MLFID does so through the other lines of its session. */
const ID_GROUPS = ['fid', 'ip4', 'ip6', 'dns', 'mlfid'];

/**
 * Compiles a filter; null if it has mistakes. Adds one Problem, with file and line, for each regex or
 * datepattern that cannot be compiled and for each failregex that has no group for an id.
 */
export function compileFilter(
  source: FilterSource,
  options: CompileOptions,
  problems: Problem[],
): Filter | null {
  const before = problems.length;
  const wrapping = readWrapping(source, problems);
  const prefix = wrapping === null ? null : prefixOf(wrapping);
  // With <F-CONTENT> in prefregex the failregexes see the message already.
  const isCut = source.prefregex?.text.includes('<F-CONTENT>') === true;
  const compile = (regex: RegexSource, key: string, index: number): FilterRegex | null => {
    // As in fail2ban, only failregex matches several lines; the others see the window as one text.
    const isMultiline = key === 'failregex' && source.maxlines > 1;
    try {
      return {
        index,
        source: regex,
        regex: compileFailregex(regex.text, {
          ...{ usedns: options.usedns, isMultiline },
          wrapping: key === 'failregex' && isCut ? null : prefix,
        }),
      };
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      problems.push(regexProblem(error, regex, key));
      return null;
    }
  };
  const compileAll = (regexes: readonly RegexSource[], key: string) =>
    regexes.flatMap((regex, index) => compile(regex, key, index) ?? []);
  const prefregex = source.prefregex === null ? null : compile(source.prefregex, 'prefregex', 0);
  const failregex = compileAll(source.failregex, 'failregex');
  const ignoreregex = compileAll(source.ignoreregex, 'ignoreregex');
  const isPrefBroken = source.prefregex !== null && prefregex === null;
  for (const { source: at } of isPrefBroken ? [] : failregex.filter((each) => !hasId(each, prefregex))) {
    problems.push(problemWithoutId(at));
  }
  checkDates(source, options, problems);
  if (problems.length > before) return null;
  return {
    name: source.name,
    usedns: options.usedns,
    prefregex,
    failregex,
    ignoreregex,
    datepattern: source.datepattern?.text ?? null,
    logtimezone: options.logtimezone,
    maxlines: source.maxlines,
    wrapping: wrapping?.names ?? [],
  };
}

function readWrapping({ wrapping, program }: FilterSource, problems: Problem[]): Wrapping | null {
  if (wrapping === null || wrapping === undefined) return null;
  try {
    return { names: wrappingNames(wrapping.text), program: program?.text ?? '\\S*[^\\s:\\[\\]]' };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    problems.push(problem(error.message, { place: wrapping.place, key: 'wrapping' }));
    return null;
  }
}

/**
 * Whether every line of the log must be processed: a window of several lines includes lines that match
 * nothing. In all other filters a line without the literals of prefregex or of every failregex can be
 * skipped. Its only effect would be that a later line without a date takes this line's time.
 */
export function needsEveryLine(filter: Filter): boolean {
  return filter.maxlines > 1;
}

function hasId(each: FilterRegex, prefregex: FilterRegex | null): boolean {
  return ID_GROUPS.some((name) => each.regex.fields.has(name) || prefregex?.regex.fields.has(name));
}

function problemWithoutId(source: RegexSource): Problem {
  return problem(`"${source.text}" captures no address and no id`, {
    place: source.place,
    key: 'failregex',
    hint: 'put <HOST> where the address stands, or <F-ID>...</F-ID> around another id',
  });
}

function regexProblem(error: RegexError, source: RegexSource, key: string): Problem {
  return problem(`cannot read "${source.text}" at character ${error.offset + 1}: ${error.message}`, {
    place: source.place,
    key,
    hint: underlined(source.text, error.offset),
  });
}

function checkDates(
  { datepattern }: FilterSource,
  { logtimezone }: CompileOptions,
  problems: Problem[],
): void {
  const zoneError = dateError(null, logtimezone);
  if (zoneError !== null) problems.push(problem(zoneError.message, { key: 'logtimezone' }));
  const error = datepattern === null ? null : dateError(datepattern.text, null);
  if (datepattern === null || error === null) return;
  problems.push(
    problem(`cannot read "${datepattern.text}": ${error.message}`, {
      place: datepattern.place,
      key: 'datepattern',
      hint: underlined(datepattern.text, error.offset),
    }),
  );
}

/** Why dates cannot be read by this pattern or in this zone, null where they can. */
function dateError(pattern: string | null, zone: string | null): DatePatternError | null {
  try {
    compileDates(pattern, zone);
    return null;
  } catch (error) {
    if (error instanceof DatePatternError) return error;
    throw error;
  }
}

/** The part of the text around an offset, with a caret below it on a second line. */
function underlined(text: string, offset: number): string {
  const from = Math.max(0, offset - 50);
  const part = text.slice(from, offset + 30).replace(/[\x00-\x1f\x7f]/g, ' ');
  return `${part}\n${' '.repeat(offset - from)}^`;
}
