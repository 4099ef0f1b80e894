import assert from 'node:assert/strict';
import { test } from 'node:test';
import { noteSuccesses, type Successes } from '../../../src/cli/backtest/successes.ts';

test('logins of sshd, dovecot, postfix, vsftpd and proftpd are found', () => {
  const lines = [
    'Dec 10 09:32:20 host sshd[2]: Accepted password for ann from 192.0.2.1 port 49116 ssh2',
    'Dec 10 09:32:20 host sshd[2]: Failed password for ann from 192.0.2.99 port 49116 ssh2',
    'Dec 10 09:32:21 host sshd-session[2]: Accepted publickey for bob from 2001:DB8::1 port 4 ssh2: RSA x',
    'Dec 10 09:32:22 host dovecot: imap-login: Login: user=<cleo>, method=PLAIN, rip=192.0.2.2, lip=192.0.2.3',
    'Dec 10 09:32:23 host postfix/smtpd[4]: 1: client=a[192.0.2.4], sasl_method=LOGIN, sasl_username=dan',
    'Sat Dec 10 09:32:24 2022 [pid 2] [eve] OK LOGIN: Client "192.0.2.5"',
    'Dec 10 09:32:25 host proftpd[5]: host (a[192.0.2.6]) - USER fay: Login successful.',
    'Accepted nothing',
  ];
  const bytes = Buffer.from(`skipped\n${lines.join('\n')}\n`);
  const found: Successes = new Map();
  noteSuccesses(found, { bytes, start: 8, end: bytes.length });
  assert.deepEqual(
    [...found].map(([ip, users]) => `${ip} ${[...users].join()}`),
    ['192.0.2.1 ann', '2001:db8::1 bob', '192.0.2.2 cleo', '192.0.2.4 dan', '192.0.2.5 eve', '192.0.2.6 fay'],
  );
});
