import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';
import { commandLines } from '../../src/cli/help.ts';

test('the README lists the commands as `f2b help` does', () => {
  const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8');
  const list = commandLines(COMMANDS).map((line) => `  ${line}\n`);
  assert.ok(readme.includes(`## Commands\n\n${list.join('')}\n`), `put this into it:\n${list.join('')}`);
});

test('no two commands share a name, no two options of one command a name or letter', () => {
  const names = COMMANDS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, options } of COMMANDS) {
    const words = options.flatMap((option) => [option.name, option.short ?? []].flat());
    assert.equal(new Set(words).size, words.length, name);
  }
});

test('every example is a call of its own command', () => {
  for (const { name, examples } of COMMANDS)
    for (const [example] of examples) assert.match(example, new RegExp(`^f2b .*\\b${name}\\b`));
});
