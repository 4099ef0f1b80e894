/** What is published: archive, DEB and RPM, whole and the same twice. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { unlessFound, unlessLong } from '../testbed/need.ts';

const root = join(import.meta.dirname, '../..');
const skip = unlessLong || unlessFound('dpkg-deb', 'rpm', 'rpmbuild', 'rpm2cpio', 'cpio', 'xz');

describe('a release', { skip, timeout: 1_500_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-release-'));
  const [first, second] = [join(folder, 'first'), join(folder, 'second')];
  const run = (program: string, ...args: readonly string[]): string =>
    execFileSync(program, args, {
      encoding: 'utf8',
      cwd: root,
      maxBuffer: 1e9,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  const fileNamed = (end: string): string => {
    const name = readdirSync(first).find((one) => one.endsWith(end));
    assert.ok(name !== undefined, end);
    return join(first, name);
  };
  /** Files with their permissions, owners left out, below the root of a package. */
  const unpacked = (name: string): readonly string[] =>
    run('find', join(folder, name), '-type', 'f', '-printf', '%m /%P\n').trim().split('\n').sort();

  before(() => {
    for (const out of [first, second]) run('sh', 'build.sh', '--release', '--out', out, '--quiet');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('has every form for both architectures, below 30 MB, with sums that are right', () => {
    const names = readdirSync(first).filter((name) => !name.startsWith('.'));
    for (const end of [
      'x64.tar.xz',
      'arm64.tar.xz',
      '_amd64.deb',
      '_arm64.deb',
      '.x86_64.rpm',
      '.aarch64.rpm',
    ])
      assert.ok(statSync(fileNamed(end)).size < 30e6, end);
    assert.equal(names.length, 8);
    run('sh', '-c', `cd ${first} && sha256sum --check --strict SHA256SUMS`);
  });

  it('is the same twice', () => {
    assert.equal(
      readFileSync(join(first, 'SHA256SUMS'), 'utf8'),
      readFileSync(join(second, 'SHA256SUMS'), 'utf8'),
    );
  });

  it('has the same files in DEB and RPM, the binary runs, and no unit names another place', () => {
    run('dpkg-deb', '-x', fileNamed('_amd64.deb'), join(folder, 'deb'));
    run(
      'sh',
      '-c',
      `mkdir ${folder}/rpm && cd ${folder}/rpm && rpm2cpio ${fileNamed('.x86_64.rpm')} | cpio -idm --quiet`,
    );
    const common = (name: string): readonly string[] =>
      unpacked(name)
        .filter((line) => !line.includes('/lintian/'))
        .map((line) =>
          line
            .replace('/copyright', '/LICENSE')
            .replace('/changelog.gz', '/CHANGELOG.md')
            .replace('vendor-completions', 'site-functions'),
        );
    assert.deepEqual(common('deb').toSorted(), common('rpm').toSorted());
    const binary = join(folder, 'deb/usr/sbin/f2b');
    assert.match(run(binary, 'version', '--verbose'), /^f2b \d+\.\d+\.\d+\n {2}commit +[0-9a-f]{40}/);
    assert.doesNotMatch(run('sh', '-c', `cat ${folder}/deb/usr/lib/systemd/system/*`), /usr\/local/);
  });

  it('names what is inside', () => {
    const sbom = JSON.parse(readFileSync(fileNamed('.cdx.json'), 'utf8'));
    const names = sbom.components.map(({ name }: { readonly name: string }) => name);
    assert.deepEqual(names, ['node', 'ini', 'minimist']);
    assert.equal(sbom.bomFormat, 'CycloneDX');
    const licences = readFileSync(join(folder, 'deb/usr/share/doc/f2b/LICENSES.txt'), 'utf8');
    for (const name of ['minimist', 'ini ', 'Node.js', 'OpenSSL', 'ICU', 'zstd'])
      assert.ok(licences.includes(name), name);
  });

  it('starts nothing when it is installed, and says how in each package', () => {
    const [deb, rpm] = [
      run('dpkg-deb', '-I', fileNamed('_amd64.deb'), 'postinst'),
      run('rpm', '-qp', '--scripts', fileNamed('.x86_64.rpm')),
    ];
    for (const script of [deb, rpm]) assert.doesNotMatch(script, /enable|systemctl (?:re)?start/);
    assert.match(run('dpkg-deb', '-f', fileNamed('_amd64.deb'), 'Depends'), /libc6 \(>= 2\.28\)/);
  });
});
