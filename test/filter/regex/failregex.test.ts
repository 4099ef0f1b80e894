import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UseDns } from '../../../src/config/jail.ts';
import { backtrack } from '../../../src/filter/regex/backtrack.ts';
import {
  compileFailregex,
  type Failregex,
  matchText,
  RegexError,
} from '../../../src/filter/regex/failregex.ts';

function compile(text: string, usedns: UseDns = 'warn', isMultiline = false): Failregex {
  return compileFailregex(text, { usedns, isMultiline });
}

/** The named captures of a line, or null when it does not match. */
function fieldsOf(regex: Failregex, line: string): Record<string, string> | null {
  const match = matchText(regex, `${line}\n`);
  if (match === null) return null;
  const all = [...regex.fields].map(([name, number]) => [name, match.groups[number]] as const);
  return Object.fromEntries(all.filter(([, value]) => value !== undefined)) as Record<string, string>;
}

function refusal(text: string): [message: string, offset: number] {
  try {
    compile(text);
  } catch (error) {
    assert.ok(error instanceof RegexError, String(error));
    return [error.message, error.offset];
  }
  return ['taken', -1];
}

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
  assert.deepEqual(fieldsOf(compile('<dns> <b>x</b> <DNS>$'), '<dns> <b>x</b> a.example'), {
    dns: 'a.example',
  });
});

test('(?i) in the middle of a pattern holds for all of it, right behind a bracket for the group', () => {
  const seed = compile('\\.(?i)(jpg|jpeg|gif|png|pdf|js|txt)');
  assert.ok(matchText(seed, 'GET /logo.JPG HTTP/1.1\n'));
  assert.ok(matchText(seed, 'GET /logo.png HTTP/1.1\n'));
  const group = compile('SASL ((?i)LOGIN|PLAIN) failed');
  assert.ok(matchText(group, 'SASL login failed\n'));
  assert.equal(matchText(group, 'sasl LOGIN failed\n'), null);
});

test('a double quote is an ordinary character', () => {
  assert.deepEqual(
    fieldsOf(compile('^<HOST> .*"(GET|POST) [^"]+" 401'), '10.2.1.99 - - "GET / HTTP/1.1" 401 -'),
    {
      ip4: '10.2.1.99',
    },
  );
});

test('verbose patterns, comments, \\A, \\Z and flags of Python are had', () => {
  assert.deepEqual(fieldsOf(compile('(?x) \\A a\\ b  # a comment\n (?P<c> [ ] ) \\n \\Z'), 'a b '), {
    c: ' ',
  });
  assert.ok(matchText(compile('(?#a comment)a(?s:.)b'), 'a\nb\n'));
  assert.ok(matchText(compile('(?m)^b$'), 'a\nb\n'));
  assert.equal(matchText(compile('a\\Z'), 'a\n'), null);
  assert.ok(matchText(compile('a$'), 'a\n'));
  assert.equal(matchText(compile('a$'), 'a\r\n'), null);
});

test('classes are those of Unicode in lines that are not ASCII', () => {
  assert.deepEqual(fieldsOf(compile('user (?P<u>\\w+)\\b'), 'user Zoë!'), { u: 'Zoë' });
  assert.deepEqual(fieldsOf(compile('(?P<u>\\S+)\\s'), 'ab\u00a0c'), { u: 'ab' });
  assert.deepEqual(fieldsOf(compile('(?P<u>\\S+)\\s'), 'ab\x1cc'), { u: 'ab' });
  assert.deepEqual(fieldsOf(compile('a(?P<u>.)b'), 'a😀b'), { u: '😀' });
  assert.deepEqual(fieldsOf(compile('a(?P<u>.)b'), 'a\u2028b'), { u: '\u2028' });
});

