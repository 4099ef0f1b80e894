import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import {
  Journal,
  type JournalOptions,
  type JournalPosition,
  journalKey,
  journalTrouble,
} from '../../../src/source/journal/journal.ts';
import { until } from '../logfile/following.ts';
import { type Journald, journaldTrouble, startJournald } from './journald.ts';

const NONE: ReadonlyMap<string, string> = new Map();

test('without journalctl there is a reason to read the log file instead', () => {
  assert.equal(journalTrouble(NONE, 'no-such-journalctl'), 'no-such-journalctl is not installed');
  const options = { matches: [], options: NONE, position: null, since: 0, say: () => {}, onReady: () => {} };
  assert.throws(() => new Journal({ ...options, command: ['no-such-journalctl'] }), /not installed/);
});

type Following = {
  readonly journal: Journal;
  readonly lines: string[];
  readonly times: number[];
  readonly said: string[];
};

function follow(t: TestContext, daemon: Journald, options: Partial<JournalOptions> = {}): Following {
  const lines: string[] = [];
  const times: number[] = [];
  const said: string[] = [];
  const journal = new Journal({
    matches: ['SYSLOG_IDENTIFIER=app'],
    options: NONE,
    position: null,
    since: 0,
    command: daemon.within('journalctl'),
    say: (_level, text) => said.push(text),
    onReady: () => {
      for (;;) {
        const batch = journal.read(65536);
        if (batch === null) return;
        lines.push(...batch.bytes.toString('utf8', batch.start, batch.end - 1).split('\n'));
        times.push(...(batch.times ?? []).map(Number));
      }
    },
    ...options,
  });
  t.after(() => journal.close());
  return { journal, lines, times, said };
}

const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `number ${from + index}`);

/** The messages behind `host app[pid]: `. */
const messages = (lines: readonly string[]): string[] => lines.map((line) => line.replace(/^\S+ \S+: /, ''));

const saved = (journal: Journal): JournalPosition => {
  const position = journal.position();
  if (position === null) throw new Error('no position');
  return position;
};

/** The journalctl processes that this process started, by /proc. */
function journalctls(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const [, , , parent] = readFileSync(`/proc/${name}/stat`, 'utf8')
          .replace(/\(.*\)/, 'x')
          .split(' ');
        return (
          Number(parent) === process.pid && readFileSync(`/proc/${name}/comm`, 'utf8').trim() === 'journalctl'
        );
      } catch {
        return false;
      }
    })
    .map(Number);
}

const trouble = journaldTrouble();

