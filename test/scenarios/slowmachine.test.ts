/** Machines that are much slower than a server: no honest line is given up, and a first start reads what it has to. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { readSamples } from '../samples/read.ts';
import { program, unlessLong } from '../testbed/need.ts';
import { eventually } from '../testbed/testbed.ts';

const ROOT = join(import.meta.dirname, '../..');
const LINE = '10.2.1.99 - - [23/Jun/2024 22:27:27] "GET / HTTP/1.1" 401 -';

/** Runs f2b with these words on the slow machine. */
type Machine = (...words: string[]) => { readonly stdout: string; readonly stderr: string };

function start(command: readonly string[], words: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const [file = '', ...first] = command;
  const { error, stdout, stderr } = spawnSync(file, [...first, ...words], {
    encoding: 'utf8',
    timeout: 250_000,
    env: { ...process.env, ...env },
  });
  assert.equal(error, undefined);
  return { stdout, stderr };
}

async function findsItsFirstLines(f2b: Machine): Promise<void> {
  const { stdout } = f2b('regex', LINE, 'flask-auth');
  assert.match(stdout, /1 lines, 0 ignored, 1 matched, 0 missed/);
  assert.doesNotMatch(stdout, /took too long/i);
  const folder = mkdtempSync(join(tmpdir(), 'f2b-slow-'));
  try {
    mkdirSync(join(folder, 'etc/jail.d'), { recursive: true });
    const date = new Date().toISOString().replace('T', ' ').slice(0, 19);
    // Not ASCII, and the only ones: forms for those are compiled at their first use.
    writeFileSync(join(folder, 'app.log'), `${date} \u00e9\u4e2d failed from 192.0.2.7\n`);
    writeFileSync(
      join(folder, 'etc/jail.d/app.conf'),
      `[app]\nenabled = true\nfilter =\nfailregex = failed from <HOST>$\nlogpath = ${folder}/app.log\nlogtimezone = UTC\nmaxretry = 1\nfindtime = 1h\nbanaction = dummy\nignoreself = false\nprotectssh = false\n`,
    );
    const globals = ['--config', join(folder, 'etc'), '--state', join(folder, 'state/s.json')];
    const { stderr } = f2b('run', '--once', '--log', join(folder, 'own.log'), ...globals);
    const log = (): string => readFileSync(join(folder, 'own.log'), 'utf8');
    await eventually(`the ban\n${stderr}`, () => log().includes('[app] Ban 192.0.2.7'));
    assert.doesNotMatch(log(), /took too long/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Makes a control group with 5 % of a processor; null where this may not be. */
function makeGroup(): string | null {
  const name = `f2b-slow-${process.pid}`;
  const [old, unified] = [`/sys/fs/cgroup/cpu/${name}`, `/sys/fs/cgroup/${name}`];
  const group = existsSync('/sys/fs/cgroup/cgroup.controllers') ? unified : old;
  try {
    mkdirSync(group);
    if (group === old) writeFileSync(join(group, 'cpu.cfs_quota_us'), '5000');
    else writeFileSync(join(group, 'cpu.max'), '5000 100000');
    return group;
  } catch {
    if (existsSync(group)) rmdirSync(group);
    return null;
  }
}

test('with 5 % of a processor no line takes too long', { timeout: 280_000 }, async (t) => {
  const group = makeGroup();
  if (group === null) return t.skip('no right to make a control group for the processor');
  try {
    const into = ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', join(group, 'cgroup.procs')];
    await findsItsFirstLines((...words) => start([...into, ...program], words));
  } finally {
    await eventually('the group is left', () => {
      rmdirSync(group);
      return true;
    });
  }
});

const QEMU = '/usr/bin/qemu-aarch64-static';
const LIBRARIES = '/usr/aarch64-linux-gnu';
const hasQemu = existsSync(QEMU) && existsSync(join(LIBRARIES, 'lib/libstdc++.so.6'));
const SAMPLES = join(ROOT, 'test/samples');

describe('the arm64 binary under emulation, several times slower', {
  skip: unlessLong || (!hasQemu && 'not installed: qemu-user-static, libstdc++6-arm64-cross'),
  timeout: 3_600_000,
}, () => {
  let folder = '';
  /** Runs it like any other program. */
  let emulated = '';

  before(() => {
    const built = spawnSync('sh', ['build.sh', '--quiet', '--arch', 'arm64'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    assert.equal(built.status, 0, built.stderr);
    folder = mkdtempSync(join(tmpdir(), 'f2b-arm64-'));
    emulated = join(folder, 'f2b');
    const binary = join(ROOT, 'dist/f2b-arm64');
    writeFileSync(emulated, `#!/bin/sh\nQEMU_LD_PREFIX='${LIBRARIES}' exec ${QEMU} '${binary}' "$@"\n`);
    chmodSync(emulated, 0o755);
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  it('calls no line too slow', { timeout: 280_000 }, async () => {
    await findsItsFirstLines((...words) => start([emulated], words));
  });

  it('finds in the sample logs whom they name', { timeout: 1_500_000 }, (t) => {
    let count = 0;
    const wrong: string[] = [];
    for (const file of readdirSync(SAMPLES).filter((name) => name.endsWith('.log'))) {
      for (const { options, samples } of readSamples(join(SAMPLES, file))) {
        // The time of an entry of the journal is beside it, and no log file has that.
        if (samples.some(({ journalTime }) => journalTime !== null)) continue;
        const words = Object.entries(options).map(([key, value]) => `${key}="${value}"`);
        const filter = `${file.slice(0, -4)}${words.length === 0 ? '' : `[${words.join(', ')}]`}`;
        const log = join(folder, 'sample.log');
        writeFileSync(log, samples.map(({ text }) => `${text}\n`).join(''));
        const { stdout, stderr } = start(
          [emulated],
          ['--config', folder, 'regex', '--json', '--raw', '--', log, filter],
        );
        const found = new Map(
          [...stdout.matchAll(/^\{"line":(\d+),"result":"matched".*?"id":"([^"]*)"/gm)].map(
            ([, line, id]) => [Number(line), id],
          ),
        );
        if (/took too long/i.test(stdout + stderr)) wrong.push(`${filter}: ${stdout}${stderr}`);
        for (const [i, { line, id, text }] of samples.entries()) {
          const got = found.get(i + 1) ?? null;
          if (got !== id) wrong.push(`${file}:${line}: ${filter}: ${got}, not ${id}: ${text}`);
        }
        count += samples.length;
      }
    }
    t.diagnostic(`${count} lines`);
    assert.deepEqual(wrong, []);
  });

  it('passes the scripts', { timeout: 2_400_000 }, () => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const words = ['--test', join(import.meta.dirname, 'script.test.ts')];
    const done = spawnSync(process.execPath, words, {
      env: { ...env, F2B_BINARY: emulated },
      encoding: 'utf8',
    });
    assert.equal(done.status, 0, done.stdout);
  });
});
