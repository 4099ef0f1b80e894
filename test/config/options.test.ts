import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Jail } from '../../src/config/jail.ts';
import { OPTIONS } from '../../src/config/options.ts';
import { load, on, onlyJail, told } from './loading.ts';

test('defaults hold where no file says anything', () => {
  const jail = onlyJail(on(''));
  assert.deepEqual(
    [
      jail.maxretry,
      jail.findtime,
      jail.bantime,
      jail.maxmatches,
      jail.usedns,
      jail.backend,
      jail.logencoding,
    ],
    [5, 600, 600, 5, 'warn', 'auto', 'auto'],
  );
  assert.deepEqual([jail.ignore.self, jail.increment.enabled, jail.ipv6prefix], [true, false, 64]);
  assert.deepEqual(jail.logpath, [{ glob: '/l', start: 'catchup' }]);
});

test('the table has every option once, with a line of help', () => {
  const names = OPTIONS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, help } of OPTIONS) assert.ok(help.length > 3 && help.length <= 80, name);
});

test('a default that is set as the option is the same jail', () => {
  const set = OPTIONS.filter(
    ({ default: text, name }) => text !== null && !['enabled', 'filter'].includes(name),
  );
  const written = set.map(({ name, default: text }) => `${name} = ${text}\n`).join('');
  const withoutPlaces = (jail: Jail) => JSON.parse(JSON.stringify({ ...jail, actions: jail.actions.length }));
  assert.deepEqual(withoutPlaces(onlyJail(on(written))), withoutPlaces(onlyJail(on(''))));
});

test('an option without a text in [DEFAULT] may be left empty', () => {
  const jail = onlyJail(on('ipv6prefix =\nbantime.factor =\nignorecache =\nrollup =\nusedns =\n'));
  assert.deepEqual(
    [jail.ipv6prefix, jail.increment.factor, jail.ignore.cache, jail.usedns],
    [64, 1, null, 'warn'],
  );
});

test('an unknown option is told with the one that is meant', () => {
  assert.deepEqual(told(load(on('findtme = 5\n'))), [
    't:jail.d/web.conf:4: findtme: no such option; it has no effect (did you mean "findtime"?)',
  ]);
});

test('journalmatch is checked where the journal is read', () => {
  assert.deepEqual(told(load(on('backend = systemd\njournalmatch = sshd.service\n'))), [
    't:jail.d/web.conf:5: journalmatch: cannot read "sshd.service" as a match (write FIELD=value, such as _SYSTEMD_UNIT=sshd.service, with + between two of them)',
  ]);
  assert.equal(onlyJail(on('journalmatch = sshd.service\n')).backend, 'auto');
});

test('a configuration that asks for the version of fail2ban is told the one that f2b follows', () => {
  const jail = onlyJail(on('logpath = /tmp/%(fail2ban_version)s\n'));
  assert.deepEqual(
    jail.logpath.map(({ glob }) => glob),
    ['/tmp/1.1.1'],
  );
});
