import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import { prefixOf, recognise, wrappingNames } from '../../src/filter/wrapping.ts';
import { readSamples, type SampleSet } from '../samples/read.ts';
import { FORMS, isFor, messageOf, NOW, names, open, programOf, ROOT, type Wrap } from './wrapforms.ts';

process.env['TZ'] = 'UTC';

/** What is wrong with a set of samples in a wrapping; [lines, faults]. */
function replay(name: string, set: SampleSet, [wrapping, form, wrap]: [string, string, Wrap]) {
  const { filter, program } = open(name, set);
  const state = newFilterState(filter);
  const wrong: string[] = [];
  let lines = 0;
  // Without a pid sessions cannot be told apart.
  if (form.endsWith('without a pid') && filter.prefregex?.regex.fields.has('mlfid') === true)
    return { lines, wrong };
  for (const sample of set.samples) {
    const { message, program: said, pid } = messageOf(sample, filter);
    // In the wrapping of another program it is no message of this one.
    if (!isFor(wrapping, message, filter) || (said !== '' && !program.test(said))) continue;
    const time = sample.time ?? NOW;
    const line = wrap(message, { program: programOf(name, program, said), pid }, time);
    const outcome = processLine(filter, state, line, { mode: 'test', now: NOW, findtime: 600 });
    const [failure] = outcome.failures;
    const got = failure === undefined ? 'nothing' : `${failure.id} at ${failure.time}`;
    const want = sample.id === null ? 'nothing' : `${sample.id} at ${sample.time}`;
    lines++;
    if (got !== want) wrong.push(`${name}.log:${sample.line} in ${form}: ${got}, not ${want}: ${line.text}`);
  }
  return { lines, wrong };
}

test('every sample of a filter counts the same in every wrapping that the filter names', (t) => {
  let lines = 0;
  const wrong: string[] = [];
  for (const name of names) {
    for (const set of readSamples(`${ROOT}/test/samples/${name}.log`)) {
      for (const wrapping of open(name, set).filter.wrapping) {
        for (const [form, wrap] of Object.entries(FORMS[wrapping] ?? {})) {
          const result = replay(name, set, [wrapping, form, wrap]);
          lines += result.lines;
          wrong.push(...result.wrong);
        }
      }
    }
  }
  t.diagnostic(`${lines} lines`);
  assert.deepEqual(wrong, []);
});

const TITLES: readonly (readonly [title: string, text: string, date: string, isBeside: boolean])[] = [
  ['RFC 3164', ' host sshd[812]: Failed', 'Nov 20 04:12:09', false],
  ['RFC 3164', '<38> host sshd[812]: Failed', 'Nov 20 04:12:09', false],
  ['ISO-dated syslog', ' host sshd[812]: Failed', '2026-11-20T04:12:09.1+00:00', false],
  ['RFC 5424', '<38>1  host sshd 812 - - Failed', '2026-11-20T04:12:09Z', false],
  ['the journal', 'host sshd[812]: Failed', '', true],
  ['a container in syslog or the journal', 'host 3f0c9be0d5a1[812]: Failed', '', true],
  ['a virtual host', 'www.example.org:443 192.0.2.7 - - [] "GET /', '20/Nov/2026:04:12:09 +0000', false],
  ['RFC 3164', 'Nov 20 04:12:09 host nginx: 192.0.2.7 - - [] "GET', '20/Nov/2026:04:12:09 +0000', false],
  ["the service's own log", '192.0.2.7 - - [] "GET /', '20/Nov/2026:04:12:09 +0000', false],
  ["the service's own log", ' * Running on http://192.0.2.1:80', '', false],
  ["the service's own log", '[] NOTICE[12]: chan_sip.c: x', '2026-11-20 04:12:09', false],
];

test('recognise() tells in which wrapping a line came', () => {
  for (const [title, text, date, isBeside] of TITLES) {
    assert.equal(recognise({ text, date, isBeside }).title, title, text);
  }
});

test('a client cannot write a wrapping: it stands at the beginning and names the program', () => {
  const names = wrappingNames('syslog, journal container');
  const prefix = new RegExp(`${prefixOf({ names, program: 'sshd' })}Failed`);
  assert.ok(prefix.test(' host sshd[1]: Failed'));
  assert.ok(!prefix.test(' host app[1]: host sshd[1]: Failed'));
  assert.ok(!prefix.test(' host app: sshd[1]: Failed'));
  assert.ok(!prefix.test('Failed'));
  const own = new RegExp(`${prefixOf({ names: wrappingNames('file syslog'), program: 'sshd' })}Failed`);
  assert.ok(own.test('Failed'));
  assert.ok(own.test(' host authpriv.info sshd[1]: Failed'));
  for (const words of ['login of', '[bob]', '"bob"', '<=']) assert.ok(!own.test(` ${words} sshd[1]: Failed`));
  assert.throws(() => wrappingNames('syslog jurnal'), /no wrapping "jurnal"/);
});
