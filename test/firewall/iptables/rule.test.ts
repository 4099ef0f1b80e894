import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output } from '../../../src/base/process.ts';
import type { Rule } from '../../../src/firewall/backend.ts';
import {
  commentWords,
  deletionOf,
  ownerOf,
  readTables,
  restoreCommands,
  rulesStand,
  savedOf,
  specsOf,
  traceOf,
} from '../../../src/firewall/iptables/rule.ts';

const RULE: Rule = { jail: 'a', ports: [[80, 80]], protocols: ['tcp'], chains: [], block: 'reject' };
const saved = (...lines: string[]): Output => ({
  exitCode: 0,
  stdout: `*filter\n:INPUT ACCEPT [0:0]\n${lines.join('\n')}\nCOMMIT\n`,
  stderr: '',
  trouble: null,
});

test('specsOf() lists ports fifteen at a time, and each that was dialled', () => {
  const words = (rule: Rule) => specsOf(rule, 4).map((spec) => spec.words);
  assert.deepEqual(words(RULE), [
    '-p 6 -m multiport --dports 80',
    '-p 6 -m conntrack --ctdir ORIGINAL --ctorigdstport 80',
  ]);
  const many = { ...RULE, ports: Array.from({ length: 16 }, (_, i) => [2 * i, 2 * i] as const) };
  assert.equal(words(many).length, 2 + 16);
  assert.deepEqual(words({ ...RULE, ports: null, protocols: [] }), ['']);
});

test('a rule of ours is known by its comment, and stands in exactly the chains it is for', () => {
  const line = `-A INPUT -p tcp ${commentWords(RULE, 'set')} -j DROP`;
  assert.equal(ownerOf(line, 'set')?.tag, 'a');
  assert.equal(ownerOf(line, 'chain'), null);
  const means = { means: 'set', family: 4, absent: new Map(), count: () => 1 } as const;
  const table = readTables([saved(line, '-A INPUT -j ACCEPT'), saved()], [RULE]).tables[4];
  assert.ok(table !== null && rulesStand(RULE, table, means));
  const other = readTables([saved(line, line), saved()], [RULE]).tables[4];
  assert.ok(other !== null && !rulesStand(RULE, other, means));
  assert.ok(!rulesStand({ ...RULE, block: 'drop' }, table, means));
});

test('a trace leads back to its rule, and to the line that deletes it', () => {
  const rule = { family: 6, chain: 'INPUT', text: '-A INPUT -j f2b.a' } as const;
  assert.deepEqual(savedOf(traceOf(rule)), rule);
  assert.deepEqual(deletionOf(rule).text, '-D INPUT -j f2b.a');
  assert.equal(savedOf('chain 4'), null);
});

test('restoreCommands() makes one transaction for each family and chain', () => {
  const lines = [
    { family: 6, chain: 'INPUT', text: '-I INPUT 1 -j DROP' },
    { family: 4, chain: 'INPUT', text: '-I INPUT 1 -j DROP' },
    { family: 4, chain: 'FORWARD', text: '-I FORWARD 1 -j DROP' },
    { family: 4, chain: 'INPUT', text: '-I INPUT 1 -j REJECT' },
  ] as const;
  const commands = restoreCommands(lines);
  assert.deepEqual(
    commands.map(({ argv }) => argv[0]),
    ['iptables-restore', 'iptables-restore', 'ip6tables-restore'],
  );
  assert.equal(commands[0]?.stdin, '*filter\n-I INPUT 1 -j DROP\n-I INPUT 1 -j REJECT\nCOMMIT\n');
});

test('readTables() tells the family that the host lacks, and the chain that only the other family has', () => {
  const missing: Output = { exitCode: null, stdout: '', stderr: '', trouble: 'ENOENT' };
  const alone = readTables([saved(), missing], [RULE]);
  assert.deepEqual(
    [...alone.absent],
    [['6 INPUT', 'IPv6 is left out: ip6tables-save: not found, is it installed?']],
  );
  assert.equal(alone.tables[6], null);
  const docker: Rule = { ...RULE, chains: ['INPUT', 'DOCKER-USER'] };
  const only4: Output = { ...saved(), stdout: ':INPUT ACCEPT [0:0]\n:DOCKER-USER - [0:0]\n' };
  assert.deepEqual(
    [...readTables([only4, saved()], [docker]).absent],
    [['6 DOCKER-USER', 'IPv6 is left out of DOCKER-USER: it has no such chain']],
  );
  // Docker may still come.
  assert.deepEqual([...readTables([saved(), saved()], [docker]).absent], []);
  assert.throws(() => readTables([missing, missing], [RULE]), /^MachineError: iptables-save: not found/);
});
