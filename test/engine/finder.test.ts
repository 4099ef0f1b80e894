import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LineFinder, Literal } from '../../src/engine/finder.ts';
import { countNewlines, countSameHead, isAsciiStretch, makeWasmFinder } from '../../src/engine/wasmfinder.ts';
import { makeWuManber } from '../../src/engine/wumanber.ts';
import { dice } from '../dice.ts';

const roll = dice(5);
const word = (letters: string, length: number): string =>
  Array.from({ length }, () => letters[roll(letters.length)]).join('');
const NO_COSTS = new Uint8Array(256);

/** Each told line as `start-end: literals`, those with a hit or all. */
function naive(literals: readonly Literal[], text: string, from: number, isAll: boolean): string[] {
  const told: string[] = [];
  let start = from;
  for (const line of text.split('\n').slice(0, -1)) {
    const hits = literals.flatMap(({ text: wanted, isFolded }, number) =>
      (isFolded ? line.toLowerCase().includes(wanted.toLowerCase()) : line.includes(wanted)) ? [number] : [],
    );
    if (isAll || hits.length > 0) told.push(`${start}-${start + line.length}: ${hits.join(' ')}`);
    start += line.length + 1;
  }
  return told;
}

function toldBy(finder: LineFinder, bytes: Buffer, [start, end]: [number, number], isAll: boolean): string[] {
  const told: string[] = [];
  const hits = new Set<number>();
  finder.eachLine({ bytes, start, end }, isAll, {
    hit: (literal) => hits.add(literal),
    visit(from, to) {
      told.push(`${from}-${to}: ${[...hits].sort((a, b) => a - b).join(' ')}`);
      hits.clear();
    },
  });
  return told;
}

test('law: both finders tell the lines that a naive search tells, with the same literals', () => {
  for (let round = 0; round < 4000; round++) {
    const letters = roll(2) === 0 ? 'abAB\n' : 'abcdefgXYZ 0\n-[\u00e9';
    const literals = Array.from({ length: roll(round % 100 === 0 ? 300 : 12) }, () => {
      const isFolded = roll(2) === 0;
      const text = word(letters.replace(/[\n\u00e9]/g, ''), 3 + roll(round % 5 === 0 ? 20 : 3));
      return { text, isFolded };
    });
    const text = `${word(letters, roll(round % 50 === 0 ? 60_000 : 400))}\n`;
    const bytes = Buffer.from(`abz${text}abab`, 'latin1');
    const [start, end] = [3, 3 + text.length];
    const costs = Uint8Array.from({ length: 256 }, () => roll(100));
    const wasm = makeWasmFinder(literals, costs);
    assert.ok(wasm !== null);
    for (const isAll of [false, true]) {
      const wanted = naive(literals, text, start, isAll);
      const why = JSON.stringify({ round, isAll, literals: literals.slice(0, 20), text: text.slice(0, 500) });
      assert.deepEqual(toldBy(wasm, bytes, [start, end], isAll), wanted, `wasm ${why}`);
      assert.deepEqual(toldBy(makeWuManber(literals), bytes, [start, end], isAll), wanted, `js ${why}`);
    }
  }
});

test('a batch of a megabyte is told whole, however many lines hit', () => {
  const text = 'a hit and another one\n'.repeat(50_000);
  const literals = [
    { text: 'hit', isFolded: false },
    { text: 'other', isFolded: true },
    { text: 'none', isFolded: false },
  ];
  const finder = makeWasmFinder(literals, NO_COSTS);
  assert.ok(finder !== null);
  for (const isAll of [false, true]) {
    const told = toldBy(finder, Buffer.from(text), [0, text.length], isAll);
    assert.deepEqual(told, naive(literals, text, 0, isAll));
  }
});

test('the WebAssembly finder refuses what it cannot hold: texts of two characters, thousands of literals', () => {
  assert.equal(makeWasmFinder([{ text: 'ab', isFolded: false }], NO_COSTS), null);
  const many = Array.from({ length: 3000 }, (_, i) => ({ text: `literal ${i}`, isFolded: false }));
  assert.equal(makeWasmFinder(many, NO_COSTS), null);
});

test('newlines are counted, other than ASCII is noticed, and lines that begin alike are counted', () => {
  for (let round = 0; round < 500; round++) {
    const text = `${word('ab\n\u0100'.slice(0, 3 + (round % 2)), roll(300))}\n`;
    const bytes = Buffer.from(`x\n${text}\n\u00ff`, 'latin1');
    const stretch = { bytes, start: 2, end: 2 + text.length };
    assert.equal(countNewlines(stretch), text.split('\n').length - 1);
    const ascii = Buffer.from(`\u00ff${word('abc\n', 40)}\u00ff`, 'latin1');
    assert.equal(isAsciiStretch({ bytes: ascii, start: 1, end: 41 }), true);
    const at = roll(42);
    assert.equal(
      isAsciiStretch({ bytes: ascii, start: at === 0 ? 0 : 1, end: at === 41 ? 42 : 41 }),
      at > 0 && at < 41,
    );
    const head = word('ab', 1 + roll(32));
    const same = roll(20);
    const lines = `${Array.from({ length: same }, () => `${head}${word('ab', roll(40))}\n`).join('')}${round % 3 === 0 ? 'c\n' : ''}`;
    const all = Buffer.from(lines);
    const counted = countSameHead({ bytes: all, start: 0, end: all.length }, Buffer.from(head));
    assert.deepEqual(counted, { count: same, next: round % 3 === 0 ? all.length - 2 : all.length });
  }
});

test('the WebAssembly in the sources is what its AssemblyScript compiles to', () => {
  const compile = join(import.meta.dirname, '../../src/engine/wasm/compile.js');
  const { status, stderr } = spawnSync(process.execPath, [compile, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
