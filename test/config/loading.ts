import assert from 'node:assert/strict';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import type { Jail } from '../../src/config/jail.ts';
import { textAt } from '../../src/config/text.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { type Read, readValue } from '../../src/config/values.ts';

/** path -> text */
export type Files = Readonly<Record<string, string>>;

export const treeOf = (files: Files) => memoryTree(new Map(Object.entries(files)), 't');
export const load = (files: Files): Config => loadConfig(treeOf(files));

/** Problems as people read them, each with its hint. */
export const toldOf = (problems: readonly Problem[]): string[] =>
  problems.map((one) => `${formatProblem(one)}${one.hint === null ? '' : ` (${one.hint})`}`);
export const told = (config: Config): string[] => toldOf(config.problems);

/** The only jail of a tree that must be without a fault. */
export function onlyJail(files: Files): Jail {
  const config = load(files);
  assert.deepEqual(told(config), []);
  const [jail] = config.jails;
  assert.ok(jail !== undefined && config.jails.length === 1);
  return jail;
}

export const FILTER = '[Definition]\nfailregex = ^<HOST> x$\n';

/** A tree with one jail, `rest` being its further options, from line 4 (3 where they name a logpath) of its file. */
export const on = (rest: string): Files => ({
  'filter.d/web.conf': FILTER,
  'jail.d/web.conf': `[web]\nenabled = true\n${rest.includes('logpath') ? '' : 'logpath = /l\n'}${rest}`,
});
export const texts = (regexes: readonly { readonly text: string }[]): string[] =>
  regexes.map((one) => one.text);

/** What a reader makes of a value at f:1, or else what it tells. */
export function reading<T>(read: Read<T>, text: string): T | string[] {
  const problems: Problem[] = [];
  const value = readValue('key', textAt(text, { file: 'f', line: 1 }), read, problems);
  return value === null || problems.length > 0 ? toldOf(problems) : value.value;
}
