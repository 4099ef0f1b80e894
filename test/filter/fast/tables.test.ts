import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dispatch } from '../../../src/filter/fast/dispatch.ts';
import { type Plan, planOf } from '../../../src/filter/fast/plan.ts';
import { compileSearches } from '../../../src/filter/fast/search.ts';
import { laneAt, makeTables, type Tables } from '../../../src/filter/fast/tables.ts';
import * as layout from '../../../src/filter/fast/wasm/layout.ts';
import { makeGround } from '../../testbed/ground.ts';
import { type FilterParts, filterOf } from '../filterof.ts';

const shared = makeGround();
const QUIET = { tellsAll: false, checksAll: false };

/** The tables for filters of which some searches are compiled. */
function tablesOf(
  parts: readonly FilterParts[],
  wanted: (plan: Plan) => Plan['searches'] = ({ searches }) => searches,
  options = QUIET,
): Tables | null {
  const filters = parts.map(filterOf);
  const dispatch = new Dispatch(filters, { all: false });
  dispatch.eachLine(Buffer.from('x\n'), 0, 2, () => undefined);
  const plans = filters.map(planOf);
  for (const plan of plans) if (plan !== null) compileSearches(wanted(plan), shared, 0);
  assert.ok(dispatch.literals !== null);
  return makeTables(plans, dispatch.literals, shared, options);
}

/** An integer of the tables. */
function word({ bytes }: Tables, address: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset).readInt32LE(address - layout.TABLES);
}

const flags = (tables: Tables | null, lane = 0): number =>
  tables === null ? -1 : word(tables, laneAt(lane) + layout.LANE_FLAGS);

const PREFIXED: FilterParts = {
  prefregex: '^ sshd: <F-CONTENT>.+</F-CONTENT>$',
  failregex: ['^refused <HOST>$'],
};

test('laneAt() puts lanes one after the other behind the header', () => {
  assert.equal(laneAt(0), layout.TABLES + layout.HEADER);
  assert.equal(laneAt(3) - laneAt(2), layout.LANE);
});

test('makeTables() is null where no lane could be driven', () => {
  assert.equal(tablesOf([{ failregex: ['<F-ID>\\w+</F-ID>'] }]), null, 'no filter has a short way');
  assert.equal(
    tablesOf([PREFIXED], () => []),
    null,
    'its prefregex is not compiled',
  );
  assert.equal(tablesOf([{ ...PREFIXED, prefregex: '^ sshd: <F-CONTENT>.+</F-CONTENT> end$' }]), null);
});

test('a lane is on where its prefregex is compiled, or there is none', () => {
  const tables = tablesOf([{ failregex: ['refused <HOST>'] }, { failregex: ['<SUBNET>'] }, PREFIXED]);
  assert.deepEqual(tables?.isOn, [true, false, true]);
  assert.equal(tables && word(tables, layout.TABLES), 3);
});

test('a function is there once for each regex that is compiled, by its number', () => {
  const parts = { failregex: ['^a <HOST>$', '^b <HOST>$'], ignoreregex: ['c'] };
  const tables = tablesOf([parts], ({ regexes }) => regexes.slice(1).map(({ search }) => search));
  assert.ok(tables !== null);
  assert.equal(tables.functions.length, 1);
  const regexes = word(tables, laneAt(0) + layout.LANE_REGEXES);
  assert.deepEqual([word(tables, regexes), word(tables, regexes + layout.REGEX)], [0, 1]);
  assert.equal(word(tables, laneAt(0) + layout.LANE_IGNORE_COUNT), 1);
  assert.equal(word(tables, word(tables, laneAt(0) + layout.LANE_IGNORES)), 0);
});

test('a failregex without an address of its own has that of prefregex', () => {
  const tables = tablesOf([
    { prefregex: '^ <HOST>: <F-CONTENT>.+</F-CONTENT>$', failregex: ['^refused$', '^bad <HOST>$'] },
  ]);
  assert.ok(tables !== null);
  const regexes = word(tables, laneAt(0) + layout.LANE_REGEXES);
  const [inherited, own] = [regexes, regexes + layout.REGEX].map((at) => word(tables, at + layout.REGEX_IP));
  assert.ok(inherited !== 0 && own !== 0 && inherited !== own);
});

test('the flags say what is to be told, and in which order', () => {
  const plain = { failregex: ['refused <HOST>'] };
  assert.equal(flags(tablesOf([plain])), 0);
  assert.equal(flags(tablesOf([{ failregex: ['^<HOST>$'] }])), layout.IS_ALWAYS);
  assert.equal(flags(tablesOf([PREFIXED])), layout.IS_HEAD);
  const all = tablesOf([plain], ({ searches }) => searches, { tellsAll: true, checksAll: true });
  assert.equal(flags(all), layout.TELLS_ALL | layout.CHECKS_ALL);
  const failregex = ['a', 'b', 'c', 'd'].map((word) => `${word}${word}${word} <HOST>`);
  assert.equal(flags(tablesOf([{ failregex, ignoreregex: ['x'] }])), layout.IGNORES_FIRST);
});

test('each literal leads to the failregexes and lanes that it speaks for', () => {
  const tables = tablesOf([
    { failregex: ['refused <HOST>', 'failed <HOST>'] },
    { failregex: ['failed <HOST>'] },
  ]);
  assert.ok(tables !== null);
  const lists = word(tables, layout.TABLES + layout.HEADER_TARGETS);
  const list = (literal: number): readonly number[] => {
    const at = word(tables, lists + literal * 4);
    const pairs = word(tables, at);
    const lanes = at + 4 + pairs * 8;
    return [pairs, ...Array.from({ length: word(tables, lanes) }, (_, i) => word(tables, lanes + 4 + i * 4))];
  };
  assert.deepEqual(
    [list(0), list(1)],
    [
      [1, laneAt(0)],
      [2, laneAt(0), laneAt(1)],
    ],
  );
});

test('makeTables() is null for more than the tables hold', () => {
  const plan = planOf(filterOf({ failregex: ['refused <HOST>'] }));
  const tables = (count: number): Tables | null => {
    const base = new Array<number>(count + 1).fill(0);
    const literals = { targets: [], owners: [], always: new Int32Array(1), base, isForEvery: [] };
    return makeTables(new Array<Plan | null>(count).fill(plan), literals, shared, QUIET);
  };
  assert.notEqual(tables(2), null);
  assert.equal(tables(Math.ceil(layout.TABLES_ROOM / layout.LANE)), null);
});
