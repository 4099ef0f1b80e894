import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultTemplates, templatesOf } from '../../../src/filter/date/forms.ts';
import { mutate, randomOf } from '../regex/mutate.ts';

const FOLDERS = [
  join(import.meta.dirname, '../../samples'),
  '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs',
];

/** Lines of logs that are ASCII. */
function linesIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .flatMap((path) => readFileSync(path, 'latin1').split('\n'))
    .filter((line) => line !== '' && !/[^\x00-\x7f]/.test(line));
}

const FORMS = [
  '2005-08-14T10:00:00.123+02:00', '2005/8/4 1:0:0', '2035.08. 4 10:00:00', 'Sun Aug 14 10:00:00.123 2005', 'aug  4  1:00:00',
  'Sun Aug 14 2005 10:00:00', '14/08/2005 10:00:00', ' 4-8-05  1:00:00', '14/Aug/2005:10:00:00 +0200', ' 4-aug-2005 10:00:00.123',
  '08/14/2005:10:00:00', '8/ 4/2005:1:00:00', '08-14-2005 10:00:00.123', '1124013600', '[1124013600]', 'audit(1124013600.123:7)',
  '10:00:00', '<08/14/05@10:00:00>', '<8/ 4/05@1:0:0>', '050814 10:00:00', '050814  1:00:00', 'Aug 14, 2005 10:00:00 AM',
  'Aug-14-05 10:00:00', '20050814T100000', '20050814  100000.5 Z', 'CEST Aug 14 10:00:00', '+02:00 Aug 14 10:00:00',
  '@4000000042ff1234567890ab',
]; // biome-ignore format: a table

test('a line that has the date of a default form has what its hint says', (t) => {
  const random = randomOf(5);
  const dated = FORMS.flatMap((form) => [form, `${form} x`, `[${form}] x`, `x ${form}: x`, `<34>${form} x`]);
  const lines = [...FOLDERS.flatMap(linesIn), ...dated];
  const bases = lines.map((line) => `${line}\n`);
  const tried = new Set(lines);
  for (let i = 0; i < 20_000; i++) tried.add(mutate(random, bases, bases).slice(0, -1));
  let hits = 0;
  const unseen = new Set(defaultTemplates().all.map(({ name }) => name));
  for (const line of tried) {
    if (/[^\x00-\x7f]/.test(line)) continue;
    for (const { hint, compiled, name } of defaultTemplates().all) {
      const { ascii } = compiled();
      ascii.lastIndex = 0;
      if (!ascii.test(line)) continue;
      hits++;
      unseen.delete(name);
      assert.ok(hint?.test(line), `${name}: ${line}`);
    }
  }
  t.diagnostic(`${tried.size} lines, ${hits} dates`);
  assert.deepEqual([...unseen], []);
});

test('a pattern around {DATE} has hints only where that cannot be left out', () => {
  const hasHints = (line: string): boolean => templatesOf(line).some(({ hint }) => hint !== null);
  for (const line of [
    '{DATE}',
    '^\\[{DATE}\\]',
    '^[^\\[]*\\[({DATE})',
    '^(?:\\d+ )?<({DATE})> (?:x)?',
    '^({DATE}) [?)]*',
  ])
    assert.ok(hasHints(line), line);
  for (const line of [
    '^({DATE})? x',
    '^(?:\\[({DATE})\\] )?host',
    '^(?:({DATE}) ){0,1}x',
    '^(?:{DATE}|x)',
    '^(?!{DATE})\\d+',
    '^(a)?(?(1){DATE})',
  ])
    assert.ok(!hasHints(line), line);
});
