import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp4 } from '../../src/base/ip.ts';
import { countFailure, Failures } from '../../src/state/failures.ts';
import { FailureTable, hashOf, type Row } from '../../src/state/failuretable.ts';
import { dice } from '../testbed/dice.ts';

const row = (n: number): Row => ({ retry: n, first: n, last: n, failures: 1 });

test('law: a ledger answers as a Map does', () => {
  const roll = dice(23);
  for (let round = 0; round < 50; round++) {
    const ledger = new FailureTable(100_000);
    const map = new Map<number, Row>();
    for (let step = 0; step < 2000; step++) {
      const ip = roll(2) === 0 ? roll(300) : 2 ** 32 - 1 - roll(300);
      const at = ledger.find(ip);
      assert.equal(at >= 0, map.has(ip));
      if (at < 0) {
        ledger.add(ip, row(step));
        map.set(ip, row(step));
      } else if (roll(2) === 0) {
        ledger.remove(at);
        map.delete(ip);
      } else {
        assert.deepEqual(ledger.read(at), map.get(ip));
      }
      if (roll(400) === 0) {
        const time = step - roll(300);
        const old = [...map].filter(([, { last }]) => last <= time);
        const before = ledger.size;
        ledger.sweep(time);
        assert.equal(before - ledger.size, old.length);
        for (const [one] of old) map.delete(one);
      }
      assert.equal(ledger.size, map.size);
    }
    const rows = [...ledger.rows()].map(([ip, number]) => [ip, ledger.read(number)] as const);
    assert.deepEqual(rows, [...map]);
  }
});

test('a ledger never holds more than its bound: the oldest goes', () => {
  const ledger = new FailureTable(1000);
  for (let ip = 0; ip < 5000; ip++) {
    ledger.add(ip, row(ip));
    assert.ok(ledger.size <= 1000);
  }
  const ips = [...ledger.rows()].map(([ip]) => ip);
  assert.equal(ips.at(-1), 4999);
  assert.deepEqual(
    ips,
    Array.from({ length: ips.length }, (_, i) => 5000 - ips.length + i),
  );
});

test('addresses that collide for one seed do not for another, so that nobody can choose them', () => {
  const [known, other] = [12345, 67890];
  const places = 0x4000;
  const placeOf = (ip: number, seed: number): number => hashOf(ip, seed) & (places - 1);
  /** Addresses with four places under the seed: finding them takes an attacker a second. */
  const chosen: number[] = [];
  for (let ip = 1; chosen.length < 2000; ip++) if (placeOf(ip, known) < 4) chosen.push(ip);
  assert.equal(new Set(chosen.map((ip) => placeOf(ip, known))).size, 4);
  for (const seed of [other, 0, 1, known + 1, 2 ** 32 - 1]) {
    const taken = new Set(chosen.map((ip) => placeOf(ip, seed))).size;
    assert.ok(taken > 1500, `${taken} places with the seed ${seed}`);
  }
  const table = new FailureTable(100_000, other);
  for (const ip of chosen) table.add(ip, row(1));
  assert.ok(chosen.every((ip) => table.find(ip) >= 0));
});

test('law: counting by number and counting by text give the same, and by number only what stays below maxretry', () => {
  const roll = dice(29);
  for (let round = 0; round < 100; round++) {
    const [mixed, plain] = [new Failures(), new Failures()];
    for (let step = 0; step < 400; step++) {
      const ip = 3_221_225_985 + roll(20);
      const id = formatIp4(ip);
      const time = step + roll(200);
      const wanted = countFailure(plain, id, { time }, 100).retry;
      const maxretry = 1 + roll(8);
      if (roll(3) > 0 && mixed.countIp(ip, time, { findtime: 100, maxretry })) assert.ok(wanted < maxretry);
      else assert.equal(countFailure(mixed, id, { time }, 100).retry, wanted);
      if (roll(3) > 0) mixed.settle(id);
      if (roll(10) === 0) for (const one of [mixed, plain]) one.delete(id);
      if (roll(50) === 0) assert.deepEqual(mixed.get(id), plain.get(id));
      assert.equal(mixed.size, plain.size);
    }
    const sorted = (failures: Failures) => [...failures].sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(sorted(mixed), sorted(plain));
    assert.deepEqual([...new Failures(mixed)].sort(), [...plain].sort());
    assert.equal(mixed.sweep(Number.POSITIVE_INFINITY), plain.size);
    assert.deepEqual([mixed.size, [...mixed]], [0, []]);
  }
});
