/**
 * What is inside the binary, for those who must know: `inside.ts sbom` prints a CycloneDX list, `inside.ts licences` the licences.
 * Run by release.sh with the Node that the binary carries.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

type Manifest = { readonly name: string; readonly version: string; readonly license?: string };

const manifest = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

const own = manifest('.');
const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
const runtime = `node_modules/node-linux-${arch}`;
/** The packages that are bundled, as package.json names them. */
const packages: readonly string[] = Object.keys(
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies,
);

/** What Node itself consists of; a number of the interface is no component. */
const NO_COMPONENT = ['node', 'modules', 'napi', 'unicode', 'cldr', 'tz'];

type Component = {
  readonly type: string;
  readonly name: string;
  readonly version: string;
  readonly [key: string]: unknown;
};

function componentOf(name: string): Component {
  const { version, license = 'NOASSERTION' } = manifest(`node_modules/${name}`);
  const purl = `pkg:npm/${name}@${version}`;
  return { type: 'library', name, version, purl, 'bom-ref': purl, licenses: [{ license: { id: license } }] };
}

function nodeComponent(): Component {
  const parts = Object.entries(process.versions).filter(
    ([name, version]) => !NO_COMPONENT.includes(name) && version,
  );
  const { node } = process.versions;
  return {
    type: 'platform',
    name: 'node',
    version: node,
    purl: `pkg:generic/node@${node}`,
    'bom-ref': `pkg:generic/node@${node}`,
    licenses: [{ license: { id: 'MIT' } }],
    components: parts.map(([name, version = '']) => ({
      type: 'library',
      name,
      version,
      purl: `pkg:generic/${name}@${version}`,
    })),
  };
}

/** The same inputs give the same bytes: no time of its own, no random number. */
function sbom(): string {
  const seconds = Number(process.env['SOURCE_DATE_EPOCH'] ?? 0);
  const main = {
    type: 'application',
    name: own.name,
    version: own.version,
    'bom-ref': own.name,
    licenses: [{ license: { id: 'MIT' } }],
  };
  const components = [nodeComponent(), ...packages.map(componentOf)];
  const list = {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: { timestamp: new Date(seconds * 1000).toISOString(), component: main },
    components,
    dependencies: [{ ref: own.name, dependsOn: components.map((one) => one['bom-ref']) }],
  };
  return `${JSON.stringify(list, null, 2)}\n`;
}

function licences(): string {
  const parts = [
    { name: `f2b ${own.version}`, file: 'LICENSE' },
    ...packages.map((name) => ({
      name: `${name} ${manifest(`node_modules/${name}`).version}`,
      file: `node_modules/${name}/LICENSE`,
    })),
    { name: `Node.js ${process.versions.node}, and what it consists of`, file: `${runtime}/LICENSE` },
  ];
  const line = '='.repeat(80);
  return parts
    .map(
      ({ name, file }) => `${line}\n${name}\n${line}\n\n${readFileSync(join(root, file), 'utf8').trim()}\n`,
    )
    .join('\n');
}

process.stdout.write(process.argv[2] === 'sbom' ? sbom() : licences());
