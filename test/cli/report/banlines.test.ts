import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BanEvent, eachBan } from '../../../src/cli/report/banlines.ts';

test('new bans count; restored, lifted and written by an attacker do not', () => {
  const lines = [
    '2024-05-01 08:00:00,123 fail2ban.actions        [123]: NOTICE  [sshd] Ban 192.0.2.1',
    '2024-05-01 08:00:01,123 fail2ban.actions        [123]: NOTICE  [sshd] Restore Ban 192.0.2.2',
    '2024-05-01 08:00:02,123 fail2ban.actions        [123]: NOTICE  [sshd] Unban 192.0.2.1',
    '2024-05-01 08:00:03,123 fail2ban.filter         [123]: INFO    [sshd] Found x] Ban 192.0.2.9',
    '2024-05-01 08:00:04,123 fail2ban.actions        [123]: NOTICE  [web-auth] Ban 2001:DB8::1',
  ];
  const bytes = Buffer.from(`${lines.join('\n')}\n`);
  const found: BanEvent[] = [];
  eachBan({ bytes, start: 0, end: bytes.length }, (ban) => found.push(ban));
  const at = new Date(2024, 4, 1, 8).getTime() / 1000;
  assert.deepEqual(found, [
    { jail: 'sshd', id: '192.0.2.1', time: at, count: 1 },
    { jail: 'web-auth', id: '2001:db8::1', time: at + 4, count: 1 },
  ]);
});
