/**
 * What a steady stream costs: processor seconds of the daemon for so many lines a second of auth.log, each dated now and appended by a
 * write of its own, the share of them that was processed when the stream ended, and how late lines are. Then the time from the start to
 * the first ban. fail2ban-server beside it with the same filter, where it is installed; bans are counted, nobody is blocked.
 *   node bench/stream.ts [rates] [firstban]
 * F2B_BENCH_RATES: lines a second (1000,10000); F2B_BENCH_SECONDS: how long each (25).
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { authStream, floodAddress, syslogStamp, writeLog } from './logs.ts';
import { attack, type Backend, f2b, fail2ban, hasOriginal, heard, type Server } from './servers.ts';

const RATES = (process.env['F2B_BENCH_RATES'] ?? '1000,10000').split(',').map(Number);
const SECONDS = Number(process.env['F2B_BENCH_SECONDS'] ?? 25);
/** For a daemon that falls behind. */
const LIMIT_MS = 300_000;
/** A line in so many is of an address that no other line names, and looked for in the daemon's log. */
const PROBE_EVERY_MS = 500;
const ROUNDS = 5;
const STARTED = "Jail 'sshd' started";
const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

type Streamed = {
  readonly name: string;
  readonly lines: number;
  /** Processor seconds until the last line was processed. */
  readonly processor: number;
  /** Of the failures, those that were found when the last line had been written. */
  readonly share: number;
  readonly failures: number;
  readonly bans: number;
  /** Milliseconds from the write of a line to its `Found` in the log: the median, the most, the very last line's. */
  readonly late: readonly [number, number, number];
};

/** What the daemon's log tells while it grows. */
function makeTally(server: Server) {
  const written = new Map<string, number>();
  const late: number[] = [];
  let failures = 0;
  let bans = 0;
  let rest = '';
  let how = '';
  return {
    late,
    awaited: () => written.size,
    failures: () => failures,
    bans: () => bans,
    how: () => how,
    expect: (address: string) => void written.set(address, performance.now()),
    look() {
      const news = server.news();
      if (news === '') return;
      const now = performance.now();
      const text = rest + news;
      const end = text.lastIndexOf('\n') + 1;
      rest = text.slice(end);
      for (const line of text.slice(0, end).split('\n')) {
        how ||= /Initiated '(\w+)' backend/.exec(line)?.[1] ?? '';
        if (/\] Ban /.test(line)) bans++;
        const [, address] = /\] Found (\S+)/.exec(line) ?? [];
        if (address === undefined) continue;
        failures++;
        const at = written.get(address);
        if (at === undefined) continue;
        written.delete(address);
        late.push(now - at);
      }
    },
  };
}

async function stream(make: typeof f2b, backend: Backend, rate: number): Promise<Streamed> {
  const server = make({ maxretry: 5, backend });
  try {
    server.start();
    const { all } = await heard(server, STARTED);
    const how = /Initiated '(\w+)' backend/.exec(all)?.[1] ?? backend;
    await rest(3000);
    const tally = makeTally(server);
    const before = server.processor();
    const next = authStream(rate);
    const fd = openSync(server.input, 'a');
    const total = rate * SECONDS;
    const probe = (i: number): void => {
      const address = floodAddress(i);
      tally.expect(address);
      const date = syslogStamp(Date.now() / 1000);
      writeSync(fd, `${date} web1 sshd[99]: Failed password for root from ${address} port 4022 ssh2\n`);
    };
    const begin = performance.now();
    let lastProbe = begin;
    for (let i = 0; i < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - begin) / 1000) * rate));
      const now = Date.now() / 1000;
      for (; i < due; i++) {
        const isLast = i === total - 1;
        if (isLast || performance.now() - lastProbe > PROBE_EVERY_MS) {
          lastProbe = performance.now();
          probe(i);
        } else writeSync(fd, next(now));
      }
      tally.look();
      await rest(1);
    }
    closeSync(fd);
    tally.look();
    const foundByThen = tally.failures();
    const end = performance.now();
    while (tally.awaited() > 0 && performance.now() - end < LIMIT_MS) {
      await rest(2);
      tally.look();
    }
    const last = tally.awaited() > 0 ? Number.POSITIVE_INFINITY : (tally.late.at(-1) ?? Number.NaN);
    const processor = server.processor() - before;
    // What follows the last line: bans that are still on their way.
    await rest(2000);
    tally.look();
    return {
      name: `${server.name}, ${how}`,
      ...{ lines: total, processor, share: foundByThen / tally.failures() },
      ...{ failures: tally.failures(), bans: tally.bans() },
      late: [median(tally.late), Math.max(...tally.late), last],
    };
  } finally {
    await server.close();
  }
}

