import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PortRange, parsePorts, readServices } from '../../src/base/ports.ts';
import { makeRandom } from '../config/random.ts';

const services = readServices(
  '# comment\nssh 22/tcp\nmy-app\t4711/tcp  mine Other # x\nbad 99999/tcp\nwww 8000/tcp\n',
);
const ranges = (text: string): readonly PortRange[] | null => parsePorts(text, services).ranges;
const bad = (text: string): readonly string[] => parsePorts(text, services).bad;

test('numbers, names and ranges with either sign, between commas or blanks', () => {
  assert.deepEqual(ranges('8080'), [[8080, 8080]]);
  assert.deepEqual(ranges('ssh,https 80:90, 100-110'), [
    [22, 22],
    [80, 90],
    [100, 110],
    [443, 443],
  ]);
  assert.deepEqual(ranges('60000 : 61000'), [[60000, 61000]]);
  assert.deepEqual(ranges('ftp:telnet'), [[21, 23]]);
});

test('/etc/services adds names and wins over the built-in table', () => {
  assert.deepEqual(ranges('my-app,Mine,other'), [[4711, 4711]]);
  assert.deepEqual(ranges('www'), [[8000, 8000]]);
  assert.deepEqual(ranges('imaps'), [[993, 993]]);
});

test('all ports are null, however they are spelt', () => {
  for (const text of ['all', 'any', '0:65535', '1:65535', '0-65535', '22,all', '0:30000,30001:65535']) {
    assert.deepEqual(parsePorts(text, services), { ranges: null, bad: [] }, text);
  }
});

test('ranges come sorted and without overlap', () => {
  assert.deepEqual(ranges('90,80:100,85:120,22,22'), [
    [22, 22],
    [80, 120],
  ]);
});

test('what is no port is named', () => {
  assert.deepEqual(bad('http,htpps,70000,90:80,0,-1,22/tcp,80:,$(reboot)'), [
    'htpps',
    '70000',
    '90:80',
    '0',
    '-1',
    '22/tcp',
    '80:',
    '$(reboot)',
  ]);
});

test('law: a list means the union of what its words mean', () => {
  const random = makeRandom(4);
  for (let round = 0; round < 500; round++) {
    const wanted = new Set<number>();
    const words = Array.from({ length: 1 + random(8) }, () => {
      const first = 1 + random(60);
      const last = first + random(2) * random(10);
      for (let port = first; port <= last; port++) wanted.add(port);
      return first === last ? `${first}` : `${first}${random.pick([':', '-'])}${last}`;
    });
    const found = ranges(words.join(random.pick([',', ' ', ', ']))) ?? [];
    const ports = found.flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, i) => first + i),
    );
    assert.deepEqual(
      ports,
      [...wanted].sort((a, b) => a - b),
      words.join(),
    );
  }
});
