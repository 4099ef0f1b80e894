import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  childrenOf,
  eachNode,
  groupsIn,
  hasNode,
  isNullable,
  onlyChar,
  widthOf,
} from '../../../src/filter/regex/tree.ts';
import { parsed } from './parsed.ts';

test('widthOf() is the number of characters that a node always takes, null where that varies', () => {
  const width = (pattern: string): number | null => widthOf(parsed(pattern).root);
  assert.equal(width('ab[cd]'), 3);
  assert.equal(width('a|b'), 1);
  assert.equal(width('a|bc'), null);
  assert.equal(width('(?:ab){3}'), 6);
  assert.equal(width('a{1,2}'), null);
  assert.equal(width('(?:^)*'), 0);
  assert.equal(width('^\\ba$'), 1);
  assert.equal(width('(?=abc)x'), 1);
  assert.equal(width('(a)\\1'), null);
  assert.equal(width('(a)?(?(1)b|c)'), null);
  assert.equal(width('(a)(?(1)b|c)'), 2);
  assert.equal(width(''), 0);
});

test('isNullable() says whether a node can match nothing', () => {
  for (const pattern of ['', 'a*', 'a|', '(a?)', '(?:a*)+', '^', '(?=a)', '(a)?(?(1)b)', '(?>a?)', 'a{0}'])
    assert.ok(isNullable(parsed(pattern).root), pattern);
  for (const pattern of ['a', 'a+', 'a|b', '(?:a|b)c*', '^a', '(?=a)b', '(a)(?(1)b|c)', '[^a]'])
    assert.ok(!isNullable(parsed(pattern).root), pattern);
});

test('onlyChar() is the one character of a set, null where another case or character is taken too', () => {
  const only = (pattern: string): number | null => {
    const { root } = parsed(pattern);
    assert.ok(root.kind === 'set');
    return onlyChar(root.set);
  };
  assert.deepEqual(['a', '[a]', '\\x41', '\\n'].map(only), [97, 97, 65, 10]);
  assert.deepEqual(['[ab]', '(?i:a)', '\\d', '.', '[^a]', '[a\\d]'].map(only), new Array(6).fill(null));
});

test('groupsIn() and eachNode() go through all of a tree in the order of the text', () => {
  const { root } = parsed('(a(b)|c)(?:(?=(d))e)*(x)?(?(4)(f)|(g))');
  assert.deepEqual(groupsIn(root), [1, 2, 3, 4, 5, 6]);
  const chars: string[] = [];
  eachNode(root, (node) => {
    const code = node.kind === 'set' ? onlyChar(node.set) : null;
    if (code !== null) chars.push(String.fromCharCode(code));
  });
  assert.equal(chars.join(''), 'abcdexfg');
});

test('hasNode() finds a node at any depth, and childrenOf() has none for what has no parts', () => {
  const { root } = parsed('a(?:b(?!c\\b))*');
  assert.ok(hasNode(root, ({ kind }) => kind === 'anchor'));
  assert.ok(!hasNode(root, ({ kind }) => kind === 'backref'));
  assert.deepEqual(childrenOf(parsed('a').root), []);
});
