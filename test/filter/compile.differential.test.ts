import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { Problem } from '../../src/base/errors.ts';
import { canonicalIp } from '../../src/base/ip.ts';
import type { FilterSource, RegexSource, UseDns } from '../../src/config/jail.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { spellValue } from '../../src/filter/fields.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import { mutate, randomOf } from './regex/mutate.ts';
import { openOracle, whyNoOracle } from './regex/oracle.ts';

process.env['TZ'] = 'Europe/Zurich';

const LOGS = '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs';
const NOW = Date.UTC(2005, 7, 14, 10) / 1000;
const BREAKS = /[\v\f\r\x1c-\x1e\x85\u2028\u2029]/;
const reason = whyNoOracle();
const rounds = process.env['F2B_LONG'] ? 30 : 2;

type Resolved = {
  failregex: string[];
  ignoreregex: string[];
  prefregex: string | null;
  maxlines: number;
  datepattern: string | null;
};
type Told = [
  regex: number,
  id: string,
  time: number,
  fields: Record<string, string | string[]>,
  matches: string[],
];

function sourceOf(name: string, resolved: Resolved): FilterSource {
  const at = (text: string): RegexSource => ({ text, place: { file: name, line: 1 } });
  const { prefregex, datepattern } = resolved;
  return {
    name,
    prefregex: prefregex === null ? null : at(prefregex),
    failregex: resolved.failregex.map(at),
    ignoreregex: resolved.ignoreregex.map(at),
    datepattern: datepattern === null ? null : at(datepattern),
    maxlines: resolved.maxlines,
    journalmatch: [],
  };
}

type Setting = { name: string; usedns: UseDns; live: boolean; findtime: number };

function ours(setting: Setting, resolved: Resolved, lines: [string, number][]): Told[][] {
  const problems: Problem[] = [];
  const filter = compileFilter(sourceOf(setting.name, resolved), { ...setting, logtimezone: null }, problems);
  assert.ok(filter, JSON.stringify(problems));
  const state = newFilterState(filter);
  const mode = setting.live ? 'live' : 'catchup';
  return lines.map(([text, now]) => {
    const outcome = processLine(
      filter,
      state,
      { text, time: null },
      { mode, findtime: setting.findtime, now },
    );
    return outcome.failures.map(({ regex, id, time, fields, matches }): Told => {
      const own = [...fields].map(([name, value]): [string, string] => [name, spellValue(value)]);
      return [regex, id, time ?? -1, Object.fromEntries(own.sort()), [...matches]];
    });
  });
}

function isInvalid(id: string): boolean {
  return /[^\x00-\x7f]/.test(id);
}

/** The original spells addresses of odd forms as they were written, and tuples as lists in JSON. */
function told(failures: Told[]): Told[] {
  return failures.map(([regex, id, time, fields, matches]) => {
    const own = Object.entries(fields).filter(([name]) => name !== 'ip');
    const spelt = own.map(([name, value]): [string, string] => [
      name,
      Array.isArray(value) ? spellValue(value) : value,
    ]);
    return [regex, canonicalIp(id) ?? id, time, Object.fromEntries(spelt.sort()), matches];
  });
}

test('filters in operation find the same failures as fail2ban, with sessions, windows and odd lines', async (t) => {
  if (reason !== null || !existsSync(LOGS)) return t.skip(reason ?? 'there are no sample logs');
  const oracle = openOracle();
  t.after(() => oracle.close());
  const random = randomOf(42);
  let count = 0;
  let failures = 0;
  const wrong: string[] = [];
  const names = readdirSync('/etc/fail2ban/filter.d').filter(
    (file) => file.endsWith('.conf') && !file.endsWith('common.conf'),
  );
  for (const file of names) {
    const name = file.slice(0, -5);
    if (!existsSync(`${LOGS}/${name}`)) continue;
    const samples = readFileSync(`${LOGS}/${name}`, 'utf8')
      .split('\n')
      .filter((line) => line.trim() !== '' && !line.startsWith('#'))
      .map((line) => line.replace(/\r$/, ''));
    const all = (await oracle.ask({ do: 'options', name })) as Record<string, string>[];
    const sets = all.filter((set) => set['logtype'] !== 'journal').reverse();
    for (let round = 0; round < rounds; round++) {
      const options = sets[round % sets.length] ?? {};
      const resolved = (await oracle.ask({ do: 'filter', name, options })) as Resolved;
      const usedns: UseDns = random() < 0.5 ? 'raw' : 'no';
      const setting = { name, usedns, live: random() < 0.5, findtime: 10 * 365 * 86400 };
      const lines: [string, number][] = [];
      let now = NOW;
      for (let i = 0; i < Math.min(60, samples.length * 2); i++) {
        const from = Math.floor(random() * samples.length);
        now += Math.floor(random() * 3);
        for (let j = 0; j < 1 + random() * 4; j++) {
          const line = samples[(from + j) % samples.length]!;
          // Garbled dates are the date detector's own matter; what it learns from them differs on purpose.
          const rest = line.slice(40);
          const isMutated = random() < 0.2 && rest !== '';
          const change = () =>
            mutate(random, [`${rest}\n`], samples)
              .slice(0, -1)
              .replace(/[٣𝟘]/gu, '7');
          const text = isMutated ? line.slice(0, 40) + change() : line;
          lines.push([text, now]);
        }
      }
      // Over several lines the original takes \v, U+0085, U+2028 .. in a skipped line for line ends.
      if (resolved.maxlines > 1)
        lines.splice(0, lines.length, ...lines.filter(([line]) => !BREAKS.test(line)));
      const theirs = (await oracle.ask({ do: 'process', ...setting, resolved, lines })) as (Told[] | null)[];
      const mine = ours(setting, resolved, lines);
      for (const [i, want] of theirs.entries()) {
        if (want === null) break;
        count++;
        failures += want.length;
        const isOdd = want.some(([, id, , fields]) => isInvalid(id) || fields['nofail'] !== undefined);
        if (isOdd) continue;
        const have = told(mine[i]!);
        if (JSON.stringify(have) === JSON.stringify(told(want))) continue;
        wrong.push(
          `prev ${JSON.stringify(lines.slice(Math.max(0, i - 3), i))}\n  ${name} ${JSON.stringify(setting)} line ${i} ${JSON.stringify(lines[i])}\n  ours ${JSON.stringify(have)}\n  want ${JSON.stringify(told(want))}`,
        );
        break; // what follows differs for the same reason
      }
    }
  }
  t.diagnostic(`${count} lines processed, ${failures} failures`);
  assert.equal(wrong.length, 0, `${wrong.length} differ\n${wrong.slice(0, 60).join('\n')}`);
});
