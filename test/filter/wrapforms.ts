import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { compileDates, findStamp } from '../../src/filter/date/datepattern.ts';
import { DockerJson } from '../../src/filter/dockerjson.ts';
import type { Filter, LineInput } from '../../src/filter/types.ts';
import { recognise } from '../../src/filter/wrapping.ts';
import type { Sample, SampleSet } from '../samples/read.ts';

export const ROOT = new URL('../..', import.meta.url).pathname;
export const NOW = Date.UTC(2026, 10, 20, 12) / 1000;
const tree = diskTree(ROOT);
export const names = readdirSync(`${ROOT}/test/samples`)
  .filter((file) => file.endsWith('.log'))
  .map((file) => file.slice(0, -'.log'.length));

export type Opened = { readonly filter: Filter; readonly program: RegExp };

export function open(name: string, { options }: SampleSet): Opened {
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
export function messageOf({ text, journalTime }: Sample, filter: Filter): Sender & { message: string } {
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

export type Sender = { readonly program: string; readonly pid: string };
export type Wrap = (message: string, sender: Sender, time: number) => LineInput;

const plain = (text: string): LineInput => ({ text, time: null });

/** Each wrapping's forms, as a source hands them out. */
export const FORMS: Readonly<Record<string, Readonly<Record<string, Wrap>>>> = {
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
export function isFor(name: string, message: string, filter: Filter): boolean {
  if (name === 'virtual-host') return /^[\da-f.:]+ \S+ \S+ \[[^\]]*\] "/.test(message);
  if (name === 'docker-json' || name === 'colour') return filter.wrapping.includes('file');
  return true;
}

export function programOf(name: string, program: RegExp, said: string): string {
  // Its regex holds names that it takes.
  const own = program.source.replace(/\\\w/g, ' ').match(/[A-Za-z][\w./-]+/g) ?? [];
  const tried = [said, name, name.split('-')[0] ?? '', `${name}d`, ...own, 'wordpress(example.org)'];
  const others = ['imapd', 'postfix/smtpd', 'xrdp-sesman', 'ovpn-server', 'apache2', 'nginx'];
  return [...tried, ...others].find((one) => program.test(one)) ?? 'unknown';
}
