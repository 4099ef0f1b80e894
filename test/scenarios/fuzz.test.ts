/**
 * Damaged logs, configurations, patterns and state files, by a seed that is printed: nothing crashes, nobody is named who does not
 * stand in the log, every mistake says where it is. F2B_FUZZ_SEED repeats a run.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedFiles } from '../../src/base/embedded.ts';
import { canonicalIp, formatIp4, formatNetwork, parseNetwork } from '../../src/base/ip.ts';
import { bounded } from '../../src/base/timelimit.ts';
import { loadConfig } from '../../src/config/config.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { type ConfigTree, diskTree, memoryTree } from '../../src/config/tree.ts';
import { compileJails } from '../../src/daemon/jails.ts';
import { compileFilter } from '../../src/filter/compile.ts';
import { compileDates, DatePatternError, findDate } from '../../src/filter/date/datepattern.ts';
import { Engine } from '../../src/filter/engine.ts';
import { newFilterState } from '../../src/filter/line.ts';
import { compileFailregex, matchText, RegexError } from '../../src/filter/regex/failregex.ts';
import type { Filter } from '../../src/filter/types.ts';
import { readPosition } from '../../src/source/open.ts';
import { readState } from '../../src/state/json.ts';
import { emptyState, jailState } from '../../src/state/state.ts';
import { readSamples } from '../samples/read.ts';
import { printState } from '../state/print.ts';
import { dice } from '../testbed/dice.ts';
import { type Dice, damaged, noise, pick } from '../testbed/mutate.ts';
import { isLong, program } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';

const ROOT = join(import.meta.dirname, '../..');
const STOCK = '/etc/fail2ban';
const STOCK_LOGS = '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs';
const SEED = Number(process.env['F2B_FUZZ_SEED'] ?? (isLong ? Date.now() % 1_000_000 : 1));
/** Milliseconds for each of the tests here. */
const BUDGET_MS = isLong ? Number(process.env['F2B_FUZZ_SECONDS'] ?? 600) * 167 : 1000;
const VICTIM = '203.0.113.66';

/** Runs `once` with ever new dice until the time is up; says how to repeat what failed. */
function fuzz(name: string, t: { diagnostic(text: string): void }, once: (roll: Dice) => void): void {
  const end = performance.now() + BUDGET_MS;
  let seed = SEED;
  for (; performance.now() < end; seed++) {
    try {
      once(dice(seed));
    } catch (error) {
      throw new Error(`${name}, F2B_FUZZ_SEED=${seed}`, { cause: error });
    }
  }
  t.diagnostic(`${seed - SEED} rounds from seed ${SEED} on`);
}

type Material = { readonly filter: Filter; readonly lines: readonly string[]; readonly isOwn: boolean };

function materialOf(tree: ConfigTree, folder: string, isOwn: boolean): Material[] {
  if (!existsSync(folder) || !existsSync(join(tree.name, 'filter.d'))) return [];
  return readdirSync(folder).flatMap((file): Material[] => {
    const name = file.replace(/\.log$/, '');
    const path = join(folder, file);
    if (file.endsWith('.ts')) return [];
    let text = '';
    try {
      text = readFileSync(path, 'latin1');
    } catch {
      return [];
    }
    const loaded = loadFilter(tree, name, { backend: 'auto' });
    const filter = loaded.filter && compileFilter(loaded.filter, { usedns: 'raw', logtimezone: 'UTC' }, []);
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    return filter === null ? [] : [{ filter, lines, isOwn }];
  });
}

const own = materialOf(diskTree(ROOT), join(import.meta.dirname, '../samples'), true);
const material = [...own, ...materialOf(diskTree(STOCK), STOCK_LOGS, false)];
const everyLine = material.flatMap(({ lines }) => lines.slice(0, 5));

