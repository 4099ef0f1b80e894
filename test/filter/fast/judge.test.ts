import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatIp4 } from '../../../src/base/ip.ts';
import { loadFilter } from '../../../src/config/readfilter.ts';
import { diskTree } from '../../../src/config/tree.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { compileWanted, type LineContext, makeFastFilter } from '../../../src/filter/fast/fastfilter.ts';
import { commitFast, confirmDate, matchLine } from '../../../src/filter/fast/judge.ts';
import { newFilterState, processLine } from '../../../src/filter/line.ts';
import type { Filter, LineOutcome } from '../../../src/filter/types.ts';
import { dice } from '../../testbed/dice.ts';
import { makeGround, TEXT_AT } from '../../testbed/ground.ts';

const roll = dice(3);
const shared = makeGround();
const CASES = [
  [join(import.meta.dirname, '../../..'), join(import.meta.dirname, '../../samples')],
  ['/etc/fail2ban', '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs'],
] as const;

/** Every filter of a folder with its sample lines; the lines come in runs, as they do in logs, some of them altered. */
function streams(root: string, logs: string): { filter: Filter; lines: string[] }[] {
  return readdirSync(logs).flatMap((file) => {
    const path = join(logs, file);
    const loaded = statSync(path).isFile()
      ? loadFilter(diskTree(root), file.replace(/\.log$/, ''), { backend: 'auto' })
      : null;
    const filter = loaded?.filter && compileFilter(loaded.filter, { usedns: 'warn', logtimezone: 'UTC' }, []);
    if (!filter) return [];
    const samples = readFileSync(path, 'latin1').split('\n');
    const lines = samples.flatMap((line) => {
      if (line === '' || line.startsWith('#') || /[^\x00-\x7f]/.test(line)) return [];
      const copies = Array.from({ length: 1 + roll(3) }, () => (roll(3) === 0 ? altered(line) : line));
      return roll(4) === 0 ? [...copies, samples[roll(samples.length)] ?? '', ...copies] : copies;
    });
    return [{ filter, lines: lines.filter((line) => !/[^\x00-\x7f]/.test(line)) }];
  });
}

/** Where nobody wants fields, all that is kept of a session is who failed. */
const wantedOf = (outcome: LineOutcome, keepsFields: boolean) => {
  if (keepsFields) return outcome;
  return {
    ...outcome,
    failures: outcome.failures.map(({ id, kind, time, regex }) => ({ id, kind, time, regex })),
    helpers: outcome.helpers.map(({ kind, regex }) => ({ kind, regex })),
  };
};

function altered(line: string): string {
  const at = roll(line.length + 1);
  const more = ['', '7', ' ', 'x', '300.1.2.3', '2001:db8::1', '] '][roll(7)] ?? '';
  return line.slice(0, at) + more + line.slice(at + roll(3));
}

for (const [root, logs] of CASES) {
  const skip = existsSync(logs) && existsSync(root) ? false : 'fail2ban is not installed';
  for (const mode of ['live', 'catchup', 'test'] as const) {
    test(`law: the short way says what processLine() says: ${root.endsWith('fail2ban') ? root : 'our filters'}, ${mode}`, {
      skip,
    }, (t) => {
      let [short, long, compiled] = [0, 0, 0];
      for (const { filter, lines } of streams(root, logs)) {
        const [wantedState, state] = [newFilterState(filter), newFilterState(filter)];
        const express = makeFastFilter(filter, state);
        if (express === null) continue;
        const prefix = 'previous line\n';
        const text = Buffer.from(`${prefix}${lines.join('\n')}\n`);
        // Compiled regexes look for the bytes where the others are told them.
        const isCompiled = roll(3) > 0;
        const origin = isCompiled ? TEXT_AT : 0;
        if (isCompiled) shared.bytes.set(text, TEXT_AT);
        let start = prefix.length;
        const now = Date.UTC(2005, 7, 14, 12) / 1000;
        const findtime = roll(2) === 0 ? 10 ** 9 : 600;
        const keepsFields = roll(3) === 0;
        const checkAll = mode === 'test' && roll(2) === 0;
        const look: LineContext = {
          ...{ mode, findtime, now, keepsFields, checkAll },
          nextRegex: (from) => (from < filter.failregex.length ? from : -1),
          copy: (from, to) => text.toString('latin1', from, to),
          ...{ shared: isCompiled ? shared : null, origin, isUnwatched: false },
        };
        if (isCompiled) compiled += compileWanted(express, shared, 0);
        // As lines of the journal, which have their times and no dates.
        const isTimed = roll(3) === 0;
        let time: number | null = null;
        for (const line of lines) {
          if (isTimed && roll(2) === 0) time = now + roll(200) - 100;
          const place = { codes: text, start, end: start + line.length };
          start += line.length + 1;
          const options = { mode, findtime, now, checkAll };
          const wanted = processLine(filter, wantedState, { text: line, time }, options);
          const verdict = matchLine(express, place, look, time);
          const why = `${filter.name}: ${line}`;
          if (verdict === 'general') {
            long++;
            const got = processLine(filter, state, { text: line, time }, options);
            assert.deepEqual(wantedOf(got, keepsFields), wantedOf(wanted, keepsFields), why);
            confirmDate(express);
            continue;
          }
          short++;
          commitFast(express, place);
          // Whoever was interrupted does it again.
          if (roll(4) === 0) state.sessions.commit();
          if (verdict === 'judged') {
            assert.ok(express.outcome !== null);
            // An odd date is warned of once, on the first line that has it.
            const expected = { ...wanted, warning: null };
            assert.deepEqual(wantedOf(express.outcome, keepsFields), wantedOf(expected, keepsFields), why);
            continue;
          }
          assert.equal(verdict, wanted.result, why);
          const { isPrefixed, regex }: { isPrefixed: boolean; regex: number } = express;
          if (verdict !== 'old') assert.equal(isPrefixed, wanted.isPrefixed, why);
          if (verdict !== 'old' && verdict !== 'missed') assert.equal(regex, wanted.regex, why);
          if (verdict !== 'old') assert.equal(express.time, wanted.time, why);
          if (verdict === 'matched') assert.equal(formatIp4(express.ip), wanted.failures[0]?.id, why);
        }
        const summary = ({ dates, sessions, lastTime, lastDate }: typeof state) => ({
          slots: dates.choice.slots.map(({ hits, distance }) => ({ hits, distance })),
          sessions: sessions.size,
          ...{ lastTime, lastDate },
        });
        assert.deepEqual(summary(state), summary(wantedState), filter.name);
      }
      assert.ok(short > 100 && compiled > 20, `${short} ${compiled}`);
      t.diagnostic(`${short} lines the short way, ${long} the long one, ${compiled} regexes compiled`);
    });
  }
}
