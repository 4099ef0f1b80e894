/** What every firewall must do to real packets: the tests that nftables, ipset and iptables share, also beside a running firewalld. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Command, command } from '../../src/base/process.ts';
import type { BanEntry, Firewall, Rule } from '../../src/firewall/backend.ts';
import { enforceNow, type FirewallJob, findDamage, flush, reconcile } from '../../src/firewall/reconcile.ts';
import { eventually, makeTestbed, type Testbed, unlessTestbed } from '../testbed/testbed.ts';

export const WEB: Rule = {
  jail: 'web server / übergroß',
  ports: [[8080, 8080]],
  protocols: ['tcp'],
  chains: ['INPUT'],
  block: 'reject',
};

export type Case = {
  readonly name: string;
  readonly firewall: Firewall;
  /** The same with room for only a few entries in a set; null where nothing limits it. */
  readonly small: Firewall | null;
  readonly firewalldBackend?: 'nftables' | 'iptables';
  /** Words before every program in the victim's namespace. */
  readonly prefix?: readonly string[];
  /** Programs of the tests beyond the firewall's own. */
  readonly programs?: readonly string[];
  /** The user's own rules, made before ours: accept what is established, and something to recognise. */
  readonly ownRules: readonly (readonly [string, ...string[]])[];
  /** Prints the user's rules without ours, and without what changes by itself. */
  readonly readOwn: readonly [string, ...string[]];
  /** Prints everything, to see that nothing of ours is left. */
  readonly readAll: readonly (readonly [string, ...string[]])[];
  /** Damage done by others, each a few commands. */
  readonly drift: Readonly<Record<string, readonly (readonly [string, ...string[]])[]>>;
};

export const now = (): number => Date.now() / 1000;

export function entry(address: string, seconds: number | null = 3600, jail = WEB.jail): BanEntry {
  return { jail, address, until: seconds === null ? null : now() + seconds };
}

