/** The RPM: its files in a root of their own, and what its scriptlets call. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { unlessFound } from '../testbed/need.ts';
import { hostsFolder, unlessHosts } from './host.ts';
import { packages, unlessPackages } from './packages.ts';

const skip = unlessHosts || unlessPackages || unlessFound('rpm', 'rpmbuild', 'unshare');

function rpm(...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('rpm', words, { encoding: 'utf8' });
  assert.equal(status, 0, `rpm ${words.join(' ')}: ${stderr}`);
  return stdout;
}

function withRoot(work: (root: string, path: string) => void): void {
  const { rpm: path } = packages();
  assert.ok(path !== null);
  const root = mkdtempSync(join(hostsFolder, 'rpm-'));
  try {
    work(root, path);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('the RPM is installed into a root, verified, and removed without a file left', { skip }, () =>
  withRoot((root, path) => {
    const here = ['--root', root, '--dbpath', '/db', '--nodeps', '--noscripts'];
    rpm('-i', ...here, path);
    const files = rpm('-ql', '--root', root, '--dbpath', '/db', 'f2b').trim().split('\n');
    for (const name of ['/usr/sbin/f2b', '/usr/lib/systemd/system/f2b.service', '/etc/logrotate.d/f2b'])
      assert.ok(files.includes(name), name);
    // No file of fail2ban, nothing for the admin alone, no build id of others.
    assert.deepEqual(
      files.filter((name) => /fail2ban|\/usr\/local|build-id|^\/(?:var|run|opt|home)/.test(name)),
      [],
    );
    assert.ok(files.every((name) => existsSync(join(root, name))));
    assert.equal(spawnSync(join(root, 'usr/sbin/f2b'), ['version']).status, 0);
    assert.equal(rpm('-V', '--root', root, '--dbpath', '/db', '--nodeps', 'f2b'), '');
    rpm('-e', ...here, 'f2b');
    assert.deepEqual(
      files.filter((name) => existsSync(join(root, name))),
      [],
    );
  }),
);

/** Runs a scriptlet as rpm does, with a systemctl and a f2b that write down how they are called. */
function scriptlet(root: string, path: string, [name, argument]: readonly [string, string]): string {
  const body = rpm('-qp', '--qf', `%{${name}}`, path);
  const log = join(root, 'called');
  writeFileSync(log, '');
  for (const program of ['systemctl', 'f2b']) {
    writeFileSync(join(root, program), `#!/bin/sh\necho "${program} $*" >>${log}\n`);
    chmodSync(join(root, program), 0o755);
  }
  writeFileSync(join(root, 'scriptlet'), body.replaceAll('/usr/sbin/f2b', join(root, 'f2b')));
  mkdirSync(join(root, 'systemd'), { recursive: true });
  const { status, stderr } = spawnSync(
    'unshare',
    [
      ...['-m', 'sh', '-c', 'mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system; exec "$@"', 'sh'],
      ...['env', `PATH=${root}:/usr/bin:/bin`, 'sh', join(root, 'scriptlet'), argument],
    ],
    { encoding: 'utf8' },
  );
  assert.deepEqual([status, stderr], [0, ''], name);
  return readFileSync(log, 'utf8');
}

test(
  'the scriptlets start nothing, keep a running service over an upgrade, and end it on removal',
  { skip },
  () =>
    withRoot((root, path) => {
      const reload = 'systemctl daemon-reload\n';
      assert.equal(scriptlet(root, path, ['POSTIN', '1']), reload, 'installed');
      assert.equal(scriptlet(root, path, ['POSTIN', '2']), reload, 'upgraded');
      assert.equal(scriptlet(root, path, ['PREUN', '1']), '', 'the old one of an upgrade');
      assert.equal(scriptlet(root, path, ['POSTUN', '1']), `${reload}systemctl try-restart f2b.service\n`);
      const removal = scriptlet(root, path, ['PREUN', '0']);
      assert.match(
        removal,
        /^systemctl stop f2b\.service .*\nsystemctl disable f2b\.service .*\nf2b flush\n$/,
      );
      assert.equal(scriptlet(root, path, ['POSTUN', '0']), reload, 'removed');
    }),
);
