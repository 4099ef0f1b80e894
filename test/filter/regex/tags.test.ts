import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expandTags, fieldName } from '../../../src/filter/regex/tags.ts';
import { compile, fieldsOf } from './fieldsof.ts';

test('<HOST> takes IPv4, IPv6 in brackets or not, IPv4 mapped into IPv6, and names', () => {
  const regex = compile('^from <HOST> port');
  assert.deepEqual(fieldsOf(regex, 'from 192.0.2.7 port'), { ip4: '192.0.2.7' });
  assert.deepEqual(fieldsOf(regex, 'from ::ffff:192.0.2.7 port'), { ip4: '192.0.2.7' });
  assert.deepEqual(fieldsOf(regex, 'from [2001:db8::7] port'), { ip6: '2001:db8::7' });
  assert.deepEqual(fieldsOf(regex, 'from fe80::1 port'), { ip6: 'fe80::1' });
  assert.deepEqual(fieldsOf(regex, 'from dead.beef.example port'), { dns: 'dead.beef.example' });
  assert.deepEqual(fieldsOf(regex, 'from 192.0.2.7.example port'), { dns: '192.0.2.7.example' });
  assert.equal(fieldsOf(regex, 'from - port'), null);
});

test('with usedns = no <HOST> takes no names', () => {
  const regex = compile('^from <HOST> port', 'no');
  assert.deepEqual(fieldsOf(regex, 'from 192.0.2.7 port'), { ip4: '192.0.2.7' });
  assert.equal(fieldsOf(regex, 'from mail.example port'), null);
});

test('<IP6> takes every form of an address that somebody can have', () => {
  const regex = compile('^from <IP6>$');
  for (const ip6 of ['::1', '2001:db8::', '1:2:3:4:5:6:7:8', 'fe80::1:2', '1::8'])
    assert.deepEqual(fieldsOf(regex, `from ${ip6}`), { ip6 }, ip6);
  for (const text of [':', '::', '1', '12345::', '192.0.2.1'])
    assert.equal(fieldsOf(regex, `from ${text}`), null, text);
});

test('the other tags stand for their expressions', () => {
  assert.deepEqual(fieldsOf(compile('^<SUBNET>$'), '192.0.2.0/24'), { ip4: '192.0.2.0', cidr: '24' });
  assert.deepEqual(fieldsOf(compile('^<ADDR>/<CIDR> '), '2001:db8::/32 x'), {
    ip6: '2001:db8::',
    cidr: '32',
  });
  assert.deepEqual(fieldsOf(compile('<IP4>|<IP6>'), 'x 192.0.2.1 y'), { ip4: '192.0.2.1' });
  assert.deepEqual(fieldsOf(compile('id <F-ID/> port <F-PORT/>'), 'id a@b port 22'), {
    fid: 'a@b',
    fport: '22',
  });
  assert.deepEqual(fieldsOf(compile('<F-USER>\\w+</F-USER> <F-ID>\\S+:\\S+</F-ID>'), 'root x:y'), {
    user: 'root',
    fid: 'x:y',
  });
});

test('text in angle brackets that is no tag stays', () => {
  assert.deepEqual(fieldsOf(compile('<dns> <b>x</b> <DNS>$'), '<dns> <b>x</b> a.example'), {
    dns: 'a.example',
  });
  for (const text of ['<host>', '</F-USER>', '<F-user>x', '<F->', '<HOST', '< HOST>'])
    assert.equal(expandTags(text, 'no').text, text);
});

test('every <SKIPLINES> has a group of its own', () => {
  const { text } = expandTags('a<SKIPLINES>b<SKIPLINES>c', 'no');
  assert.equal(text, 'a\\n(?P<skiplines0>(?:(?:.*\\n)*?))b\\n(?P<skiplines1>(?:(?:.*\\n)*?))c');
});

test('expandTags() keeps where each character was written', () => {
  const { text, origins } = expandTags('a<F-ID/>b', 'no');
  assert.equal(text, 'a(?P<fid>\\S+)b');
  assert.deepEqual(origins, [0, ...new Array(12).fill(1), 8]);
});

test("fieldName() spells id and port as fail2ban's groups are called", () => {
  assert.deepEqual(['ID', 'PORT', 'USER', 'ALT_USER_1'].map(fieldName), [
    'fid',
    'fport',
    'user',
    'alt_user_1',
  ]);
});
