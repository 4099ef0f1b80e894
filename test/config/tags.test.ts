import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError } from '../../src/base/errors.ts';
import { expandTags } from '../../src/config/tags.ts';
import { textAt } from '../../src/config/text.ts';

const place = { file: 'f', line: 1 };
const spelt = (text: string, tags: Readonly<Record<string, string>>): string =>
  expandTags('key', textAt(text, place), (tag) => (tag in tags ? textAt(tags[tag] ?? '', place) : null)).text;

test('a tag stands for its value, and one without a value stays', () => {
  assert.equal(spelt('<a>-<HOST>-<a>', { a: '1' }), '1-<HOST>-1');
});

test('a tag may be made of tags', () => {
  assert.equal(spelt('<re-<mode>>', { mode: 'more', 're-more': '<x>', x: 'y' }), 'y');
});

test('a value that contains itself is refused', () => {
  assert.throws(() => spelt('<key>', { key: '1' }), ConfigError);
  assert.throws(() => spelt('<a>', { a: '<b>', b: '<a>' }), ConfigError);
});

test('a line that is all a tag is cited where the value is written', () => {
  const value = { text: 'x <a>\n<a>', places: [place, { file: 'f', line: 2 }] };
  const { text, places } = expandTags('key', value, () => ({
    text: 'p\nq',
    places: [7, 8].map((line) => ({ file: 'g', line })),
  }));
  assert.equal(text, 'x p\nq\np\nq');
  assert.deepEqual(
    places.map(({ file, line }) => `${file}${line}`),
    ['f1', 'g8', 'g7', 'g8'],
  );
});
