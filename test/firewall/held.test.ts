import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../src/firewall/backend.ts';
import { collectHeld } from '../../src/firewall/held.ts';
import { jailTag } from '../../src/firewall/names.ts';

const rule = (jail: string): Rule => ({ jail, ports: null, protocols: [], chains: [], block: 'drop' });

test('collectHeld() puts what stands under the jail of its tag; a tag without a rule is a stray', () => {
  const found = collectHeld([rule('a b')]);
  const tag = jailTag('a b');
  found.addTrace(tag, 'one');
  found.addTrace(tag, 'two');
  found.addTrace('old', 'three');
  found.entriesOf(tag).set('192.0.2.1', null);
  found.entriesOf(tag).set('192.0.2.2', 1000);
  const { ready, entries, traces, strays } = found.held([rule('a b')]);
  assert.deepEqual([...ready], ['a b']);
  assert.deepEqual([...(entries.get('a b')?.keys() ?? [])], ['192.0.2.1', '192.0.2.2']);
  assert.deepEqual(Object.fromEntries(traces), { 'a b': ['one', 'two'], old: ['three'] });
  assert.deepEqual([...strays], ['old']);
});

test('what several jails share is no stray', () => {
  const found = collectHeld([]);
  found.addTrace('', 'chain 4');
  assert.deepEqual([...found.held([], { shared: [''] }).strays], []);
});
