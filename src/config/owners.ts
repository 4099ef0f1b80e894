import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Problem, problem } from '../base/errors.ts';
import { weakPlace } from '../base/programs.ts';
import type { ConfigReader } from './sections.ts';

/** Folders in which a new file changes what f2b does. */
const FOLDERS: readonly string[] = ['.', 'jail.d', 'filter.d', 'action.d'];

/**
 * Warns of every file and folder of the configuration, or parent of one, that others than root and the caller can change: who
 * writes there has f2b run commands.
 */
export function ownerProblems({ tree, parsed }: ConfigReader): Problem[] {
  const read = [...parsed].flatMap(([path, file]) => (file === null ? [] : [path]));
  const folders = FOLDERS.map((folder) => join(tree.name, folder));
  const paths = [...folders, ...read.map(tree.show)]
    .map((path) => resolve(path))
    .filter((path) => existsSync(path));
  const weak = new Map<string, string>();
  for (const path of new Set(paths)) {
    const found = weakPlace(path);
    if (found !== null) weak.set(found.path, found.why);
  }
  return [...weak].map(([file, why]) =>
    problem(`${why}, who may so have f2b run commands`, {
      severity: 'warning',
      place: { file, line: 0 },
      hint: `chown root ${file}; chmod go-w ${file}`,
    }),
  );
}
