import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { MachineError, UsageError } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/config.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree, findConfigTree, overlayTree } from '../../src/config/tree.ts';
import { FILTER, type Files, texts, told, treeOf } from './loading.ts';

function withFolder(files: Files, work: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'f2b-tree-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    work(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const EMBEDDED = treeOf({
  'filter.d/web.conf': '[INCLUDES]\nbefore = base.conf\n[Definition]\nfailregex = embedded %(what)s\n',
  'filter.d/base.conf': '[DEFAULT]\nwhat = base\n',
  'jail.d/web.conf': '[web]\nfilter = web\n',
});

test('the configuration is looked for in --config, $F2B_CONFIG, the folders, the embedded default', () => {
  withFolder({ 'one/a': '', 'two/a': '', 'three/a': '' }, (root) => {
    const one = join(root, 'one');
    const two = join(root, 'two');
    const three = join(root, 'three');
    const find = (config: string | null, env: Record<string, string>, folders: string[]): string =>
      findConfigTree({ config, embedded: EMBEDDED }, env, folders).name;
    assert.equal(find(one, { F2B_CONFIG: two }, [three]), one);
    assert.equal(find(null, { F2B_CONFIG: two }, [three]), two);
    assert.equal(find(null, { F2B_CONFIG: '' }, [join(root, 'none'), three]), three);
    assert.equal(find(null, {}, [join(root, 'none')]), 't');
    assert.throws(() => find(join(root, 'none'), {}, []), UsageError);
    assert.throws(() => find(join(one, 'a'), {}, []), UsageError);
  });
});

test('a filter that the folder lacks is the embedded one; one that it has is its own, whole', () => {
  withFolder({ 'jail.d/x.conf': '[web]\nenabled = true\nlogpath = /l\n' }, (root) => {
    const config = loadConfig(overlayTree(diskTree(root), EMBEDDED));
    assert.deepEqual(told(config), []);
    assert.deepEqual(texts(config.jails[0]?.filter.failregex ?? []), ['embedded base']);
    assert.equal(config.jails[0]?.filter.failregex[0]?.place.file, 't:filter.d/web.conf');
  });
  withFolder({ 'filter.d/web.conf': '[Definition]\nfailregex = own\n' }, (root) => {
    assert.equal(loadFilter(overlayTree(diskTree(root), EMBEDDED), 'web').options.get('failregex'), 'own');
  });
  withFolder({ 'filter.d/web.local': '[Definition]\nfailregex = local %(what)s\n' }, (root) => {
    assert.equal(
      loadFilter(overlayTree(diskTree(root), EMBEDDED), 'web').options.get('failregex'),
      'local base',
    );
  });
});

test('the embedded jails stand below a folder without a jail.conf, and not below one that has it', () => {
  const embedded = treeOf({
    'filter.d/web.conf': FILTER,
    'jail.d/web.conf': '[web]\nlogpath = /embedded\nmaxretry = 7\n',
    'jail.d/api.conf': '[api]\nlogpath = /embedded\nfilter = web\n',
  });
  withFolder({ 'jail.d/web.local': '[web]\nenabled = true\nmaxretry = 8\n' }, (root) => {
    const config = loadConfig(overlayTree(diskTree(root), embedded));
    assert.deepEqual(told(config), []);
    const seen = config.jails.map((jail) => [jail.name, jail.maxretry, jail.logpath[0]?.glob]);
    assert.deepEqual(seen, [['web', 8, '/embedded']]);
    assert.deepEqual(
      config.allJails.map((jail) => jail.name),
      ['api', 'web'],
    );
  });
  withFolder({ 'jail.d/web.conf': '[web]\nenabled = true\nlogpath = /own\n' }, (root) => {
    const [jail] = loadConfig(overlayTree(diskTree(root), embedded)).jails;
    assert.deepEqual([jail?.maxretry, jail?.logpath[0]?.glob], [7, '/own']);
  });
  withFolder({ 'jail.conf': '[web]\nenabled = true\nlogpath = /own\n' }, (root) => {
    const config = loadConfig(overlayTree(diskTree(root), embedded));
    assert.deepEqual(
      config.allJails.map((jail) => [jail.name, jail.jail?.maxretry]),
      [['web', 5]],
    );
  });
});

test('what is no file, and a folder without its permission, is told with path and reason', () => {
  withFolder({ 'filter.d/web.conf': FILTER, 'jail.d/x.conf/y': '' }, (root) => {
    const config = loadConfig(diskTree(root));
    assert.equal(told(config)[0], `cannot read ${join(root, 'jail.d/x.conf')}: not a file`);
  });
  withFolder({ 'jail.d/a.conf': '', 'filter.d/web.conf': FILTER }, (root) => {
    chmodSync(root, 0o755);
    chmodSync(join(root, 'jail.d/a.conf'), 0);
    asNobody(() => {
      assert.equal(told(loadConfig(diskTree(root)))[0], `cannot read ${join(root, 'jail.d/a.conf')}: EACCES`);
    });
    chmodSync(join(root, 'jail.d'), 0);
    asNobody(() => {
      assert.throws(() => diskTree(root).list('jail.d'), MachineError);
      assert.equal(
        told(loadConfig(diskTree(root)))[0],
        `cannot read the folder ${join(root, 'jail.d')}: EACCES`,
      );
    });
    chmodSync(root, 0);
    const find = () => findConfigTree({ config: root, embedded: null }, {});
    asNobody(() => assert.throws(find, new MachineError(`cannot read the folder ${root}: EACCES`)));
    chmodSync(root, 0o755);
    chmodSync(join(root, 'jail.d'), 0o755);
  });
});

/** root may read everything, so as root this is done with the rights of nobody. */
function asNobody(work: () => void): void {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}
