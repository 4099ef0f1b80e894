import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { type IniFile, parseStrict, readIni, strictIni } from '../../src/config/inifile.ts';
import { makeRandom } from './random.ts';

function plain(ini: IniFile): Record<string, Record<string, string>> {
  return Object.fromEntries(
    [...ini.sections].map(([name, { options }]) => [
      name,
      Object.fromEntries([...options].map(([key, option]) => [key, option.value])),
    ]),
  );
}

const read = (text: string): Record<string, Record<string, string>> => plain(readIni(text, 'x.conf'));
const told = (text: string): string[] => readIni(text, 'x.conf').problems.map(formatProblem);

test('section names keep their case, option names lose it', () => {
  assert.deepEqual(read('[Init]\nMaxRetry = 5'), { Init: { maxretry: '5' } });
});

test('both = and : divide a key from its value, whichever comes first', () => {
  assert.deepEqual(read('[a]\nx = 1:2\ny : 3=4'), { a: { x: '1:2', y: '3=4' } });
});

test('a value is cut only at a semicolon behind white space', () => {
  const text = '[a]\nx = 1 ; c\ny = 3;no\nz = 2 # stays\nq = 4\t;c';
  assert.deepEqual(read(text), { a: { x: '1', y: '3;no', z: '2 # stays', q: '4' } });
});

test('lines that begin with # or ; are comments at any indent, also inside a value', () => {
  assert.deepEqual(read('# c\n[a]\n  ; c\nx = 1\n  # c\n  2\n; c\n  3'), { a: { x: '1\n2\n3' } });
});

test('deeper lines continue a value; blank lines inside are kept, at the end dropped', () => {
  assert.deepEqual(read('[a]\nx = 1\n  2\n\n  3\n\n\ny = 4'), { a: { x: '1\n2\n\n3', y: '4' } });
});

test('a line as deep as its key begins a new one', () => {
  assert.deepEqual(read('[a]\n  x = 1\n  y = 2\n   z = 3'), { a: { x: '1', y: '2\nz = 3' } });
});

test('quotes, backslashes, brackets and # in a failregex stay as they are', () => {
  const regex = String.raw`^<HOST> "GET \S+" [[\]"'#] \\ %% {1,2}$`;
  assert.deepEqual(read(`[Definition]\nfailregex = ${regex}`), { Definition: { failregex: regex } });
});

test('names that trouble other readers are ordinary', () => {
  const text =
    '[a.b]\n__proto__ = true\nx[] = null\n[__proto__]\nconstructor = 1\n[a]b]\ny = false\n[a\\.b]\nz =';
  const sections = readIni(text, 'x').sections;
  assert.deepEqual([...sections.keys()], ['a.b', '__proto__', 'a]b', 'a\\.b']);
  assert.equal(sections.get('a.b')?.options.get('__proto__')?.value, 'true');
  assert.equal(sections.get('a.b')?.options.get('x[]')?.value, 'null');
  assert.equal(sections.get('__proto__')?.options.get('constructor')?.value, '1');
});

test('every line of a value knows its number', () => {
  const option = readIni('\n[a]\n# c\nx = 1\n  # c\n  2\n\n  3', 'f').sections.get('a')?.options.get('x');
  assert.deepEqual(option, { value: '1\n2\n\n3', place: { file: 'f', line: 4 }, lines: [4, 6, 7, 8] });
});

test('CR LF, a lone CR and a byte-order mark are read over', () => {
  assert.deepEqual(read('\ufeff[a]\r\nx = 1\r\n  2\ry = 3\r\n'), { a: { x: '1\n2', y: '3' } });
});

test('all mistakes of a file are told, each with its line', () => {
  assert.deepEqual(told('x = 1\n[a]\nfoo\n= 2\n[]\ny = 3'), [
    'x.conf:1: x: no [section] before this',
    'x.conf:3: cannot read "foo": expected "option = value"',
    'x.conf:4: cannot read "= 2": expected "option = value"',
    'x.conf:5: cannot read "[]": expected "option = value"',
  ]);
});

test('lines under a key that cannot be read do not become part of the one before', () => {
  assert.deepEqual(read('[a]\nx = 1\nbad line\n  more\ny = 2'), { a: { x: '1', y: '2' } });
});

