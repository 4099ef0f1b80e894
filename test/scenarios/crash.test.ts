/** The daemon is killed at any instant, again and again: nothing is counted twice, nothing is lost, no ban is forgotten. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { command, run } from '../../src/base/process.ts';
import { readState } from '../../src/state/json.ts';
import type { Ban, State } from '../../src/state/state.ts';
import { dice } from '../testbed/dice.ts';
import { isLong, program } from '../testbed/need.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const KILLS = isLong ? 200 : 20;

/** Everything that a run leaves behind which does not depend on when things were read; bans by hand apart. */
function essence(state: State) {
  const jail = state.jails.get('web');
  assert.ok(jail !== undefined);
  const pick = ({ at, until, failures, count }: Ban) => ({ at, until, failures, count });
  const bans = [...jail.bans].filter(([, { origin }]) => origin === 'log');
  const byHand = [...jail.bans].filter(([, { origin }]) => origin === 'hand').map(([id]) => id);
  return {
    totalFailed: jail.totalFailed,
    totalBanned: jail.totalBanned - byHand.length,
    failures: new Map(jail.failures),
    bans: new Map(bans.map(([id, ban]) => [id, pick(ban)])),
    byHand: byHand.sort(),
  };
}

function makeConfig(folder: string, banaction: string, log: string): void {
  mkdirSync(join(folder, 'etc/filter.d'), { recursive: true });
  mkdirSync(join(folder, 'etc/jail.d'));
  writeFileSync(join(folder, 'etc/filter.d/web.conf'), '[Definition]\nfailregex = ^\\s*fail <HOST>$\n');
  const limits = ['maxretry = 3', 'findtime = 1h', 'bantime = 10h', `banaction = ${banaction}`];
  const jail = ['[web]', 'enabled = true', `logpath = ${log}`, ...limits];
  writeFileSync(join(folder, 'etc/jail.d/web.conf'), `${jail.join('\n')}\n`);
}

/** A service that logs all the time, whose log is rotated now and then. */
function makeWriter(log: string, roll: (below: number) => number) {
  const lines: string[] = [];
  let timer: NodeJS.Timeout | null = null;
  const write = (): void => {
    const date = `${new Date().toISOString().slice(0, 19)}+00:00`;
    const some = Array.from(
      { length: 1 + roll(8) },
      () => `${date} fail 10.7.${roll(isLong ? 120 : 12)}.${roll(200)}\n`,
    );
    lines.push(...some);
    appendFileSync(log, some.join(''));
  };
  return {
    lines,
    start() {
      timer = setInterval(write, 5);
    },
    stop() {
      if (timer !== null) clearInterval(timer);
    },
    rotate() {
      if (existsSync(`${log}.1`)) renameSync(`${log}.1`, `${log}.2`);
      renameSync(log, `${log}.1`);
      writeFileSync(log, '');
    },
  };
}

function daemonIn(bed: Testbed, folder: string, path: string): ChildProcess {
  const words = [
    'netns',
    'exec',
    bed.victim,
    ...program,
    'run',
    '--poll',
    '0.05',
    '--log',
    join(folder, 'f2b.log'),
  ];
  const fd = openSync(join(folder, 'stderr'), 'a');
  const stdio = ['ignore', 'ignore', fd] as const;
  const child = spawn('ip', [...words, '--config', join(folder, 'etc'), '--state', path], {
    stdio: [...stdio],
  });
  closeSync(fd);
  return child;
}

/** How often a daemon was up so far. */
function starts(folder: string): number {
  const log = join(folder, 'f2b.log');
  return existsSync(log) ? readFileSync(log, 'utf8').split("Jail 'web' started").length - 1 : 0;
}

/** Bans by hand; answers the address when f2b said that it did. */
async function banip(bed: Testbed, folder: string, path: string, address: string): Promise<string> {
  const words = ['ip', 'netns', 'exec', bed.victim, ...program, 'banip', 'web', address] as const;
  const output = await run(command([...words, '--config', join(folder, 'etc'), '--state', path]), 60);
  assert.deepEqual([output.exitCode, output.stdout], [0, '1\n']);
  return address;
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function stateAt(path: string): State | null {
  if (!existsSync(path)) return null;
  const read = readState(readFileSync(path, 'utf8'));
  assert.equal(read.kind, 'ok', `the state file is ${read.kind}`);
  return read.kind === 'ok' ? read.state : null;
}

/** The end of a file that the daemon wrote. */
function tail(path: string, lines: number): string {
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-lines).join('\n') : `no ${path}`;
}

