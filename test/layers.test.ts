import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';

const src = join(import.meta.dirname, '..', 'src');

/**
 * The layer of every file in src/: a file imports only its own layer or a lower one.
 * `name` stands for name.ts and for everything in name/, unless a longer entry says otherwise.
 */
const layers: readonly (readonly [layer: number, names: string])[] = [
  [5, 'main start'],
  [4, 'cli commands'],
  [3, 'actor daemon enforcer front gate herald intake pump reading warden'],
  [
    2,
    'config embedded enforce engine exec firewall home ignorefiles journal keeper linesource lock log logfile logfiles',
  ],
  [2, 'clock files monotonic names roster sampler statefile tether thrift version wall'],
  [
    1,
    'action ban compiled datepattern escalation failregex failures filter formula guard ignore jail report state statejson',
  ],
  [1, 'health lint rollup status tickets'],
  [0, 'digest duration errors inifile ip nearest ports'],
];

/** Layers 0 and 1 take values and return values: no I/O, no clock, no process. */
const CORE = 1;
const forbiddenInCore = [/\bfrom '(node:[^']+)'/g, /\b(Date\.now\(|new Date\(\)|performance\.|process\.)/g];

const layerOf = new Map(
  layers.flatMap(([layer, names]) => names.split(' ').map((name) => [name, layer] as const)),
);
const files = globSync('**/*.ts', { cwd: src }).sort();

/** The layer of `firewall/ipset.ts` by the entry firewall/ipset, else firewall; undefined when there is neither. */
function findLayer(file: string): number | undefined {
  for (let name = file.replace(/\.ts$/, ''); name !== '.'; name = posix.dirname(name)) {
    const layer = layerOf.get(name);
    if (layer !== undefined) return layer;
  }
  return undefined;
}

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path = '']) =>
    posix.join(posix.dirname(file), path),
  );
}

test('every file of src/ is in the list of layers', () => {
  assert.deepEqual(
    files.filter((file) => findLayer(file) === undefined),
    [],
    'add the file, or its folder, to the list above',
  );
});

test('a file imports only its own layer or a lower one', () => {
  const wrong = files.flatMap((file) =>
    importsOf(file)
      .filter((target) => (findLayer(target) ?? 0) > (findLayer(file) ?? 5))
      .map((target) => `${file} (layer ${findLayer(file)}) imports ${target} (layer ${findLayer(target)})`),
  );
  assert.deepEqual(wrong, []);
});

test('the core does no I/O and asks no clock', () => {
  const core = files.filter((file) => (findLayer(file) ?? 0) <= CORE);
  const wrong = core.flatMap((file) => {
    const code = readFileSync(join(src, file), 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '');
    return forbiddenInCore.flatMap((pattern) =>
      [...code.matchAll(pattern)].map(([, what]) => `${file}: ${what}`),
    );
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
