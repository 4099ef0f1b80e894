import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Anchor } from '../../../../src/filter/regex/tree.ts';
import { ALL_CHARS, type Firsts, membersOf } from '../../../../src/filter/regex/wasm/continuation.ts';
import {
  emitAnchor,
  emitMember,
  emitRoom,
  emitText,
  emitWord,
  GLOBALS,
  POS,
  START,
} from '../../../../src/filter/regex/wasm/emit.ts';
import { Body, encodeModule, OP } from '../../../../src/filter/regex/wasm/encode.ts';
import { mainOf } from './mainof.ts';

const AT = 1000;
const memory = new WebAssembly.Memory({ initial: 1 });
const bytes = Buffer.from(memory.buffer);

/** A piece of code as a test of a place of a text that begins at AT: how far it moved, null where it left. */
function placeTest(emit: (body: Body, fail: number) => void): (text: string, at: number) => number | null {
  const body = new Body();
  body.const(AT).with(OP.globalSet, START);
  const fail = body.open(OP.block);
  emit(body, fail);
  body.get(POS).op(OP.return).close().const(-1);
  const main = mainOf(encodeModule([body], 0, GLOBALS), memory);
  return (text, at) => {
    // What stands around the text must not matter.
    bytes.fill('a', AT - 20, AT + text.length + 20);
    bytes.write(text, AT, 'latin1');
    const place = main(AT + at, AT + text.length);
    return place < 0 ? null : place - AT - at;
  };
}

test('emitRoom() leaves unless so many characters are left', () => {
  const one = placeTest((body, fail) => emitRoom(body, POS, 1, fail));
  assert.deepEqual([one('ab', 1), one('ab', 2)], [0, null]);
  const three = placeTest((body, fail) => emitRoom(body, POS, 3, fail));
  assert.deepEqual([three('abc', 0), three('abc', 1), three('abc', 3)], [0, null, null]);
});

test('law: emitText() compares every character of a text of any length', () => {
  const whole = 'abcdefghijklmnopqrstuvwxyz';
  for (let length = 1; length <= whole.length; length++) {
    const text = whole.slice(0, length);
    const stands = placeTest((body, fail) => emitText(body, POS, text, fail));
    assert.equal(stands(`x${text}y`, 1), 0, text);
    for (let i = 0; i < length; i++)
      assert.equal(stands(`x${text.slice(0, i)}-${text.slice(i + 1)}`, 1), null, `${text} at ${i}`);
  }
});

test('emitWord() moves behind the text, and does not look behind the end', () => {
  const word = placeTest((body, fail) => emitWord(body, POS, 'aaa', fail));
  assert.deepEqual([word('aaaa', 0), word('aaaa', 1), word('aaaa', 2)], [3, 3, null]);
});

test('law: emitMember() takes the members and no others, in one span, all but one, or here and there', () => {
  const set = (pattern: string): Firsts => {
    let members = 0n;
    for (let code = 0; code < 128; code++)
      if (new RegExp(`^${pattern}$`).test(String.fromCharCode(code))) members |= 1n << BigInt(code);
    return members;
  };
  for (const pattern of [
    'a',
    '[a-f]',
    '[^"]',
    '[^a-f]',
    '[\\x00-\\x40]',
    '[aeiou01]',
    '[@\\x7f]',
    '[\\x00]',
    '[^\\x7f]',
    '[\\x3f\\x40]',
  ]) {
    const takes = placeTest((body, fail) => emitMember(body, POS, set(pattern), fail));
    for (let code = 0; code < 128; code++) {
      const char = String.fromCharCode(code);
      assert.equal(takes(char, 0) !== null, new RegExp(`^${pattern}$`).test(char), `${pattern} on ${code}`);
    }
  }
  assert.equal(placeTest((body, fail) => emitMember(body, POS, ALL_CHARS, fail))('a', 0), 0);
  assert.equal(placeTest((body, fail) => emitMember(body, POS, 0n, fail))('a', 0), null);
  const word = membersOf({ ranges: [], categories: ['w'], isNegated: false, fold: 'none' });
  assert.equal(placeTest((body, fail) => emitMember(body, POS, word, fail))('_', 0), 0);
});

test('emitAnchor() holds where the anchor does', () => {
  const text = 'a-\nb\n';
  const places = (anchor: Anchor): number[] => {
    const holds = placeTest((body, fail) => emitAnchor(body, POS, anchor, fail));
    return [0, 1, 2, 3, 4, 5].filter((at) => holds(text, at) !== null);
  };
  assert.deepEqual(places('start'), [0]);
  assert.deepEqual(places('end'), [5]);
  assert.deepEqual(places('finalEnd'), [4, 5]);
  assert.deepEqual(places('lineStart'), [0, 3, 5]);
  assert.deepEqual(places('lineEnd'), [2, 4, 5]);
  assert.deepEqual(places('word'), [0, 1, 3, 4]);
  assert.deepEqual(places('notAsciiWord'), [2, 5]);
});
