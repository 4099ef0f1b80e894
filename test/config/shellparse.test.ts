import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseShell } from '../../src/config/shellparse.ts';

/** Tags in capitals come from the log. */
const kindOf = (tag: string): 'log' | 'own' => (tag === tag.toUpperCase() ? 'log' : 'own');
const wordsOf = (text: string): readonly (readonly string[])[] =>
  parseShell(text, kindOf).commands.map(({ words }) => words.map(({ literal }) => literal));

test('parseShell() takes apart lists, pipes and quotes', () => {
  assert.deepEqual(wordsOf(`printf '%s\\n' "a b" | mail -s x root; true && echo done`), [
    ['printf', '%s\\n', 'a b'],
    ['mail', '-s', 'x', 'root'],
    ['true'],
    ['echo', 'done'],
  ]);
});

test('parseShell() finds the tags of the log in words, also within quotes', () => {
  const { commands } = parseShell(`sh -c 'echo <USER>' <ip>`, kindOf);
  const tags = commands.flatMap(({ words }) => words.flatMap((word) => word.tags.map(({ name }) => name)));
  assert.deepEqual(tags, ['USER']);
});

test('parseShell() knows what stands behind a pipe, and files of redirections', () => {
  const { commands } = parseShell('echo <USER> | sh > /tmp/out', kindOf);
  assert.deepEqual(
    commands.map(({ isBehindPipe }) => isBehindPipe),
    [false, true],
  );
  assert.deepEqual(
    commands[1]?.files.map(({ literal }) => literal),
    ['/tmp/out'],
  );
});
