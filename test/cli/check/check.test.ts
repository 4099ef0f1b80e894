import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { check } from '../../../src/cli/check/check.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { dumpConfig } from '../../../src/config/dump.ts';
import { diskTree } from '../../../src/config/tree.ts';
import { EL_FILES } from '../../config/eltree.ts';

const STOCK = '/etc/fail2ban';
const skip = existsSync(join(STOCK, 'jail.conf')) ? false : 'fail2ban is not installed';

async function run(config: string, words: readonly string[], flags: readonly string[] = []) {
  let out = '';
  const code = await check.run({
    words,
    options: Object.fromEntries(flags.map((flag) => [flag, true])),
    global: {
      config,
      state: join(config, 'no-state.json'),
      log: null,
      dryRun: false,
      json: false,
      rawOutput: false,
    },
    io: {
      stdout: (text) => {
        out += text;
      },
      stderr: () => undefined,
      stdin: Readable.from([]),
      env: {},
      now: () => 1000,
    },
  });
  return { code, out };
}

/** The installed tree as Enterprise Linux with EPEL lays it out. */
async function withElTree(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-el-'));
  try {
    cpSync(STOCK, folder, { recursive: true });
    rmSync(join(folder, 'jail.d'), { recursive: true, force: true });
    for (const [path, text] of Object.entries(EL_FILES)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), text);
    }
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('check finds no error in the stock tree, and warns only of logs that are missing', {
  skip,
}, async () => {
  const { code, out } = await run(STOCK, []);
  assert.equal(code, 0, out);
  const warnings = out.split('\n').filter((line) => /^(?:warning|error)/.test(line));
  assert.deepEqual(
    warnings.filter(
      (line) => !/does not exist; the jail waits for it|no such file exists: the journal/.test(line),
    ),
    [],
  );
  assert.match(out, /OK: configuration test is successful\n$/);
});

test("check finds no error in Enterprise Linux' tree with EPEL's drop-ins", { skip }, () =>
  withElTree(async (folder) => {
    const { code, out } = await run(folder, []);
    assert.equal(code, 0, out);
    assert.doesNotMatch(out, /^error/m);
    assert.match(out, /^ {2}sshd +sshd/m);
  }),
);

test('check --all --dump prints every jail as the reader resolved it', { skip }, async () => {
  const { code, out } = await run(STOCK, [], ['all', 'dump']);
  assert.equal(code, 0);
  const { jails } = JSON.parse(out);
  assert.equal(Object.keys(jails).length, 91);
  const whole = JSON.parse(dumpConfig(loadConfig(diskTree(STOCK), { force: true })));
  for (const [name, jail] of Object.entries(whole.jails))
    assert.deepEqual(jails[name].options, (jail as { options: object }).options, name);
});

test('check warns of a command in which a tag stands where no value can be had safely', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-check-'));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  try {
    write(
      'action.d/note.conf',
      "[Definition]\nactionban = cat <<'END'\n  <matches>\n  END\nactionunban = echo <ip>\n",
    );
    write('jail.d/web.conf', '[web]\nenabled = true\nfilter =\naction = note\n');
    const { code, out } = await run(folder, []);
    assert.equal(code, 0);
    const told = out.split('\n').filter((line) => line.includes('actionban'));
    const where = join(folder, 'jail.d/web.conf');
    assert.deepEqual(told, [
      `warning: [web] ${where}:4: actionban: <matches> stands in a here-document with a quoted end: write <<END for it`,
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