/** Whether the address or network stands in the text, in whatever spelling. */
function standsIn(text: string, id: string): boolean {
  if (text.includes(id)) return true;
  if (text.toLowerCase().includes(id.toLowerCase())) return true;
  for (const [word] of text.matchAll(/[0-9a-fA-F:.%/]+/g)) {
    for (let from = 0; from < word.length; from++) {
      for (let to = word.length; to > from; to--) {
        const part = word.slice(from, to);
        const network = part.includes('/') ? parseNetwork(part) : null;
        if (canonicalIp(part) === id || (network !== null && formatNetwork(network) === id)) return true;
      }
    }
  }
  return false;
}

/** What the filter finds in the lines, taken in pieces; failures with the lines that show them. */
function found(filter: Filter, bytes: Buffer, roll: Dice): { readonly id: string; readonly text: string }[] {
  const worker = {
    jail: 'a',
    filter,
    state: newFilterState(filter),
    findtime: 600,
    keepsFields: roll(2) === 0,
  };
  const engine = new Engine([worker], () => undefined);
  // A line of a session may fail for who was named in one that was told before.
  const regexes = [filter.prefregex, ...filter.failregex];
  const hasLines = worker.keepsFields && !regexes.some((one) => one?.regex.fields.has('mlfid') === true);
  const all: { id: string; text: string }[] = [];
  const now = Date.UTC(2005, 7, 14, 10) / 1000 + roll(100_000);
  let seen = '';
  for (let start = 0; start < bytes.length; ) {
    const line = bytes.indexOf(10, start + roll(2000));
    const end = line < 0 ? bytes.length : line + 1;
    const batch = { bytes, start, end, times: null, live: roll(2) === 0 };
    seen += bytes.toString('utf8', start, end);
    for (const { outcome, ip } of engine.run(batch, now)) {
      if (outcome === null) all.push({ id: formatIp4(ip), text: seen });
      else
        for (const { id, kind, matches } of outcome.failures)
          if (kind !== 'dns') all.push({ id, text: hasLines ? `${matches.join('\n')}\n` : seen });
    }
    start = end;
  }
  return all;
}

test('damaged logs: who is named stands in the lines that show it', (t) => {
  let count = 0;
  fuzz('logs', t, (roll) => {
    const { filter, lines } = pick(roll, material) ?? assert.fail();
    const texts = Array.from({ length: 20 }, () => {
      const line = pick(roll, lines) ?? '';
      return roll(3) === 0 ? line : damaged(roll, line, everyLine);
    });
    const bytes = Buffer.concat([
      Buffer.from(`${texts.join('\n')}\n`, roll(2) === 0 ? 'latin1' : 'utf8'),
      roll(5) === 0 ? noise(roll, 3000) : Buffer.alloc(0),
      Buffer.from('\n'),
    ]);
    for (const { id, text } of found(filter, bytes, roll)) {
      count++;
      if (parseNetwork(id) === null && canonicalIp(id) === null) continue;
      assert.ok(standsIn(text, id), `${filter.name} names ${id} in ${JSON.stringify(text.slice(-500))}`);
    }
  });
  t.diagnostic(`${count} failures`);
  assert.ok(count > 0);
});

/** Our samples that name a user, and are counted for somebody. */
const withUser = readdirSync(join(import.meta.dirname, '../samples'))
  .filter((file) => file.endsWith('.log'))
  .flatMap((file) => {
    const name = file.slice(0, -4);
    return readSamples(join(import.meta.dirname, '../samples', file)).flatMap(({ options, samples }) => {
      const given = new Map(Object.entries(options));
      const loaded = loadFilter(diskTree(ROOT), name, { backend: 'auto', options: given });
      const filter = loaded.filter && compileFilter(loaded.filter, { usedns: 'raw', logtimezone: 'UTC' }, []);
      return samples.flatMap(({ text, id, fields, isInjection }) => {
        const user = fields['user'] ?? '';
        const isUsual = id !== null && !isInjection && user !== '' && text.split(user).length === 2;
        return filter !== null && isUsual ? [{ filter, text, user }] : [];
      });
    });
  });

