import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodingLabel } from '../../src/base/encoding.ts';

test('encodingLabel() knows the names of Python and of the WHATWG', () => {
  const labels: readonly (readonly [name: string, label: string | null])[] = [
    ['', 'auto'],
    ['AUTO', 'auto'],
    ['UTF_8', 'utf-8'],
    ['utf-8-sig', 'utf-8'],
    ['us-ascii', 'ascii'],
    ['latin-1', 'iso-8859-1'],
    ['Latin_1', 'iso-8859-1'],
    ['latin-9', 'iso-8859-15'],
    ['latin_2', 'iso-8859-2'],
    ['latin5', 'windows-1254'],
    ['ISO8859-15', 'iso-8859-15'],
    ['iso_8859_7', 'iso-8859-7'],
    ['cp1252', 'windows-1252'],
    ['utf_16_le', 'utf-16le'],
    ['euc_jp', 'euc-jp'],
    ['gb18030', 'gb18030'],
    ['klingon', null],
    ['latin-99', null],
  ];
  for (const [name, label] of labels) assert.equal(encodingLabel(name), label, name);
});
