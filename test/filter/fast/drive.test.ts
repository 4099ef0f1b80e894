/** Lines that are driven through many filters in one call say what each by itself would. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatIp4 } from '../../../src/base/ip.ts';
import { loadFilter } from '../../../src/config/readfilter.ts';
import { diskTree } from '../../../src/config/tree.ts';
import { compileFilter } from '../../../src/filter/compile.ts';
import { findDate } from '../../../src/filter/date/datepattern.ts';
import { Engine } from '../../../src/filter/engine.ts';
import { Dispatch } from '../../../src/filter/fast/dispatch.ts';
import { BatchMatcher } from '../../../src/filter/fast/drive.ts';
import { DONE, HELD, LEFT } from '../../../src/filter/fast/wasm/layout.ts';
import { newFilterState, processLine } from '../../../src/filter/line.ts';
import type { Filter, LineOutcome, Survey } from '../../../src/filter/types.ts';
import { dice } from '../../testbed/dice.ts';
import { filterOf } from '../filterof.ts';

const roll = dice(17);
/** All samples lie before. */
const NOW = Date.UTC(2027, 0, 1) / 1000;
/** Bytes of a piece that the engine searches at once; its first one says which literals are rare. */
const PIECE = 65536;
const LINES = 8000;
const CASES = [
  [join(import.meta.dirname, '../../..'), join(import.meta.dirname, '../../samples'), 'the shipped filters'],
  ['/etc/fail2ban', '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs', "fail2ban's filters"],
] as const;

type Stream = { readonly filter: Filter; readonly lines: readonly string[] };

/** An address may stand in prefregex, in the failregex, in both or in neither; a session goes on. */
function addressedTwice(): readonly Stream[] {
  const at = (second: number): string => `2026-11-20 10:00:${String(second).padStart(2, '0')}`;
  const ends = ['failure', 'from 192.0.2.2 failure', 'from 2001:db8::2 failure', 'failure of none'];
  const lines = ['', '(192.0.2.1)', '(2001:db8::1)'].flatMap((who, i) =>
    ends.map((end, j) => `${at(4 * i + j)} [${j % 2}] srv${who} ${end}`),
  );
  return ['\\[\\d\\]', '<F-MLFID>\\[\\d\\]</F-MLFID>'].map((id) => ({
    lines,
    filter: filterOf({
      prefregex: `^\\s*${id} srv(?:\\(<ADDR>\\))? <F-CONTENT>.+</F-CONTENT>$`,
      failregex: ['^(?:from <ADDR> )?failure$', '^failure of none$'],
    }),
  }));
}

function streams(root: string, logs: string): readonly Stream[] {
  return [...samplesOf(root, logs), ...addressedTwice()];
}

function samplesOf(root: string, logs: string): readonly Stream[] {
  return readdirSync(logs).flatMap((file) => {
    const path = join(logs, file);
    if (!statSync(path).isFile()) return [];
    const loaded = loadFilter(diskTree(root), file.replace(/\.log$/, ''), { backend: 'auto' }).filter;
    const filter = loaded && compileFilter(loaded, { usedns: 'warn', logtimezone: 'UTC' }, []);
    const lines = readFileSync(path, 'latin1').split('\n');
    return filter === null || filter.maxlines > 1
      ? []
      : [{ filter, lines: lines.filter((line) => line !== '') }];
  });
}

/** The samples that are as old as one of them, and when that was. */
function ofOneTime({ filter, lines }: Stream): { readonly stream: Stream; readonly time: number } {
  const { dates } = newFilterState(filter);
  const timed = lines.map((line) => ({ line, time: findDate(dates, line, NOW)?.time ?? Number.NaN }));
  const dated = timed.filter(({ time }) => !Number.isNaN(time));
  const { time } = dated[roll(dated.length)] ?? { time: NOW };
  const near = timed.filter((one) => Math.abs(one.time - time) < 25).map(({ line }) => line);
  return { stream: { filter, lines: near.length > 0 ? near : lines }, time };
}

function altered(line: string): string {
  const at = roll(line.length + 1);
  const more = ['', '7', ' ', 'x', '300.1.2.3', '2001:db8::1', '] ', '\xe9', ' '.repeat(300)][roll(9)] ?? '';
  return line.slice(0, at) + more + line.slice(at + roll(3));
}

