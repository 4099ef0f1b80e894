/** Others damage the firewall while the daemon runs: it heals by itself. Truth is a real packet. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { command } from '../../src/base/process.ts';
import { makeRunning, type Running } from '../testbed/running.ts';
import {
  eventually,
  LEGACY,
  makeTestbed,
  type Testbed,
  unlessLegacy,
  unlessTestbed,
} from '../testbed/testbed.ts';

type Words = readonly [string, ...string[]];

type Case = {
  readonly name: 'nftables' | 'ipset' | 'iptables';
  readonly variant?: string;
  /** Words before every program in the victim's namespace. */
  readonly prefix?: readonly string[];
  readonly programs: readonly string[];
  readonly damage: Readonly<Record<string, readonly Words[]>>;
};

const cases: readonly Case[] = [
  {
    name: 'nftables',
    programs: ['nft'],
    damage: {
      'nft flush ruleset': [['nft', 'flush', 'ruleset']],
      'an emptied set': [['nft', 'flush', 'set', 'inet', 'f2b', 'addr4-web']],
      'single deleted elements': [
        ['nft', 'delete', 'element', 'inet', 'f2b', 'addr4-web', '{ 10.2.1.99 }'],
        ['nft', 'delete', 'element', 'inet', 'f2b', 'addr6-web', '{ fd02::99 }'],
      ],
      'flushed chains': [['nft', 'flush', 'chain', 'inet', 'f2b', 'input-web']],
    },
  },
  {
    name: 'ipset',
    programs: ['ipset', 'iptables', 'ip6tables'],
    damage: {
      'iptables -F': [
        ['iptables', '-F'],
        ['ip6tables', '-F'],
      ],
      'ipset flush': [['ipset', 'flush']],
      'ipset destroy': [
        ['iptables', '-F'],
        ['ip6tables', '-F'],
        ['ipset', 'destroy'],
      ],
      'nft flush ruleset': [['nft', 'flush', 'ruleset']],
    },
  },
  {
    name: 'iptables',
    programs: ['iptables', 'ip6tables'],
    damage: {
      'iptables -F': [
        ['iptables', '-F'],
        ['ip6tables', '-F'],
      ],
      'a single deleted rule': [
        ['iptables', '-D', 'f2b.web', '1'],
        ['ip6tables', '-D', 'f2b.web', '1'],
      ],
      'nft flush ruleset': [['nft', 'flush', 'ruleset']],
    },
  },
];

/** `nft monitor` says nothing of these: looking at intervals finds the damage. */
const legacy: readonly Case[] = ['iptables', 'ipset'].map((name) => ({
  name: name === 'ipset' ? name : 'iptables',
  variant: ' with iptables-legacy',
  prefix: LEGACY,
  programs: ['iptables', 'ip6tables', 'ipset'],
  damage: {
    'iptables -F': [
      ['iptables', '-F'],
      ['ip6tables', '-F'],
    ],
    'a single deleted rule': [
      ['iptables', '-D', 'INPUT', '1'],
      ['ip6tables', '-D', 'INPUT', '1'],
    ],
  },
}));

const BANNED = ['10.2.1.99', 'fd02::99'];

describe('drift', { concurrency: 2 }, () => {
  for (const one of cases) driftTests(one);
  if (unlessLegacy() === false) for (const one of legacy) driftTests(one);
});

function driftTests(one: Case): void {
  const skip = unlessTestbed(...one.programs);
  describe(`${one.name}${one.variant ?? ''}: damage done by others while the daemon runs`, {
    skip,
    timeout: 280_000,
    concurrency: 1,
  }, () => {
    let bed: Testbed;
    let running: Running;
    const refused = async (from: string): Promise<void> =>
      eventually(`${from} is refused`, async () => (await bed.curl({ from })) === 'refused');
    const repairs = (): number => running.state().repairs.get(one.name)?.count ?? 0;

    before(async () => {
      bed = await makeTestbed([8080], null, one.prefix);
      const jail = [`action = ${one.name}`, 'maxretry = 1', 'bantime = 1h'];
      running = makeRunning(bed, { jail, ...(one.prefix === undefined ? {} : { prefix: one.prefix }) });
      await running.start('--poll', '0.2');
      running.fail(...BANNED);
      for (const from of BANNED) await refused(from);
      await eventually('that is saved', () => existsSync(`${running.folder}/state/state.json`));
    });
    after(async () => {
      await running?.close();
      await bed?.close();
    });

    for (const [what, commands] of Object.entries(one.damage)) {
      it(`after ${what} the bans are back, and one line says so`, async () => {
        const [times, lines] = [repairs(), running.logged(/was changed by others/).length];
        // A later step may find that an earlier one is repaired already.
        for (const argv of commands) await bed.run(command(argv, { mayFail: true }));
        for (const from of BANNED) await refused(from);
        await eventually('the repair is counted', () => repairs() > times);
        const said = running.logged(/was changed by others/).slice(lines);
        // Damage done in several steps may be repaired between them.
        const repaired = said.filter((line) => / WARNING .*: repaired .* bans$/.test(line));
        assert.ok(repaired.length >= 1 && repaired.length <= commands.length, said.join('\n'));
        for (const line of said)
          assert.match(line, / WARNING .*: (?:repaired .* bans$|.*cannot be repaired yet: )/);
      });
    }

    it('a ban made just after the damage stands as well', async () => {
      const [commands = []] = Object.values(one.damage);
      for (const argv of commands) await bed.sh(...argv);
      running.fail('10.2.1.100');
      for (const from of [...BANNED, '10.2.1.100']) await refused(from);
      await running.standing(...BANNED, '10.2.1.100');
      const { stdout } = await running.f2b('status');
      assert.match(stdout, new RegExp(`\\|- Repaired:\\t${one.name} \\d+ times?`));
      const { stdout: web } = await running.f2b('status', 'web');
      assert.match(web, /Banned IP list:\t10\.2\.1\.99 fd02::99 10\.2\.1\.100/);
    });

    it('stopping leaves the bans, a new start knows them', async () => {
      await running.stop();
      for (const from of BANNED) await refused(from);
      await running.start('--poll', '0.2');
      for (const from of BANNED) await refused(from);
      assert.equal(running.logged(/Restore Ban 10\.2\.1\.99$/).length, 1);
    });
  });
}
