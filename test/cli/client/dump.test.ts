import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dumpCommands } from '../../../src/cli/client/dump.ts';
import { loadConfig } from '../../../src/config/config.ts';
import { memoryTree } from '../../../src/config/tree.ts';
import { JAILS } from '../../daemon/control/ahost.ts';

test('the configuration is printed as the commands that would make it', () => {
  const action = '[Definition]\nactionban = echo <ip>\n';
  const tree = memoryTree(
    new Map([
      ['jail.conf', JAILS],
      ['action.d/note.conf', action],
    ]),
  );
  const lines = dumpCommands(loadConfig(tree));
  for (const line of [
    "['set', 'loglevel', 'INFO']",
    "['add', 'door', 'polling']",
    "['multi-set', 'door', 'addfailregex', ['^knock from <HOST>$']]",
    "['set', 'door', 'maxretry', 3]",
    "['set', 'door', 'addignoreip', '127.0.0.0/8']",
    "['set', 'door', 'addlogpath', '/nonexistent/door.log', 'head']",
    "['set', 'door', 'addaction', 'note']",
    "['set', 'post', 'addjournalmatch', '_A=b', '_C=d', '+', '_E=f']",
    "['start', 'post']",
  ])
    assert.ok(lines.includes(line), `${line}\n${lines.join('\n')}`);
});
