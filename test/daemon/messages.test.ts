import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { problem } from '../../src/base/errors.ts';
import { formatSecond } from '../../src/base/log.ts';
import { Messages } from '../../src/daemon/messages.ts';
import { listLog } from './listlog.ts';

function logged(tell: (messages: Messages) => void): readonly string[] {
  const lines: string[] = [];
  tell(new Messages(listLog(lines)));
  return lines;
}

test('bans are told in the words of fail2ban, which recidive jails read', () => {
  const lines = logged((messages) => {
    messages.found('sshd', '192.0.2.7', 1_700_000_000);
    messages.foundIp4('sshd', 0xc0000207, 1_700_000_000);
    messages.ignored('sshd', '192.0.2.7', 'ip');
    messages.ban('sshd', '192.0.2.7');
    messages.incremented('sshd', '192.0.2.7', 2);
    messages.alreadyBanned('sshd', '192.0.2.7');
    messages.prolonged('sshd', '192.0.2.7', 1_700_000_000);
    messages.prolonged('sshd', '192.0.2.7', null);
    messages.guarded('sshd', '192.0.2.7', 'it is the default gateway');
    messages.refused('sshd', '192.0.2.7 is never banned: it is the default gateway');
    messages.rolledUp('sshd', '192.0.2.0/24', 3);
    messages.restored('sshd', '192.0.2.7');
    messages.unban('sshd', '192.0.2.7');
  });
  const found = `INFO fail2ban.filter [sshd] Found 192.0.2.7 - ${formatSecond(1_700_000_000)}`;
  assert.deepEqual(lines, [
    found,
    found,
    'INFO fail2ban.filter [sshd] Ignore 192.0.2.7 by ip',
    'NOTICE fail2ban.actions [sshd] Ban 192.0.2.7',
    'INFO fail2ban.observer [sshd] 192.0.2.7 is banned for the 2. time',
    'NOTICE fail2ban.actions [sshd] 192.0.2.7 already banned',
    `NOTICE fail2ban.actions [sshd] 192.0.2.7 already banned, prolonged until ${formatSecond(1_700_000_000)}`,
    'NOTICE fail2ban.actions [sshd] 192.0.2.7 already banned, prolonged for ever',
    'WARNING fail2ban.actions [sshd] 192.0.2.7 is not banned: it is the default gateway',
    'WARNING fail2ban.actions [sshd] 192.0.2.7 is never banned: it is the default gateway',
    'INFO fail2ban.actions [sshd] 192.0.2.0/24 takes the place of 3 bans in it',
    'NOTICE fail2ban.actions [sshd] Restore Ban 192.0.2.7',
    'NOTICE fail2ban.actions [sshd] Unban 192.0.2.7',
  ]);
});

test('a hint of two lines keeps its caret below what it points at', () => {
  const one = problem('cannot read it', { key: 'failregex', hint: 'a(b\n ^' });
  assert.deepEqual(
    logged((messages) => messages.problem(one)),
    [
      'ERROR fail2ban.jail failregex: cannot read it',
      'ERROR fail2ban.jail hint: a(b',
      'ERROR fail2ban.jail        ^',
    ],
  );
});

test('each kind of odd time is told once a day for a jail and source', () => {
  const lines = logged((messages) => {
    const early = { kind: 'timezone', seconds: -3600 } as const;
    messages.oddTime('sshd', '/var/log/auth.log', early, 100_000);
    messages.oddTime('sshd', '/var/log/auth.log', early, 100_001);
    messages.oddTime('sshd', '/var/log/auth.log', { kind: 'old', seconds: -9 }, 100_001);
    messages.oddTime('sshd', '/var/log/auth.log', { kind: 'undated', seconds: 0 }, 100_001);
    messages.oddTime('sshd', '/var/log/auth.log', early, 186_400);
  });
  const early =
    'WARNING fail2ban.filter [sshd] /var/log/auth.log: lines come 3600 s in the past: is logtimezone right? They are counted as of now';
  assert.deepEqual(lines, [
    early,
    'WARNING fail2ban.filter [sshd] /var/log/auth.log: lines that match have no date; they are counted as of now (see datepattern)',
    early,
  ]);
});

test('law: only messages.ts writes to the channels of the log', () => {
  const src = join(import.meta.dirname, '../../src');
  const naming = globSync('**/*.ts', { cwd: src }).filter((file) =>
    /'fail2ban\.(?:server|jail|filter|actions|observer)'/.test(readFileSync(join(src, file), 'utf8')),
  );
  assert.deepEqual(naming.sort(), ['base/log.ts', 'daemon/messages.ts']);
});
