import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { completionOf, type Shell } from '../../../src/cli/pages/completion.ts';

const folder = mkdtempSync(join(tmpdir(), 'f2b-completion-'));
after(() => rmSync(folder, { recursive: true, force: true }));
writeFileSync(
  join(folder, 'f2b'),
  '#!/bin/sh\nprintf "Status\\n|- Number of jail:\\t2\\n\\`- Jail list:\\tnginx, sshd\\n"\n',
);
chmodSync(join(folder, 'f2b'), 0o755);
const env = { ...process.env, PATH: `${folder}:${process.env['PATH']}`, HOME: folder };

const missing = (shell: Shell): string | false =>
  spawnSync(shell, ['-c', 'true']).error === undefined ? false : `needs ${shell}`;

/** What bash offers for a command line. */
function inBash(line: string): readonly string[] {
  const words = line.split(' ');
  const script = `${completionOf('bash', COMMANDS)}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; COMPREPLY=(); _f2b
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['-c', script], { env, encoding: 'utf8', cwd: folder });
  assert.equal(stderr, '');
  return stdout.trim().split('\n');
}

test('bash completes commands, options and jails', { skip: missing('bash') }, () => {
  assert.deepEqual(inBash('f2b unb'), ['unbanip']);
  assert.deepEqual(inBash('f2b banip --con'), ['--confirm', '--confirmed', '--config']);
  assert.deepEqual(inBash('f2b -n status ss'), ['sshd']);
  assert.deepEqual(inBash('f2b help unb'), ['unbanip']);
  assert.deepEqual(inBash('f2b --config f'), ['f2b']);
});

test('fish completes commands, options and jails', { skip: missing('fish') }, () => {
  const file = join(folder, 'f2b.fish');
  writeFileSync(file, completionOf('fish', COMMANDS));
  const asked = (line: string): readonly string[] => {
    const script = `source ${file}; complete -C '${line}'`;
    const { stdout } = spawnSync('fish', ['--no-config', '-c', script], {
      env,
      encoding: 'utf8',
      cwd: folder,
    });
    return stdout
      .trim()
      .split('\n')
      .map((one) => one.split('\t')[0] ?? '');
  };
  assert.deepEqual(asked('f2b unb'), ['unbanip']);
  assert.deepEqual(asked('f2b banip --confirme'), ['--confirmed']);
  assert.deepEqual(asked('f2b status ss'), ['sshd']);
});

test('zsh reads its completion, and finds the commands in it', { skip: missing('zsh') }, () => {
  mkdirSync(join(folder, 'functions'));
  writeFileSync(join(folder, 'functions/_f2b'), completionOf('zsh', COMMANDS));
  const script = `fpath=(${folder}/functions $fpath); autoload -Uz compinit; compinit -u -d ${folder}/dump
print -r -- $_comps[f2b]; autoload +X _f2b; print -r -- $functions[_f2b]`;
  const { stdout, stderr } = spawnSync('zsh', ['-f', '-c', script], { env, encoding: 'utf8', cwd: folder });
  assert.equal(stderr, '');
  assert.match(stdout, /^_f2b\n/);
  for (const { name } of COMMANDS) assert.match(stdout, new RegExp(`\\b${name}:`));
});