/** What is not yet as it has to be, and what the daemon said of it. */
function account(state: State | null, lines: number, folder: string): string {
  const jail = state?.jails.get('web');
  const bans = [...(jail?.bans ?? [])].filter(([, { pending }]) => pending !== null);
  const pending = bans.slice(0, 10).map(([id, ban]) => `  ${id} (by ${ban.origin}): ${ban.pending}`);
  const at = [...(state?.positions ?? [])].map(
    ([source, position]) => `  ${source} ${JSON.stringify(position)}`,
  );
  return [
    `every line is counted, and every ban stands: counted ${jail?.totalFailed ?? 0} of ${lines} lines`,
    `${bans.length} of ${jail?.bans.size ?? 0} bans pending`,
    ...pending,
    'positions',
    ...at,
    `standard error:\n${tail(join(folder, 'stderr'), 20)}`,
    `log:\n${tail(join(folder, 'f2b.log'), 40)}`,
  ].join('\n');
}

describe('kill -9', { skip: unlessTestbed('nft'), timeout: 1_200_000 }, () => {
  it(`${KILLS} times at random instants leads to what an undisturbed run leads to`, async (t) => {
    const seed = Date.now() % 1_000_000;
    t.diagnostic(`seed ${seed}`);
    const roll = dice(seed);
    const folder = mkdtempSync(join(tmpdir(), 'f2b-crash-'));
    const bed = await makeTestbed([]);
    const [log, path] = [join(folder, 'web.log'), join(folder, 'state/state.json')];
    const writer = makeWriter(log, roll);
    let child: ChildProcess | null = null;
    try {
      writeFileSync(log, '');
      makeConfig(folder, 'nftables', log);
      writer.start();
      let previous = 0;
      let rotatedAt = 0;
      const hands: Promise<string>[] = [];
      for (let i = 0; i < KILLS; i++) {
        const before = starts(folder);
        const daemon = daemonIn(bed, folder, path);
        child = daemon;
        hands.push(banip(bed, folder, path, `198.51.100.${i + 1}`));
        // Half of them live from their birth, which ends some in their beginnings; on a slow machine all of those.
        const isUp = roll(2) === 0;
        const up = (): boolean => starts(folder) > before || daemon.exitCode !== null;
        if (isUp) await eventually(() => `it runs\n${tail(join(folder, 'stderr'), 20)}`, up);
        const lifeMs = isUp ? roll(300) : 40 + roll(450);
        const rotateMs = roll(2 * lifeMs);
        const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
        await sleep(Math.min(rotateMs, lifeMs));
        // What is rotated away before the log was ever seen, or twice between two looks, is lost for good reason.
        if (rotateMs < lifeMs && previous > rotatedAt) {
          writer.rotate();
          rotatedAt = writer.lines.length;
        }
        await sleep(lifeMs - Math.min(rotateMs, lifeMs));
        assert.equal(daemon.exitCode, null, readFileSync(join(folder, 'stderr'), 'utf8'));
        await killed(daemon);
        const counted = stateAt(path)?.jails.get('web')?.totalFailed ?? 0;
        assert.ok(counted >= previous && counted <= writer.lines.length, `${previous}, then ${counted}`);
        previous = counted;
      }
      writer.stop();
      const byHand = await Promise.all(hands);
      child = daemonIn(bed, folder, path);
      const isDone = (): boolean => {
        const jail = stateAt(path)?.jails.get('web');
        const pending = [...(jail?.bans.values() ?? [])].filter((ban) => ban.pending !== null);
        return (jail?.totalFailed ?? 0) >= writer.lines.length && pending.length === 0;
      };
      await eventually(() => account(stateAt(path), writer.lines.length, folder), isDone, 60);
      await killed(child);

      const calm = join(folder, 'calm');
      makeConfig(calm, 'dummy', join(calm, 'web.log'));
      writeFileSync(join(calm, 'web.log'), writer.lines.join(''));
      const words = [...program, 'run', '--once', '--config', join(calm, 'etc')] as const;
      const once = command([...words, '--state', join(calm, 'state.json'), '--log', join(calm, 'f2b.log')]);
      assert.equal((await run(once, 60)).exitCode, 0);
      const [last, undisturbed] = [stateAt(path), stateAt(join(calm, 'state.json'))];
      assert.ok(last !== null && undisturbed !== null);
      const [end, expected] = [essence(last), { ...essence(undisturbed), byHand: byHand.sort() }];
      assert.equal(end.totalFailed, writer.lines.length);
      assert.deepEqual(end, expected);

      const listed = await bed.sh('nft', 'list', 'set', 'inet', 'f2b', 'addr4-web');
      const inKernel = [...listed.matchAll(/\b(?:10\.7|198\.51)\.\d+\.\d+/g)].map(([address]) => address);
      assert.deepEqual(inKernel.sort(), [...expected.bans.keys(), ...byHand].sort());
      t.diagnostic(`${writer.lines.length} lines, ${expected.bans.size} bans, ${byHand.length} by hand`);
    } finally {
      writer.stop();
      child?.kill('SIGKILL');
      await bed.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
