import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS } from '../../../src/cli/commands.ts';
import {
  BINARY,
  fail2banLinks,
  installFiles,
  ownUnit,
  PACKAGED_UNIT,
} from '../../../src/cli/install/files.ts';

test('units, logrotate file, manual pages and completions are carried by the binary', () => {
  const files = new Map(installFiles(COMMANDS).map(({ path, text }) => [path, text]));
  for (const [path, text] of [
    ['/etc/systemd/system/f2b.service', `ExecStart=${BINARY} run`],
    ['/etc/systemd/system/f2b-restore.service', '--restore'],
    ['/etc/systemd/system/f2b-once.service', '--once'],
    ['/etc/systemd/system/f2b.timer', '[Timer]'],
    ['/etc/logrotate.d/f2b', '/var/log/f2b.log {'],
    ['/usr/local/share/man/man1/f2b.1', '.Dt F2B 1'],
    ['/usr/local/share/man/man5/f2b-jail.conf.5', '.Dt F2B-JAIL.CONF 5'],
    ['/usr/local/share/bash-completion/completions/f2b', 'complete -F'],
  ] as const)
    assert.ok(files.get(path)?.includes(text), path);
});

test('the names of fail2ban lead to f2b, and no link is where a package puts files', () => {
  const links = fail2banLinks(BINARY, ownUnit(false));
  assert.deepEqual(
    links.map(({ path, target }) => `${path} -> ${target}`),
    [
      ...['client', 'server', 'regex'].map((name) => `/usr/local/bin/fail2ban-${name} -> ${BINARY}`),
      '/etc/systemd/system/fail2ban.service -> /etc/systemd/system/f2b.service',
    ],
  );
  assert.equal(ownUnit(true), PACKAGED_UNIT);
});
