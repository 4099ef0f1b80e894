import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { PickleError, type PyValue, readPickle, tuple, writePickle } from '../../src/base/pickle.ts';
import { unlessFound } from '../testbed/need.ts';

const python = (script: string, input: Buffer): string => {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', script], { input, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
};

const VALUE: PyValue = [
  ...[null, true, false, 0, 255, 65536, -1, 2 ** 40, -(2 ** 40), 1.5, 'a', 'ü€', 'x'.repeat(300)],
  tuple(),
  tuple(1, 'b'),
  [],
  [[tuple('Filter', [tuple('File list', ['/a'])])]],
  new Map<PyValue, PyValue>([['door', ['192.0.2.1']]]),
];

test('Python reads what is written', { skip: unlessFound('python3') }, () => {
  const text = python(
    'import pickle, sys; print(repr(pickle.loads(sys.stdin.buffer.read())).replace("x" * 300, "X"))',
    writePickle(VALUE),
  );
  assert.equal(
    text,
    "[None, True, False, 0, 255, 65536, -1, 1099511627776, -1099511627776, 1.5, 'a', 'ü€', 'X', (), (1, 'b'), [], " +
      "[[('Filter', [('File list', ['/a'])])]], {'door': ['192.0.2.1']}]\n",
  );
});

test('what Python writes is read, in every protocol', { skip: unlessFound('python3') }, () => {
  const made = `[None, True, False, 0, 300, 70000, -5, 2**40, -(2**40), 1.5, 'a', "it's", 'ü', 'x' * 300, (), (1,), (1, 2, 3, 4),
    [], [[1], ['a', 'a']], {'a': [1], 'b': {}}, 'a']`;
  const script = `import base64, pickle
for protocol in range(6): print(base64.b64encode(pickle.dumps(${made}, protocol)).decode())`;
  const lines = python(script, Buffer.alloc(0)).trim().split('\n');
  assert.equal(lines.length, 6);
  for (const line of lines) {
    const value = readPickle(Buffer.from(line, 'base64'));
    assert.deepEqual(value, [
      ...[null, true, false, 0, 300, 70000, -5, 2 ** 40, -(2 ** 40), 1.5, 'a', "it's", 'ü', 'x'.repeat(300)],
      ...[tuple(), tuple(1), tuple(1, 2, 3, 4), [], [[1], ['a', 'a']]],
      new Map<PyValue, PyValue>([
        ['a', [1]],
        ['b', new Map()],
      ]),
      'a',
    ]);
  }
});

test('an object is never built: what would call something is refused', {
  skip: unlessFound('python3'),
}, () => {
  const script = `import base64, os, pickle, collections, datetime
class Evil:
  def __reduce__(self): return (os.system, ('true',))
for value in [Evil(), [Evil()], datetime.datetime.now(), collections.OrderedDict(a=1), len, Evil]:
  for protocol in range(6): print(base64.b64encode(pickle.dumps(value, protocol)).decode())`;
  for (const line of python(script, Buffer.alloc(0)).trim().split('\n')) {
    const bytes = Buffer.from(line, 'base64');
    assert.throws(() => readPickle(bytes), PickleError);
  }
});

test('an exception of a reply comes as data, and only where it is asked for', () => {
  const fault = { fault: 'fail2ban.exceptions.UnknownJailException', args: ['nosuch'] };
  const bytes = writePickle(tuple(1, fault));
  assert.deepEqual(readPickle(bytes, { faults: true }), tuple(1, fault));
  assert.throws(() => readPickle(bytes), PickleError);
});

test('lists in lists are taken to a depth, lists that hold themselves are not', () => {
  const nested = (deep: number): Buffer => Buffer.from(`${']'.repeat(deep)}${'a'.repeat(deep - 1)}.`);
  readPickle(nested(30));
  assert.throws(() => readPickle(nested(100)), PickleError);
  assert.throws(() => readPickle(Buffer.from('(t'.repeat(1000))), PickleError);
  // ]q\x00h\x00a. is a list whose only element is itself.
  assert.throws(() => readPickle(Buffer.from(']q\x00h\x00a.', 'latin1')), PickleError);
});

test('any bytes are a plain value or a PickleError, in no time', () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed % below;
  };
  const whole = writePickle(VALUE);
  const begin = performance.now();
  for (let i = 0; i < 20000; i++) {
    const bytes = i % 2 === 0 ? Buffer.from(whole) : Buffer.alloc(random(60));
    const flips = i % 2 === 0 ? 1 + random(4) : bytes.length;
    for (let k = 0; k < flips; k++) bytes[random(bytes.length || 1)] = random(256);
    try {
      readPickle(bytes.subarray(0, bytes.length - random(3)), { faults: i % 3 === 0 });
    } catch (error) {
      assert.ok(error instanceof PickleError, `${bytes.toString('hex')}: ${error}`);
    }
  }
  assert.ok(performance.now() - begin < 20_000);
});
