import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressIn, floating, REAL, smuggled, VICTIM } from '../../../src/filter/lint/smuggle.ts';
import { compileFailregex } from '../../../src/filter/regex/failregex.ts';
import { eachNode, type Node } from '../../../src/filter/regex/tree.ts';

const compile = (pattern: string, isMultiline = false) =>
  compileFailregex(pattern, { usedns: 'warn', isMultiline });

test('addressIn() is what the pattern takes from the line, an address or a name or an id', () => {
  assert.equal(addressIn(compile('from <HOST>'), 'x from 192.0.2.1 y'), '192.0.2.1');
  assert.equal(addressIn(compile('from <HOST>'), 'x from a.example'), 'a.example');
  assert.equal(addressIn(compile('id <F-ID>\\w+</F-ID>'), 'id root'), 'root');
  assert.equal(addressIn(compile('from <HOST>'), 'x'), null);
  assert.equal(addressIn(compile('user <F-USER>\\w+</F-USER>'), 'user root'), null);
});

test('floating() is a line with any text before what the pattern takes, null where it is bound', () => {
  assert.equal(floating(compile('refused from <HOST>$')), `any text refused from ${VICTIM}`);
  assert.equal(floating(compile('^refused from <HOST>$')), null);
  assert.equal(floating(compile('^.*refused from <HOST>$')), null, 'a wildcard takes the text by itself');
  assert.equal(floating(compile('refused \\w+$')), null, 'it takes no address');
});

test("law: each line of smuggled() holds both addresses, and the pattern takes the attacker's", () => {
  let count = 0;
  for (const pattern of [
    '^login for .*? from <HOST>',
    '^login for .* from <HOST>',
    '^(?:login|user .+?) from <HOST>',
    '^<HOST> .*$',
    '^login for .* from <HOST>$',
    '^user [^,]*, ip=<HOST>$',
  ]) {
    const regex = compile(pattern);
    for (const line of smuggled(regex)) {
      count++;
      assert.ok(line.includes(REAL) && line.includes(VICTIM), line);
      assert.equal(addressIn(regex, line), VICTIM, line);
    }
  }
  assert.ok(count >= 3);
});

test('smuggled() is nothing where the pattern holds, or takes no address', () => {
  for (const pattern of [
    '^login for \\S+ from <HOST>$',
    '^login for .* from <HOST>$',
    '^<HOST> .*$',
    '^login .*$',
  ])
    assert.deepEqual(smuggled(compile(pattern)), [], pattern);
});

test('smuggled() proves nothing by two lines of a window', () => {
  assert.deepEqual(smuggled(compile('^user: \\S+$<SKIPLINES>^from <HOST>$', true)), []);
});

test('smuggled() has the text in a part that it is given for that', () => {
  const regex = compile('^(?:user .*? )?at <HOST>: <F-CONTENT>.+</F-CONTENT>$');
  const given = new Map<Node, string>();
  eachNode(regex.tree.root, (node) => {
    if (node.kind === 'group' && node.name === 'content') given.set(node, 'refused');
  });
  const lines = smuggled(regex, given);
  assert.ok(lines.length > 0 && lines.every((line) => line.endsWith(': refused')), `${lines}`);
});