/** Lines of several filters in runs, as they come in logs; the last seconds of their dates change. */
function logOf(group: readonly Stream[], count = LINES): string {
  const lines: string[] = [];
  while (lines.length < count) {
    const { lines: samples } = group[roll(group.length)]!;
    const from = roll(samples.length);
    const some = samples.slice(from, from + 1 + (roll(3) > 0 ? 0 : roll(4)));
    for (let turn = 1 + roll(80); turn > 0; turn--) {
      const line = some[roll(some.length)] ?? '';
      const second = String(roll(60)).padStart(2, '0');
      const dated = roll(3) > 0 ? line : line.replace(/(\d\d:\d\d:)\d\d/, `$1${second}`);
      lines.push(roll(30) === 0 ? altered(dated) : dated);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Calls `told` for every line, with the filters that have to see it. */
function eachLine(dispatch: Dispatch, bytes: Buffer, told: (start: number, end: number) => void): void {
  dispatch.eachLine(bytes, 0, bytes.length, told);
}

/** Of an odd date is warned on the first line in a row that has it, so warnings are not compared. */
function failuresOf({ failures }: LineOutcome, worker: number): readonly string[] {
  return failures.map(({ id, time }) => `${worker} ${id} ${time}`);
}

/** Cuts after whole lines. */
function batchesOf(bytes: Buffer): readonly Buffer[] {
  const batches: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, Math.min(bytes.length - 1, from + PIECE + roll(60_000))) + 1;
    batches.push(bytes.subarray(from, end === 0 ? bytes.length : end));
    from = end === 0 ? bytes.length : end;
  }
  return batches;
}

/** Which of the lines a filter sees, as the engine will find it, whose first piece says what is rare. */
function dispatchFor(filters: readonly Filter[], first: Buffer, all: boolean): Dispatch {
  const dispatch = new Dispatch(filters, { all });
  const last = first.length <= PIECE ? first.length - 1 : first.lastIndexOf(10, PIECE - 1);
  const end = (last >= 0 ? last : first.indexOf(10)) + 1;
  dispatch.eachLine(first, 0, end, () => undefined);
  return dispatch;
}

/** Counts what is driven until stop(). */
function watchDrives() {
  const { go, drainDated } = BatchMatcher.prototype;
  const seen = { reasons: new Map<number, number>(), lines: 0, dated: [] as number[] };
  BatchMatcher.prototype.go = function (...words) {
    const reason = go.apply(this, words);
    seen.reasons.set(reason, (seen.reasons.get(reason) ?? 0) + 1);
    return reason;
  };
  BatchMatcher.prototype.drainDated = function (lane, into) {
    const isAny = drainDated.call(this, lane, into);
    if (isAny) {
      seen.lines += into.count;
      seen.dated.push(into.count);
    }
    return isAny;
  };
  return {
    seen,
    stop: () => Object.assign(BatchMatcher.prototype, { go, drainDated }),
  };
}

const groupsOf = (all: readonly Stream[], size: number): readonly (readonly Stream[])[] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

for (const [root, logs, title] of CASES) {
  const skip = existsSync(logs) && existsSync(root) ? false : 'fail2ban is not installed';
  for (const live of [false, true]) {
    test(`law: driven lines say what processLine() says: ${title}, ${live ? 'live' : 'catching up'}`, {
      skip,
    }, (t) => {
      const { seen, stop } = watchDrives();
      let [failures, lines] = [0, 0];
      for (const some of groupsOf(streams(root, logs), live ? 1 : 6)) {
        const timed = live ? some.map(ofOneTime) : [];
        const group = live ? timed.map(({ stream }) => stream) : some;
        const now = live ? (timed[0]?.time ?? NOW) + 30 : NOW;
        const filters = group.map(({ filter }) => filter);
        const findtime = roll(2) === 0 ? 10 ** 9 : 10_000_000;
        const make = () =>
          filters.map((filter) => ({
            ...{ jail: filter.name, filter, state: newFilterState(filter), findtime },
            keepsFields: filter.name.length % 3 === 0,
          }));
        const [workers, plain] = [make(), make()];
        const engine = new Engine(workers, ({ line }) => assert.fail(`stuck: ${line}`));
        const batches = batchesOf(Buffer.from(logOf(group, live ? LINES : 5 * LINES), 'latin1'));
        const dispatch = dispatchFor(filters, batches[0]!, false);
        for (const bytes of batches) {
          const wanted: string[] = [];
          eachLine(dispatch, bytes, (start, end) => {
            lines++;
            for (const [number, { filter, state }] of plain.entries()) {
              if (!dispatch.concerns(number)) continue;
              const text = bytes.toString('utf8', start, end).replace(/\r+$/, '');
              const options = { mode: live ? 'live' : 'catchup', findtime, now } as const;
              wanted.push(...failuresOf(processLine(filter, state, { text, time: null }, options), number));
            }
          });
          const batch = { bytes, start: 0, end: bytes.length, times: null, live };
          const results = [...engine.run(batch, now)];
          const got = results.flatMap(({ worker, outcome, ip, time }) =>
            outcome === null ? [`${worker} ${formatIp4(ip)} ${time}`] : failuresOf(outcome, worker),
          );
          assert.deepEqual(got, wanted, filters.map(({ name }) => name).join(' '));
          failures += wanted.length;
          for (const [number, { state }] of workers.entries()) {
            const { lastTime, lastDate, sessions } = plain[number]!.state;
            const of = { lastTime: state.lastTime, lastDate: state.lastDate, sessions: state.sessions.size };
            assert.deepEqual(of, { lastTime, lastDate, sessions: sessions.size }, filters[number]?.name);
          }
        }
      }
      stop();
      assert.ok(seen.lines > 1000 && failures > 0);
      const count = (reason: number): number => seen.reasons.get(reason) ?? 0;
      t.diagnostic(
        `${lines} lines, ${failures} failures; ${seen.lines} driven: ${count(DONE)} times to the end, ${count(LEFT)} left, ${count(HELD)} held`,
      );
    });
  }

  test(`law: a survey of driven lines counts what processLine() says: ${title}`, { skip }, (t) => {
    const { seen, stop } = watchDrives();
    let lines = 0;
    for (const one of streams(root, logs)) {
      const { filter } = one;
      const checkAll = roll(2) === 0;
      const [state, plain] = [newFilterState(filter), newFilterState(filter)];
      // Counted after the run: a time limit may interrupt a count, and the line is then reported again.
      let reported: { readonly told: Told | LineOutcome; readonly lines: number }[] = [];
      const survey: Survey = {
        checkAll,
        isComment: (bytes, start) => bytes[start] === 35,
        decode: (bytes) => Buffer.from(bytes).toString('latin1').replace(/\r+$/, ''),
        onShort: (result, { regex, isPrefixed }) =>
          reported.push({ told: { result, isPrefixed, hits: result === 'missed' ? [] : [regex] }, lines: 1 }),
        onLong: (told) => reported.push({ told, lines: 1 }),
        onPrefixed: (lines) =>
          reported.push({ told: { result: 'missed', isPrefixed: true, hits: [] }, lines }),
      };
      const worker = { jail: '', filter, state, findtime: 0, keepsFields: false };
      const engine = new Engine([worker], ({ line }) => assert.fail(`stuck: ${line}`), survey);
      const batches = batchesOf(Buffer.from(logOf([one]), 'latin1'));
      const dispatch = dispatchFor([filter], batches[0]!, true);
      for (const bytes of batches) {
        const wanted = newCounts();
        reported = [];
        eachLine(dispatch, bytes, (start, end) => {
          const text = bytes.toString('latin1', start, end).replace(/\r+$/, '');
          if (text.startsWith('#')) return;
          lines++;
          const options = { mode: 'test', findtime: 0, now: NOW, checkAll } as const;
          add(wanted, toldOf(processLine(filter, plain, { text, time: null }, options)));
        });
        engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, NOW);
        const got = newCounts();
        for (const { told, lines } of reported) add(got, 'warning' in told ? toldOf(told) : told, lines);
        assert.deepEqual(got, wanted, filter.name);
      }
    }
    stop();
    assert.ok(seen.lines > 1000);
    t.diagnostic(`${lines} lines, ${seen.lines} driven`);
  });
}

