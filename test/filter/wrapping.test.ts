import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { compileDates, findStamp } from '../../src/filter/date/datepattern.ts';
import { DockerJson } from '../../src/filter/dockerjson.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { Filter, LineInput } from '../../src/filter/types.ts';
import { prefixOf, recognise, wrappingNames } from '../../src/filter/wrapping.ts';
import { readSamples, type Sample, type SampleSet } from '../samples/read.ts';

process.env['TZ'] = 'UTC';

const ROOT = new URL('../..', import.meta.url).pathname;
const NOW = Date.UTC(2026, 10, 20, 12) / 1000;
const tree = diskTree(ROOT);
const names = readdirSync(`${ROOT}/test/samples`)
  .filter((file) => file.endsWith('.log'))
  .map((file) => file.slice(0, -'.log'.length));

type Opened = { readonly filter: Filter; readonly program: RegExp };

function open(name: string, { options }: SampleSet): Opened {
  const { backend = 'auto', ...given } = options;
  const loaded = loadFilter(tree, name, { backend, options: new Map(Object.entries(given)) });
  const problems: Problem[] = [...loaded.problems];
  const compiled =
    loaded.filter && compileFilter(loaded.filter, { usedns: 'raw', logtimezone: 'UTC' }, problems);
  assert.deepEqual(problems.map(formatProblem), [], name);
  assert.ok(compiled);
  return { filter: compiled, program: new RegExp(`^(?:${loaded.filter?.program?.text ?? ''})$`) };
}

/** The message of a sample, and its program's name where the sample says it. */
function messageOf({ text, journalTime }: Sample, filter: Filter): Sender & { message: string } {
  const dates = compileDates(filter.datepattern, 'UTC');
  const found = journalTime === null ? findStamp(dates, text, NOW) : null;
  const { start, end } = found ?? { start: 0, end: 0 };
  const cut = text.slice(0, start) + text.slice(end);
  const wrapped = { text: cut, date: text.slice(start, end), isBeside: journalTime !== null };
  const { at, title } = recognise(wrapped);
  const from = at > start ? at + (end - start) : at;
  if (at === 0 || title === 'a virtual host') return { message: text, program: '', pid: '812' };
  const header = text.slice(end, from);
  const [, program = '', pid = '812'] = /([^\s:[\]]+)(?:\[(\d+)\]:| (\d+) | - |:)/.exec(header) ?? [];
  return { message: text.slice(from), program, pid };
}

const pad = (number: number): string => String(number).padStart(2, '0');

function bsdDate(time: number): string {
  const at = new Date(time * 1000);
  const month = at.toUTCString().slice(8, 11);
  const day = String(at.getUTCDate()).padStart(2, ' ');
  return `${month} ${day} ${[at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(pad).join(':')}`;
}

const iso = (time: number): string => new Date(time * 1000).toISOString();

type Sender = { readonly program: string; readonly pid: string };
type Wrap = (message: string, sender: Sender, time: number) => LineInput;

const plain = (text: string): LineInput => ({ text, time: null });

/** Each wrapping's forms, as a source hands them out. */
const FORMS: Readonly<Record<string, Readonly<Record<string, Wrap>>>> = {
  syslog: {
    'RFC 3164': (message, { program, pid }, time) =>
      plain(`${bsdDate(time)} host ${program}[${pid}]: ${message}`),
    'RFC 3164 with a priority': (message, { program, pid }, time) =>
      plain(`<38>${bsdDate(time)} host ${program}[${pid}]: ${message}`),
    'RFC 3164 without a pid': (message, { program }, time) =>
      plain(`${bsdDate(time)} host ${program}: ${message}`),
    'ISO-dated': (message, { program, pid }, time) =>
      plain(`${iso(time)} host ${program}[${pid}]: ${message}`),
    'ISO-dated with a zone': (message, { program, pid }, time) =>
      plain(`${iso(time + 3600).replace('.000Z', '.123456+01:00')} host ${program}[${pid}]: ${message}`),
    'RFC 5424': (message, { program, pid }, time) =>
      plain(`<38>1 ${iso(time)} host ${program} ${pid} - - ${message}`),
    'RFC 5424 with data and a BOM': (message, { program, pid }, time) =>
      plain(`<38>1 ${iso(time)} host ${program} ${pid} ID7 [x@1 a="\\]\\""] \ufeff${message}`),
  },
  journal: {
    'the journal': (message, { program, pid }, time) => ({
      text: `host ${program}[${pid}]: ${message}`,
      time,
    }),
    'the journal without a pid': (message, { program }, time) => ({
      text: `host ${program}: ${message}`,
      time,
    }),
  },
  container: {
    'a container in the journal': (message, _, time) => ({
      text: `host 3f0c9be0d5a1[812]: ${message}`,
      time,
    }),
    'a container in syslog': (message, _, time) =>
      plain(`${bsdDate(time)} host ${'3f0c9be0d5a1'.padEnd(64, '0')}[812]: ${message}`),
  },
  'docker-json': {
    "Docker's json-file": (message, _, time) => {
      const entry = { log: `${message}\n`, stream: 'stderr', time: iso(time) };
      const line = new DockerJson().unwrap(JSON.stringify(entry));
      assert.ok(line);
      return line;
    },
  },
  'virtual-host': {
    'a virtual host and port': (message) => plain(`www.example.org:443 ${message}`),
    'a virtual host': (message) => plain(`www.example.org ${message}`),
    'a virtual host in the journal': (message, { program, pid }, time) => ({
      text: `host ${program}[${pid}]: www.example.org:443 ${message}`,
      time,
    }),
  },
  colour: { colours: (message, _, time) => ({ text: `\x1b[31m\x1b[1m${message}`, time }) },
};

/** Messages that the wrapping cannot be around: access lines alone have a virtual host. */
function isFor(name: string, message: string, filter: Filter): boolean {
  if (name === 'virtual-host') return /^[\da-f.:]+ \S+ \S+ \[[^\]]*\] "/.test(message);
  if (name === 'docker-json' || name === 'colour') return filter.wrapping.includes('file');
  return true;
}

function programOf(name: string, program: RegExp, said: string): string {
  // Its regex holds names that it takes.
  const own = program.source.replace(/\\\w/g, ' ').match(/[A-Za-z][\w./-]+/g) ?? [];
  const tried = [said, name, name.split('-')[0] ?? '', `${name}d`, ...own, 'wordpress(example.org)'];
  const others = ['imapd', 'postfix/smtpd', 'xrdp-sesman', 'ovpn-server', 'apache2', 'nginx'];
  return [...tried, ...others].find((one) => program.test(one)) ?? 'unknown';
}

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
  assert.throws(() => wrappingNames('syslog jurnal'), /no wrapping "jurnal"/);
});
