import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** True under `npm run test:long`. */
export const isLong = process.env['F2B_LONG'] === '1';

/** For `skip`: the reason to leave a test that takes long to `npm run test:long`, or false to run it now. */
export const unlessLong: string | false = isLong ? false : 'long: npm run test:long runs it';

/** For `skip`: the reason not to run a test that needs these programs, or false when all of them are there. */
export function unlessFound(...programs: readonly string[]): string | false {
  const missing = programs.filter((program) => findProgram(program) === null);
  return missing.length === 0 ? false : `not installed: ${missing.join(', ')}`;
}

/** For `skip`: the same, and the test has to be root. */
export function unlessRootWith(...programs: readonly string[]): string | false {
  return process.getuid?.() === 0 ? unlessFound(...programs) : 'not root';
}

/** The path of a program on PATH or in the folders of the system's administration, null when there is none. */
export function findProgram(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, program)).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The binary under test: the one that test/run.sh built, else the checkout's. */
export const binary: string = process.env['F2B_BINARY'] ?? join(import.meta.dirname, '../../dist/f2b');

/** The words that start f2b: the binary that test/run.sh has just built, else the sources, which start slower. */
export const program: readonly [string, ...string[]] =
  process.env['F2B_BINARY'] === undefined
    ? [process.execPath, join(import.meta.dirname, '../../src/main.ts')]
    : [binary];