test('a line without a date behind driven ones gets the date of the last of them, wherever that stood', () => {
  const place = { file: 'test', line: 1 };
  const failregex = ['^\\S+ \\[\\] "<HOST>" 401$', '^undated from <HOST>$'].map((text) => ({ text, place }));
  const source = { name: 'test', prefregex: null, failregex, ignoreregex: [], datepattern: null };
  const filter = compileFilter(
    { ...source, maxlines: 1, journalmatch: [] },
    { usedns: 'no', logtimezone: 'UTC' },
    [],
  );
  assert.ok(filter !== null);
  const state = newFilterState(filter);
  const engine = new Engine([{ jail: 'a', filter, state, findtime: 600, keepsFields: false }], () =>
    assert.fail('stuck'),
  );
  const line = (word: string, second: string, ip = '10.0.0.1'): string =>
    `${word} [2026-12-31 23:59:${second}] "${ip}" 401\n`;
  const run = (text: string) => {
    const bytes = Buffer.from(text);
    return [...engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, NOW)];
  };
  for (let i = 0; i < 3; i++) run(line('aaaaaa', '05').repeat(300));
  const far = line('a'.repeat(26), '10', '2001:db8::1');
  const text = `${far}${line('bbbbbbb', '20')}${line('ccc', '30')}undated from 10.0.0.3\n`;
  for (let i = 0; i < 30; i++) {
    const results = run(line('aaaaaa', '05').repeat(100) + text);
    const last = results.flatMap(({ outcome }) => outcome?.failures ?? []).at(-1);
    assert.deepEqual({ id: last?.id, time: last?.time }, { id: '10.0.0.3', time: NOW - 30 });
  }
});

