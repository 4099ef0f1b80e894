import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Body, encodeModule, OP } from '../../../../src/filter/regex/wasm/encode.ts';
import { mainOf } from './mainof.ts';

const memory = new WebAssembly.Memory({ initial: 1 });

/** What the first of the functions answers. */
const run = (bodies: readonly Body[], one = 0, other = 0, globals = 0): number =>
  mainOf(encodeModule(bodies, 0, globals), memory)(one, other);

test('numbers of every length arrive as they are', () => {
  for (const value of [0, 1, 63, 64, 127, 128, 8191, 8192, 2 ** 31 - 1, -1, -64, -65, -(2 ** 31)])
    assert.equal(run([new Body().const(value)]), value);
  for (const value of [0n, 63n, 64n, 1n << 31n, 1n << 63n, (1n << 64n) - 1n]) {
    const low = new Body().constLong(value).op(OP.wrap);
    const high = new Body().constLong(value).const(32).op(OP.extend, OP.shrLongU, OP.wrap);
    assert.deepEqual(
      [run([low]), run([high])],
      [value, value >> 32n].map((half) => Number(BigInt.asIntN(32, half))),
      `${value}`,
    );
  }
});

test('parameters and locals have their numbers', () => {
  const body = new Body();
  const [sum, other] = [body.local(), body.local()];
  assert.deepEqual([sum, other], [2, 3]);
  body.get(0).get(1).op(OP.add).set(sum).const(5).set(other);
  assert.equal(run([body.get(sum).get(other).op(OP.sub)], 7, 8), 10);
});

test('loads and stores are at an offset behind the address', () => {
  const body = new Body().const(100).get(0).at(OP.store, 300).const(400).at(OP.load, 0);
  assert.equal(run([body], 123_456, 0), 123_456);
});

test('leaving a block goes behind it, leaving a loop to its beginning', () => {
  const body = new Body();
  const sum = body.local();
  const done = body.open(OP.block);
  const turn = body.open(OP.loop);
  body.get(0).op(OP.eqz).leaveIf(done);
  body.get(sum).get(0).op(OP.add).set(sum).get(0).const(1).op(OP.sub).set(0).leave(turn);
  body.close().close();
  assert.equal(body.depth, 0);
  assert.equal(run([body.get(sum)], 4, 0), 10);
});

test('functions call each other by number and share integers that are 0 at first', () => {
  const count = new Body().with(OP.globalGet, 1).const(2).op(OP.add).with(OP.globalSet, 1).const(0);
  const main = new Body();
  const ignored = main.local();
  for (let i = 0; i < 3; i++) main.get(0).get(1).with(OP.call, 1).set(ignored);
  assert.equal(run([main.with(OP.globalGet, 1), count], 0, 0, 2), 6);
});

test('a module of more than 127 functions and 127 locals is had', () => {
  const many = Array.from({ length: 200 }, (_, i) => new Body().const(i));
  const main = new Body();
  let last = 0;
  for (let i = 0; i < 200; i++) last = main.local();
  main.get(0).get(1).with(OP.call, 200).set(last).get(last);
  assert.equal(run([main, ...many], 0, 0), 199);
});
