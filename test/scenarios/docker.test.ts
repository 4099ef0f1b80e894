/** A port that a container publishes is translated before the filter sees it: the daemon's bans hold all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeRunning } from '../testbed/running.ts';
import { eventually, makeTestbed, unlessTestbed } from '../testbed/testbed.ts';

const REDIRECT = `table ip nat {
  chain PREROUTING { type nat hook prerouting priority dstnat; tcp dport 18080 redirect to :8081; }
}`;

describe('published ports', { skip: unlessTestbed('nft'), timeout: 280_000 }, () => {
  for (const chain of ['INPUT,DOCKER-USER', 'PREROUTING']) {
    it(`nftables[chain="${chain}"] refuses the port that was dialled, and no other`, async () => {
      const bed = await makeTestbed([8080, 8081]);
      const action = `action = nftables[port="18080", chain="${chain}"]`;
      const running = makeRunning(bed, { jail: [action, 'maxretry = 1', 'bantime = 1h'] });
      try {
        await bed.sh('nft', REDIRECT);
        assert.equal(await bed.curl({ port: 18080 }), 'accepted');
        await running.start('--poll', '0.2');
        running.fail('10.2.1.99');
        await eventually('it is refused', async () => (await bed.curl({ port: 18080 })) === 'refused');
        assert.equal(await bed.curl({ port: 8080 }), 'accepted');
        assert.equal(await bed.curl({ port: 18080, from: '10.2.1.100' }), 'accepted');
        await running.standing('10.2.1.99');
        assert.equal((await running.f2b('unbanip', 'web', '10.2.1.99')).stdout, '1\n');
        assert.equal(await bed.curl({ port: 18080 }), 'accepted');
      } finally {
        await running.close();
        await bed.close();
      }
    });
  }
});
