import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fillTags } from '../../src/action/shelltext.ts';

const EVIL = `$(touch /tmp/x) "; '\`id\` \\ *`;
const fill = (text: string, values: Readonly<Record<string, string>>) =>
  fillTags(text, (tag) => values[tag] ?? null);

/** What a shell prints for the text. */
function printed(text: string, values: Readonly<Record<string, string>>): string {
  const filled = fill(text, values);
  return execFileSync('/bin/sh', ['-c', filled.text], { env: { ...filled.env }, encoding: 'utf8' });
}

test('a harmless value is pasted as it is, a tag that is not known stays', () => {
  assert.deepEqual(fill('ban <ip> <other>', { ip: '192.0.2.7' }), { text: 'ban 192.0.2.7 <other>', env: {} });
});

test('any other value travels in the environment and reaches the command whole, however it is quoted', () => {
  for (const text of [
    'printf %s <v>',
    'printf %s "<v>"',
    "printf %s '<v>'",
    'printf %s "$(printf %s "<v>")"',
  ])
    assert.equal(printed(text, { v: EVIL }), EVIL, text);
  assert.equal(printed('cat <<END\n<v>\nEND', { v: EVIL }), `${EVIL}\n`);
});

test('a value never begins a word as an option, nor a file of curl', () => {
  assert.equal(fill('ban <ip>', { ip: '-rf' }).text, 'ban rf');
  assert.deepEqual(fill('ban <v>; echo "x <v>"', { v: '--a b' }), {
    text: 'ban "${F2B_v_bare}"; echo "x ${F2B_v}"',
    env: { F2B_v_bare: 'a b', F2B_v: '--a b' },
  });
  assert.equal(
    fill('curl -F "x=<v>" -d <v> u', { v: '@/etc/shadow' }).text,
    'curl -F "x=/etc/shadow" -d /etc/shadow u',
  );
  assert.equal(printed('printf %s "<v>"', { v: '-e x' }), '-e x');
});

test('a comment with an apostrophe changes nothing for what comes behind it', () => {
  assert.equal(printed("# don't\nprintf %s <v>", { v: EVIL }), EVIL);
});

test('within back-ticks in double quotes only harmless characters are left', () => {
  assert.equal(fill('echo "`echo <v>`"', { v: '$(id)' }).text, 'echo "`echo ??id?`"');
});

test('a here-document with a quoted end takes no such value', () => {
  assert.throws(() => fill("cat <<'END'\n<v>\nEND", { v: EVIL }), /write <<END/);
  assert.equal(
    fill("cat <<'END'\nx\nEND\necho <v>", { v: '$' }).text,
    'cat <<\'END\'\nx\nEND\necho "${F2B_v}"',
  );
});
