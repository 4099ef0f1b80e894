import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ring } from '../../../src/filter/session/ring.ts';
import { dice } from '../../testbed/dice.ts';

test('law: a ring answers as a Map does whose oldest entry goes when it is full, wherever its keys stand', () => {
  const roll = dice(11);
  for (let round = 0; round < 200; round++) {
    const most = 1 + roll(20);
    const ring = new Ring(most);
    const values: number[] = [];
    const map = new Map<string, number>();
    const valueAt = (key: string): number | undefined => values[ring.find(key)];
    for (let step = 0; step < 300; step++) {
      const key = `host sshd[${roll(most * 2)}]: `;
      const codes = Buffer.from(`at ${key}`);
      assert.equal(ring.findAt(codes, 3, codes.length), ring.find(key));
      const kind = roll(5);
      if (kind === 0) {
        const slot = ring.find(key);
        if (slot >= 0) ring.delete(slot);
        map.delete(key);
      } else if (kind === 1) {
        assert.equal(valueAt(key), map.get(key));
      } else {
        const known = ring.find(key);
        assert.equal(known >= 0, map.has(key));
        const [oldest] = map.keys();
        if (known < 0 && map.size >= most && oldest !== undefined) map.delete(oldest);
        // Interrupted before it is linked, and begun again.
        if (known < 0 && roll(4) === 0) ring.reserve(`other ${step}`);
        const slot =
          known >= 0 ? known : kind === 2 ? ring.reserveAt(codes, 3, codes.length) : ring.reserve(key);
        if (kind === 2 && known < 0) ring.lend(slot, Buffer.from(`at ${key}Failed`), 3);
        if (roll(3) === 0) ring.copyLent(slot, key.length + 6);
        values[slot] = step;
        if (known < 0) ring.link(slot);
        if (roll(4) === 0) ring.link(slot);
        map.set(key, step);
      }
      assert.equal(ring.size, map.size);
    }
    for (const [key, value] of map) assert.equal(valueAt(key), value);
  }
});