test("our filters: whatever a user's name is, the address in it is not taken", (t) => {
  fuzz('injection', t, (roll) => {
    const { filter, text, user } = pick(roll, withUser) ?? assert.fail();
    const at = text.indexOf(user);
    const real = /\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f:]+:[0-9a-f]*/g;
    const parts = [text.slice(at + user.length), text.slice(0, at), text.slice(at), text];
    let name = user;
    for (let times = 1 + roll(3); times > 0; times--) {
      const part = pick(roll, parts) ?? '';
      const from = roll(part.length);
      const piece = roll(2) === 0 ? part : part.slice(from, from + roll(60));
      name += pick(roll, ['', ' ', 'x', ': ', ', ', ' from ']) + piece.replace(real, VICTIM);
    }
    // Services escape these, or write JSON.
    const hostile = text.slice(0, at) + name.replace(/["\\\n<>']/g, '') + text.slice(at + user.length);
    for (const { id } of found(filter, Buffer.from(`${hostile}\n`), roll))
      assert.ok(!id.includes(VICTIM), `${filter.name} takes the victim in ${JSON.stringify(hostile)}`);
  });
});

const trees = [[...embeddedFiles()], existsSync(STOCK) ? filesBelow(STOCK) : []].filter(
  (files) => files.length > 0,
);

function filesBelow(root: string): [string, string][] {
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:conf|local)$/.test(path))
    .map((path) => [path, readFileSync(join(root, path), 'utf8')]);
}

/** The configuration that is fuzzed: one file in many damaged, and few jails, so that a round is short. */
function damagedFiles(roll: Dice): ReadonlyMap<string, string> {
  const files = new Map(pick(roll, trees) ?? []);
  const names = [...files.keys()];
  const texts = [...files.values()];
  for (let times = 1 + roll(3); times > 0; times--) {
    const name =
      pick(
        roll,
        names.filter((one) => roll(2) === 0 || one.startsWith('jail')),
      ) ?? '';
    files.set(name, damaged(roll, files.get(name) ?? '', texts));
  }
  return files;
}

test('damaged configurations: nothing is thrown, every error says where it is', (t) => {
  let count = 0;
  fuzz('configurations', t, (roll) => {
    const files = damagedFiles(roll);
    const config = loadConfig(memoryTree(files, 'etc'), { force: roll(2) === 0 });
    const roster = compileJails(config.jails.filter(() => roll(4) === 0));
    for (const { severity, place, text, jail } of [...config.problems, ...roster.problems]) {
      if (severity !== 'error') continue;
      count++;
      assert.ok(place !== null && place.file !== '' && place.line >= 0, `no place: [${jail}] ${text}`);
    }
  });
  t.diagnostic(`${count} errors told`);
});

test('damaged patterns: they are refused at a place in them, or work within bounds', (t) => {
  const patterns = material.flatMap(({ filter }) => filter.failregex.map(({ source }) => source.text));
  fuzz('patterns', t, (roll) => {
    const text = damaged(roll, pick(roll, patterns) ?? '', patterns).slice(0, 3000);
    const lines = Array.from({ length: 3 }, () => damaged(roll, pick(roll, everyLine) ?? '', everyLine));
    try {
      const regex = compileFailregex(text, { usedns: 'warn', isMultiline: roll(2) === 0 });
      for (const line of lines) bounded(20, () => matchText(regex, `${line}\n`));
    } catch (error) {
      if (!(error instanceof RegexError)) throw error;
      assert.ok(error.offset >= 0 && error.offset <= text.length, `${error.message} at ${error.offset}`);
    }
    const dates = [
      '%Y-%m-%d %H:%M:%S',
      '^%b %d %T',
      '{^LN-BEG}%ExY',
      'EPOCH',
      '^[^\\[]*\\[({DATE})',
      'TAI64N',
    ];
    const form = damaged(roll, pick(roll, dates) ?? '', dates).slice(0, 300);
    try {
      const made = compileDates(form, pick(roll, [null, 'UTC', 'UTC+0330', 'x']) ?? null);
      for (const line of lines) bounded(20, () => findDate(made, line, 1_700_000_000));
    } catch (error) {
      if (!(error instanceof DatePatternError)) throw error;
    }
  });
});

