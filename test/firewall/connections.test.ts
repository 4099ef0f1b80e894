import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Rule } from '../../src/firewall/backend.ts';
import { ConnectionCutter, readFlow } from '../../src/firewall/connections.ts';

const RULE: Rule = { jail: 'a', ports: [[80, 80]], protocols: [], chains: ['PREROUTING'], block: 'reject' };
const BAN = { jail: 'a', address: '198.51.100.7', until: null };

/** A published port: 80 leads to 8080 of a container. */
const PUBLISHED =
  'tcp      6 431999 ESTABLISHED src=198.51.100.7 dst=203.0.113.1 sport=4000 dport=80 src=10.9.0.2 dst=198.51.100.7 sport=8080 dport=4000 [ASSURED] mark=0 use=1';
/** The same flow as conntrack notes it when the container sends first. */
const ANEW =
  'tcp      6 299 ESTABLISHED src=10.9.0.2 dst=198.51.100.7 sport=8080 dport=4000 src=198.51.100.7 dst=10.9.0.2 sport=4000 dport=8080 mark=0 use=1';
/** The host asks the banned one's web server. */
const OUTBOUND =
  'tcp      6 431999 ESTABLISHED src=203.0.113.1 dst=198.51.100.7 sport=40000 dport=80 src=198.51.100.7 dst=203.0.113.1 sport=80 dport=40000 [ASSURED] use=1';

/** What is ended when conntrack lists these, look by look. */
async function ended(...looks: readonly string[]): Promise<readonly string[]> {
  const done: string[] = [];
  let look = -1;
  const cutter = new ConnectionCutter({
    rules: [RULE],
    run: async ({ argv }) => {
      const text = argv.join(' ');
      if (argv[0] === 'ss') look += text.includes('-K') ? 0 : 1;
      if (/ -(?:D|K) /.test(text)) done.push(text);
      const stdout = text.includes('-L') && text.includes(' -s ') ? (looks[look] ?? '') : '';
      return { exitCode: 0, stdout, stderr: '', trouble: null };
    },
    isWanted: () => true,
  });
  cutter.add([BAN]);
  await cutter.idle(10_000);
  return done;
}

test('readFlow() reads what conntrack and ss print', () => {
  const flow = readFlow(PUBLISHED);
  assert.deepEqual(
    [flow?.from, flow?.toPort, flow?.server, flow?.serverPort],
    ['198.51.100.7', 80, '10.9.0.2', 8080],
  );
  const socket = readFlow('ESTAB 0      0      [::ffff:203.0.113.1]:80   [::ffff:198.51.100.7]:4000 ');
  assert.deepEqual([socket?.kind, socket?.from, socket?.fromPort], ['socket', '198.51.100.7', 4000]);
  assert.equal(readFlow('ESTAB 0 0 [2001:db8::1]:80 [2001:db8::7]:4000')?.from, '2001:db8::7');
  assert.equal(readFlow('TIME-WAIT 0 0 203.0.113.1:80 198.51.100.7:4000'), null);
  assert.equal(readFlow('conntrack v1.4.7 (conntrack-tools): 2 flow entries have been shown.'), null);
});

test('a flow is ended until none is left, also where the server makes it anew', async () => {
  assert.deepEqual(await ended(PUBLISHED, ANEW, ''), [
    'conntrack -D -f ipv4 -p tcp -s 198.51.100.7 -d 203.0.113.1 --sport 4000 --dport 80',
    'conntrack -D -f ipv4 -p tcp -s 10.9.0.2 -d 198.51.100.7 --sport 8080 --dport 4000',
  ]);
});

test('what the host opened is left alone', async () => {
  assert.deepEqual(await ended(OUTBOUND), []);
});