test('a key or section given twice warns, and the last value wins', () => {
  const text = '[a]\nx = 1\nX = 2\n[b]\n[a]\nx = 3';
  assert.deepEqual(read(text), { a: { x: '3' }, b: {} });
  const { problems } = readIni(text, 'x.conf');
  assert.ok(problems.every((one) => one.severity === 'warning'));
  assert.deepEqual(problems.map(formatProblem), [
    'x.conf:3: x: already set in line 2 of [a]; the last value counts',
    'x.conf:5: section [a] begins in line 1 already; both parts are read',
    'x.conf:6: x: already set in line 3 of [a]; the last value counts',
  ]);
});

test('law: whatever strictIni prints, parseStrict reads back', () => {
  const random = makeRandom(1);
  const alphabet = [
    'a',
    'B',
    '.',
    '\\',
    '[',
    ']',
    '=',
    ';',
    '#',
    '"',
    "'",
    ' ',
    '\n',
    '\r',
    '\t',
    '%',
    '\u2028',
  ];
  alphabet.push('\u0000', '\u00a0', '\ud83d\ude00', '__proto__', 'true', '[]', '{', ',');
  const word = (): string => Array.from({ length: 1 + random(6) }, () => random.pick(alphabet)).join('');
  for (let round = 0; round < 3000; round++) {
    const wanted = new Map<string, Map<string, string>>();
    for (let i = 0; i < 1 + random(3); i++) {
      wanted.set(word(), new Map(Array.from({ length: random(4) }, () => [word(), word()])));
    }
    const entries = [...wanted].flatMap(([section, options]): [string, string | null, string][] => [
      [section, null, ''],
      ...[...options].map(([key, value]): [string, string, string] => [section, key, value]),
    ]);
    assert.deepEqual(parseStrict(strictIni(entries)), wanted);
  }
});

const PYTHON = '/usr/bin/python3';
const skip = existsSync(PYTHON) ? false : `not installed: ${PYTHON}`;
const CONFIG_PARSER = `
import configparser, json, sys
out = []
for text in json.load(sys.stdin):
    parser = configparser.RawConfigParser(inline_comment_prefixes=";", strict=False, default_section="no such section")
    try:
        parser.read_string(text)
        out.append({s: dict(parser._sections[s]) for s in parser.sections()})
    except configparser.Error:
        out.append(None)
json.dump(out, sys.stdout)
`;

function askPython(texts: readonly string[]): (Record<string, Record<string, string>> | null)[] {
  const input = JSON.stringify(texts);
  const done = spawnSync(PYTHON, ['-c', CONFIG_PARSER], { input, encoding: 'utf8', maxBuffer: 1 << 28 });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout) as (Record<string, Record<string, string>> | null)[];
}

test('law: what ConfigParser reads without complaint is read alike', { skip }, (t) => {
  const random = makeRandom(2);
  const pieces = [
    'x',
    'Key',
    ' = ',
    ':',
    '=',
    '1',
    ' ',
    '  ',
    '\t',
    '\n',
    '\n',
    '\n',
    '\n  ',
    '[a]\n',
    '[b.c]\n',
  ];
  pieces.push(
    ';',
    ' ; c',
    '#',
    ' # n',
    '"',
    '\\',
    '[',
    ']',
    '%(x)s',
    '<y>',
    '\r\n',
    'é',
    '\n[a]x\n',
    '\u00a0',
    '\x1c',
  );
  const texts = Array.from({ length: 4000 }, () => {
    return `[s]\nk=v\n${Array.from({ length: random(24) }, () => random.pick(pieces)).join('')}`;
  });
  let compared = 0;
  for (const [i, theirs] of askPython(texts).entries()) {
    if (theirs === null) continue;
    compared++;
    assert.deepEqual(read(texts[i] ?? ''), theirs, JSON.stringify(texts[i]));
  }
  assert.ok(compared > 1000, `${compared}`);
  t.diagnostic(`${compared} of ${texts.length} random texts are read alike, ConfigParser refuses the others`);
});

test('every stock file is read as ConfigParser reads it', { skip }, (t) => {
  const files = globSync('/etc/fail2ban/**/*.{conf,local}');
  if (files.length === 0) return t.skip('not installed: fail2ban (no /etc/fail2ban)');
  const texts = files.map((file) => readFileSync(file, 'utf8'));
  for (const [i, theirs] of askPython(texts).entries())
    assert.deepEqual(read(texts[i] ?? ''), theirs, files[i]);
  return t.diagnostic(`${files.length} files`);
});
