import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashSets, jailTag, jailTags } from '../../src/firewall/names.ts';

const ODD = [
  'a/b',
  'a b',
  'x'.repeat(25),
  'x'.repeat(26),
  'x'.repeat(60),
  '../../etc',
  '-h',
  '.hidden',
  '',
  'ü',
  '日本',
  'a"b',
  'a\nb',
  '{}',
];

test('a plain name of up to 24 characters stays as it is', () => {
  for (const name of ['sshd', 'flask-8080', 'a.b_c-d', '404', 'x'.repeat(24)])
    assert.equal(jailTag(name), name);
});

test('every other name becomes one of its own that fits into any firewall', () => {
  const tags = ODD.map(jailTag);
  for (const tag of tags) assert.match(tag, /^[A-Za-z0-9][A-Za-z0-9_.-]{0,23}$/);
  assert.equal(new Set(tags).size, ODD.length);
});

test('a tag is its own tag, so that what is left over can be removed by it', () => {
  for (const name of ODD) assert.equal(jailTag(jailTag(name)), jailTag(name));
});

test('tagsOf() finds the jail of a tag', () => {
  assert.equal(jailTags(['sshd', 'a b']).get(jailTag('a b')), 'a b');
});

test('hashSets() reads the names it wrote, spare sets among them, and no foreign ones', () => {
  const sets = hashSets('f2b.');
  assert.equal(sets.of({ jail: 'a b', address: '2001:db8::/64', until: null }), sets.name('a b', 6));
  assert.deepEqual(sets.parse(sets.name('sshd', 4)), { tag: 'sshd', family: 4, isSpare: false });
  assert.deepEqual(sets.parse('f2b.sshd-6+'), { tag: 'sshd', family: 6, isSpare: true });
  for (const name of ['f2bf.sshd-4', 'f2b.sshd', 'sshd-4', 'f2b.sshd-5'])
    assert.equal(sets.parse(name), null, name);
});
