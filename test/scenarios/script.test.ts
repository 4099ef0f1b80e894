import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { binary, unlessRootWith } from '../testbed/need.ts';

/**
 * Runs the scripts of test/script: what people type, and what they get. `--- NAME` begins a file that the commands find in
 * their folder, `<now>` in it is the time; `$ f2b ...` is a command for the shell, below it what it prints (`2> ` before
 * what goes to standard error) and `[exit N]` when N is not 0. `[..]` in an expected line stands for any text; lines
 * with `#` before the first command or file are remarks, and `## ` begins another script with a folder of its own.
 * Configuration and state are in that folder; whoever needs a firewall takes `unshare -n` for it.
 */
type Step = { readonly command: string; readonly line: number; readonly expected: string };
type Script = {
  readonly name: string;
  readonly files: ReadonlyMap<string, string>;
  readonly steps: readonly Step[];
};

/** The binary that test/run.sh has just built, else the sources: five times slower to start, but never stale. */
const f2b =
  process.env['F2B_BINARY'] === undefined
    ? `'${process.execPath}' '${join(import.meta.dirname, '../../src/main.ts')}'`
    : `'${binary}'`;

function parse(file: string): Script[] {
  const scripts: Script[] = [];
  let [name, files, steps]: [string, Map<string, string>, Step[]] = ['', new Map(), []];
  let sink: ((text: string) => void) | null = null;
  const begin = (title: string): void => {
    [name, files, steps, sink] = [title, new Map(), [], null];
    scripts.push({ name, files, steps });
  };
  for (const [index, text] of readFileSync(file, 'utf8').split('\n').entries()) {
    if (text.startsWith('## ')) begin(text.slice(3));
    else if (text.startsWith('--- ')) {
      const path = text.slice(4);
      files.set(path, '');
      const own = files;
      sink = (line) => own.set(path, `${own.get(path)}${line}\n`);
    } else if (text.startsWith('$ ')) {
      const at = steps.push({ command: text.slice(2), line: index + 1, expected: '' }) - 1;
      const own = steps;
      sink = (line) => {
        own[at] = { ...(own[at] as Step), expected: `${own[at]?.expected}${line}\n` };
      };
    } else sink?.(text);
  }
  return scripts;
}

async function run(command: string, cwd: string): Promise<string> {
  const env = {
    PATH: `${join(cwd, '.bin')}:${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
    TZ: 'UTC',
    F2B_CONFIG: join(cwd, 'config'),
    F2B_STATE: join(cwd, 'state.json'),
    DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(cwd, 'no-bus')}`,
  };
  const child = spawn('sh', ['-c', command], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const told = err.replace(/^(?=.)/gm, '2> ');
  return `${out}${told}${code === 0 ? '' : `[exit ${code}]\n`}`;
}

/** An expected text as an expression: `[..]` is any text in a line, trailing blank lines do not count. */
function matches(actual: string, expected: string): boolean {
  const source = trimmed(expected)
    .split('[..]')
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join('[^\\n]*');
  return new RegExp(`^${source}$`).test(trimmed(actual));
}

const trimmed = (text: string): string => text.replace(/[ \t]+$/gm, '').replace(/\n+$/, '');

/** The folder of a script: its files, and the program under its name. */
function makeFolder(files: Script['files']): string {
  const cwd = mkdtempSync(join(tmpdir(), 'f2b-script-'));
  const now = new Date().toISOString().slice(0, 19).replace('T', ' ');
  const program = `#!/bin/sh\nexec ${f2b} "$@"\n`;
  const all = new Map([...files, ['config/.keep', ''], ['.bin/f2b', program]]);
  for (const [path, text] of all) {
    mkdirSync(dirname(join(cwd, path)), { recursive: true });
    writeFileSync(join(cwd, path), text.replaceAll('<now>', now));
  }
  chmodSync(join(cwd, '.bin/f2b'), 0o755);
  return cwd;
}

const privileged = unlessRootWith('unshare', 'setpriv', 'nft', 'mount');

describe('scripts', { concurrency: 3 }, () => {
  for (const file of globSync(join(import.meta.dirname, '../script/*.txt')).sort()) {
    if (!/^\$ /m.test(readFileSync(file, 'utf8'))) continue;
    for (const { name, files, steps } of parse(file)) {
      const skip = steps.some(({ command }) => /unshare|setpriv/.test(command)) && privileged;
      it(`${basename(file, '.txt')}: ${name}`, { skip }, async () => {
        const cwd = makeFolder(files);
        try {
          for (const { command, line, expected } of steps) {
            const actual = await run(command, cwd);
            if (!matches(actual, expected))
              assert.equal(actual, expected, `${basename(file)}:${line}: $ ${command}`);
          }
        } finally {
          rmSync(cwd, { recursive: true, force: true });
        }
      });
    }
  }
});
