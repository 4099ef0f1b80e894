import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileDates, findDate } from '../../../src/filter/date/datepattern.ts';
import { fieldOfGroup, tokens } from '../../../src/filter/date/tokens.ts';

/** Whether the token takes the whole text. */
function takes(token: string, text: string): boolean {
  const { regex = '[]' } = tokens.get(token) ?? {};
  return new RegExp(`^(?:${regex.replaceAll('(?P<', '(?<')})$`, 'i').test(text);
}

const takesAll = (token: string, texts: readonly string[]): void => {
  for (const text of texts) assert.ok(takes(token, text), `%${token} refuses "${text}"`);
};
const takesNone = (token: string, texts: readonly string[]): void => {
  for (const text of texts) assert.ok(!takes(token, text), `%${token} takes "${text}"`);
};

test('every token of strptime(3) that fail2ban knows is there', () => {
  const names = 'a A b B c d f H I j k l m M p S u U V w W x X y Y z Z G %'.split(' ');
  for (const name of names) assert.ok(tokens.has(name), name);
  for (const name of 'Exd ExH Exk Exl Exm ExM ExS Exy ExY Exz ExZ'.split(' '))
    assert.ok(tokens.has(name), name);
});

test('%Ex tokens take fixed widths, and years of this century only', () => {
  takesAll('ExY', ['2000', '2005', '2039']);
  takesNone('ExY', ['1999', '2040', '205']);
  takesAll('m', ['8', '08', '12']);
  takesNone('m', ['0', '00', '13']);
  takesAll('Exm', ['08', '12']);
  takesNone('Exm', ['8', '00', '13']);
  takesNone('Exd', ['4', ' 4', '32']);
  takesNone('ExH', ['4', '24']);
});

test('a day may be padded with a blank, and so may the hours of %k and %l', () => {
  takesAll('d', ['4', ' 4', '04', '31']);
  takesNone('d', ['0', '32', '  4']);
  takesAll('k', ['4', ' 4', '23']);
  takesAll('l', [' 1', '12']);
  takesNone('H', [' 4', '24']);
});

test('names are English, whole or of three letters', () => {
  takesAll('b', ['Aug', 'AUG']);
  takesNone('b', ['August', 'Auo']);
  takesAll('B', ['August', 'may']);
  takesAll('A', ['Sunday']);
  takesNone('a', ['Sunday']);
});

test('%z takes offsets and the names that mean none, %Exz every name', () => {
  takesAll('z', ['Z', 'UTC', 'GMT', '+02', '+0200', '-02:00']);
  takesNone('z', ['CEST', '+2', '0200']);
  takesAll('Exz', ['CEST', 'UTC+0200', '+02:00', 'A']);
  takesNone('Exz', ['HOST']);
});

test("a zone's name is in capitals and is one, so that a host's is not taken for it", () => {
  takesAll('Z', ['CEST', 'Z']);
  takesNone('Z', ['cest', 'HOST', 'A', 'AB']);
  const line = 'HOST Aug 14 11:59:59 x';
  const found = findDate(compileDates(null, 'UTC'), line, Date.UTC(2005, 7, 14, 12) / 1000);
  assert.deepEqual(found, { time: Date.UTC(2005, 7, 14, 11, 59, 59) / 1000, start: 5, end: 20 });
});

test('%c, %x and %X are those of the C locale', () => {
  takesAll('c', ['Sun Aug 14 11:59:59 2005']);
  takesAll('x', ['08/14/05']);
  takesAll('X', ['11:59:59']);
});

test('fractions and the tokens of ISO weeks fill no field', () => {
  for (const name of ['f', 'G', 'u', 'V']) assert.equal(fieldOfGroup.get(name), undefined, name);
  assert.equal(fieldOfGroup.get('B'), 'b');
  assert.equal(fieldOfGroup.get('Z'), 'z');
});
