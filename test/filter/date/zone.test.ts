import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { readTimeZone } from '../../../src/config/values.ts';
import {
  isSteady,
  localZone,
  offsetAt,
  parseOffset,
  parseZone,
  toInstant,
  type Zone,
  zoneNames,
} from '../../../src/filter/date/zone.ts';

const at = (iso: string): number => Date.parse(iso) / 1000;
const zone = (name: string): Zone => {
  const found = parseZone(name);
  assert.ok(found !== null, name);
  return found;
};

const outerZone = process.env['TZ'];
before(() => {
  process.env['TZ'] = 'Europe/Zurich';
});
after(() => {
  if (outerZone === undefined) delete process.env['TZ'];
  else process.env['TZ'] = outerZone;
});

test('parseOffset() reads offsets, names and both added up, in seconds east of Greenwich', () => {
  const read: readonly (readonly [string, number])[] = [
    ['+0200', 7200],
    ['-03:30', -12_600],
    ['+02', 7200],
    ['UTC+02', 7200],
    ['CEST', 7200],
    ['cest', 7200],
    ['Z', 0],
    ['NPT', 20_700],
    ['MSK+0100', 14_400],
    ['EST-0500', -36_000],
  ];
  for (const [text, seconds] of read) assert.equal(parseOffset(text), seconds, text);
});

test('parseOffset() answers null for what is no offset', () => {
  for (const text of ['', 'Atlantis', '+2', '+3000', '+02:', '02:00', '+02:00 ', 'Europe/Zurich'])
    assert.equal(parseOffset(text), null, text);
});

test('zoneNames has the longest names first, so that an alternation takes the whole of each', () => {
  const lengths = zoneNames.map((name) => name.length);
  assert.deepEqual(
    lengths,
    lengths.toSorted((a, b) => b - a),
  );
  assert.equal(new Set(zoneNames).size, zoneNames.length);
});

test('parseZone() knows offsets, abbreviations and IANA names, and no others', () => {
  assert.deepEqual(parseZone('UTC+0530'), { kind: 'fixed', seconds: 19_800 });
  assert.deepEqual(parseZone('MSK'), { kind: 'fixed', seconds: 10_800 });
  assert.equal(offsetAt(zone('America/New_York'), at('2005-01-14T12:00:00Z')), -18_000);
  assert.equal(offsetAt(zone('America/New_York'), at('2005-08-14T12:00:00Z')), -14_400);
  assert.equal(parseZone('Europe/Atlantis'), null);
});

test('offsets of before there were zones have seconds', () => {
  assert.equal(offsetAt(zone('America/New_York'), at('1870-01-01T00:00:00Z')), -(4 * 3600 + 56 * 60 + 2));
});

test('offsetAt() changes at the second at which clocks are changed', () => {
  for (const each of [zone('Europe/Zurich'), localZone()]) {
    assert.equal(offsetAt(each, at('2005-03-27T00:59:59Z')), 3600);
    assert.equal(offsetAt(each, at('2005-03-27T01:00:00Z')), 7200);
    assert.equal(offsetAt(each, at('2005-10-30T00:59:59Z')), 7200);
    assert.equal(offsetAt(each, at('2005-10-30T01:00:00Z')), 3600);
  }
});

test('toInstant() reads an hour that is missing in spring with the offset before the change', () => {
  for (const each of [zone('Europe/Zurich'), localZone()]) {
    const read = (wall: string): number => toInstant(each, at(wall), 0);
    assert.equal(read('2005-03-27T01:59:59Z'), at('2005-03-27T00:59:59Z'));
    assert.equal(read('2005-03-27T02:30:00Z'), at('2005-03-27T01:30:00Z'));
    assert.equal(read('2005-03-27T03:00:00Z'), at('2005-03-27T01:00:00Z'));
  }
});

test('toInstant() reads an hour that occurs twice as the first, and as the second while that is going on', () => {
  for (const each of [zone('Europe/Zurich'), localZone()]) {
    const read = (now: string): number => toInstant(each, at('2005-10-30T02:30:00Z'), at(now));
    assert.equal(read('2006-01-01T00:00:00Z'), at('2005-10-30T00:30:00Z'));
    assert.equal(read('2005-10-30T00:30:05Z'), at('2005-10-30T00:30:00Z'));
    assert.equal(read('2005-10-30T01:30:05Z'), at('2005-10-30T01:30:00Z'));
    assert.equal(read('2005-10-30T01:28:59Z'), at('2005-10-30T00:30:00Z'));
    assert.equal(read('2005-10-30T01:29:00Z'), at('2005-10-30T01:30:00Z'), 'a clock may be a minute off');
    assert.equal(read('2005-10-30T02:29:59Z'), at('2005-10-30T01:30:00Z'));
    assert.equal(read('2005-10-30T02:30:00Z'), at('2005-10-30T00:30:00Z'));
    assert.equal(toInstant(each, at('2005-10-30T03:00:00Z'), 0), at('2005-10-30T02:00:00Z'));
  }
});

test('toInstant() knows of changes by half an hour, south of the equator', () => {
  const island = zone('Australia/Lord_Howe');
  const late = at('2006-06-01T00:00:00Z');
  assert.equal(toInstant(island, at('2005-10-30T02:15:00Z'), late), at('2005-10-29T15:45:00Z'));
  assert.equal(toInstant(island, at('2005-03-27T01:45:00Z'), late), at('2005-03-26T14:45:00Z'));
});

test('isSteady() says no for a day around a change of clocks', () => {
  const rules = zone('Europe/Zurich');
  assert.equal(isSteady(rules, at('2005-08-14T12:00:00Z')), true);
  assert.equal(isSteady(rules, at('2005-10-30T12:00:00Z')), false);
  assert.equal(isSteady(rules, at('2005-10-29T12:00:00Z')), false);
  assert.equal(isSteady(zone('CEST'), at('2005-10-30T12:00:00Z')), true);
});

test('parseZone() reads what the configuration takes for a zone', () => {
  for (const text of [
    'Z',
    'gmt',
    'utc+0200',
    'GMT-01:00',
    '-03:30',
    '+02',
    '+23:00',
    'Europe/Berlin',
    'EST5EDT',
  ])
    assert.notEqual(parseZone(readTimeZone({ text, places: [] }) ?? ''), null, text);
});
