import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIp4 } from '../../../src/base/ip.ts';
import {
  CONTENT,
  compileSearches,
  endOf,
  groupPlace,
  groupsOf,
  IP4,
  ip4Of,
  isSet,
  makeSearch,
  NOFAIL,
  narrow,
  type Search,
  type Subject,
  search,
  subjectLength,
  UNWATCHED,
} from '../../../src/filter/fast/search.ts';
import { compileFailregex } from '../../../src/filter/regex/failregex.ts';
import { makeGround, TEXT_AT } from '../../testbed/ground.ts';

const shared = makeGround();

function searchFor(pattern: string, region = 0): Search {
  const regex = compileFailregex(pattern, { usedns: 'no', isMultiline: false });
  return makeSearch(regex.ascii, regex.fields, { tree: () => regex.tree, region });
}

/** The line in the shared memory. */
function subjectOf(line: string, isUnwatched = false): Subject {
  const to = TEXT_AT + shared.bytes.write(`${line}\n`, TEXT_AT, 'latin1');
  return { shared, from: TEXT_AT, to, text: null, isUnwatched };
}

/** The same regex twice: native, and compiled. */
function both(pattern: string): readonly Search[] {
  const compiled = searchFor(pattern);
  assert.equal(compileSearches([compiled], shared, 0), 1);
  return [searchFor(pattern), compiled];
}

const placed = (one: Search, group: number): string | null => {
  const place = { codes: new Uint8Array(0), from: 0, to: 0 };
  return groupPlace(one, group, place)
    ? Buffer.from(place.codes).toString('latin1', place.from, place.to)
    : null;
};

test('what is found natively and what is compiled says the same', () => {
  const pattern = '^(?P<nofail>x)?bad (?P<content>\\w*) from <IP4>(?: as (?P<user>\\w+))?';
  for (const one of both(pattern)) {
    const subject = subjectOf('bad guy from 192.0.2.1, x');
    assert.equal(search(one, subject), true);
    assert.equal(ip4Of(one), parseIp4('192.0.2.1'));
    assert.deepEqual(
      [placed(one, CONTENT), placed(one, NOFAIL), placed(one, IP4)],
      ['guy', null, '192.0.2.1'],
    );
    assert.deepEqual([isSet(one, CONTENT), isSet(one, NOFAIL)], [true, false]);
    assert.equal(endOf(one, subject), 'bad guy from 192.0.2.1'.length);
    const groups = groupsOf(one);
    const value = (name: string): string | undefined => groups[one.fields.get(name) ?? -1];
    assert.deepEqual([value('content'), value('nofail'), value('user')], ['guy', undefined, undefined]);
    assert.equal(search(one, subjectOf('bad  from 192.0.2.1')), true);
    assert.deepEqual([placed(one, CONTENT), isSet(one, CONTENT)], ['', false]);
    assert.equal(search(one, subjectOf('good from 192.0.2.1')), false);
  }
});

test('ip4Of() is null for what is no address', () => {
  for (const one of both('from <IP4>')) {
    assert.equal(search(one, subjectOf('from 192.0.2.300')), true);
    assert.equal(ip4Of(one), null);
  }
});

test('a search that is not compiled counts its uses, and needs a watch over the clock', () => {
  const one = searchFor('from <HOST>');
  assert.equal(search(one, subjectOf('from 192.0.2.1')), true);
  assert.throws(
    () => search(one, subjectOf('from 192.0.2.1', true)),
    (error) => error === UNWATCHED,
  );
  assert.equal(one.uses, 2);
  assert.equal(compileSearches([one], shared, 3), 0);
  assert.equal(compileSearches([one], shared, 2), 1);
  assert.equal(compileSearches([one], shared, 2), 0, 'once');
  assert.equal(search(one, subjectOf('from 192.0.2.1', true)), true);
});

test('what cannot be compiled, or has no room for its bounds, stays native', () => {
  const odd = searchFor('(?P<user>x)(?P=user)');
  const far = searchFor('from <HOST>', shared.boundsRoom / 256);
  assert.equal(compileSearches([odd, far], shared, 0), 0);
  assert.equal(search(odd, subjectOf('xx')), true);
  assert.equal(search(far, subjectOf('from 192.0.2.1')), true);
});

test('a compiled search that takes too much work is looked at natively, or needs a watch', () => {
  const [, one] = both('^(?:a|aa)*c <IP4>');
  assert.ok(one !== undefined);
  const line = 'a'.repeat(60);
  assert.throws(
    () => search(one, subjectOf(line, true)),
    (error) => error === UNWATCHED,
  );
});

test('narrow() takes characters from the beginning, as bytes or as a text', () => {
  const placedSubject = subjectOf('head tail');
  narrow(placedSubject, 5);
  assert.deepEqual([placedSubject.from, subjectLength(placedSubject)], [TEXT_AT + 5, 5]);
  const text: Subject = { shared: null, from: 0, to: 0, text: 'head tail\n', isUnwatched: false };
  narrow(text, 5);
  assert.deepEqual([text.text, subjectLength(text)], ['tail\n', 5]);
  for (const one of both('^tail$')) {
    assert.deepEqual([search(one, text), search(one, placedSubject)], [true, true]);
    assert.equal(search(one, subjectOf('head tail')), false);
  }
});
