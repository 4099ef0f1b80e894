import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { binary } from '../../testbed/need.ts';

const skip = existsSync(binary) ? false : 'not built: run ./build.sh or npm test';

describe('install', { skip }, () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'f2b-install-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const f2b = (...words: readonly string[]) => spawnSync(binary, words, { encoding: 'utf8' });

  it('puts everything below --root, once, and uninstall takes all of it back', () => {
    const first = f2b('install', '--root', root);
    assert.deepEqual([first.status, first.stderr], [0, '']);
    assert.equal(first.stdout.trim().split('\n').length, 12);
    assert.equal(spawnSync(join(root, 'usr/local/sbin/f2b'), ['version']).status, 0);
    assert.equal(f2b('install', '--root', root).stdout, 'nothing to change\n');
    assert.equal(JSON.parse(f2b('install', '--root', root, '--json').stdout).changed, false);
    const last = f2b('uninstall', '--root', root, '--json');
    assert.equal(JSON.parse(last.stdout).changes.length, 12);
    assert.deepEqual(readdirSync(root), []);
  });

  it('leaves what a package of f2b has brought', () => {
    mkdirSync(join(root, 'usr/lib/systemd/system'), { recursive: true });
    writeFileSync(join(root, 'usr/lib/systemd/system/f2b.service'), '');
    assert.equal(f2b('install', '--root', root).stdout, 'nothing to change\n');
  });

  it('refuses what makes no sense', () => {
    for (const words of [
      ['install', 'now'],
      ['install', '--as-fail2ban', '--root', root],
      ['uninstall', 'now'],
    ])
      assert.equal(f2b(...words).status, 2, words.join(' '));
  });
});
