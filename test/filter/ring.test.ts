import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ring, ROOM } from '../../src/filter/ring.ts';
import { dice } from '../dice.ts';

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
      const kind = roll(5);
      if (kind === 0) {
        ring.delete(key);
        map.delete(key);
      } else if (kind === 1) {
        assert.equal(valueAt(key), map.get(key));
      } else {
        const [oldest] = map.keys();
        if (!map.has(key) && map.size >= most && oldest !== undefined) map.delete(oldest);
        const isText = kind === 2 && !map.has(key);
        const slot = isText ? ring.addText(key) : ring.add(key);
        if (isText) ring.bytes.set(Buffer.from(`${key}Failed`), slot * ROOM);
        values[slot] = step;
        map.set(key, step);
      }
      assert.equal(ring.size, map.size);
    }
    for (const [key, value] of map) assert.equal(valueAt(key), value);
  }
});
