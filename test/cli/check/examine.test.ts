import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { check } from '../../../src/cli/check/check.ts';
import type { Report } from '../../../src/cli/check/examine.ts';
import { type SourceHealth, UNSEEN } from '../../../src/source/health.ts';
import { emptyState } from '../../../src/state/state.ts';
import { printState } from '../../state/print.ts';
import { called, type Home, withHome } from '../called.ts';

/** The report on jails of a jail.local. */
async function examined(
  { config, state }: Home,
  words: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Report> {
  const { stdout } = await called(check, words, { global: { config, state, json: true }, env });
  return JSON.parse(stdout);
}

/** One jail, "web", with one failregex and further options. */
const jailOf = (failregex: string, more = ''): string =>
  `[DEFAULT]\nbanaction = dummy\naction = %(banaction)s\n[web]\nenabled = true\nfilter =\nfailregex = ${failregex}\nlogpath = /dev/null/none\n${more}`;

const warnings = ({ problems }: Report) => problems.filter(({ severity }) => severity === 'warning');

test('a jail is told with its filter, sources, firewalls and commands', () =>
  withHome(async (home) => {
    mkdirSync(join(home.config, 'action.d'));
    writeFileSync(join(home.config, 'action.d/note.conf'), '[Definition]\nactionban = echo <ip>\n');
    const log = join(home.folder, 'web.log');
    writeFileSync(log, '');
    const local = `[web]\nenabled = true\nfilter = sshd\nlogpath = ${log}\nbackend = auto\nbanaction = dummy\naction = %(banaction)s\n  note\n`;
    writeFileSync(join(home.config, 'jail.local'), local);
    const { jails, enabled } = await examined(home);
    assert.equal(enabled, 1);
    assert.deepEqual(
      jails.map(({ failregexes, ...jail }) => ({ ...jail, has: failregexes > 0 })),
      [
        {
          name: 'web',
          isEnabled: true,
          filter: 'sshd',
          maxretry: 5,
          findtime: 600,
          bantime: 3600,
          sources: [log],
          firewalls: ['dummy'],
          commands: ['note'],
          has: true,
        },
      ],
    );
  }));

test('a jail that is named is examined though it is disabled, and no other', () =>
  withHome(async (home) => {
    const { jails, enabled } = await examined(home, ['off']);
    assert.deepEqual(
      jails.map(({ name, isEnabled }) => [name, isEnabled]),
      [['off', false]],
    );
    assert.equal(enabled, 0);
  }));

test('a pattern through which an attacker could have somebody banned is told with the line that does it', () =>
  withHome(async (home) => {
    const told = warnings(await examined(home)).filter(({ key }) => key === 'failregex 1');
    assert.equal(told.length, 1);
    assert.deepEqual([told[0]?.jail, told[0]?.place?.line], ['web', 7]);
    assert.equal(told[0]?.hint, 'any text refused from 203.0.113.66');
  }, jailOf('refused from <HOST>$')));

test('a pattern that can take very long is told with the beginning of such a line', () =>
  withHome(async (home) => {
    const [told] = warnings(await examined(home)).filter(({ key }) => key === 'failregex 1');
    assert.match(
      told?.text ?? '',
      /^takes over half a second on a line of \d+ characters; a time limit bounds it$/,
    );
    assert.match(told?.hint ?? '', /^"login .*"\.\.\.$/);
  }, jailOf('^login (?:\\w+\\s?)+ from <HOST>$')));

test('a log that is missing is a warning, a backend that is read as another a note', () =>
  withHome(
    async (home) => {
      const report = await examined(home);
      assert.deepEqual(
        warnings(report).map(({ key }) => key),
        ['logpath'],
      );
      assert.deepEqual(
        report.notes.filter(({ jail }) => jail === 'web'),
        [{ jail: 'web', text: 'backend pyinotify is read as auto' }],
      );
    },
    jailOf('^refused from <HOST>$', 'backend = pyinotify\n'),
  ));

test('that bans for firewalld stand beside it is a note', () =>
  withHome(
    async (home) => {
      const { notes } = await examined(home);
      assert.match(
        notes.map(({ text }) => text).join('\n'),
        /^bans for firewalld stand beside it, in (?:nftables|ipset|iptables): /m,
      );
    },
    jailOf('^refused from <HOST>$', 'banaction = firewalld\n'),
  ));

test('a state that cannot be used is a note', () =>
  withHome(async (home) => {
    writeFileSync(home.state, '{"version": 99}');
    const { notes } = await examined(home);
    assert.match(notes.at(-1)?.text ?? '', /^nothing is known of the daemon's sources: .* it has version 99/);
  }));

test('what the daemon noticed about sources of the jails is a warning', () =>
  withHome(async (home) => {
    const state = emptyState();
    const ofJail = (jail: string): SourceHealth => ({
      ...{
        state: 'reading',
        trouble: null,
        openedAt: 0,
        lastLine: 900,
        bytes: 1,
        lag: 1e9,
        waitingSince: null,
        errors: 0,
        cutLines: 0,
      },
      ...{ skippedBytes: 0, rotations: 0, truncations: 0, lostFiles: 0, jails: { [jail]: UNSEEN } },
    });
    state.sources = new Map([
      ['/web.log', ofJail('web')],
      ['/other.log', ofJail('other')],
    ]);
    writeFileSync(home.state, printState(state, 1000));
    const told = warnings(await examined(home)).map(({ text }) => text);
    assert.deepEqual(
      told.filter((text) => text.includes('wait to be read')),
      ['/web.log: 1000000000 bytes wait to be read'],
    );
  }));