describe('a real journald', { skip: trouble ?? false }, () => {
  test('the rest of a line that journald split is no line, also over a restart', async (t) => {
    const daemon = await startJournald(t);
    const long = 'x'.repeat(48 * 1024);
    daemon.log('app', ['first', `${long}fail 203.0.113.5`, 'nul\0fail 203.0.113.6', 'last']);
    const shown = (lines: readonly string[]) => messages(lines).map((line) => line.slice(0, 20));
    const whole = follow(t, daemon);
    await until(() => whole.lines.length >= 6, 'six entries');
    assert.deepEqual(shown(whole.lines), ['first', long.slice(0, 20), '', 'nul', '', 'last']);
    // As if f2b had ended between the two pieces.
    const cursors = daemon
      .run('journalctl', '--output=json', 'SYSLOG_IDENTIFIER=app')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
    const cut = cursors[1];
    const position: JournalPosition = {
      kind: 'journal',
      cursor: cut['__CURSOR'],
      realtime: Number(cut['__REALTIME_TIMESTAMP']),
      open: [cut['_STREAM_ID']],
    };
    const rest = follow(t, daemon, { position });
    await until(() => rest.lines.length >= 4, 'the rest');
    assert.deepEqual(shown(rest.lines), ['', 'nul', '', 'last']);
    assert.equal(saved(rest.journal).open, undefined);
  });

  test('with once it ends when what was there is read, also an empty, a growing and an emptied one', async (t) => {
    const daemon = await startJournald(t);
    const pass = async (position: JournalPosition | null) => {
      const log = follow(t, daemon, { once: true, position });
      await until(() => {
        log.journal.read(65536);
        return log.journal.status().live;
      }, 'the end');
      return log;
    };
    assert.deepEqual((await pass(null)).lines, []);
    daemon.log('app', numbered(0, 3));
    const first = await pass(null);
    assert.deepEqual(messages(first.lines), numbered(0, 3));
    assert.deepEqual((await pass(saved(first.journal))).lines, []);
    daemon.log('app', numbered(3, 5));
    const second = await pass(saved(first.journal));
    assert.deepEqual(messages(second.lines), numbered(3, 5));
    const lost = { ...saved(second.journal), cursor: saved(second.journal).cursor.replace(/s=\w/, 's=0') };
    assert.deepEqual((await pass(lost)).lines, []);
    const writer = setInterval(() => daemon.send('SYSLOG_IDENTIFIER=app\nMESSAGE=more\n'), 20);
    try {
      assert.ok((await pass(null)).lines.length >= 5);
    } finally {
      clearInterval(writer);
    }
  });

  test('entries come as they are logged, with their times, and only those that match', async (t) => {
    const daemon = await startJournald(t);
    daemon.log('other', ['not mine']);
    daemon.log('app', ['before']);
    const begun = Date.now() / 1000;
    const log = follow(t, daemon);
    await until(() => log.lines.length >= 1, 'the first entry');
    daemon.log('app', ['Failed password for root from 192.0.2.7 port 22']);
    await until(() => log.lines.length >= 2, 'the second entry');
    const host = execFileSync('hostname', { encoding: 'utf8' }).trim();
    assert.match(log.lines[1] ?? '', /^\S+ app\[\d+\]: Failed password for root from 192\.0\.2\.7 port 22$/);
    assert.ok(log.lines[1]?.startsWith(host));
    assert.ok(Math.abs((log.times[1] ?? 0) - begun) < 60);
    assert.equal(log.lines.length, 2);
  });

  test('matches joined by + mean or; strange messages arrive', async (t) => {
    const daemon = await startJournald(t);
    const log = follow(t, daemon, { matches: ['SYSLOG_IDENTIFIER=one + SYSLOG_IDENTIFIER=two'] });
    daemon.log('one', ['first']);
    daemon.log('three', ['not mine']);
    daemon.log('two', [`long ${'x'.repeat(20_000)}`, 'control \u0007 caf\u00e9']);
    await until(() => log.lines.length >= 3, 'three entries');
    assert.deepEqual(messages(log.lines), [
      'first',
      `long ${'x'.repeat(20_000)}`,
      'control \u0007 caf\u00e9',
    ]);
  });

  test('a restart goes on behind the saved entry', async (t) => {
    const daemon = await startJournald(t);
    daemon.log('app', numbered(0, 50));
    const first = follow(t, daemon);
    await until(() => first.lines.length >= 50, 'fifty entries');
    const position = saved(first.journal);
    first.journal.close();
    daemon.log('app', numbered(50, 100));
    const second = follow(t, daemon, { position });
    await until(() => second.lines.length >= 50, 'the other fifty');
    assert.deepEqual(messages(second.lines), numbered(50, 100));
    assert.deepEqual(second.said, []);
  });

  test('since: older entries are left out', async (t) => {
    const daemon = await startJournald(t);
    daemon.log('app', ['old']);
    const log = follow(t, daemon, { since: Date.now() / 1000 + 0.001 });
    daemon.log('app', ['new']);
    await until(() => log.lines.length >= 1, 'an entry');
    assert.deepEqual(messages(log.lines), ['new']);
  });

  test('a cursor that is malformed or from another journal: said once, and the time decides', async (t) => {
    const daemon = await startJournald(t);
    daemon.log('app', numbered(0, 5));
    const first = follow(t, daemon);
    await until(() => first.lines.length >= 5, 'five entries');
    const { realtime } = saved(first.journal);
    first.journal.close();
    daemon.log('app', numbered(5, 10));
    const foreign = 's=00000000000000000000000000000001;i=5;b=00000000000000000000000000000001;m=5;t=1;x=1';
    for (const cursor of ['nonsense', foreign]) {
      const log = follow(t, daemon, { position: { kind: 'journal', cursor, realtime } });
      await until(() => log.lines.length >= 5, 'the other five');
      assert.deepEqual(messages(log.lines), numbered(5, 10));
      assert.equal(log.said.filter((text) => /does not know the saved position/.test(text)).length, 1);
      log.journal.close();
    }
  });

  test('over rotations of the journal no entry is lost or doubled', async (t) => {
    const daemon = await startJournald(t);
    const log = follow(t, daemon);
    const rounds = process.env['F2B_LONG'] === '1' ? 50 : 4;
    for (let round = 0; round < rounds; round++) {
      daemon.log('app', numbered(round * 200, round * 200 + 100));
      daemon.run('journalctl', '--rotate');
      daemon.log('app', numbered(round * 200 + 100, round * 200 + 200));
    }
    await until(
      () => log.lines.length >= rounds * 200,
      () => `all entries, ${log.lines.length} came`,
    );
    assert.deepEqual(messages(log.lines), numbered(0, rounds * 200));
  });

  test('journalctl is started again when it is killed, and nothing is lost or doubled', async (t) => {
    const daemon = await startJournald(t);
    const log = follow(t, daemon);
    const rounds = process.env['F2B_LONG'] === '1' ? 30 : 4;
    for (let round = 0; round < rounds; round++) {
      daemon.log('app', numbered(round * 500, round * 500 + 500));
      await until(() => log.lines.length > round * 500 + 10, 'some entries');
      for (const pid of journalctls()) process.kill(pid, 'SIGKILL');
    }
    await until(
      () => log.lines.length >= rounds * 500,
      () => `all entries, ${log.lines.length} came`,
    );
    daemon.log('app', ['the end']);
    await until(() => log.lines.at(-1)?.endsWith('the end') === true, 'the end');
    assert.deepEqual(messages(log.lines), [...numbered(0, rounds * 500), 'the end']);
    assert.ok(log.said.some((text) => /killed by SIGKILL/.test(text)));
    assert.ok(log.journal.status().errors >= 1);
  });

  test('who does not read holds journalctl up, in bounded memory', async (t) => {
    const daemon = await startJournald(t);
    daemon.log(
      'app',
      Array.from({ length: 6000 }, (_, at) => `${at} ${'x'.repeat(1000)}`),
    );
    let called = 0;
    const log = follow(t, daemon, {
      onReady: () => {
        called++;
      },
    });
    await until(() => called >= 10, 'output');
    let [seen, sinceMs] = [called, performance.now()];
    const isQuiet = (): boolean => {
      if (called !== seen) [seen, sinceMs] = [called, performance.now()];
      return performance.now() - sinceMs > 500;
    };
    await until(isQuiet, 'journalctl to wait');
    let lines = 0;
    let first = '';
    await until(
      () => {
        for (let batch = log.journal.read(65536); batch !== null; batch = log.journal.read(65536)) {
          assert.ok(batch.end < 2 * 65536);
          lines += batch.times?.length ?? 0;
          first ||= batch.bytes.toString('utf8', batch.start, batch.start + 100);
        }
        return lines >= 6000;
      },
      () => `6000 entries, ${lines} came`,
    );
    assert.equal(lines, 6000);
    assert.match(first, /app\[\d+\]: 0 x/);
  });

  test('a match that journalctl refuses is said once and tried again', async (t) => {
    const daemon = await startJournald(t);
    const log = follow(t, daemon, { matches: ['NONSENSE'] });
    await until(() => log.journal.status().errors > 0, 'the refusal');
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(log.said.length, 1);
    assert.match(log.said[0] ?? '', /Failed to add match/);
    assert.equal(log.journal.status().state, 'waiting');
  });
});

test('selections that show the same have the same key', () => {
  const one = { matches: ['A=1  +  B=2'], options: NONE };
  const two = { matches: ['A=1', 'B=2'], options: NONE };
  assert.equal(journalKey(one), journalKey(two));
});