test('damaged state files: they are read whole or not at all', (t) => {
  const state = emptyState();
  const jail = jailState(state, 'sshd');
  jail.failures.set('192.0.2.1', { retry: 1, first: 1, last: 2, failures: 1, matches: ['x'] });
  jail.past.set('192.0.2.3', { count: 1, last: 1, until: null });
  const position = readPosition({ kind: 'file', seen: 1, files: [] });
  if (position !== null) state.positions.set('/var/log/auth.log', position);
  const text = printState(state, 5);
  fuzz('state', t, (roll) => {
    const read = readState(damaged(roll, text, [text]));
    if (read.kind === 'ok') readState(printState(read.state, 6));
  });
});

test('a daemon that reads damaged logs lives on, bans nobody who does not stand in them, and stays small', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-fuzz-'));
  mkdirSync(join(folder, 'etc/jail.d'), { recursive: true });
  const names = own.map(({ filter }) => filter.name);
  const jail = (name: string): string =>
    `[x-${name}]\nenabled = true\nfilter = ${name}\nlogpath = ${folder}/${name}.log\nmaxretry = 1\nbantime = 5\nusedns = no\nbanaction = dummy\nipv6prefix = 128\nignoreself = false\nprotectssh = false\n`;
  writeFileSync(join(folder, 'etc/jail.d/all.conf'), names.map(jail).join('\n'));
  for (const name of [...names, 'own']) writeFileSync(join(folder, `${name}.log`), '');
  const globals = ['--config', join(folder, 'etc'), '--state', join(folder, 'state/s.json')];
  const words = [...program.slice(1), 'run', '--log', join(folder, 'own.log'), ...globals];
  const daemon = spawn(program[0], words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  daemon.stderr.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const log = (): string => readFileSync(join(folder, 'own.log'), 'utf8');
  try {
    await eventually(
      'the daemon follows its logs',
      () => log().split('Added logfile').length > names.length,
      60,
    );
    const roll = dice(SEED);
    const written = new Map<string, string[]>(names.map((name) => [name, []]));
    const now = (): string => new Date().toISOString().slice(0, 19).replace('T', ' ');
    const end = performance.now() + BUDGET_MS;
    while (performance.now() < end) {
      const { filter, lines } = pick(roll, own) ?? assert.fail();
      const some = Array.from({ length: 20 }, () =>
        damaged(roll, `${now()} ${pick(roll, lines)}`, everyLine),
      );
      const bytes = roll(5) === 0 ? noise(roll, 2000) : Buffer.from(`${some.join('\n')}\n`, 'latin1');
      appendFileSync(join(folder, `${filter.name}.log`), bytes);
      written.get(filter.name)?.push(bytes.toString('latin1'));
      if (roll(500) === 0) writeFileSync(join(folder, `${filter.name}.log`), '');
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(
        daemon.exitCode ?? daemon.signalCode,
        null,
        `F2B_FUZZ_SEED=${SEED}: the daemon died: ${said}`,
      );
    }
    const bans = [...log().matchAll(/\[x-(\S+)\] Ban (\S+)/g)];
    const kb = Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]);
    t.diagnostic(`${bans.length} bans, ${kb} KB at most`);
    assert.ok(kb < 400 * 1024, `${kb} KB`);
    assert.equal(said, '');
    for (const [, name = '', id = ''] of bans) {
      const text = (written.get(name) ?? []).join('');
      assert.ok(
        standsIn(text, id),
        `F2B_FUZZ_SEED=${SEED}: ${name} banned ${id}, which is nowhere in its log`,
      );
    }
  } finally {
    const gone = new Promise((resolve) => daemon.once('exit', resolve));
    if (daemon.exitCode === null && daemon.signalCode === null) {
      daemon.kill('SIGKILL');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  }
});
