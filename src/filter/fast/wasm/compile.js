// Compiles scan.ts and what it imports (AssemblyScript) into scan.wasm.ts when that was made from another text; answers whether with --check.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const here = import.meta.dirname;
const root = join(here, '../../../..');
const target = join(here, 'scan.wasm.ts');
const hash = createHash('sha256');
for (const name of ['bytes.ts', 'drive.ts', 'layout.ts', 'scan.ts'])
  hash.update(readFileSync(join(here, name)));
const stamp = hash.digest('hex').slice(0, 16);
const made = existsSync(target) ? readFileSync(target, 'utf8') : '';
const isCheck = process.argv.includes('--check');
if (!isCheck && made.includes(stamp)) process.exit(0);

const folder = mkdtempSync(join(tmpdir(), 'f2b-wasm-'));
try {
  const out = join(folder, 'scan.wasm');
  const asc =
    'node_modules/assemblyscript/bin/asc.js src/filter/fast/wasm/scan.ts -O3 --noAssert --runtime stub';
  const words = `${asc} --enable simd --initialMemory 4 --importTable`.split(' ');
  const run = spawnSync(process.execPath, [...words, '--outFile', out], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (run.status !== 0) throw new Error('asc failed');
  const lines = readFileSync(out, 'base64').match(/.{1,100}/g) ?? [];
  const text = [
    `// Made by compile.js from scan.ts (${stamp}); do not edit.`,
    '/** The WebAssembly of scan.ts as base64. */',
    `export const SCAN =\n  ${lines.map((line) => `'${line}'`).join(' +\n  ')};`,
    '',
  ].join('\n');
  if (!isCheck) writeFileSync(target, text);
  else if (text !== made) throw new Error('scan.wasm.ts is not what scan.ts compiles to: run ./build.sh');
} finally {
  rmSync(folder, { recursive: true });
}
