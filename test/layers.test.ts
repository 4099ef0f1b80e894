import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';

const src = join(import.meta.dirname, '../src');

/** The whole layer rule: a room of src/ imports only itself and the rooms before it. */
const ROOMS = [
  'base',
  'config',
  'source',
  'filter',
  'state',
  'ban',
  'firewall',
  'action',
  'daemon',
  'cli',
  'main.ts',
];

/** Folders that only their own room imports. */
const PRIVATE = ['filter/fast', 'filter/regex/wasm', 'filter/guard'];

/** Rooms that take values and return values: no I/O, no clock, no process. What reads the machine is named. */
const PURE = ['filter', 'ban', 'state'];
const IMPURE = [
  'ban/ignorefiles.ts',
  'ban/logins.ts',
  'filter/engine.ts',
  'filter/resumable.ts',
  'state/file.ts',
  'state/runlock.ts',
  'state/runtime.ts',
  'state/saver.ts',
];
const FORBIDDEN = [/\bfrom '(node:[^']+)'/g, /\b(Date\.now\(|new Date\(\)|performance\.|process\.)/g];

const files = globSync('**/*.ts', { cwd: src }).sort();
const roomOf = (file: string): string => file.split('/')[0] ?? '';

/** The files that a file imports, relative to src/; `import type` too. */
function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    posix.join(posix.dirname(file), path),
  );
}

test('src/ holds the rooms and nothing else', () => {
  assert.deepEqual(readdirSync(src).sort(), [...ROOMS].sort());
});

test('a room imports only itself and the rooms before it', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => ROOMS.indexOf(roomOf(target)) > ROOMS.indexOf(roomOf(file)))
      .map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});

test('no files import each other in a circle', () => {
  const left = new Map(
    files.map((file) => [file, new Set(importsOf(file).filter((one) => files.includes(one)))]),
  );
  for (let isShrinking = true; isShrinking; ) {
    isShrinking = false;
    for (const [file, imports] of left) {
      if (imports.size > 0 && [...imports].some((one) => left.has(one))) continue;
      left.delete(file);
      isShrinking = true;
    }
  }
  assert.deepEqual([...left.keys()], [], 'these files import each other, or files that do');
});

test('what is private to a room is imported by no other', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter(
        (target) => roomOf(target) !== roomOf(file) && PRIVATE.some((one) => target.startsWith(`${one}/`)),
      )
      .map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});

/** Files without a test of their own: types, generated code, the process edge, and parts that tests of others run. */
const WITHOUT_TEST = [
  'ban/jail.ts',
  'base/start.ts',
  'cli/backtest/answer.ts',
  'cli/backtest/print.ts',
  'cli/command.ts',
  'cli/install/host.ts',
  'cli/install/takeover.ts',
  'cli/install/uninstall.ts',
  'cli/report/answer.ts',
  'cli/transfer/foreign.ts',
  'cli/metrics/measure.ts',
  'cli/version.ts',
  'cli/why/evidence.ts',
  'cli/why/never.ts',
  'cli/why/print.ts',
  'cli/why/verdict.ts',
  'config/jail.ts',
  'daemon/control/host.ts',
  'filter/types.ts',
  'firewall/backend.ts',
  'firewall/dummy.ts',
  'main.ts',
  'source/logfile/options.ts',
];

test('every file that decides something has a test at the mirrored path', () => {
  const missing = files.filter(
    (file) =>
      !WITHOUT_TEST.includes(file) &&
      !/filter\/fast\/wasm\/|\.d\.ts$/.test(file) &&
      !existsSync(join(import.meta.dirname, file.replace(/\.ts$/, '.test.ts'))),
  );
  assert.deepEqual(missing, []);
});

test('pure rooms do no I/O and ask no clock', () => {
  const pure = files.filter((file) => PURE.includes(roomOf(file)) && !IMPURE.includes(file));
  const wrong = pure.flatMap((file) => {
    const code = readFileSync(join(src, file), 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '');
    return FORBIDDEN.flatMap((pattern) => [...code.matchAll(pattern)].map(([, what]) => `${file}: ${what}`));
  });
  assert.deepEqual(wrong, []);
});

test('modules of Node that few commands need are loaded on demand', () => {
  const heavy =
    /^import (?!type ).* from '(node:(?:crypto|dns|dns\/promises|fs\/promises|http|https|net|perf_hooks|zlib|timers\/promises))'/gm;
  const wrong = files.flatMap((file) =>
    [...readFileSync(join(src, file), 'utf8').matchAll(heavy)].map(([, name]) => `${file}: ${name}`),
  );
  assert.deepEqual(wrong, [], 'take it with process.getBuiltinModule() where it is used');
});
