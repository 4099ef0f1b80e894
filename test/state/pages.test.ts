import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { Pages } from '../../src/state/pages.ts';
import { dice } from '../testbed/dice.ts';

test('law: pages hold the text that was put into them, whatever its length', () => {
  const roll = dice(29);
  const numbers = [0, 9, 10, 1.5, -3, 1e21, 2 ** 53 - 1, 2 ** 53, 1763719999.25, 0.1 + 0.2, 99, 100];
  for (let round = 0; round < 20; round++) {
    const pages = new Pages();
    let wanted = '';
    for (let step = 0; step < 3000; step++) {
      const kind = roll(4);
      const ip = roll(2 ** 32);
      const number = numbers[roll(numbers.length + 5)] ?? roll(10 ** (1 + roll(9)));
      const text =
        ['"', 'müsli Ω', '\u{1f600}', 'x'.repeat(roll(roll(50) === 0 ? 300_000 : 30))][roll(4)] ?? '';
      if (kind === 0) pages.ip4(ip);
      else if (kind === 1) pages.number(number);
      else if (kind === 2) pages.ascii('{"a":');
      else pages.text(text);
      wanted += [formatIp4(ip), JSON.stringify(number), '{"a":', text][kind];
    }
    assert.ok(Buffer.concat(pages.all()).equals(Buffer.from(wanted)));
  }
});
