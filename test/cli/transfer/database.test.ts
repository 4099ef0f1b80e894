import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { MachineError } from '../../../src/base/errors.ts';
import { bansOfDatabase, isDatabase, writeDatabase } from '../../../src/cli/transfer/database.ts';

const folder = mkdtempSync(join(tmpdir(), 'f2b-database-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const BAN = {
  jail: 'sshd',
  id: '192.0.2.7',
  at: 1000,
  until: 1600,
  count: 2,
  failures: 5,
  matches: ['a line'],
};

test('what was written is read again; a second write adds, and keeps what was there', () => {
  const path = join(folder, 'new.sqlite3');
  writeDatabase(path, [BAN, { ...BAN, id: '192.0.2.8', until: null }]);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.ok(isDatabase(path));
  writeDatabase(path, [{ ...BAN, at: 2000, until: 2600, count: 3 }]);
  const { bans, problems } = bansOfDatabase(path);
  assert.deepEqual(problems, []);
  assert.deepEqual(bans, [
    { ...BAN, id: '192.0.2.8', until: null },
    { ...BAN, at: 2000, until: 2600, count: 3 },
  ]);
});

test('bans of the jails to replace that are not written end, those of other jails and old ones stay', () => {
  const path = join(folder, 'replaced.sqlite3');
  const others = [
    { ...BAN, id: '192.0.2.9', until: 1500 },
    { ...BAN, id: '192.0.2.10', jail: 'web', until: null },
  ];
  writeDatabase(path, [...others, { ...BAN, id: '192.0.2.8' }, { ...BAN, id: '2001:db8::7', until: null }]);
  const nets = ['2001:db8::/64', '2001:db8:1::/64'].map((id) => ({ ...BAN, id, until: 5000 }));
  writeDatabase(path, nets, { jails: ['sshd'], now: 1550 });
  const left = bansOfDatabase(path).bans.map(({ id, until }) => `${id} ${until}`);
  // An address of a network that fail2ban has banned itself stands for it.
  assert.deepEqual(left.toSorted(), [
    '192.0.2.10 null',
    '192.0.2.9 1500',
    '2001:db8:1::/64 5000',
    '2001:db8::7 5000',
  ]);
});

test('a database of before fail2ban 0.11 knows no lengths, and the last ban of an address counts', () => {
  const path = join(folder, 'old.sqlite3');
  const old = new DatabaseSync(path);
  old.exec('CREATE TABLE bans(jail TEXT, ip TEXT, timeofban INTEGER, data JSON)');
  old.exec(
    `INSERT INTO bans VALUES('sshd', '192.0.2.7', 1000, '{}'), ('sshd', '192.0.2.7', 2000, 'no json')`,
  );
  old.close();
  assert.deepEqual(bansOfDatabase(path).bans, [
    { ...BAN, at: 2000, until: undefined, count: 1, failures: 0, matches: [] },
  ]);
});

test('what is no database of fail2ban is refused, and nothing is changed', () => {
  const other = join(folder, 'other.sqlite3');
  const one = new DatabaseSync(other);
  one.exec('CREATE TABLE fail2banDb(version INTEGER); INSERT INTO fail2banDb VALUES(9)');
  one.close();
  assert.throws(() => bansOfDatabase(other), MachineError);
  assert.throws(() => writeDatabase(other, [BAN]), /tables of another fail2ban \(version 9\)/);
  const text = join(folder, 'text');
  writeFileSync(text, 'text');
  assert.equal(isDatabase(text), false);
  assert.throws(() => bansOfDatabase(text), MachineError);
  assert.throws(() => bansOfDatabase(join(folder, 'none')), MachineError);
});
