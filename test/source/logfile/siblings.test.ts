import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  byAge,
  isRotatedName,
  listSiblings,
  olddirsOf,
  type Sibling,
} from '../../../src/source/logfile/siblings.ts';
import { makeFolder } from './following.ts';

test('rotated names are told from others', () => {
  const names =
    'app.log.1 app.log-20261121 app.log-2026112105.backup app-20261121.log app.log.old app.log.2.gz app.1.log app.log20261121';
  for (const name of names.split(' ')) assert.ok(isRotatedName('app.log', name), name);
  for (const name of 'app.log app.log.bak app.log.err other.log.1 app.logx app-error.log app2.log app-2.log app.log2'.split(
    ' ',
  )) {
    assert.ok(!isRotatedName('app.log', name), name);
  }
});

test('listSiblings() finds plain files beside the log, beside what it links to, and in old/', (t) => {
  const folder = makeFolder(t);
  for (const name of ['data', 'old']) mkdirSync(join(folder, name));
  for (const name of ['app.log.1', 'other', 'old/app.log.2.gz', 'data/real.log', 'data/real.log.1']) {
    writeFileSync(join(folder, name), name);
  }
  symlinkSync('data/real.log', join(folder, 'app.log'));
  const found = listSiblings(join(folder, 'app.log')).map(
    ({ path, rotated, compressed }) => `${path.slice(folder.length + 1)} ${rotated} ${compressed}`,
  );
  // The log is known by two names; the one that its link leads to is the later one.
  assert.deepEqual(found.sort(), [
    'app.log.1 true false',
    'data/real.log false false',
    'data/real.log.1 true false',
    'old/app.log.2.gz true true',
    'other false false',
  ]);
});

test('byAge() puts the oldest first: by birth, by last writing, by the number in the name', () => {
  const at = (path: string, born: number, written: number): Sibling => {
    return {
      path,
      dev: '1',
      ino: path,
      size: 1,
      born,
      written,
      rotated: true,
      compressed: false,
      trusted: true,
    };
  };
  const files = [at('a.2', 5, 9), at('a.1', 5, 9), at('c', 5, 8), at('b', 4, 9), at('a.10', 5, 9)];
  assert.deepEqual(
    files.sort(byAge).map(({ path }) => path),
    ['b', 'c', 'a.10', 'a.2', 'a.1'],
  );
});

test('olddirsOf() finds the folders that logrotate moves logs to, which listSiblings() looks into', (t) => {
  const folder = makeFolder(t);
  for (const name of ['conf.d', 'log', 'away', 'log/below']) mkdirSync(join(folder, name));
  writeFileSync(
    join(folder, 'conf.d/app'),
    `${folder}/log/*.log {\n\trotate 3\n\tolddir ${folder}/away\n}\n`,
  );
  writeFileSync(join(folder, 'main'), 'weekly\n# olddir /no\nolddir "../beside"\n');
  const configs = [join(folder, 'main'), join(folder, 'conf.d'), join(folder, 'missing')];
  assert.deepEqual(olddirsOf(configs), ['../beside', join(folder, 'away')]);
  for (const path of ['log/app.log', 'away/app.log-20261130', 'away/other', 'log/below/app.log.1'])
    writeFileSync(join(folder, path), '');
  const found = listSiblings(join(folder, 'log/app.log'), 'all', configs).map(({ path }) =>
    path.slice(folder.length),
  );
  assert.deepEqual(found.sort(), ['/away/app.log-20261130', '/log/app.log', '/log/below/app.log.1']);
});

test('a file of another user, or in a folder that others write into, may not pass for the log', {
  skip: process.getuid?.() !== 0 && 'only root can give files away',
}, (t) => {
  const folder = makeFolder(t);
  chmodSync(folder, 0o1777);
  for (const name of ['app.log', 'app.log.1', 'app.log.2', 'app.log.3'])
    writeFileSync(join(folder, name), name);
  chownSync(join(folder, 'app.log'), 1000, 1000);
  chownSync(join(folder, 'app.log.1'), 1000, 1000);
  chownSync(join(folder, 'app.log.3'), 65534, 65534);
  const trusted = (): readonly string[] =>
    listSiblings(join(folder, 'app.log'))
      .flatMap((one) => (one.trusted && one.rotated ? [one.path.slice(folder.length + 1)] : []))
      .sort();
  assert.deepEqual(trusted(), ['app.log.1', 'app.log.2']);
  chmodSync(folder, 0o777);
  assert.deepEqual(trusted(), []);
});

test('links in a circle in the place of the log and beside it are no files, and end nothing', (t) => {
  const folder = makeFolder(t);
  for (const name of ['app.log', 'app.log.1', 'old']) symlinkSync(name, join(folder, name));
  writeFileSync(join(folder, 'app.log.2'), 'x');
  const found = listSiblings(join(folder, 'app.log'), 'all', [join(folder, 'old')]);
  assert.deepEqual(
    found.map(({ path, trusted }) => [path, trusted]),
    [[join(folder, 'app.log.2'), true]],
  );
});
