import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LineFinder, Literal } from '../../../src/filter/fast/finder.ts';
import {
  countLines,
  countSameDates,
  lendBytes,
  makeFinder,
  nextRecord,
} from '../../../src/filter/fast/finder.ts';
import { dice } from '../../testbed/dice.ts';

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
  finder.eachRecords({ bytes, start, end }, isAll, (words, first, last) => {
    for (let record = first; record < last; record = nextRecord(words, record)) {
      const [from = 0, to = 0, count = 0] = words.subarray(record >> 2);
      const hits = words.slice((record >> 2) + 3, (record >> 2) + 3 + count).sort();
      told.push(`${from + finder.shift}-${to + finder.shift}: ${hits.join(' ')}`);
    }
  });
  return told;
}

test('law: the finder tells the lines that a naive search tells, with the same literals', () => {
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
    const wasm = makeFinder(literals, costs);
    assert.ok(wasm !== null);
    for (const isAll of [false, true]) {
      const wanted = naive(literals, text, start, isAll);
      const why = JSON.stringify({ round, isAll, literals: literals.slice(0, 20), text: text.slice(0, 500) });
      assert.deepEqual(toldBy(wasm, bytes, [start, end], isAll), wanted, why);
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
  const finder = makeFinder(literals, NO_COSTS);
  assert.ok(finder !== null);
  for (const isAll of [false, true]) {
    const told = toldBy(finder, Buffer.from(text), [0, text.length], isAll);
    assert.deepEqual(told, naive(literals, text, 0, isAll));
  }
});

test('the WebAssembly finder refuses what it cannot hold: texts of two characters, thousands of literals', () => {
  assert.equal(makeFinder([{ text: 'ab', isFolded: false }], NO_COSTS), null);
  const many = Array.from({ length: 3000 }, (_, i) => ({ text: `literal ${i}`, isFolded: false }));
  assert.equal(makeFinder(many, NO_COSTS), null);
});

test('lines are counted, and lines that begin alike', () => {
  const lent = lendBytes(2000);
  for (let round = 0; round < 500; round++) {
    const text = `${word('ab#\n\n\r'.slice(0, 3 + (round % 4)), roll(300))}\n`;
    const some = round % 2 === 0 ? Buffer.alloc(2000) : lent;
    some.write(`x\n${text}\n\u00ff`, 'latin1');
    const lines = text.split('\n').slice(0, -1);
    assert.equal(countLines({ bytes: some, start: 2, end: 2 + text.length }), lines.length);
    const head = word('ab', 1 + roll(48));
    const same = roll(20);
    const alike = `${Array.from({ length: same }, () => `${head}${word('ab', roll(40))}\n`).join('')}${round % 3 === 0 ? 'c\n' : ''}`;
    const all = Buffer.from(alike);
    const counted = countSameDates(
      { bytes: all, start: 0, end: all.length },
      { text: Buffer.from(head), digits: 0, upToFive: 0, closing: 0, wall: null, start: 0 },
    );
    assert.deepEqual([counted.count, counted.next], [same, round % 3 === 0 ? all.length - 2 : all.length]);
    if (same > 0) assert.equal(counted.last, all.lastIndexOf(10, counted.next - 2) + 1);
  }
});

test('lines with the same date behind a sign are counted up to the first that might have another', () => {
  for (let round = 0; round < 2000; round++) {
    const date = word('ab', 1 + roll(47));
    const before = (): string => word('a1 -', 2 + roll(20)).replace(/\d{8}/g, 'x');
    const others = ['1:2[', '@[', '\u00e9xx[', '12345678 [', '#x[', 'a[', 'abc', 'abc[c', `[[${date}`, ''];
    const same = roll(6);
    const lines = Array.from({ length: same }, () => `${before()}[${date}]${word('ab[', roll(9))}`);
    const [last = ''] = lines.slice(-1);
    const other = others[roll(others.length)] ?? '';
    const text = Buffer.from(`${[...lines, other + date].join('\n')}\n`, 'latin1');
    // A date that begins before the last one ended counts.
    const start = 1;
    const found = countSameDates(
      { bytes: text, start: 0, end: text.length },
      { wall: 0x5b, text: Buffer.from(`${date}]`), digits: 0, upToFive: 0, closing: 1, start },
    );
    const starts = lines.map((line) => line.indexOf('[') + 1);
    const cut = starts.findIndex((at, i) => (starts[i - 1] ?? start) >= at + date.length);
    const count = cut < 0 ? same : cut;
    const next = lines.slice(0, count).join('\n').length + (count === 0 ? 0 : 1);
    assert.deepEqual(
      [found.count, found.next, found.start],
      [count, next, count === 0 ? start : starts[count - 1]],
      last,
    );
  }
});

test('a date with other seconds is the same where it is told to vary', () => {
  const date = (seconds: string): string => `Nov 21 10:00:${seconds}.12 `;
  const all = ['07', '59', '00', '60', '07'].map((seconds) => `${date(seconds)}host\n`).join('');
  const bytes = Buffer.from(all.replace('59.12', '59.98'));
  const count = (digits: number, upToFive: number): number =>
    countSameDates(
      { bytes, start: 0, end: bytes.length },
      { text: Buffer.from(date('07')), digits, upToFive, closing: 1, wall: null, start: 0 },
    ).count;
  assert.equal(count(0, 0), 1);
  assert.equal(count((1 << 14) | (3 << 16), 1 << 13), 3);
  assert.equal(count(1 << 14, 1 << 13), 1);
});

test('the WebAssembly in the sources is what its AssemblyScript compiles to', () => {
  const compile = join(import.meta.dirname, '../../../src/filter/fast/wasm/compile.js');
  const { status, stderr } = spawnSync(process.execPath, [compile, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});
