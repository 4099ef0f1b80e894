import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printMetrics } from '../../../src/cli/metrics/text.ts';

test('a label holds any name, and a metric without samples is left out', () => {
  const samples = [{ labels: { source: 'a "b"\\c\nd\ud800' }, value: 1.5 }];
  assert.equal(
    printMetrics([
      { name: 'x_total', type: 'counter', help: 'One.', samples },
      { name: 'y', type: 'gauge', help: 'None.', samples: [] },
    ]),
    '# HELP x_total One.\n# TYPE x_total counter\nx_total{source="a \\"b\\"\\\\c\\nd\ufffd"} 1.5\n',
  );
});
