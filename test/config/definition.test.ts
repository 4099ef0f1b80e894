import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, formatProblem, type Problem, problem } from '../../src/base/errors.ts';
import { guarded } from '../../src/config/definition.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { treeOf } from './loading.ts';

test('the brackets win over [Init], and [Init] over [Definition]', () => {
  const files = {
    'filter.d/a.conf': '[Definition]\nfailregex = <x> <y> <z>\nx = d\ny = d\nz = d\n[Init]\ny = i\nz = i\n',
  };
  assert.equal(loadFilter(treeOf(files), 'a[z=b]').options.get('failregex'), 'd i b');
});

test('<known/x> is what [Init] says, <default/x> is [DEFAULT], <section/x> another section', () => {
  const files = {
    'filter.d/a.conf':
      '[DEFAULT]\nw = dw\n[Definition]\nfailregex = <known/x> <default/w> <Other/v>\n[Init]\nx = i\n[Other]\nv = o\n',
  };
  assert.equal(loadFilter(treeOf(files), 'a[x=b]').options.get('failregex'), 'i dw o');
});

test('guarded() collects the problems of a ConfigError and lets every other error pass', () => {
  const problems: Problem[] = [];
  const work = (): never => {
    throw new ConfigError([problem('x')]);
  };
  assert.equal(guarded(problems, work), null);
  assert.deepEqual(problems.map(formatProblem), ['x']);
  assert.throws(() => guarded(problems, () => assert.fail('bug')), /bug/);
});
