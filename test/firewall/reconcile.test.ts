import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { type Command, command, failureOf, formatCommand, type Output, run } from '../../src/base/process.ts';
import {
  type BanEntry,
  type Difference,
  type Firewall,
  NO_DIFFERENCE,
  type Rule,
} from '../../src/firewall/backend.ts';
import { simulated } from '../../src/firewall/dryrun.ts';
import { dummy } from '../../src/firewall/dummy.ts';
import { ipset } from '../../src/firewall/ipset.ts';
import { iptables } from '../../src/firewall/iptables/iptables.ts';
import { nftables } from '../../src/firewall/nftables/nftables.ts';
import {
  enforceNow,
  type FirewallJob,
  findDamage,
  flush,
  planNow,
  reconcile,
} from '../../src/firewall/reconcile.ts';
import { makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

const NOW = 1_700_000_000;
const NOTHING = { jails: [], added: 0, removed: 0, strays: [] };

/** Numbers of a fixed sequence in [0, below): every run sees the same cases. */
function dice(seed: number): (below: number) => number {
  let state = seed * 2654435761 + 1;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function rule(jail: string): Rule {
  return { jail, ports: [[80, 80]], protocols: ['tcp'], chains: ['INPUT'], block: 'reject' };
}

type Kernel = {
  readonly ready: Set<string>;
  readonly entries: Map<string, Map<string, number | null>>;
};

type Nature = {
  readonly hasTimeouts: boolean;
  readonly exitProves: boolean;
  readonly size: number;
};

/** A firewall in memory with the laws of the real ones: all or nothing, sets of limited size. */
function model(
  kernel: Kernel,
  nature: Nature,
): { firewall: Firewall; run: FirewallJob['run']; changes: () => number } {
  let changes = 0;
  const text = (value: object): Command => command(['change'], { stdin: JSON.stringify(value) });
  const firewall: Firewall = {
    ...dummy,
    kind: 'nftables',
    hasTimeouts: nature.hasTimeouts,
    maxTimeout: 1000,
    exitProves: nature.exitProves,
    list: () => [command(['list'])],
    readHeld: (rules) => {
      const jails = new Set(rules.map((one) => one.jail));
      const all = new Set([...kernel.ready, ...kernel.entries.keys()]);
      return {
        ready: new Set([...kernel.ready].filter((jail) => jails.has(jail))),
        entries: new Map([...kernel.entries].map(([jail, own]) => [jail, new Map(own)])),
        strays: new Set([...all].filter((jail) => !jails.has(jail))),
        traces: new Map([...all].map((jail) => [jail, [jail]])),
        absent: new Map(),
      };
    },
    probe: () => [command(['list'])],
    readProbe: (rules) => ({
      damaged: new Set(rules.map((one) => one.jail).filter((jail) => !kernel.ready.has(jail))),
      absent: new Map(),
    }),
    change: (_rules, difference, now) => [text({ ...difference, now })],
  };
  const apply = (change: Difference, now: number): string | null => {
    const next = new Map([...kernel.entries].map(([jail, own]) => [jail, new Map(own)]));
    const ready = new Set(kernel.ready);
    for (const jail of change.teardown) {
      next.delete(jail);
      ready.delete(jail);
    }
    for (const { jail } of change.setup) {
      next.set(jail, new Map());
      ready.add(jail);
    }
    for (const { jail, address } of change.remove) next.get(jail)?.delete(address);
    for (const { jail, address, until } of change.add) {
      const own = next.get(jail);
      if (own === undefined) return 'No such file or directory';
      if (address === '192.0.2.66') return 'does not like this one';
      own.set(address, until === null || !nature.hasTimeouts ? null : Math.min(until, now + 1000));
      if (own.size > nature.size) return 'Hash is full, cannot add more elements';
    }
    kernel.entries.clear();
    for (const [jail, own] of next) kernel.entries.set(jail, own);
    kernel.ready.clear();
    for (const jail of ready) kernel.ready.add(jail);
    return null;
  };
  return {
    firewall,
    changes: () => changes,
    run: async (one) => {
      let reason: string | null = null;
      if (one.argv[0] === 'change') {
        changes++;
        const { now, ...change } = JSON.parse(one.stdin ?? '');
        reason = apply(change, now);
      }
      return { exitCode: reason === null ? 0 : 1, stdout: '', stderr: reason ?? '', trouble: null };
    },
  };
}

const JAILS = ['a', 'b', 'c', 'd'];
const PLACES = [
  '192.0.2.1',
  '192.0.2.2',
  '192.0.2.0/24',
  '192.0.0.0/16',
  '2001:db8::1',
  '2001:db8::/64',
  '2001:db8::/32',
];

function randomEntries(roll: (below: number) => number, jails: readonly string[]): Map<string, BanEntry> {
  const entries = new Map<string, BanEntry>();
  for (let i = roll(15); i > 0; i--) {
    const jail = jails[roll(jails.length)] ?? 'a';
    const address = PLACES[roll(PLACES.length)] ?? '192.0.2.1';
    const until = [null, NOW + 5, NOW + 60, NOW + 900, NOW + 5000, NOW - 5][roll(6)] ?? null;
    entries.set(`${jail} ${address}`, { jail, address, until });
  }
  return entries;
}

test('from any state of the firewall reconcile() reaches the wanted one, and a second run does nothing', async () => {
  for (let seed = 0; seed < 600; seed++) {
    const roll = dice(seed);
    const kernel: Kernel = { ready: new Set(), entries: new Map() };
    for (const jail of JAILS) {
      if (roll(3) > 0) kernel.ready.add(jail);
      if (kernel.ready.has(jail) || roll(2) > 0) kernel.entries.set(jail, new Map());
    }
    const before = [...randomEntries(roll, JAILS).values()];
    for (const { jail, address, until } of before) kernel.entries.get(jail)?.set(address, until);
    const rules = JAILS.filter(() => roll(2) > 0).map(rule);
    const jails = rules.map((one) => one.jail);
    const wanted = jails.length === 0 ? [] : [...randomEntries(roll, jails).values()];
    const made = model(kernel, {
      hasTimeouts: roll(2) === 0,
      exitProves: roll(2) === 0,
      size: 100,
    });
    const job: FirewallJob = { firewall: made.firewall, rules, run: made.run };

    const result = await reconcile(job, wanted, NOW);
    const live = wanted.filter(({ until }) => until === null || until > NOW);
    assert.deepEqual(result.pending, [], `seed ${seed}`);
    assert.deepEqual(new Set(result.enforced), new Set(live));
    assert.deepEqual(new Set(kernel.ready), new Set(jails));
    for (const jail of jails) {
      const standing = live.filter((entry) => entry.jail === jail);
      assert.deepEqual(
        new Set(kernel.entries.get(jail)?.keys()),
        new Set(standing.map((entry) => entry.address)),
      );
    }
    const changes = made.changes();
    const again = await reconcile(job, wanted, NOW);
    assert.deepEqual([again.repaired, made.changes()], [NOTHING, changes]);

    const gone = live.slice(0, 2);
    const rest = live.filter((entry) => !gone.includes(entry));
    if (jails.length > 0) {
      const news = await enforceNow(job, { add: [], remove: gone, wanted: () => rest }, NOW);
      assert.deepEqual(news.pending, []);
      assert.deepEqual((await reconcile(job, rest, NOW)).repaired, NOTHING, `seed ${seed}`);
    }
    await flush(job, NOW);
    assert.deepEqual([kernel.ready.size, kernel.entries.size], [0, 0]);
  }
});

test('one entry that the firewall refuses stops no other, and is asked for few times', async () => {
  const kernel: Kernel = { ready: new Set(), entries: new Map() };
  const made = model(kernel, { hasTimeouts: true, exitProves: true, size: 100_000 });
  const job: FirewallJob = { firewall: made.firewall, rules: [rule('a')], run: made.run };
  const good = Array.from({ length: 5000 }, (_, i) => ({
    jail: 'a',
    address: `10.0.${i >> 8}.${i & 255}`,
    until: null,
  }));
  const bad = { jail: 'a', address: '192.0.2.66', until: null };
  const result = await reconcile(job, [...good.slice(0, 2500), bad, ...good.slice(2500)], NOW);
  assert.equal(result.enforced.length, 5000);
  assert.deepEqual(result.pending, [{ entry: bad, reason: 'change: does not like this one' }]);
  assert.ok(made.changes() < 40, `${made.changes()} changes`);
});

test('a full set takes what it has room for; the rest is pending with the plain reason', async () => {
  const kernel: Kernel = { ready: new Set(), entries: new Map() };
  const made = model(kernel, { hasTimeouts: true, exitProves: true, size: 1000 });
  const job: FirewallJob = { firewall: made.firewall, rules: [rule('a'), rule('b')], run: made.run };
  const many = Array.from({ length: 5000 }, (_, i) => ({
    jail: 'a',
    address: `10.0.${i >> 8}.${i & 255}`,
    until: null,
  }));
  const other = { jail: 'b', address: '192.0.2.1', until: null };
  const result = await reconcile(job, [...many, other], NOW);
  assert.equal(result.enforced.length, 1001);
  assert.ok(result.enforced.includes(other));
  for (const { reason } of result.pending) assert.match(reason, /^the set of jail a is full/);
  assert.ok(made.changes() < 60, `${made.changes()} changes`);
});

test('an entry of a jail without a rule is pending, expired ones are not wanted', async () => {
  const made = model(
    { ready: new Set(), entries: new Map() },
    { hasTimeouts: true, exitProves: true, size: 9 },
  );
  const job: FirewallJob = { firewall: made.firewall, rules: [rule('a')], run: made.run };
  const lost = { jail: 'zzz', address: '192.0.2.1', until: null };
  const result = await reconcile(job, [lost, { jail: 'a', address: '192.0.2.2', until: NOW }], NOW);
  assert.deepEqual(
    [result.enforced, result.pending],
    [[], [{ entry: lost, reason: 'no rule for its jail' }]],
  );
});

test('the dummy firewall takes everything and runs nothing', async () => {
  const job: FirewallJob = {
    firewall: dummy,
    rules: [rule('a')],
    run: () => assert.fail('nothing is to be run'),
  };
  const ban = { jail: 'a', address: '192.0.2.1', until: null };
  assert.deepEqual((await reconcile(job, [ban], NOW)).enforced, [ban]);
  assert.deepEqual((await enforceNow(job, { add: [ban], remove: [], wanted: () => [ban] }, NOW)).enforced, [
    ban,
  ]);
  assert.deepEqual(await findDamage(job, new Map([['a', 1]])), { damaged: new Set(), absent: new Map() });
});

test('a simulated firewall and planNow() say what would be run, without running anything', async () => {
  const rules = [rule('a')];
  const ban = { jail: 'a', address: '192.0.2.1', until: NOW + 90_061 };
  const said: string[] = [];
  const print = async (one: Command): Promise<Output> => {
    said.push(formatCommand(one));
    return { exitCode: 0, stdout: '', stderr: '', trouble: null };
  };
  await reconcile({ firewall: simulated(nftables()), rules, run: print }, [ban], NOW);
  const text = said.join('\n');
  assert.match(text, /^nft -f - <<'END'\nadd table inet f2b\n/);
  assert.match(text, /add element inet f2b addr4-a \{ 192\.0\.2\.1 timeout 1d1h61s \}/);
  const set = planNow({ firewall: ipset(), rules }, [ban], [], NOW).map(formatCommand);
  assert.deepEqual(set, ["ipset restore '-!' <<'END'\nadd f2b.a-4 192.0.2.1 timeout 90061\nEND"]);
});

test('no value that is not a canonical address reaches a command', () => {
  const bad = [
    '1.2.3.4 }',
    '01.2.3.4',
    '0.0.0.0/0',
    '::/0',
    '10.0.0.1/8',
    '::FFFF:1.2.3.4',
    'example.org',
    '',
    '-h',
    '1.2.3.4\nflush',
    '2001:DB8::1',
  ];
  for (const firewall of [nftables(), ipset(), iptables]) {
    for (const address of bad) {
      const entry = { jail: 'a', address, until: null };
      for (const key of ['add', 'remove'] as const) {
        const change = { ...NO_DIFFERENCE, [key]: [entry] };
        assert.throws(
          () => firewall.change([rule('a')], change, NOW),
          /not a canonical address/,
          `${firewall.kind} ${address}`,
        );
      }
    }
    for (const odd of [
      { chains: ['INPUT -j'] },
      { chains: ['-h'] },
      { protocols: ['tcp; x'] },
      { ports: [[1, 99999]] as const },
    ]) {
      const change = { ...NO_DIFFERENCE, setup: [{ ...rule('a'), ...odd }] };
      assert.throws(() => firewall.change(change.setup, change, NOW), /^Error: not a/);
    }
  }
});

const skip = unlessTestbed('nft', 'ipset', 'iptables', 'setpriv');

describe('enforcing with programs that misbehave', { skip, timeout: 280_000 }, () => {
  let bed: Testbed;
  let folder: string;
  const ban: BanEntry = { jail: 'a', address: '10.2.1.99', until: null };
  const news = { add: [ban], remove: [], wanted: () => [ban] };
  const jobWith = (firewall: Firewall, one: FirewallJob['run']): FirewallJob => ({
    firewall,
    rules: [rule('a')],
    run: one,
  });
  const fake = (name: string, script: string): void => {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(folder, name), 0o755);
  };
  before(async () => {
    bed = await makeTestbed([]);
    folder = mkdtempSync(join(tmpdir(), 'f2b-enforce-'));
  });
  after(async () => {
    await bed?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const firewall of [nftables(), ipset(), iptables]) {
    const program = firewall.programs[0] ?? '';
    it(`${firewall.kind}: a program that is missing leaves the ban pending with that reason`, async () => {
      const empty = { env: { PATH: folder } };
      const job = jobWith(firewall, (one) => run(one, 30, empty));
      for (const result of [await reconcile(job, [ban], NOW), await enforceNow(job, news, NOW)]) {
        assert.deepEqual(result.enforced, []);
        assert.match(result.pending[0]?.reason ?? '', /: not found, is it installed\?$/);
      }
      assert.match(String(await findDamage(job, new Map())), /not found/);
    });

    it(`${firewall.kind}: without permission the ban is pending with that reason`, async () => {
      const prefix = [
        'ip',
        'netns',
        'exec',
        bed.victim,
        'setpriv',
        '--reuid=65534',
        '--regid=65534',
        '--clear-groups',
      ];
      const job = jobWith(firewall, (one) => run(one, 30, { prefix }));
      const result = await enforceNow(job, news, NOW);
      assert.deepEqual(result.enforced, []);
      assert.match(result.pending[0]?.reason ?? '', /not permitted|permission denied|must be root/i, program);
    });

    it(`${firewall.kind}: a program that hangs is given up once, and what stood is still known`, async () => {
      const real = jobWith(firewall, (one) => bed.run(one));
      assert.deepEqual((await reconcile(real, [ban], NOW)).pending, []);
      for (const name of ['nft', 'ipset', 'iptables-restore', 'ip6tables-restore']) {
        // Lists still work: only changes hang.
        fake(name, `case "$*" in *list*|*save*) exec ${await where(name)} "$@";; esac; sleep 300`);
      }
      const prefix = ['ip', 'netns', 'exec', bed.victim];
      const env = { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` };
      let slow = 0;
      const job = jobWith(firewall, async (one) => {
        const output = await run(one, 1, { prefix, env });
        if (output.trouble !== null) slow++;
        return output;
      });
      const second = { ...ban, address: '10.2.1.100' };
      const result = await reconcile(job, [ban, second], NOW);
      assert.deepEqual(result.enforced, [ban]);
      assert.deepEqual([result.pending.length, result.pending[0]?.entry], [1, second]);
      assert.match(result.pending[0]?.reason ?? '', /timed out after 1 s$/);
      assert.equal(slow, 1);
      for (const name of ['nft', 'ipset', 'iptables-restore', 'ip6tables-restore'])
        rmSync(join(folder, name));
      await flush(real, NOW);
    });
  }

  it('a chain that does not exist leaves its jail pending, names it, and holds up no other jail', async () => {
    const docker: Rule = { ...rule('docker'), chains: ['INPUT', 'DOCKER-USER'] };
    for (const firewall of [ipset(), iptables]) {
      const job: FirewallJob = { firewall, rules: [docker, rule('a')], run: bed.run };
      const lost = { ...ban, jail: 'docker' };
      const result = await reconcile(job, [ban, lost], NOW);
      assert.deepEqual([result.enforced, result.pending.length], [[ban], 1]);
      assert.match(result.pending[0]?.reason ?? '', /DOCKER-USER/);
      await bed.sh('iptables', '-N', 'DOCKER-USER');
      await bed.sh('ip6tables', '-N', 'DOCKER-USER');
      assert.deepEqual((await reconcile(job, [ban, lost], NOW)).pending, []);
      const rules = await bed.sh('iptables', '-S', 'DOCKER-USER');
      assert.match(rules, /--dports 80\b/);
      assert.match(rules, /--ctorigdstport 80\b/);
      await flush(job, NOW);
      await bed.sh('iptables', '-X', 'DOCKER-USER');
      await bed.sh('ip6tables', '-X', 'DOCKER-USER');
    }
  });

  it('jails of different firewalls leave each other alone', async () => {
    const jobs = [nftables(), ipset(), iptables].map((firewall): FirewallJob => {
      return { firewall, rules: [rule(firewall.kind)], run: bed.run };
    });
    const banIn = (job: FirewallJob): BanEntry => ({ ...ban, jail: job.firewall.kind });
    for (const job of jobs) assert.deepEqual((await reconcile(job, [banIn(job)], NOW)).pending, []);
    for (const job of jobs) assert.deepEqual((await reconcile(job, [banIn(job)], NOW)).repaired, NOTHING);
    for (const job of jobs) assert.deepEqual((await flush(job, NOW)).trouble, []);
    assert.doesNotMatch(await bed.sh('nft', 'list', 'ruleset'), /f2b/);
  });

  it('on a host without IPv6 the IPv4 bans are enforced, the others pending with the reason', async () => {
    for (const firewall of [ipset(), iptables]) {
      for (const name of ['ip6tables-save', 'ip6tables-restore'])
        fake(name, `echo "${name}: no IPv6 here" >&2; exit 3`);
      const env = { PATH: `${folder}:/usr/sbin:/usr/bin:/sbin:/bin` };
      const prefix = ['ip', 'netns', 'exec', bed.victim];
      const job = jobWith(firewall, (one) => run(one, 30, { prefix, env }));
      const six = { ...ban, address: 'fd02::99' };
      const result = await reconcile(job, [ban], NOW);
      assert.deepEqual([result.enforced, result.pending], [[ban], []]);
      const both = await reconcile(job, [ban, six], NOW);
      assert.ok(both.enforced.includes(ban));
      for (const name of ['ip6tables-save', 'ip6tables-restore']) rmSync(join(folder, name));
      await flush(jobWith(firewall, bed.run), NOW);
    }
  });

  for (const { firewall, damages } of [
    { firewall: nftables(), damages: nftDamage },
    { firewall: ipset(), damages: ipsetDamage },
    { firewall: iptables, damages: iptablesDamage },
  ]) {
    it(`${firewall.kind}: from any damage reconcile() finds back, and a second run does nothing`, async () => {
      const now = Date.now() / 1000;
      const rules = ['a', 'b 1', 'ssh-4'].map(rule);
      const jails = rules.map((one) => one.jail);
      const job: FirewallJob = { firewall, rules, run: bed.run };
      let mended = 0;
      for (let seed = 0; seed < 25; seed++) {
        const roll = dice(seed + 1000);
        const wanted = [...randomEntries(roll, jails).values()].map((entry) => {
          return { ...entry, until: entry.until === null ? null : entry.until - NOW + now + 100 };
        });
        const result = await reconcile(job, wanted, now);
        assert.deepEqual([result.pending, result.trouble], [[], []], `seed ${seed}`);
        if (seed > 0 && result.repaired.jails.length > 0) mended++;
        assert.deepEqual((await reconcile(job, wanted, now)).repaired, NOTHING, `seed ${seed}`);
        const all = await damages(roll);
        for (let i = roll(4); i > 0; i--) {
          const line = all[roll(all.length)] ?? 'true';
          await bed.run(command(['sh', '-c', line], { mayFail: true }));
        }
      }
      assert.ok(mended > 5, `${mended} times there was something to mend`);
      assert.deepEqual((await flush(job, now)).trouble, []);
      assert.doesNotMatch(await bed.sh('nft', 'list', 'ruleset'), /f2b/);
      assert.doesNotMatch(await bed.sh('ipset', 'save'), /f2b/);
    });
  }

  /** Each line is one thing that somebody may do to the firewall. */
  async function nftDamage(roll: (below: number) => number): Promise<readonly string[]> {
    const listed = await bed.sh('nft', '-t', 'list', 'ruleset');
    const one = (kind: string): string => {
      const names = [...listed.matchAll(new RegExp(`\\t${kind} (\\S+) \\{`, 'g'))].map(
        (found) => found[1] ?? '',
      );
      return names[roll(names.length)] ?? 'none';
    };
    const [set, chain] = [one('set'), one('chain')];
    const element = set.includes('4-') ? '198.51.100.7' : '2001:db8:7::';
    return [
      'flush ruleset',
      'flush table inet f2b',
      'delete table inet f2b',
      `flush set inet f2b ${set}`,
      `flush chain inet f2b ${chain}`,
      `delete chain inet f2b ${chain}`,
      `add rule inet f2b ${chain} accept`,
      `add element inet f2b ${set} { ${element} timeout 1h }`,
      'add table inet f2b { chain input-stray { type filter hook input priority 5; }; set addr4-stray { type ipv4_addr; }; }',
    ].map((line) => `nft '${line}'`);
  }

  async function ipsetDamage(roll: (below: number) => number): Promise<readonly string[]> {
    const set = ['f2b.a-4', 'f2b.a-6', 'f2b.ssh-4-4'][roll(3)];
    return [
      'iptables -F',
      'ip6tables -F',
      'iptables -D INPUT 1',
      'iptables -I INPUT -j ACCEPT',
      'ipset flush',
      'iptables -F; ip6tables -F; ipset destroy',
      `ipset flush ${set}`,
      `ipset add ${set} 198.51.100.7`,
      `ipset add ${set} 2001:db8:7::`,
      `iptables -F; ip6tables -F; ipset destroy ${set}; ipset create ${set} hash:mac`,
      `iptables -F; ip6tables -F; ipset destroy ${set}; ipset create ${set} hash:net family inet maxelem 7`,
      'ipset create f2b.stray-4 hash:net; iptables -A INPUT -m set --match-set f2b.stray-4 src -m comment --comment "f2b.stray set 01234567" -j DROP',
      'ipset create f2b.a-4+ hash:net',
    ];
  }

  async function iptablesDamage(roll: (below: number) => number): Promise<readonly string[]> {
    const chain = ['f2b.a', 'f2b.ssh-4', 'f2b.stray'][roll(3)];
    const program = ['iptables', 'ip6tables'][roll(2)];
    return [
      'iptables -F',
      'ip6tables -F',
      'iptables -F; iptables -X',
      `${program} -D INPUT 1`,
      `${program} -I INPUT -j ACCEPT`,
      `${program} -F ${chain}`,
      `${program} -I ${chain} -j ACCEPT`,
      `iptables -A ${chain} -s 192.0.2.1 -j REJECT`,
      `ip6tables -A ${chain} -s 2001:db8::1 -j DROP`,
      `${program} -N ${chain}`,
      `${program} -A INPUT -j ${chain}`,
    ];
  }
});

async function where(program: string): Promise<string> {
  const output = await run(command(['which', program]), 30);
  return output.stdout.trim();
}

test('failureOf() is null for what went well', () => {
  const fine: Output = { exitCode: 0, stdout: '', stderr: 'a warning', trouble: null };
  assert.equal(failureOf(command(['x']), fine), null);
});