test('a drive comes back when its lines cost much work', () => {
  const place = { file: 'test', line: 1 };
  const source = { name: 'test', prefregex: null, ignoreregex: [], datepattern: null, maxlines: 1 };
  const failregex = [{ text: '^ host .*a.*a.*b from <HOST>$', place }];
  const filter = compileFilter(
    { ...source, failregex, journalmatch: [] },
    { usedns: 'no', logtimezone: 'UTC' },
    [],
  );
  assert.ok(filter !== null);
  const worker = { jail: 'a', filter, state: newFilterState(filter), findtime: 600, keepsFields: false };
  const engine = new Engine([worker], () => assert.fail('stuck'));
  const run = (text: string): number => {
    const bytes = Buffer.from(`2026-12-31 23:59:50 host ${text} from 10.0.0.1\n`.repeat(300));
    return engine.run({ bytes, start: 0, end: bytes.length, times: null, live: true }, NOW).length;
  };
  for (let i = 0; i < 3; i++) assert.equal(run('aab'), 300);
  const { seen, stop } = watchDrives();
  assert.equal(run(`${'a'.repeat(100)} b from c`), 0);
  stop();
  const most = Math.max(...seen.dated);
  assert.ok(most > 0 && most < 40, `${most} lines in one drive`);
});

type Counts = {
  prefixed: number;
  matched: number;
  helper: number;
  ignored: number;
  hits: Record<string, number>;
};

const newCounts = (): Counts => ({ prefixed: 0, matched: 0, helper: 0, ignored: 0, hits: {} });

type Told = { readonly result: string; readonly isPrefixed: boolean; readonly hits: readonly number[] };

function toldOf({ result, isPrefixed, hits, regex }: LineOutcome): Told {
  return { result, isPrefixed, hits: result === 'ignored' ? [regex ?? -1] : hits };
}

/** Lines that were missed are counted where prefregex matched only: of the others nothing may be told. */
function add(counts: Counts, { result, isPrefixed, hits }: Told, lines = 1): void {
  if (isPrefixed) counts.prefixed += lines;
  if (result === 'matched' || result === 'helper' || result === 'ignored') counts[result] += lines;
  for (const regex of hits) {
    const key = `${result} ${regex}`;
    counts.hits[key] = (counts.hits[key] ?? 0) + lines;
  }
}
