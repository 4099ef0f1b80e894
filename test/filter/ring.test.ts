import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ring } from '../../src/filter/ring.ts';
import { dice } from '../dice.ts';

test('law: a ring answers as a Map does whose oldest entry goes when it is full', () => {
  const roll = dice(11);
  for (let round = 0; round < 200; round++) {
    const most = 1 + roll(20);
    const ring = new Ring<number>(most);
    const map = new Map<string, number>();
    for (let step = 0; step < 300; step++) {
      const key = `host sshd[${roll(most * 2)}]: `;
      const kind = roll(4);
      if (kind === 0) {
        ring.delete(key);
        map.delete(key);
      } else if (kind === 1) {
        assert.equal(ring.get(key), map.get(key));
      } else {
        const [oldest] = map.keys();
        if (!map.has(key) && map.size >= most && oldest !== undefined) map.delete(oldest);
        ring.set(key, step);
        map.set(key, step);
      }
      assert.equal(ring.size, map.size);
    }
    for (const [key, value] of map) assert.equal(ring.get(key), value);
  }
});
