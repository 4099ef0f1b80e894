import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { backtest } from '../../../src/cli/backtest/backtest.ts';
import { run } from '../../../src/cli/run.ts';
import { called, withHome } from '../called.ts';

const JAIL = `[sshd]
enabled = true
backend = polling
banaction = dummy
action = %(banaction)s
protectssh = no
ignoreself = false
findtime = 1h
bantime = 100w
maxretry = 3
logpath = LOG
`;
/** A morning of attacks: 40 addresses, each with its own pace; seconds after midnight. */
function attackLog(): string {
  const lines = Array.from({ length: 40 }, (_, one) =>
    Array.from({ length: 1 + (one % 7) }, (_, i) => ({
      time: one * 60 + i * 97 * (one + 1),
      ip: `192.0.2.${one + 1}`,
    })),
  ).flat();
  const two = (value: number): string => String(value).padStart(2, '0');
  return lines
    .sort((a, b) => a.time - b.time)
    .map(({ time, ip }, i) => {
      const clock = [Math.floor(time / 3600), Math.floor(time / 60) % 60, time % 60].map(two).join(':');
      return `2024-05-01T${clock}+00:00 host sshd[${i}]: Failed password for root from ${ip} port 2222 ssh2\n`;
    })
    .join('');
}

test('it bans whom `run --once` bans, at the same times, with the same ends', () =>
  withHome(async ({ folder, config, state }) => {
    const log = join(folder, 'auth.log');
    writeFileSync(
      join(config, 'jail.local'),
      JAIL.replace('LOG', log).replace('findtime = 1h', 'findtime = 1d'),
    );
    writeFileSync(log, attackLog());
    const once = {
      config,
      state,
      log: join(folder, 'f2b.log'),
      dryRun: false,
      json: false,
      rawOutput: false,
    };
    const io = { stdout() {}, stderr() {}, stdin: Readable.from(['']), env: {} };
    const now = (): number => Date.UTC(2024, 4, 1, 12) / 1000;
    await run.run({ words: [], options: { once: true }, global: once, io: { ...io, now } });
    const saved = JSON.parse(readFileSync(state, 'utf8')).jails.sshd.bans;
    let stdout = '';
    const keep = (text: string): void => {
      stdout += text;
    };
    const asked = { words: ['sshd', log], options: {}, global: { ...once, json: true } };
    await backtest.run({ ...asked, io: { ...io, stdout: keep, now } });
    const answer = JSON.parse(stdout).configured.bans as { id: string; time: number; until: number }[];
    const banned = Object.fromEntries(answer.map(({ id, time, until }) => [id, [time, until]]));
    assert.ok(answer.length > 15, stdout);
    assert.deepEqual(
      banned,
      Object.fromEntries(
        Object.entries<{ at: number; until: number }>(saved).map(([id, { at, until }]) => [id, [at, until]]),
      ),
    );
  }));

test('rotated files are read by their dates, not by their names', () =>
  withHome(async ({ folder, config, state }) => {
    const [first, second] = [join(folder, 'a'), join(folder, 'b')];
    writeFileSync(join(config, 'jail.local'), JAIL.replace('LOG', first));
    const lines = attackLog().split(/(?<=\n)/);
    writeFileSync(second, lines.slice(0, 50).join(''));
    writeFileSync(first, lines.slice(50).join(''));
    const { stdout } = await called(backtest, ['sshd', first, second], {
      global: { config, state, json: true },
    });
    assert.deepEqual(JSON.parse(stdout).logs, [second, first]);
  }));

for (const [words, options, wrong] of [
  [['sshd'], {}, /needs a jail and logs/],
  [['ssh', 'x'], {}, /there is no jail "ssh"/],
  [['sshd', '/none'], {}, /cannot read \/none: there is no such file/],
  [['sshd', '/none'], { set: 'maxretry=0' }, /cannot read "0" as maxretry/],
  [['sshd', '/none'], { set: 'findtime=-1' }, /cannot read "-1" as findtime/],
  [['sshd', '/none'], { set: 'ignoreip=::1' }, /cannot be compared/],
  [['sshd', '/none'], { own: 'home' }, /"home" is not an address or network/],
] as const)
  test(`a mistake: ${words.join(' ')} ${JSON.stringify(options)}`, () =>
    withHome(async ({ config, state }) => {
      writeFileSync(join(config, 'jail.local'), JAIL.replace('LOG', '/dev/null'));
      await assert.rejects(called(backtest, words, { options, global: { config, state } }), wrong);
    }));