function printStreamed(one: Streamed, against: Streamed | null): void {
  const cells = [
    `${one.processor.toFixed(2)} s`.padStart(9),
    `${((100 * one.processor) / SECONDS).toFixed(1)} %`.padStart(8),
    `${(100 * one.share).toFixed(1)} %`.padStart(9),
    one.late
      .map((ms) => String(Math.round(ms)))
      .join(' / ')
      .padStart(20),
    `${one.failures} / ${one.bans}`.padStart(16),
    against === null ? '' : `${(against.processor / one.processor).toFixed(1)} x`.padStart(8),
  ];
  console.log(`  ${one.name.padEnd(22)}${cells.join('')}`);
}

async function rates(): Promise<void> {
  for (const rate of RATES) {
    console.log(
      `${rate} lines a second for ${SECONDS} s; late = ms from write to log: median / most / last line`,
    );
    console.log(
      `  ${''.padEnd(22)}processor of a core  in time${'late'.padStart(20)}${'found / bans'.padStart(16)}  against fail2ban`,
    );
    const others: Streamed[] = [];
    if (hasOriginal) {
      const auto = await stream(fail2ban, 'auto', rate);
      printStreamed(auto, null);
      others.push(auto);
      if (!auto.name.endsWith('polling')) {
        others.push(await stream(fail2ban, 'polling', rate));
        printStreamed(others[1] ?? auto, null);
      }
    }
    for (const backend of ['auto', 'polling'] as const) {
      const same = others.length > 1 && backend === 'polling' ? others[1] : others[0];
      const own = await stream(f2b, backend, rate);
      printStreamed(own, same ?? null);
      if (same !== undefined && same.failures !== own.failures) console.log('  COUNTS DIFFER');
    }
  }
}

const ATTACKER = '198.51.100.7';
const FAILURES = 5;

/** Milliseconds from the start to the ban of the attacker. */
async function firstBan(
  make: typeof f2b,
  prepare: (server: Server) => void,
  then: 'wait' | 'at once' | 'none',
) {
  const server = make({ maxretry: FAILURES, backend: 'auto' });
  try {
    prepare(server);
    const begin = performance.now();
    server.start();
    if (then === 'at once') attack(server, [ATTACKER], FAILURES);
    if (then === 'wait') {
      await heard(server, STARTED);
      attack(server, [ATTACKER], FAILURES);
    }
    await heard(server, `] Ban ${ATTACKER}`);
    return performance.now() - begin;
  } finally {
    await server.close();
  }
}

/** The recent past: the mix of auth.log, all of it within findtime, and the attack behind it. */
function past(lines: number): (server: Server) => void {
  return (server) => {
    writeLog(server.input, 'auth', lines, Date.now() / 1000);
    attack(server, [ATTACKER], FAILURES);
  };
}

async function firstBans(): Promise<void> {
  console.log(`ms from the start of the daemon to the first ban, medians of ${ROUNDS}`);
  const cases = [
    ['the attack stands in the log', (server: Server) => attack(server, [ATTACKER], FAILURES), 'none'],
    ['behind 100,000 lines within findtime', past(100_000), 'none'],
    ['written right after the start', () => {}, 'at once'],
    ['written when the jail has started', () => {}, 'wait'],
  ] as const;
  for (const [what, prepare, then] of cases) {
    const times = async (make: typeof f2b): Promise<number> => {
      const all: number[] = [];
      for (let i = 0; i < ROUNDS; i++) all.push(await firstBan(make, prepare, then));
      return median(all);
    };
    const theirs = hasOriginal ? await times(fail2ban) : null;
    const ours = await times(f2b);
    const beside =
      theirs === null ? '' : `fail2ban ${theirs.toFixed(0).padStart(7)}   ${(theirs / ours).toFixed(1)} x`;
    console.log(`  ${what.padEnd(40)} f2b ${ours.toFixed(0).padStart(6)}   ${beside}`);
  }
}

const chosen = process.argv.slice(2);
const parts = { rates, firstban: firstBans };
for (const [name, measure] of Object.entries(parts)) {
  if (chosen.length === 0 || chosen.includes(name)) await measure();
}
