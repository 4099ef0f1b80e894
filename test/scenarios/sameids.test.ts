/**
 * The same ids, whoever reads: the daemon, `f2b regex` and fail2ban's own filters judge damaged lines of fail2ban's stock filters alike,
 * except for the differences that are listed with their reason. The seed is printed; F2B_FUZZ_SEED repeats a run, F2B_FUZZ_SECONDS is its length.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canonicalIp, formatIp4 } from '../../src/base/ip.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree } from '../../src/config/tree.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { servicePlace } from '../../src/filter/date/place.ts';
import { zoneNames } from '../../src/filter/date/zone.ts';
import { Engine } from '../../src/filter/engine.ts';
import { newFilterState } from '../../src/filter/line.ts';
import { PerLine } from '../../src/filter/perline.ts';
import type { Filter, LineOutcome } from '../../src/filter/types.ts';
import { type Oracle, openOracle, whyNoOracle } from '../filter/regex/oracle.ts';
import { dice } from '../testbed/dice.ts';
import { type Dice, damaged, pick } from '../testbed/mutate.ts';
import { isLong } from '../testbed/need.ts';

process.env['TZ'] = 'UTC';

const STOCK = '/etc/fail2ban';
const STOCK_LOGS = '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs';
const VERDICTS = join(import.meta.dirname, '../testbed/verdicts.py');
const NOW = Date.UTC(2026, 10, 30, 12) / 1000;
const SEED = Number(process.env['F2B_FUZZ_SEED'] ?? (isLong ? Date.now() % 1_000_000 : 1));
const BUDGET_MS = isLong ? Number(process.env['F2B_FUZZ_SECONDS'] ?? 600) * 1000 : 3000;
/** Lines of one filter in a round. */
const COUNT = 50;
/** Longer ones may take too long, which depends on the machine. */
const LONGEST = 2000;

type Material = { readonly filter: Filter; readonly lines: readonly string[] };

function stockMaterial(): Material[] {
  if (!existsSync(STOCK_LOGS)) return [];
  const files = readdirSync(STOCK_LOGS, { withFileTypes: true }).filter((file) => file.isFile());
  return files.flatMap(({ name }): Material[] => {
    const loaded = loadFilter(diskTree(STOCK), name, { backend: 'auto' });
    const filter = loaded.filter && compileFilter(loaded.filter, { usedns: 'raw', logtimezone: 'UTC' }, []);
    const lines = readFileSync(join(STOCK_LOGS, name), 'utf8').split('\n');
    const wanted = lines.filter((line) => line !== '' && !line.startsWith('#'));
    return filter === null || filter.maxlines > 1 || wanted.length === 0 ? [] : [{ filter, lines: wanted }];
  });
}

const idsOf = ({ failures }: LineOutcome): string => failures.map(({ id }) => id).join(' ');

function byDaemon(filter: Filter, text: string): string {
  const worker = { jail: 'a', filter, state: newFilterState(filter), findtime: 600, keepsFields: false };
  const bytes = Buffer.from(`${text}\n`);
  const batch = { bytes, start: 0, end: bytes.length, times: null, live: true };
  const found = [...new Engine([worker], () => undefined).run(batch, NOW)];
  return found
    .map(({ outcome, ip }) => (outcome === null ? formatIp4(ip) : idsOf(outcome)))
    .join(' ')
    .trim();
}

function byRegex(filter: Filter, text: string): string {
  const course = { filter, state: newFilterState(filter), checkAll: false, now: NOW };
  const perLine = new PerLine({ ...course, onStuck: () => undefined });
  const [told] = perLine.run([{ number: 1, line: { text, time: null } }]);
  return told === undefined ? '' : idsOf(told.outcome);
}

