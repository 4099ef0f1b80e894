import { basename, dirname, resolve } from 'node:path';
import { ConfigError, type Place, type Problem, UsageError } from '../../base/errors.ts';
import { didYouMean } from '../../base/suggest.ts';
import { parseNamed } from '../../config/brackets.ts';
import { loadConfig } from '../../config/config.ts';
import type { FilterSource, RegexSource, UseDns } from '../../config/jail.ts';
import { filterNames, loadFilter } from '../../config/readfilter.ts';
import { type ConfigTree, diskTree } from '../../config/tree.ts';
import { isRegular, shortened } from './lines.ts';

/** A filter, the options of its jail, and its introduction in the report. */
export type FilterChoice = {
  readonly source: FilterSource;
  readonly usedns: UseDns | null;
  readonly logtimezone: string | null;
  readonly encoding: string | null;
  readonly intro: readonly string[];
};

const COMMAND_LINE: Place = { file: 'command line', line: 0 };
/** A name of a filter or jail, or a path, with options; all other texts are regexes. */
const NAME = /^\/{0,3}[\w/_\-.]+(?:\[.*\])?$/s;

/**
 * Reads the second word of `f2b regex`: a filter's name (with options), a filter's file, a jail's name, or a
 * failregex. Throws ConfigError if the filter or jail is broken.
 */
export function chooseFilter(tree: ConfigTree, word: string, backend: string): FilterChoice {
  if (NAME.test(word)) {
    const named = parseNamed(word);
    if (typeof named === 'string') throw new UsageError(`cannot read "${word}": ${named}`);
    const { name, options } = named;
    const found = fromFile(tree, name) ?? fromTree(tree, name);
    if (found !== null) return loaded(found, { word, options, backend });
    const jail = options.size === 0 ? fromJail(tree, name) : null;
    if (jail !== null) return jail;
    if (options.size > 0 || /^[\w-]+$/.test(name) || name.includes('/')) throw unknown(tree, name);
  }
  const regex: RegexSource = { text: word, place: COMMAND_LINE };
  return {
    source: { ...EMPTY, failregex: [regex] },
    usedns: null,
    logtimezone: null,
    encoding: null,
    intro: [`Use   failregex line : ${shortened(word)}`],
  };
}

const EMPTY: FilterSource = {
  name: 'command line',
  prefregex: null,
  failregex: [],
  ignoreregex: [],
  datepattern: null,
  maxlines: 1,
  journalmatch: [],
};

/** `f2b regex FILTER LOG`: says which order is meant. Throws UsageError. */
export function refuseSwapped(tree: ConfigTree, log: string, word: string): void {
  if (!isRegular(word) || /\.(?:conf|local)$/.test(word)) return;
  const isFilter = /\.(?:conf|local)$/.test(log) || (!isRegular(log) && isNamed(tree, log));
  if (!isFilter && (isRegular(log) || !/<(?:HOST|ADDR|SUBNET|CIDR|F-ID)>/.test(log))) return;
  throw new UsageError('the log stands before the filter', `f2b regex ${quoted(word)} ${quoted(log)}`);
}

function quoted(word: string): string {
  return /^[\w./:@=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function isNamed(tree: ConfigTree, word: string): boolean {
  const name = word.replace(/\[.*$/s, '');
  return fromTree(tree, name) !== null || loadConfig(tree).allJails.some((jail) => jail.name === name);
}

/** The ignoreregexes of the third word of `f2b regex`: those of a filter's file, or a regex. */
export function chooseIgnore(
  tree: ConfigTree,
  word: string,
): { readonly regexes: readonly RegexSource[]; readonly intro: string } {
  const found = NAME.test(word) && word.includes('/') ? fromFile(tree, word) : null;
  if (found === null) {
    return {
      regexes: [{ text: word, place: COMMAND_LINE }],
      intro: `Use ignoreregex line : ${shortened(word)}`,
    };
  }
  const { source } = loaded(found, { word, options: new Map(), backend: 'auto' });
  return { regexes: source.ignoreregex, intro: `Use ignoreregex file : ${word}` };
}

/** The place of a filter: a name in a tree, or a file of its own. */
type FoundFilter = { readonly tree: ConfigTree; readonly spec: string; readonly intro: string };

function fromFile(tree: ConfigTree, name: string): FoundFilter | null {
  const isPath = name.includes('/') || /\.(?:conf|local)$/.test(name);
  const path = [name, `${name}.conf`, `${name}.local`].find((each) => isPath && isRegular(each));
  if (path === undefined) return null;
  const full = resolve(path);
  const stem = basename(full).replace(/\.(?:conf|local)$/, '');
  if (basename(dirname(full)) !== 'filter.d')
    return { tree, spec: full, intro: `Use   failregex file : ${name}` };
  const root = dirname(dirname(full));
  return {
    tree: diskTree(root),
    spec: stem,
    intro: `Use   failregex filter file : ${stem}, basedir: ${root}`,
  };
}

function fromTree(tree: ConfigTree, name: string): FoundFilter | null {
  const stem = name.replace(/^filter\.d\//, '').replace(/\.(?:conf|local)$/, '');
  if (!filterNames(tree).includes(stem)) return null;
  return { tree, spec: stem, intro: `Use   failregex filter file : ${stem}, basedir: ${tree.name}` };
}

type Use = { readonly word: string; readonly options: ReadonlyMap<string, string>; readonly backend: string };

function loaded(found: FoundFilter, { word, options, backend }: Use): FilterChoice {
  const { filter, usedns, problems } = loadFilter(found.tree, found.spec, { backend, options });
  if (filter === null) throw new ConfigError(errorsOf(problems));
  if (filter.failregex.length === 0) throw new UsageError(`the filter "${word}" has no failregex`);
  const given = [...options].map(([key, value]) => `'${key}': '${value}'`).join(', ');
  return {
    source: filter,
    usedns,
    logtimezone: null,
    encoding: null,
    intro: [found.intro, ...(options.size === 0 ? [] : [`Use   filter options : {${given}}`])],
  };
}

function errorsOf(problems: readonly Problem[]): readonly Problem[] {
  return problems.filter(({ severity }) => severity === 'error');
}

function fromJail(tree: ConfigTree, name: string): FilterChoice | null {
  const [result] = loadConfig(tree, { force: true, only: [name] }).allJails;
  if (result === undefined) return null;
  const { jail, problems } = result;
  if (jail === null) throw new ConfigError(errorsOf(problems));
  if (jail.filter.failregex.length === 0) throw new UsageError(`the jail "${name}" has no failregex`);
  return {
    source: jail.filter,
    usedns: jail.usedns,
    logtimezone: jail.logtimezone,
    encoding: jail.logencoding,
    intro: [`Use   failregex jail : ${name}, basedir: ${tree.name}`],
  };
}

function unknown(tree: ConfigTree, name: string): UsageError {
  const jails = loadConfig(tree).allJails.map((jail) => jail.name);
  const hint = didYouMean(name, [...filterNames(tree), ...jails]);
  const fallback = 'a regex needs <HOST> where the address stands';
  return new UsageError(`there is no filter, jail or file "${name}" in ${tree.name}`, hint ?? fallback);
}
