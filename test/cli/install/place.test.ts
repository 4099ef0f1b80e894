import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { MachineError } from '../../../src/base/errors.ts';
import { Place } from '../../../src/cli/install/place.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'f2b-place-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (path: string): string => join(root, path);
const open = (isDry = false): Place => new Place(root, isDry, () => undefined);
const FILE = { path: '/etc/f2b.example', text: 'one\n' };
const LINK = { path: '/usr/local/bin/fail2ban-client', target: '/usr/local/sbin/f2b' };

test('what was installed is taken back, with the folders that were made for it', () => {
  const place = open();
  place.write(FILE);
  place.link(LINK);
  place.save();
  assert.equal(readFileSync(at(FILE.path), 'utf8'), 'one\n');
  assert.equal(readlinkSync(at(LINK.path)), LINK.target);
  const later = open();
  later.takeBack(Object.keys(later.manifest.files));
  later.save();
  assert.ok(!existsSync(at('/etc')) && !existsSync(at('/usr')));
});

test('a second time changes nothing, a new text replaces what was ours', () => {
  const first = open();
  first.write(FILE);
  first.link(LINK);
  first.save();
  const second = open();
  second.write(FILE);
  second.link(LINK);
  assert.deepEqual(second.changes, []);
  second.write({ ...FILE, text: 'two\n' });
  assert.deepEqual(second.changes, [{ what: 'write', path: FILE.path }]);
});

test('what others wrote or changed stays, and is told', () => {
  mkdirSync(at('/etc'));
  writeFileSync(at(FILE.path), 'theirs\n');
  const place = open();
  place.write(FILE);
  assert.equal(readFileSync(at(FILE.path), 'utf8'), 'theirs\n');
  assert.deepEqual(place.changes, [{ what: 'keep', path: FILE.path, why: 'it was changed by others' }]);
  place.write({ path: '/etc/ours', text: 'ours\n' });
  place.save();
  writeFileSync(at('/etc/ours'), 'changed\n');
  const later = open();
  later.takeBack(['/etc/ours', '/etc/never']);
  assert.deepEqual(
    later.changes.map(({ what }) => what),
    ['keep'],
  );
});

test('a name that something else has is not taken for a link', () => {
  mkdirSync(at('/usr/local/bin'), { recursive: true });
  writeFileSync(at(LINK.path), 'a program\n');
  assert.throws(() => open().assertFree([LINK]), MachineError);
});

test('a dry run tells, and changes nothing', () => {
  const told: string[] = [];
  const place = new Place(root, true, ({ what, path }) => told.push(`${what} ${path}`));
  place.write(FILE);
  place.link(LINK);
  place.save();
  assert.deepEqual(told, [`write ${FILE.path}`, `link ${LINK.path}`]);
  assert.ok(!existsSync(at('/etc')) && !existsSync(at('/usr')));
});

test('a binary that is there already is taken back as well', () => {
  mkdirSync(at('/usr/local/sbin'), { recursive: true });
  for (const path of [at('/from'), at('/usr/local/sbin/f2b')]) writeFileSync(path, 'binary');
  const first = open();
  first.copyBinary(at('/from'), '/usr/local/sbin/f2b');
  first.save();
  assert.deepEqual(first.changes, []);
  open().takeBack(['/usr/local/sbin/f2b']);
  assert.ok(!existsSync(at('/usr/local/sbin/f2b')));
});

test('the binary is copied whole, also over one that runs', () => {
  const from = at('/from');
  writeFileSync(from, 'binary');
  for (const text of ['binary', 'newer']) {
    writeFileSync(from, text);
    const place = open();
    place.copyBinary(from, '/usr/local/sbin/f2b');
    place.copyBinary(from, '/usr/local/sbin/f2b');
    assert.equal(place.changes.length, 1);
    assert.equal(readFileSync(at('/usr/local/sbin/f2b'), 'utf8'), text);
  }
});

test('the manifest of an image leads nowhere else, and a broken one is an error', () => {
  const outside = join(root, 'outside');
  const image = join(root, 'image');
  const share = join(image, 'usr/local/share/f2b');
  mkdirSync(share, { recursive: true });
  writeFileSync(outside, 'mine\n');
  const manifest = (json: unknown): void =>
    writeFileSync(join(share, 'installed.json'), typeof json === 'string' ? json : JSON.stringify(json));
  const broken = [
    { files: { '/../outside': 'binary' }, folders: [] },
    { files: { '/etc/x': 'binary' }, folders: ['/../outside'] },
    { files: { outside: 'binary' } },
    { files: { '/etc/x': 5 } },
    { files: null },
    [],
    '{',
  ];
  for (const one of broken) {
    manifest(one);
    assert.throws(() => new Place(image, false, () => undefined), MachineError, JSON.stringify(one));
  }
  // A link of the image that leads out of it.
  symlinkSync('..', join(image, 'etc'));
  manifest({ files: { '/etc/outside': 'binary' }, folders: [] });
  const place = new Place(image, false, () => undefined);
  assert.throws(() => place.takeBack(['/etc/outside']), /leads out of/);
  assert.throws(() => place.write({ path: '/etc/fresh', text: '' }), /leads out of/);
  assert.equal(readFileSync(outside, 'utf8'), 'mine\n');
});

test('a link in an image that has the name of a file to be written is replaced, never followed', () => {
  const outside = mkdtempSync(join(tmpdir(), 'f2b-outside-'));
  try {
    const precious = join(outside, 'precious');
    writeFileSync(precious, 'old');
    mkdirSync(at('/etc'));
    mkdirSync(at('/usr/local/sbin'), { recursive: true });
    mkdirSync(at('/usr/local/share/f2b'), { recursive: true });
    for (const path of [`${FILE.path}.new`, '/usr/local/sbin/f2b.new']) symlinkSync(precious, at(path));
    symlinkSync(join(outside, 'made'), at('/usr/local/share/f2b/installed.json'));
    writeFileSync(join(outside, 'binary'), 'binary');
    const place = open();
    place.write(FILE);
    place.copyBinary(join(outside, 'binary'), '/usr/local/sbin/f2b');
    place.save();
    assert.equal(readFileSync(precious, 'utf8'), 'old');
    assert.ok(!existsSync(join(outside, 'made')));
    assert.equal(readFileSync(at(FILE.path), 'utf8'), 'one\n');
    assert.equal(readFileSync(at('/usr/local/sbin/f2b'), 'utf8'), 'binary');
  } finally {
    rmSync(outside, { recursive: true });
  }
});

test('a folder that a manifest names behind a link out of the image stays', () => {
  const outside = mkdtempSync(join(tmpdir(), 'f2b-outside-'));
  try {
    mkdirSync(join(outside, 'empty'));
    mkdirSync(at('/usr/local/share/f2b'), { recursive: true });
    symlinkSync(outside, at('/away'));
    const manifest = JSON.stringify({ files: {}, folders: ['/away/empty'] });
    writeFileSync(at('/usr/local/share/f2b/installed.json'), manifest);
    assert.throws(() => open().save(), MachineError);
    assert.ok(existsSync(join(outside, 'empty')));
  } finally {
    rmSync(outside, { recursive: true });
  }
});
