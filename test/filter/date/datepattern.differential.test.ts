import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compileDates, findDate } from '../../../src/filter/date/datepattern.ts';
import { isLong } from '../../testbed/need.ts';
import { lines, type Random, randomOf, singleForms } from './lines.ts';

type Question = {
  readonly tz: string;
  readonly now: number;
  readonly pattern: string | null;
  readonly zone: string | null;
  readonly lines: readonly string[];
};
type Found = readonly [time: number | 'empty', start: number, end: number] | null;

const PYTHON = '/usr/bin/python3';
const isThere = spawnSync(PYTHON, ['-c', 'import fail2ban.server.datedetector']).status === 0;
const skip = isThere ? false : 'not installed: fail2ban';

const script = fileURLToPath(new URL('./oracle.py', import.meta.url));
const child = isThere ? spawn(PYTHON, [script], { stdio: ['pipe', 'pipe', 'inherit'] }) : null;
const answers = child === null ? null : createInterface({ input: child.stdout })[Symbol.asyncIterator]();
after(() => {
  child?.stdin.end();
});

async function theirs(question: Question): Promise<readonly Found[] | string> {
  child?.stdin.write(`${JSON.stringify(question)}\n`);
  const line = await answers?.next();
  return JSON.parse(String(line?.value));
}

function ours(question: Question): readonly Found[] {
  process.env['TZ'] = question.tz;
  const dates = compileDates(question.pattern, question.zone);
  return question.lines.map((line): Found => {
    const found = findDate(dates, line, question.now);
    if (found === null) return null;
    return [found.start === found.end ? 'empty' : found.time, found.start, found.end];
  });
}

/**
 * Where we mean to differ: the original compares a time with a zone of its own to the local clock, and so can be a day or a
 * year off near the edges of today and of this year.
 */
function isEdge(have: Found, want: Found, now: number): boolean {
  if (have === null) return typeof want?.[0] === 'number' && want[0] > now && want[0] < now + 2 * 86400;
  if (have[0] === 'empty') return false;
  if (want === null) return have[0] > now && have[0] < now + 2 * 86400;
  if (want[0] === 'empty') return false;
  const days = Math.abs(have[0] - want[0]) / 86400;
  return [1, 364, 365, 366, 367].includes(days) && have[1] === want[1] && have[2] === want[2];
}

let pairs = 0;
let edges = 0;
async function compare(question: Question): Promise<void> {
  const want = await theirs(question);
  assert.ok(Array.isArray(want), `${question.pattern}: ${want}`);
  const have = ours(question);
  for (const [i, line] of question.lines.entries()) {
    const about = `${JSON.stringify({ ...question, lines: undefined })} line ${i}: ${JSON.stringify(line)}`;
    // It took a word before the date for a zone's name, which ours does not.
    if (want[i] === 'misread') continue;
    if (isEdge(have[i] ?? null, want[i], question.now)) edges++;
    else assert.deepEqual(have[i], want[i], about);
    pairs++;
  }
}

