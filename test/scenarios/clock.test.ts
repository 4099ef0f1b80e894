/** The wall clock is set by an hour while bans stand: they last as long as they were to last, by real packets. */
import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { Daemon } from '../../src/daemon/daemon.ts';
import { loadState } from '../../src/state/file.ts';
import { emptyState, jailState } from '../../src/state/state.ts';
import { listLog } from '../daemon/listlog.ts';
import { eventually, makeTestbed, unlessTestbed } from '../testbed/testbed.ts';

const PROGRAMS = { nftables: ['nft'], ipset: ['ipset', 'iptables'], iptables: ['iptables'] } as const;
const KINDS = ['nftables', 'ipset', 'iptables'] as const;
/** Seconds of a short ban: the step and all looks happen within it, on a busy machine too. */
const SHORT = 12;
const LONG = 1800;

describe('the clock is set while bans stand', { timeout: 120_000, concurrency: 3 }, () => {
  for (const kind of KINDS)
    for (const step of [3600, -3600])
      it(`${kind}: by ${step} s; status, state and kernel agree, and nothing is repaired`, {
        skip: unlessTestbed(...PROGRAMS[kind]),
      }, async () => {
        const bed = await makeTestbed([8080]);
        const folder = mkdtempSync(join(tmpdir(), 'f2b-clock-'));
        const [log, statePath] = [join(folder, 'web.log'), join(folder, 'state.json')];
        const jail = (name: string, bantime: number, mark: string): readonly [string, string] => [
          `jail.d/${name}.conf`,
          `[${name}]\nenabled = true\nfilter = ${mark}\nlogpath = ${log}\nbackend = polling\nport = 8080\nmaxretry = 1\nbantime = ${bantime}\naction = ${kind}\n`,
        ];
        const files = new Map([
          ...['short', 'long'].map((mark): readonly [string, string] => [
            `filter.d/${mark}.conf`,
            `[Definition]\nfailregex = ^\\s*${mark} <HOST>$\n`,
          ]),
          jail('a', SHORT, 'short'),
          jail('b', LONG, 'long'),
        ]);
        let shift = 0;
        const lines: string[] = [];
        const state = emptyState();
        const now = (): number => Date.now() / 1000 + shift;
        const daemon = new Daemon({
          ...{ state, stamp: '', statePath, log: listLog(lines), env: {}, run: bed.run, now },
          load: () => loadConfig(memoryTree(files)),
          tell: () => undefined,
          ...{ pollMs: 50, once: false, dryRun: false },
        });
        const untilOf = (name: string, id: string): number =>
          jailState(state, name).bans.get(id)?.until ?? Number.NaN;
        try {
          writeFileSync(log, '');
          await daemon.start();
          const began = performance.now();
          const date = new Date().toISOString();
          appendFileSync(log, `${date} short 10.2.1.99\n${date} long 10.2.1.100\n`);
          const both = async (answer: string): Promise<boolean> =>
            (await bed.curl()) === answer && (await bed.curl({ from: '10.2.1.100' })) === answer;
          await eventually('both are refused', () => both('refused'));
          const before = [untilOf('a', '10.2.1.99'), untilOf('b', '10.2.1.100')];
          shift = step;
          await eventually('the step is seen', () => lines.some((line) => /clock was set/.test(line)));
          assert.deepEqual(
            [untilOf('a', '10.2.1.99'), untilOf('b', '10.2.1.100')].map(Math.round),
            before.map((until) => Math.round(until + step)),
          );
          const isStanding = await both('refused');
          assert.ok(isStanding || performance.now() - began > (SHORT - 1) * 1000, 'the step lifted a ban');
          await eventually('the state is saved', () => {
            const saved = loadState(statePath, false).state.jails.get('b')?.bans.get('10.2.1.100');
            return (
              saved !== undefined &&
              saved.pending === null &&
              (saved.until ?? 0) === untilOf('b', '10.2.1.100')
            );
          });
          await eventually(
            'the short one is over',
            async () => (await bed.curl()) === 'accepted',
            SHORT + 20,
          );
          const lasted = (performance.now() - began) / 1000;
          assert.ok(lasted > SHORT - 3, `it ended after ${lasted} s`);
          assert.equal(await bed.curl({ from: '10.2.1.100' }), 'refused');
          assert.deepEqual(
            lines.filter((line) => /changed by others|ERROR/.test(line)),
            [],
          );
        } catch (error) {
          throw new Error(`${String(error)}\n${lines.slice(-20).join('\n')}`, { cause: error });
        } finally {
          await daemon.stop();
          await bed.close();
          rmSync(folder, { recursive: true, force: true });
        }
      });
});