/** Registers the tests of one firewall. */
export function packetTests(one: Case): void {
  const skip = unlessTestbed(
    ...one.firewall.programs,
    ...(one.programs ?? []),
    ...(one.firewalldBackend ? ['firewalld', 'dbus-daemon'] : []),
  );
  describe(`${one.name} against real packets`, { skip, timeout: 180_000 }, () => {
    let bed: Testbed;
    let ran: Command[] = [];
    let own = '';
    const job = (rules: readonly Rule[] = [WEB], firewall = one.firewall): FirewallJob => ({
      firewall,
      rules,
      run: (one) => {
        if (one.argv[0] !== 'ss' && one.argv[0] !== 'conntrack') ran.push(one);
        return bed.run(one);
      },
    });
    /** Wants exactly these, by the slow and sure way, and has them confirmed. */
    const want = async (entries: readonly BanEntry[], rules?: readonly Rule[]) => {
      const result = await reconcile(job(rules), entries, now());
      assert.deepEqual(result.pending, []);
      assert.equal(result.enforced.length, entries.length);
      return result;
    };
    const expect = async (from: string, answer: 'accepted' | 'refused' | 'silence', port = 8080) => {
      assert.equal(await bed.curl({ from, port }), answer, `from ${from} to port ${port}`);
    };

    before(async () => {
      bed = await makeTestbed([8080, 8081], one.firewalldBackend ?? null, one.prefix);
      for (const argv of one.ownRules) await bed.sh(...argv);
      own = await bed.sh(...one.readOwn);
    });
    after(async () => bed?.close());

    for (const [family, bad, good, otherFamily] of [
      [4, '10.2.1.99', '10.2.1.100', 'fd02::99'],
      [6, 'fd02::99', 'fd02::100', '10.2.1.99'],
    ] as const) {
      it(`IPv${family}: a ban refuses the address on the jail's port, and nothing else`, async () => {
        await want([]);
        await expect(bad, 'accepted');
        const ban = entry(bad);
        const result = await enforceNow(job(), { add: [ban], remove: [], wanted: () => [ban] }, now());
        assert.deepEqual([result.enforced, result.pending], [[ban], []]);
        await expect(bad, 'refused');
        await expect(bad, 'accepted', 8081);
        await expect(good, 'accepted');
        await expect(otherFamily, 'accepted');
      });

      it(`IPv${family}: an unban accepts it again`, async () => {
        const ban = entry(bad);
        const result = await enforceNow(job(), { add: [], remove: [ban], wanted: () => [] }, now());
        assert.deepEqual(result.pending, []);
        await expect(bad, 'accepted');
      });

      it(`IPv${family}: networks and hosts inside them are banned, and lifted one by one`, async () => {
        const network = entry(family === 4 ? '10.2.1.64/26' : 'fd02::/64');
        const wider = entry(family === 4 ? '10.2.0.0/16' : 'fd02::/48');
        const host = entry(bad);
        await want([network, wider, host]);
        await expect(good, 'refused');
        const lift = { add: [], remove: [network, wider], wanted: () => [host] };
        assert.deepEqual((await enforceNow(job(), lift, now())).pending, []);
        await expect(good, 'accepted');
        await expect(bad, 'refused');
        await want([]);
        await expect(bad, 'accepted');
      });

      it(`IPv${family}: a ban cuts the connection that is open`, async () => {
        const flow = bed.drip(bad);
        await eventually('the download flows', () => flow.bytes() > 20);
        const ban = entry(bad);
        await enforceNow(job(), { add: [ban], remove: [], wanted: () => [ban] }, now());
        await eventually('the download has stood still for half a second', async () => {
          const seen = flow.bytes();
          await new Promise((resolve) => setTimeout(resolve, 500));
          return flow.bytes() === seen;
        });
        await want([]);
      });
    }
    it('the port that was dialled is refused where it is redirected', async () => {
      const nat = `add table inet dialled
          add chain inet dialled in { type nat hook prerouting priority -100; }
          add rule inet dialled in tcp dport 8090 redirect to :8080\n`;
      await bed.run(command(['nft', '-f', '-'], { stdin: nat }));
      await expect('10.2.1.99', 'accepted', 8090);
      const dialled: Rule = { ...WEB, ports: [[8090, 8090]] };
      await want([entry('10.2.1.99'), entry('fd02::99')], [dialled]);
      await expect('10.2.1.99', 'refused', 8090);
      await expect('fd02::99', 'refused', 8090);
      await expect('10.2.1.99', 'accepted');
      await expect('10.2.1.100', 'accepted', 8090);
      await bed.sh('nft', 'delete', 'table', 'inet', 'dialled');
      await want([]);
    });

    it('drop answers nothing, tcp-reset refuses all ports, and the rule follows the wish', async () => {
      const bans = [entry('10.2.1.99'), entry('fd02::99')];
      await want(bans, [{ ...WEB, ports: null, protocols: [], block: 'tcp-reset' }]);
      await expect('10.2.1.99', 'refused', 8081);
      await expect('fd02::99', 'refused', 8081);
      await want(bans, [{ ...WEB, ports: [[8000, 8080]], protocols: ['tcp', 'udp'], block: 'drop' }]);
      await expect('10.2.1.99', 'silence');
      await expect('10.2.1.99', 'accepted', 8081);
      await want([]);
      await expect('10.2.1.99', 'accepted');
    });

    it('the rules of a jail that is gone are removed, those of another stay', async () => {
      const other: Rule = { ...WEB, jail: 'ssh-4-4', ports: [[22, 22]] };
      await want([entry('10.2.1.99'), entry('10.2.1.100', null, other.jail)], [WEB, other]);
      const result = await want([entry('10.2.1.100', null, other.jail)], [other]);
      assert.equal(result.repaired.strays.length, 1);
      await expect('10.2.1.99', 'accepted');
      await want([]);
    });

    it('an entry that is no address is pending and stops no other', async () => {
      const bad = { jail: WEB.jail, address: '10.2.1.1 } ; flush ruleset', until: null };
      const good = entry('10.2.1.99');
      const news = { add: [bad, good], remove: [], wanted: () => [bad, good] };
      const result = await enforceNow(job(), news, now());
      assert.deepEqual(result.enforced, [good]);
      assert.deepEqual(result.pending, [{ entry: bad, reason: 'not an address or network' }]);
      await want([]);
    });

    if (one.firewall.hasTimeouts) {
      it('the kernel ends a ban by itself', async () => {
        await want([
          entry('10.2.1.99', 2),
          entry('fd02::99', 2),
          entry('10.2.1.100', 3600),
          entry('fd02::100', null),
        ]);
        await expect('10.2.1.99', 'refused');
        await eventually('both are accepted again', async () => {
          return (await bed.curl()) === 'accepted' && (await bed.curl({ from: 'fd02::99' })) === 'accepted';
        });
        await expect('10.2.1.100', 'refused');
        await expect('fd02::100', 'refused');
      });

      it('a longer and a shorter ban replace the time-out, a second look changes nothing', async () => {
        const times: readonly (number | null)[] = [60, 86400 * 400, null, 100, 86400 * 20];
        for (const seconds of times) {
          const wanted = [entry('10.2.1.99', seconds), entry('2001:db8::/64', seconds)];
          await want(wanted);
          const again = await reconcile(job(), wanted, now());
          assert.deepEqual(again.repaired, { jails: [], added: 0, removed: 0, strays: [] });
        }
        await want([]);
      });
    }

    for (const [what, commands] of Object.entries(one.drift)) {
      it(`after ${what} the probe sees it and all bans are back`, async () => {
        const bans = [entry('10.2.1.99'), entry('fd02::99'), entry('203.0.113.0/24')];
        const counts = new Map([[WEB.jail, bans.length]]);
        await want(bans);
        assert.deepEqual(await damaged(job(), counts), []);
        for (const argv of commands) await bed.sh(...argv);
        assert.deepEqual(await damaged(job(), counts), [WEB.jail]);
        await want(bans);
        await expect('10.2.1.99', 'refused');
        await expect('fd02::99', 'refused');
        assert.deepEqual(await damaged(job(), counts), []);
        const again = await reconcile(job(), bans, now());
        assert.deepEqual(again.repaired, { jails: [], added: 0, removed: 0, strays: [] });
        for (const argv of one.ownRules) await run(bed, argv);
      });
    }

    const { small } = one;
    if (small !== null) {
      it('with a full set the rest is pending, and says so', async () => {
        await flush(job(), now());
        const knocking = ['10.2.1.99', '10.2.1.100', '10.2.1.101'];
        const others = Array.from({ length: 40 }, (_, i) => `203.0.113.${i}`);
        const all = [...knocking.slice(0, 1), ...others, ...knocking.slice(1)];
        const bans = all.map((address) => entry(address));
        const result = await reconcile(job([WEB], small), bans, now());
        assert.ok(result.enforced.length > 0, 'some are enforced');
        assert.ok(result.pending.length > 0, 'some are pending');
        assert.equal(result.enforced.length + result.pending.length, bans.length);
        for (const { reason } of result.pending) assert.match(reason, /is full/);
        const standing = new Set(result.enforced.map(({ address }) => address));
        for (const from of knocking) await expect(from, standing.has(from) ? 'refused' : 'accepted');
        // Room that was made is used.
        const fewer = bans.filter(({ address }) => knocking.includes(address));
        assert.deepEqual((await reconcile(job([WEB], small), fewer, now())).pending, []);
        for (const from of knocking) await expect(from, 'refused');
        await flush(job(), now());
      });
    }

    it('10,000 bans are restored in a single batch and lifted in another', async () => {
      await want([]);
      ran = [];
      const bans = Array.from({ length: 10_000 }, (_, i) => entry(`11.0.${i >> 8}.${i & 255}`));
      await want([...bans, entry('10.2.1.99')]);
      assert.ok(ran.length < 25, `${ran.length} programs`);
      await expect('10.2.1.99', 'refused');
      const after = await flush(job(), now());
      assert.deepEqual([after.pending, after.trouble], [[], []]);
      assert.ok(ran.length < 50, `${ran.length} programs`);
    });

    it('flush leaves nothing of ours, and the rules of others as they were', async () => {
      await flush(job(), now());
      for (const argv of one.ownRules) await run(bed, argv);
      own = await bed.sh(...one.readOwn);
      const other: Rule = { ...WEB, jail: 'b', chains: ['INPUT', 'FORWARD'], block: 'tcp-reset' };
      await want([entry('10.2.1.99'), entry('fd02::/56', null, 'b')], [WEB, other]);
      const result = await flush(job(), now());
      assert.deepEqual(result.trouble, []);
      await expect('10.2.1.99', 'accepted');
      await expect('fd02::99', 'accepted');
      for (const argv of one.readAll) assert.doesNotMatch(await bed.sh(...argv), /f2b/);
      assert.equal(await bed.sh(...one.readOwn), own);
      const again = await flush(job(), now());
      assert.deepEqual(again.repaired.strays, []);
    });
  });
}

async function damaged(job: FirewallJob, expected: ReadonlyMap<string, number>): Promise<readonly string[]> {
  const probe = await findDamage(job, expected);
  return typeof probe === 'string' ? [probe] : [...probe.damaged];
}

async function run(bed: Testbed, argv: readonly [string, ...string[]]): Promise<void> {
  await bed.run({ argv, stdin: null, mayFail: true });
}
