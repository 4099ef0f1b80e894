import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { unlessFound } from './need.ts';

const share = join(import.meta.dirname, '..', 'share');
const units = readdirSync(share).filter((name) => /\.(service|timer)$/.test(name));
const services = units.filter((name) => name.endsWith('.service'));

/** The values of a key in one of our units, in the order of the file. */
function valuesOf(unit: string, key: string): readonly string[] {
  const lines = readFileSync(join(share, unit), 'utf8').split('\n');
  return lines.filter((line) => line.startsWith(`${key}=`)).map((line) => line.slice(key.length + 1));
}

test('systemd finds nothing to say about the units', { skip: unlessFound('systemd-analyze') }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-share-'));
  t.after(() => rmSync(folder, { recursive: true }));
  cpSync(share, folder, { recursive: true });
  for (const unit of services) {
    const text = readFileSync(join(folder, unit), 'utf8');
    // The verdict shall not depend on a program in /usr/local/sbin of the machine that runs the test.
    writeFileSync(join(folder, unit), text.replace('=/usr/local/sbin/f2b ', '=/bin/true '));
  }
  const { status, stdout, stderr } = spawnSync('systemd-analyze', [
    'verify',
    '--man=no',
    ...units.map((unit) => join(folder, unit)),
  ]);
  assert.deepEqual([status, String(stdout), String(stderr)], [0, '', '']);
});

for (const unit of services) {
  test(`${unit} starts the binary of the manual and takes its privileges away`, () => {
    assert.match(valuesOf(unit, 'ExecStart').join(), /^\/usr\/local\/sbin\/f2b run( --once)?$/);
    assert.deepEqual(valuesOf(unit, 'CapabilityBoundingSet'), [
      'CAP_NET_ADMIN CAP_NET_RAW CAP_DAC_READ_SEARCH',
    ]);
    assert.deepEqual(valuesOf(unit, 'NoNewPrivileges'), ['yes']);
    assert.deepEqual(valuesOf(unit, 'ProtectSystem'), ['strict']);
    assert.deepEqual(valuesOf(unit, 'StateDirectory'), ['f2b']);
    assert.match(valuesOf(unit, 'After').join(), /\bfirewalld\.service\b/);
  });

  test(`${unit} lets the JavaScript engine write the code it runs`, () => {
    assert.deepEqual(valuesOf(unit, 'MemoryDenyWriteExecute'), []);
  });
}

test('the service and the one-pass service are confined alike', () => {
  const confinement = (unit: string): readonly string[] => {
    const text = readFileSync(join(share, unit), 'utf8');
    return text
      .split('\n')
      .filter((line) => /^(Cap|Env|Lock|No|Priv|Prot|Read|Restrict[^=]*=[^2]|Sys|Run|State|UM)/.test(line));
  };
  assert.deepEqual(
    confinement('f2b-once.service'),
    confinement('f2b.service').filter((line) => !line.startsWith('RestartP')),
  );
});
