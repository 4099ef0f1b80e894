import { formatProblem, type Problem } from '../../src/base/errors.ts';
import type { Config } from '../../src/config/config.ts';
import type { ConfigTree } from '../../src/config/tree.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';

/** A configuration with mistakes in it, and what is to be said about them. */
export type BrokenCase = {
  readonly name: string;
  /** path -> text */
  readonly files: ReadonlyMap<string, string>;
  readonly expected: string;
};

/**
 * Reads the cases of a script: `## name`, then for each file `--- path` and its text, then `=== told` and what is said about it.
 */
export function readCases(script: string): BrokenCase[] {
  return script
    .split(/^## /m)
    .slice(1)
    .map((block) => {
      const [head = '', expected = ''] = block.split(/^=== told\n/m);
      const [name = '', ...parts] = head.split(/^--- /m);
      const files = parts.map((part): [string, string] => {
        const end = part.indexOf('\n');
        return [part.slice(0, end), part.slice(end + 1)];
      });
      return { name: name.trim(), files: new Map(files), expected: expected.trimEnd() };
    });
}

/** The case's files as a tree. */
export function treeOfCase(one: BrokenCase): ConfigTree {
  return { ...memoryTree(one.files, 'the configuration'), show: (path) => path };
}

/** What `f2b check` has to say: each problem with its hint, then the jails that would run. Filters are compiled, too. */
export function sayConfig(config: Config): string {
  const compiling: Problem[] = [];
  const sound = config.jails.filter((jail) => compileFilter(jail.filter, jail, compiling) !== null);
  const lines = [...config.problems, ...compiling].flatMap((one) => [
    `${one.severity}: ${formatProblem(one)}`,
    ...(one.hint === null ? [] : [`  hint: ${one.hint.replaceAll('\n', '\n        ')}`]),
  ]);
  const jails = sound.map((jail) => jail.name).join(', ');
  return [...lines, `jails: ${jails || 'none'}`].join('\n');
}