const ZONES = ['Europe/Zurich', 'UTC', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
const NOWS = [1124013600, 1104533999.5, 1104537600, 1709161200, 1719174447.25, 1799999999];

function each<T>(random: Random, items: readonly T[]): T {
  return items[Math.floor(random() * items.length)] as T;
}

test('findDate() finds time and span as fail2ban 1.0.2 does, one form at a time', { skip }, async () => {
  const random = randomOf(1);
  for (const form of singleForms) {
    for (let round = 0; round < (isLong ? 100 : 6); round++) {
      const now = each(random, NOWS);
      const question = {
        tz: each(random, ZONES),
        now,
        pattern: null,
        zone: each(random, [null, null, 'UTC+0200', 'EST']),
      };
      await compare({ ...question, lines: lines(random, [form], { now, count: 12 }) });
    }
  }
});

test('findDate() chooses among forms as fail2ban 1.0.2 does on the first line of a log', {
  skip,
}, async () => {
  const random = randomOf(2);
  for (let round = 0; round < (isLong ? 3000 : 120); round++) {
    const now = each(random, NOWS);
    const some = Array.from({ length: 1 + Math.floor(random() * 4) }, () => each(random, singleForms));
    await compare({
      tz: each(random, ZONES),
      now,
      pattern: null,
      zone: null,
      lines: lines(random, some, { now, count: 60 }),
    });
  }
});

/** Patterns that people and stock filters use, and every token; dates of which form they are to meet. */
const CUSTOM: readonly (readonly [pattern: string, sample: string])[] = [
  ['{^LN-BEG}', '2005-08-14 10:00:00 x'],
  ['{^LN-BEG}Epoch\n{^LN-BEG}', '1124013600 x|[1124013600] x|Aug 14 10:00:00 x'],
  ['^<co ts="{DATE}"\\s+', '<co ts="2005-08-14T10:00:00" x'],
  ['^[^\\[]*\\[({DATE})\n{^LN-BEG}', '1.2.3.4 - - [14/Aug/2005:10:00:00 +0200] "x|2005-08-14 10:00:00 y'],
  ['^[^\\[]*(\\[{DATE}\\s*\\])', '1.2.3.4 - [14/Aug/2005:10:00:00 +0200] x|a [2005-08-14 10:00:00 ] x'],
  ['%d/%b[^/]*/%Y:%H:%M:%S %z', '[14/August/2005:10:00:00 +0200] x|14/Aug/2005:10:00:00 Z'],
  ['^(?:%Y-)?%m-%d[ T]%H:%M:%S(?:\\.%f)?', '08-14 10:00:00.12 x|2005-08-14T10:00:00'],
  ['^t=%Y-%m-%dT%H:%M:%S%z', 't=2005-08-14T10:00:00+0200 l|t=2005-08-14T10:00:00Z'],
  ['^L %d/%m/%Y - %H:%M:%S', 'L 14/08/2005 - 10:00:00: x'],
  ['^\\[%d/%b/%Y %H:%M:%S\\]', '[14/Aug/2005 10:00:00] x'],
  [
    '^%b %d, %ExY %I:%M:%S %p\n^WARNING:()**\n{^LN-BEG}',
    'Aug 14, 2005 10:00:00 PM x|WARNING: foo|2005-08-14 10:00:00 x',
  ],
  ['{NONE}', 'anything 2005-08-14 10:00:00'],
  ['{DEFAULT}', 'x 2005-08-14 10:00:00 y|Aug 14 10:00:00'],
  ['%Exd.%Exm.%ExY %ExH:%ExM:%ExS', '14.08.2005 10:00:00 x|4.8.2005 1:2:3|x14.08.2005 10:00:00'],
  ['**%Exd.%Exm.%Exy %Exk:%ExM**', 'x14.08.05 10:00y|14.08.05  9:07|x14.08.05  9:07'],
  ['{UNB}%d.%m.%y', 'x14.08.05y|a4.8.99b'],
  ['%Y %j %H:%M', '2005 226 10:00|2004 366 00:00|2005 366 00:00|2005 001 10:00'],
  [
    '%Y week %U day %w %H',
    '2005 week 33 day 0 10|2005 week 0 day 6 10|2004 week 52 day 3 1|2005 week 00 day 0 3',
  ],
  ['%Y week %W %A %H', '2005 week 33 Sunday 10|2005 week 1 monday 10|2006 week 00 Sunday 1'],
  ['%B %d %Y %l:%M %p', 'august 14 2005 9:07 am|August 14 2005 12:07 PM|May  4 2005 12:00 AM'],
  ['%c', 'Sun Aug 14 10:00:00 2005 x'],
  ['%x %X', '08/14/05 10:00:00'],
  ['%Y-%m-%d %Exl:%M %p', '2005-08-14 12:30 am|2005-08-14  1:30 pm'],
  ['%Y-%m-%d %I%p', '2005-08-14 12am|2005-08-14 3PM|2005-08-14 13am'],
  [
    '%Y%m%d %k%M%S %Exz',
    '20050814 100000 CEST|20050814 100000 +02|20050814 100000 EST-0130|20050814  90000 Z',
  ],
  ['%Y-%m-%d %H:%M:%S %ExZ', '2005-08-14 10:00:00 MSK|2005-08-14 10:00:00 A'],
  ['%Y-%m-%d %H:%M:%S %Z', '2005-08-14 10:00:00 CET|2005-08-14 10:00:00 NZDT x'],
  ['(?P<Y>\\d{4})y(?P<m>\\d+)m(?P<d>\\d+)d', '2005y8m14d|x 2005y13m1d'],
  ['at (?:noon|%H) o.clock', 'at 10 o clock|at noon o,clock'],
  ['"(%Y-%m-%d)T(%H:%M)"', 'x "2005-08-14T10:00" y'],
  ['%Y-%m-%d$', 'on 2005-08-14|on 2005-08-14 no'],
  ['%%%ExY', '%2005 x'],
  ['ts={EPOCH}', 'ts=1124013600 x|ts=1124013600.123|x ts=1124013600123'],
  ['^ts={LEPOCH};', 'ts=1124013600; x|ts=1124013600123;|ts=1124013600123456;|ts=1124013600123.4567;'],
  ['LEPOCH', '1124013600123 x|1124013600123456 x|[1124013600] x|1124013600'],
  ['{^LN-BEG}LEPOCH', '[1124013600123] x|x 1124013600'],
  ['^EPOCH', '[1124013600] x|1124013600.5 x'],
  ['TAI64N', 'x @4000000042ff0000aabbccdd|@4000000042ff0000aabbccdd'],
  ['{^LN-BEG}TAI64N', '-@4000000042ff0000aabbccdd x|x @4000000042ff0000aabbccdd'],
  ['^<\\d+>\\d+\\s+{DATE}', '<34>1 2005-08-14T10:00:00.003Z host|<34>1 Aug 14 10:00:00 host'],
  ['(?i)^stamp %Y/%m/%d', 'STAMP 2005/08/14 x'],
  ['%Y-%m-%d (%H:%M:%S)', '2005-08-14 10:00:00 x'],
  ['%m-%d', '08-14|02-29|12-31|01-01|00-10'],
  ['%H:%M', 'x 10:00|23:59|00:00|24:00'],
];

test('findDate() reads custom patterns as fail2ban 1.0.2 does', { skip }, async () => {
  const random = randomOf(3);
  for (const [pattern, samples] of CUSTOM) {
    const texts = samples.split('|');
    const mixed = Array.from({ length: 12 }, () => mutate(random, each(random, texts)));
    for (const now of NOWS) {
      await compare({ tz: each(random, ZONES), now, pattern, zone: null, lines: [...texts, ...mixed] });
    }
  }
});

/** Changes a digit, doubles or drops a character, or puts something around the text. */
function mutate(random: Random, text: string): string {
  const at = Math.floor(random() * text.length);
  const digit = String(Math.floor(random() * 10));
  const changed = /\d/.test(text[at] ?? '') ? text.slice(0, at) + digit + text.slice(at + 1) : text;
  return each(random, [
    changed,
    changed,
    text.slice(0, at) + text.slice(at + 1),
    `${each(random, [' ', 'x', '[', '--- '])}${changed}`,
    `${changed}${each(random, [' ', 'x', ']', '7', ' PM'])}`,
  ]);
}

test('the number of pairs compared is told', { skip }, (t) => {
  t.diagnostic(
    `${pairs} pairs of line and time, equal to fail2ban's but for ${edges} at the edge of a day or year`,
  );
  assert.ok(edges * 50 < pairs);
});
