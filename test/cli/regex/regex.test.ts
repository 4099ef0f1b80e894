import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { parseCommandLine } from '../../../src/cli/parse.ts';
import { regex } from '../../../src/cli/regex/regex.ts';
import { isLong, unlessFound } from '../../testbed/need.ts';

const LOGS = '/usr/lib/python3/dist-packages/fail2ban/tests/files/logs';
let folder = '';
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'f2b-regex-'));
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function run(words: readonly string[], input: string | Buffer = ''): Promise<string> {
  let out = '';
  const request = parseCommandLine(['regex', ...words], 'f2b', [regex]);
  const code = await regex.run({
    ...request,
    io: {
      stdout: (text) => {
        out += text;
      },
      stderr: () => {},
      stdin: Readable.from([Buffer.from(input)]),
      env: { F2B_CONFIG: folder },
      now: () => 1124013600,
    },
  });
  assert.equal(code, 0);
  return out;
}

const linesOf = (report: string): string | undefined => /^Lines: .*$/m.exec(report)?.[0];

test('f2b regex reads a compressed log, and standard input', async () => {
  const text = 'bad 192.0.2.7\r\nbad 192.0.2.8\nlast 192.0.2.9 has no newline';
  const path = join(folder, 'a.log.gz');
  writeFileSync(path, gzipSync(text));
  assert.equal(
    linesOf(await run([path, '^(?:bad|last) <HOST>'])),
    'Lines: 3 lines, 0 ignored, 3 matched, 0 missed',
  );
  assert.equal(await run(['-o', 'id', '-', '^bad <HOST>$'], text), '192.0.2.7\n192.0.2.8\n');
});

test('f2b regex reads other encodings, and what is none', async () => {
  const path = join(folder, 'latin1.log');
  writeFileSync(path, Buffer.from('bad m\xfcller 192.0.2.7\n', 'latin1'));
  const words = [path, '^bad <F-USER>\\w+</F-USER> <HOST>$'];
  assert.equal(await run(['-o', 'user', '-e', 'latin1', ...words]), 'm\u00fcller\n');
  assert.equal(linesOf(await run(words)), 'Lines: 1 lines, 0 ignored, 0 matched, 1 missed');
});

test('f2b regex --invert prints the lines that are no failure', async () => {
  const text = 'bad 192.0.2.7\nfine 192.0.2.8\n';
  for (const words of [['-i'], ['--invert', '-o', 'msg'], ['-i', '-o', '<ip>']])
    assert.equal(await run([...words, '-', '^bad <HOST>$'], text), 'fine 192.0.2.8\n');
});

test('f2b regex --raw resolves no names', async () => {
  assert.equal(await run(['-r', '-o', 'id', 'bad host.invalid x', '^bad <HOST> x']), 'host.invalid\n');
  assert.equal(await run(['-o', 'id', '--usedns', 'no', 'bad host.invalid x', '^bad <HOST> x']), '');
});

test('f2b regex survives a line without end', async () => {
  const path = join(folder, 'long.log');
  writeFileSync(path, `${'x'.repeat(3_000_000)}\nbad 192.0.2.7\n`);
  assert.equal(await run(['-o', 'id', path, '^bad <HOST>$']), '192.0.2.7\n');
});

/** The counts of a report: total, hits by regex, lines. */
function countsOf(report: string): readonly string[] {
  const wanted = /^(?:Lines: .*|(?:Pref|Fail|Ignore)regex: \d+ total|\| +\d+\) \[\d+\])/gm;
  return [...report.matchAll(wanted)].map(([line]) => line);
}

const SOME = ['sshd', 'apache-auth', 'dovecot', 'postfix', 'named-refused', 'guacamole', 'asterisk', 'nsd'];

test('f2b regex counts as fail2ban-regex does on its sample logs', {
  skip: unlessFound('fail2ban-regex'),
}, async (t) => {
  const all = isLong ? spawnSync('ls', [LOGS], { encoding: 'utf8' }).stdout.split('\n') : SOME;
  const names = all.filter(
    (name) => existsSync(join(LOGS, name)) && existsSync(`/etc/fail2ban/filter.d/${name}.conf`),
  );
  for (const name of names) {
    // The original passes over a last line that has no newline.
    const log = join(folder, `${name}.log`);
    const text = readFileSync(join(LOGS, name));
    writeFileSync(log, text.at(-1) === 10 ? text : Buffer.concat([text, Buffer.from('\n')]));
    const words = ['-r', '--print-no-missed', '--print-no-ignored', log, name];
    const theirs = spawnSync('fail2ban-regex', words, { encoding: 'utf8' }).stdout;
    const ours = await run(['--config', '/etc/fail2ban', '--check-all', ...words]);
    assert.deepEqual(countsOf(ours), countsOf(theirs), name);
  }
  t.diagnostic(`${names.length} logs, counts equal to fail2ban-regex's`);
});

