import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FORMS, usage } from '../../../src/cli/client/usage.ts';
import { GET_TOPICS } from '../../../src/daemon/control/getjail.ts';
import { FIRST_WORDS, SETTING_NAMES } from '../../../src/daemon/control/interpreter.ts';
import { SET_TOPICS } from '../../../src/daemon/control/setjail.ts';

/** Words that are answered and that people do not type. */
const QUIET = ['server-status', 'stat', 'statistic', 'statistics', 'get', 'set', 'thread', 'allowipv6'];

test('the help has a row for every word that is answered', () => {
  const forms = FORMS.map(([form]) => form).join('\n');
  for (const word of FIRST_WORDS)
    assert.ok(QUIET.includes(word) || new RegExp(`^${word}\\b`, 'm').test(forms), word);
  for (const name of SETTING_NAMES) assert.ok(QUIET.includes(name) || forms.includes(`get ${name}`), name);
  for (const [verb, topics] of [
    ['get', GET_TOPICS],
    ['set', SET_TOPICS],
  ] as const)
    for (const topic of topics) {
      const isGrowth = /^bantime\.(?!increment)/.test(topic);
      assert.ok(isGrowth || forms.includes(`${verb} <JAIL> ${topic}`), `${verb} ${topic}`);
    }
});

test('the layout is that of fail2ban: completions take the words from their columns', () => {
  const lines = usage('fail2ban-client').split('\n');
  assert.equal(lines[0], 'Usage: fail2ban-client [OPTIONS] <COMMAND>');
  assert.ok(
    lines.every((line) => line.length <= 80),
    lines.find((line) => line.length > 80),
  );
  assert.ok(lines.some((line) => /^ {4}ping {37}\S/.test(line)));
  assert.doesNotMatch(usage('fail2ban-server'), /<COMMAND>|ping/);
});
