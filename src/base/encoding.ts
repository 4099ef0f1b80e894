import { TextDecoder } from 'node:util';

/** Python's names of encodings that TextDecoder calls otherwise, without `-`, `_` and blanks. */
const PYTHON_NAMES: ReadonlyMap<string, string> = new Map([
  ...['utf8', 'utf8sig', 'u8', 'utf', 'cp65001'].map((name) => [name, 'utf-8'] as const),
  ...['ascii', 'usascii', '646'].map((name) => [name, 'ascii'] as const),
  ...['latin', 'latin1', 'l1', 'cp819', '8859', 'iso88591'].map((name) => [name, 'iso-8859-1'] as const),
  ['latin2', 'iso-8859-2'],
  ['l2', 'iso-8859-2'],
  ['latin3', 'iso-8859-3'],
  ['latin4', 'iso-8859-4'],
  ['latin5', 'windows-1254'],
  ['latin6', 'iso-8859-10'],
  ['latin7', 'iso-8859-13'],
  ['latin8', 'iso-8859-14'],
  ['latin9', 'iso-8859-15'],
  ['latin10', 'iso-8859-16'],
  ['cyrillic', 'iso-8859-5'],
  ['arabic', 'iso-8859-6'],
  ['greek', 'iso-8859-7'],
  ['hebrew', 'iso-8859-8'],
  ['cp932', 'shift_jis'],
  ['ms932', 'shift_jis'],
  ['mskanji', 'shift_jis'],
  ['sjis', 'shift_jis'],
  ['shiftjis', 'shift_jis'],
  ['cp936', 'gbk'],
  ['ms936', 'gbk'],
  ['cp949', 'euc-kr'],
  ['ms949', 'euc-kr'],
  ['euckr', 'euc-kr'],
  ['cp950', 'big5'],
  ['ms950', 'big5'],
  ['eucjp', 'euc-jp'],
  ['ujis', 'euc-jp'],
  ['koi8r', 'koi8-r'],
  ['koi8u', 'koi8-u'],
  ['iso2022jp', 'iso-2022-jp'],
  ['macroman', 'macintosh'],
  ['maccyrillic', 'x-mac-cyrillic'],
  ['utf16', 'utf-16le'],
  ['utf16le', 'utf-16le'],
  ['utf16be', 'utf-16be'],
  ['cp866', 'ibm866'],
  ['cp874', 'windows-874'],
]);

/**
 * The one label of an encoding that Python or the WHATWG names: `auto` (also for an empty name), `ascii`, or
 * a label of TextDecoder; null if there is no such encoding.
 */
export function encodingLabel(name: string): string | null {
  const plain = name.trim().toLowerCase();
  const key = plain.replace(/[-_ ]/g, '');
  if (key === '' || key === 'auto') return 'auto';
  const [, iso] = /^iso8859(\d+)$/.exec(key) ?? [];
  const [, windows] = /^(?:cp|windows)(125\d)$/.exec(key) ?? [];
  const known = PYTHON_NAMES.get(key);
  const label = known ?? (iso ? `iso-8859-${iso}` : windows ? `windows-${windows}` : plain);
  if (label === 'ascii') return label;
  try {
    return new TextDecoder(label) && label;
  } catch {
    return null;
  }
}

/** Names of encodings for hints. */
export const ENCODING_EXAMPLES: readonly string[] = ['auto', 'utf-8', 'latin-1', 'ascii', 'utf-16le'];