test('f2b regex says what a jail does with a line, and which other regexes hit it', async () => {
  const path = join(folder, 'helper.conf');
  writeFileSync(path, '[Definition]\nfailregex = ^ bad <HOST>\n  ^ <F-NOFAIL>bad</F-NOFAIL> <HOST> root$\n');
  const text = '2005-08-14 11:59:58 bad 192.0.2.7 root\n2005-08-14 11:59:58 bad 192.0.2.8\n';
  const log = join(folder, 'helper.log');
  writeFileSync(log, text);
  for (const words of [
    [log, path],
    ['-', path],
    ['--verbose', log, path],
  ]) {
    const report = await run(words, text);
    assert.equal(linesOf(report), 'Lines: 2 lines, 0 ignored, 2 matched, 0 missed');
    assert.match(
      report,
      /Hit by more than one regex.*\n\| {2}1, 2: 2005-08-14 11:59:58 bad 192.0.2.7 root\n/,
    );
  }
  const all = await run(['--check-all', log, path]);
  assert.equal(linesOf(all), 'Lines: 2 lines, 1 ignored, 1 matched, 0 missed');
  const request = parseCommandLine([log, path], 'fail2ban-regex', [regex]);
  assert.equal(request.options['check-all'], true, 'called by that name');
});

test('f2b regex skips a regex where it is too slow, counts the lines and names the first', async () => {
  const attack = `evil ${'a'.repeat(60)} but from 192.0.2.1`;
  const text = [
    'fine from 192.0.2.2',
    ...Array.from({ length: 10 }, () => attack),
    'evil a from 1.0.0.3',
    '',
  ].join('\n');
  const path = join(folder, 'stuck.conf');
  // The look-ahead keeps V8's linear engine away, should it be on.
  const filter = [
    '[Definition]',
    'failregex = ^evil (?=a)(?:a+)+ from <HOST>$',
    '            ^fine from <HOST>$',
    '            ^evil .* but from <HOST>$',
  ];
  writeFileSync(path, `${filter.join('\n')}\n`);
  const report = await run(['-', path], text);
  assert.match(
    report,
    /Took too long:\n\| {2}failregex 1: on 10 lines, skipped there, first on line 2:\n\| {4}evil aaa/,
  );
  assert.equal(linesOf(report), 'Lines: 12 lines, 0 ignored, 12 matched, 0 missed');
});

/** A report without what names the input and the time it took. */
const core = (report: string): string => report.replace(/^(?:Use .*|\[processed .*)\n/gm, '');

test('law: a file goes another way than standard input, and the report is the same', {
  skip: existsSync(LOGS) ? false : 'fail2ban is not installed',
}, async (t) => {
  let count = 0;
  for (const name of readdirSync(LOGS)) {
    const filter = `/etc/fail2ban/filter.d/${name}.conf`;
    if (!existsSync(filter)) continue;
    const text = readFileSync(join(LOGS, name), 'latin1');
    const [first = '', second = ''] = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    // Lines that are repeated, ended as on Windows, of other characters, without end.
    const more = `${first}\n${first}\n${second}\r\n${second}\n\n#${first}\n\r\n${first}\u00e9\u00ff\nz ${'x'.repeat(70_000)}\n${second}`;
    const log = Buffer.from(`${text}\n${more.repeat(4)}`, 'latin1');
    const path = join(folder, 'survey.log');
    writeFileSync(path, log);
    const words = ['--raw', '--brief'];
    const [file, piped] = [await run([...words, path, filter]), await run([...words, '-', filter], log)];
    // Which lines of a window with 70,000 characters are too slow is the machine's affair.
    if (file.includes('Took too long:') || piped.includes('Took too long:')) continue;
    // Where the machine is slow a line may be looked at twice, and its date counted twice.
    const apart = (report: string): string => core(report).replace(/Date template hits:[^`]*/, '');
    assert.equal(apart(file), apart(piped), name);
    count++;
  }
  assert.ok(count > 50);
  t.diagnostic(`${count} filters`);
});
