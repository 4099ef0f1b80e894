import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accepts, sampleOf, sampleText } from '../../../src/filter/lint/sample.ts';
import { compileFailregex, matchText } from '../../../src/filter/regex/failregex.ts';
import { eachNode, type Node } from '../../../src/filter/regex/tree.ts';
import { parsed } from '../regex/parsed.ts';

/** The parts of the kind in the pattern. */
function partsOf(root: Node, kind: Node['kind']): readonly Node[] {
  const found: Node[] = [];
  eachNode(root, (node) => {
    if (node.kind === kind) found.push(node);
  });
  return found;
}

const sample = (pattern: string): string | null => sampleText([parsed(pattern).root], '192.0.2.1');

test('sampleText() is the shortest that the parts take, with the address where a group takes one', () => {
  assert.equal(sample('^login (?:for \\w+ )?from <HOST>$'), 'login from 192.0.2.1');
  assert.equal(sample('a{3}b*(?:c|d)'), 'aaac');
  assert.equal(sample('<F-ID>\\w+@\\w+</F-ID>'), '192.0.2.1');
  assert.equal(sample('(?P<x>ab)-(?P=x)'), 'ab-ab');
  assert.equal(sample('(x)?(?(1)a|b)'), 'b');
  assert.equal(sample('(x)(?(1)a|b)'), 'xa');
});

test('sampleText() is null where no ASCII text can be made up', () => {
  assert.equal(sample('a\u00e9'), null);
  assert.equal(sample('[^\\s\\S]'), null);
  assert.equal(sample('\u00e9|b'), 'b');
});

test('law: what sampleText() makes of patterns without looks matches them', () => {
  for (const pattern of [
    '^\\S+ \\[\\d{3}\\]: (?:a|b)[^x]{2,}<HOST>\\b',
    '\\w+\\W+\\s?<HOST>',
    '^(?i:abc)[^a]<HOST>$',
  ]) {
    const text = sample(pattern);
    const regex = compileFailregex(pattern, { usedns: 'no', isMultiline: false });
    assert.ok(text !== null && matchText(regex, `${text}\n`) !== null, `${pattern}: ${text}`);
  }
});

test('sampleOf() leads through the parts that it is told, and leaves nothing around them out', () => {
  const { root } = parsed('(?:a|b(?:c|d)*)?e');
  const d = partsOf(root, 'set').find((node) => node.kind === 'set' && accepts(node.set, 0x64));
  assert.ok(d !== undefined);
  const wish = { address: '', through: [d], fills: new Map<Node, string>() };
  assert.equal(sampleOf(root, wish), 'bde');
  assert.equal(sampleOf(root, { ...wish, through: [] }), 'e');
});

test('sampleOf() fills parts with texts', () => {
  const { root } = parsed('^a (.*) <HOST>$');
  const [wild] = partsOf(root, 'repeat');
  assert.ok(wild !== undefined);
  const wish = { address: '192.0.2.1', through: [], fills: new Map([[wild, 'x y']]) };
  assert.equal(sampleOf(root, wish), 'a x y 192.0.2.1');
});
