import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ALL_CHARS,
  areApart,
  type Continuation,
  callOf,
  END,
  firstsOf,
  isDone,
  literalAhead,
  membersOf,
  unfold,
} from '../../../../src/filter/regex/wasm/continuation.ts';
import { parsed } from '../parsed.ts';

const wayOf = (pattern: string, next: Continuation = { kind: 'accept' }) =>
  ({ kind: 'node', node: parsed(pattern).root, next }) as const;

/** The characters that may come next; `$` for the end, `any` where nothing is known. */
function firsts(pattern: string): string {
  const found = firstsOf(wayOf(pattern));
  if ((found & ALL_CHARS) === ALL_CHARS) return 'any';
  const chars = Array.from({ length: 128 }, (_, code) =>
    (found >> BigInt(code)) & 1n ? String.fromCharCode(code) : '',
  );
  return `${chars.join('')}${(found >> BigInt(END)) & 1n ? '$' : ''}`;
}

test('firstsOf() are the characters that what is to be matched can begin with', () => {
  assert.equal(firsts('abc'), 'a');
  assert.equal(firsts('a|b|[cd]'), 'abcd');
  assert.equal(firsts('a?b'), 'ab');
  assert.equal(firsts('(?:a|b)*c'), 'abc');
  assert.equal(firsts('(?P<x>a)+b'), 'a');
  assert.equal(firsts('a{0}b'), 'b');
  assert.equal(firsts('(?>a)|b'), 'ab');
  assert.equal(firsts('(x)?(?(1)a|b)'), 'abx');
});

test('firstsOf() looks through what takes nothing, and knows what may stand at the end', () => {
  assert.equal(firsts('^\\ba'), 'a');
  assert.equal(firsts('(?=x)a'), 'a');
  assert.equal(firsts('$'), '\n$');
  assert.equal(firsts('a?$'), '\na$');
});

test('firstsOf() knows nothing where all is matched or a text is repeated', () => {
  assert.equal(firsts('a*'), 'any');
  assert.equal(firsts('(x?)\\1'), 'any');
  assert.equal(firstsOf({ kind: 'found' }) > ALL_CHARS, true);
});

test('membersOf() are the ASCII characters of a set, and areApart() says that two have none in common', () => {
  const of = (pattern: string) => {
    const { root } = parsed(pattern);
    assert.ok(root.kind === 'set');
    return membersOf(root.set);
  };
  assert.equal(of('[a\u00e9]'), 1n << 97n);
  assert.equal(of('.'), ALL_CHARS ^ (1n << 10n));
  assert.equal(of('(?i:\u212a)'), (1n << 75n) | (1n << 107n));
  assert.equal(of('[\\d\\D]'), ALL_CHARS);
  assert.equal(of('[\\x70-\\u2000]'), ALL_CHARS ^ ((1n << 112n) - 1n));
  assert.ok(areApart(of('\\d'), of('\\D')));
  assert.ok(!areApart(of('\\w'), of('\\d')));
});

test('literalAhead() is the text that must come next, up to the first choice', () => {
  const { text, next } = literalAhead(wayOf('ab(?:cd)[ef]g'));
  assert.equal(text, 'abcd');
  assert.equal(literalAhead(next).text, '');
  assert.equal(literalAhead(wayOf('(?i)ab')).text, '');
  assert.equal(literalAhead(wayOf('a\u00e9')).text, 'a');
  assert.deepEqual(literalAhead(wayOf('ab')), { text: 'ab', next: { kind: 'accept' } });
});

test('isDone() where only groups end', () => {
  assert.ok(isDone({ kind: 'accept' }));
  assert.ok(isDone({ kind: 'groupEnd', index: 1, next: { kind: 'found' } }));
  assert.ok(!isDone(wayOf('a')));
});

test('callOf() makes one function of what is needed twice, and none of next to nothing', () => {
  const way = wayOf('a');
  const call = callOf(way);
  assert.deepEqual(call, { kind: 'call', way });
  assert.equal(callOf(way), call);
  assert.equal(callOf(call), call);
  const done: Continuation = { kind: 'accept' };
  assert.equal(callOf(done), done);
});

test('unfold() goes through a sequence item by item, and makes the same of the same', () => {
  const way = wayOf('a[bc]');
  assert.ok(way.node.kind === 'seq');
  const first = unfold(way, way.node);
  assert.equal(unfold(way, way.node), first);
  assert.ok(first.kind === 'node' && first.node === way.node.items[0]);
  assert.ok(first.next.kind === 'node' && first.next.next.kind === 'accept');
});