test('what is wrong is named, with its place in the pattern as it was written', () => {
  assert.deepEqual(refusal('a(b'), ['the group is not closed, ")" is missing', 1]);
  assert.deepEqual(refusal('<HOST> a)b'), ['this ")" closes nothing', 8]);
  assert.deepEqual(refusal('<HOST> [a-'), ['the class is not closed, "]" is missing', 7]);
  assert.deepEqual(refusal('a**'), ['"*" repeats what is repeated already', 2]);
  assert.deepEqual(refusal('<HOST>|*'), ['there is nothing that "*" could repeat', 7]);
  assert.deepEqual(refusal('a{3,2}'), ['the count {3,2} ends below its beginning', 1]);
  assert.deepEqual(refusal('[z-a]'), ['the range "z-a" ends before it begins', 1]);
  assert.deepEqual(refusal('\\q'), ['the escape \\q has no meaning', 0]);
  assert.deepEqual(refusal('(?<name>a)'), ['Python writes a named group (?P<name>...)', 0]);
  assert.deepEqual(refusal('<HOST> <HOST>'), ['there are two groups "ip4"', 7]);
  assert.deepEqual(refusal('(?P=x)'), ['there is no group "x" before this place', 0]);
  assert.deepEqual(refusal('(?<=a+)b'), ['what a look-behind looks for must be of one length', 0]);
  assert.deepEqual(refusal('\\N{BULLET}'), [
    'cannot have \\N{...}: write the character itself or \\uXXXX',
    0,
  ]);
  assert.deepEqual(refusal('('.repeat(50000)), ['the brackets are nested too deep', 0]);
  assert.deepEqual(refusal(' '), ['the pattern is empty', 0]);
});

test('the literals of a pattern are those that no match can do without', () => {
  assert.deepEqual(compile('^Failed (?:password|publickey) for <HOST>').literals[0], {
    texts: ['Failed password for ', 'Failed publickey for '],
    isFolded: false,
  });
  assert.deepEqual(compile('(?i)error [45]0').literals[0], {
    texts: ['error 40', 'error 50'],
    isFolded: true,
  });
  assert.deepEqual(compile('(?i)skip').literals, []);
  assert.deepEqual(compile('<HOST>').literals, []);
  assert.deepEqual(compile('(?:abc)?x').literals, []);
});

test('a literal ends where a date may have been cut out', () => {
  const texts = (pattern: string) => compile(pattern).literals.map((set) => set.texts);
  assert.deepEqual(texts('^\\[\\] \\[error\\] '), [['] [error] ']]);
  assert.deepEqual(texts('^<HOST> - - \\[\\] "GET '), [['] "GET '], [' - - [']]);
  assert.deepEqual(texts('^host  sshd: '), [[' sshd: '], ['host ']]);
});

test('isAnchored says that a match can only begin at the start', () => {
  const anchored = ['^a', '\\Aa', '(?:^a|^b)c', '(?P<x>^a)', '(?!x)^a'];
  assert.deepEqual(
    anchored.filter((text) => !compile(text).isAnchored),
    [],
  );
  const free = ['a', 'a|^b', '(?:^a)?b', '(?m)^a'];
  assert.deepEqual(
    free.filter((text) => compile(text).isAnchored),
    [],
  );
});

test('a capture outlives the turn of the loop that made it', () => {
  const regex = compile('^(?:user=(?P<user>\\w+)|\\w+=\\w+|;)+$');
  assert.deepEqual(fieldsOf(regex, 'user=root;port=22'), { user: 'root' });
});

test('a walk that would take for ever gives up', () => {
  const regex = compile('^(?:(?P<x>a)|a|aa)+$');
  const { found, gaveUp } = backtrack(regex.walker(), `${'a'.repeat(40)}b\n`);
  assert.deepEqual([found, gaveUp], [null, true]);
});

test('a walk that finds nothing says how far it got and which parts failed there', () => {
  const text = '^<HOST> - (?:GET|POST) /';
  assert.deepEqual(backtrack(compile(text).walker(), '192.0.2.7 - PUT /\n').furthest, {
    offset: 13,
    at: [text.lastIndexOf('OST')],
  });
});
