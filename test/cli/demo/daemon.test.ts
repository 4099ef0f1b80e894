import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { embeddedFiles } from '../../../src/base/embedded.ts';
import { filesIn, writeConfig } from '../../../src/cli/demo/daemon.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { findConfigTree, memoryTree } from '../../../src/config/tree.ts';

test('filesIn() puts all files below the folder', () => {
  const { folder, ...paths } = filesIn('/tmp/x');
  assert.equal(folder, '/tmp/x');
  for (const path of Object.values(paths)) assert.ok(path.startsWith('/tmp/x/'), path);
  assert.equal(new Set(Object.values(paths)).size, 3);
});

test('writeConfig() switches the shipped jails for Flask on, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-demo-config-'));
  try {
    const files = filesIn(folder);
    const text = writeConfig(files, 'iptables', 8080);
    assert.equal(readFileSync(join(files.config, 'jail.local'), 'utf8'), text);
    const tree = findConfigTree({ config: files.config, embedded: memoryTree(embeddedFiles()) }, {});
    const { jails, problems } = loadConfig(tree);
    assert.deepEqual(
      problems.filter(({ severity }) => severity === 'error'),
      [],
    );
    const port = [8080, 8080];
    assert.deepEqual(
      jails.map(({ name, logpath, ignore, actions }) => {
        const ways = actions.map((action) =>
          action.kind === 'firewall' ? [action.firewall, action.rule.ports] : [],
        );
        return [name, logpath.map(({ glob }) => glob), ignore.self, ways];
      }),
      ['flask-8080', 'flask-auth'].map((name) => [name, [files.log], false, [['iptables', [port]]]]),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
