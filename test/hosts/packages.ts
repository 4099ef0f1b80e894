/** The packages of this tree for x64, and those of the same tree as a later version. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../testbed/need.ts';
import { hostsFolder } from './host.ts';

const root = join(import.meta.dirname, '../..');

/** A version that is later than any of ours. */
const LATER = '99.0.0';

export type Packages = { readonly version: string; readonly deb: string; readonly rpm: string | null };

/** For `skip`: why no packages can be made here, or false. */
export const unlessPackages: string | false =
  process.arch !== 'x64'
    ? 'not x64'
    : ['dpkg-deb', 'xz', 'flock'].every((name) => findProgram(name) !== null)
      ? false
      : 'not installed: dpkg-deb, xz or flock';

/** In a copy of the tree, so that dist/ stays as the other tests need it: `sh TREE VERSION FOLDER`. */
const BUILD = `
set -e
test ! -e "$3/dist/release/SHA256SUMS" || exit 0
cd "$1"
cp -a build.sh package.json package-lock.json src filter.d jail.d share docs README.md CHANGELOG.md LICENSE "$3/"
ln -sfn "$1/node_modules" "$3/node_modules"
cd "$3"
sed -i "s/\\"version\\": \\"[^\\"]*\\"/\\"version\\": \\"$2\\"/" package.json
exec sh build.sh --release --arch x64 --quiet
`;

/** Built once for all test files of a run. */
function packagesOf(name: string, version: string): Packages {
  const folder = join(hostsFolder, name);
  const commit = { F2B_COMMIT: '0'.repeat(40), SOURCE_DATE_EPOCH: '1700000000' };
  const made = spawnSync(
    'sh',
    ['-c', 'mkdir -p "$3"; exec flock "$3/.building" sh -c "$0" sh "$@"', BUILD, root, version, folder],
    { encoding: 'utf8', env: { ...process.env, ...commit, F2B_XZ: '1' } },
  );
  if (made.status !== 0) throw new Error(`cannot build the packages: ${made.stdout}${made.stderr}`);
  const out = join(folder, 'dist/release');
  const named = (end: string): string | null => {
    const found = readdirSync(out).find((one) => one.endsWith(end));
    return found === undefined ? null : join(out, found);
  };
  return { version, deb: named('_amd64.deb') ?? '', rpm: named('.x86_64.rpm') };
}

const ownVersion: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version;

export const packages = (): Packages => packagesOf('packages', ownVersion);

export const laterPackages = (): Packages => packagesOf('packages-later', LATER);