function linesFor(roll: Dice, { lines }: Material, others: readonly string[]): readonly string[] {
  const texts: string[] = [];
  while (texts.length < COUNT) {
    const line = pick(roll, lines) ?? '';
    const other = roll(4) === 0 ? line : damaged(roll, line, others);
    const dated =
      roll(4) === 0
        ? other.replace(pick(roll, other.match(/\w+/g) ?? []) ?? '', pick(roll, DATES) ?? '')
        : other;
    const text = dated.replace(/[\n\r]/g, ' ');
    const read = Buffer.from(text).toString();
    if (read !== '' && read.length < LONGEST) texts.push(read);
  }
  return texts;
}

/** Dates as a client writes them. */
const DATES = [
  '20200101T000000',
  '2020-01-01T00:00:00Z',
  '@4000000037c219bf2ef02e94',
  '1577836800',
  '01/Jan/2020:00:00:00',
];

/** Differences from fail2ban that are meant: a reason, and how to know them. */
type Meant = {
  readonly reason: string;
  readonly is: (text: string, ours: string, theirs: string) => boolean;
};
const MEANT: readonly Meant[] = [
  {
    reason: 'f2b takes the date where the service writes it, fail2ban the one of a client',
    is: (text, _, theirs) =>
      theirs === '' && servicePlace(text) !== null && DATES.some((date) => text.includes(date)),
  },
  {
    reason:
      'fail2ban takes any word of three to five letters before a date of syslog for a zone, and cuts it out',
    is: (text) => {
      const [, word = ''] = /^\W{0,2}([A-Za-z]{3,5}) (?:[A-Za-z]{3} )?[A-Za-z]{3} [ \d]\d? /.exec(text) ?? [];
      return word !== '' && !zoneNames.includes(word.toUpperCase());
    },
  },
];

async function askedOf(oracle: Oracle, question: object): Promise<Record<string, unknown>> {
  const answer = await oracle.ask(question);
  assert.ok(typeof answer === 'object' && answer !== null);
  return { ...answer };
}

test('law: the daemon, f2b regex and fail2ban find the same ids in damaged lines', {
  skip: whyNoOracle() ?? (existsSync(STOCK_LOGS) ? false : `not there: ${STOCK_LOGS}`),
  timeout: BUDGET_MS + 120_000,
}, async (t) => {
  const all = stockMaterial();
  assert.ok(all.length >= 30, `${all.length} filters`);
  const others = all.flatMap(({ lines }) => lines.slice(0, 5));
  const oracle = openOracle(VERDICTS, STOCK);
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  let [count, hits, seed] = [0, 0, SEED];
  try {
    for (const end = performance.now() + BUDGET_MS; performance.now() < end; seed++) {
      const roll = dice(seed);
      const one = all[(seed - SEED) % all.length] ?? assert.fail();
      const lines = linesFor(roll, one, others);
      const { name } = one.filter;
      assert.deepEqual(await askedOf(oracle, { filter: name }), { ok: true }, name);
      const { ids, error } = await askedOf(oracle, { lines });
      assert.ok(Array.isArray(ids), `F2B_FUZZ_SEED=${seed} ${name}: ${error}`);
      for (const [i, text] of lines.entries()) {
        const ours = byRegex(one.filter, text);
        const daemons = byDaemon(one.filter, text);
        const at = `F2B_FUZZ_SEED=${seed} ${name}: ${JSON.stringify(text)}`;
        assert.equal(daemons, ours, `daemon against f2b regex: ${at}`);
        const theirs: string = ids[i].map((id: string) => canonicalIp(id) ?? id).join(' ');
        if (ours !== '') hits++;
        if (theirs === ours) continue;
        const meant = MEANT.find(({ is }) => is(text, ours, theirs));
        if (meant === undefined) wrong.push(`${at}: [${ours}], fail2ban [${theirs}]`);
        else counts.set(meant.reason, (counts.get(meant.reason) ?? 0) + 1);
      }
      count += lines.length;
    }
  } finally {
    oracle.close();
  }
  t.diagnostic(`${count} lines, ${hits} with ids, of ${all.length} filters, seeds ${SEED} to ${seed - 1}`);
  for (const [reason, times] of counts) t.diagnostic(`${times} times: ${reason}`);
  assert.deepEqual(wrong, []);
});
