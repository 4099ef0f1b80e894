import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDockerJson, WrappingCount } from '../../../src/cli/regex/wrapping.ts';
import { compileDates } from '../../../src/filter/date/datepattern.ts';

const NOW = Date.UTC(2026, 10, 20, 12) / 1000;
const count = (): WrappingCount => new WrappingCount(compileDates(null, 'UTC'), NOW);

test('one wrapping is named, several with their lines, none not at all', () => {
  const one = count();
  assert.deepEqual(one.report(), []);
  one.note({ text: '<38>1 2026-11-20T04:12:09Z h sshd 8 - - Failed', time: null });
  assert.deepEqual(one.report(), ['wrapping: RFC 5424']);
  one.note({ text: 'h sshd[8]: Failed', time: NOW });
  one.note({ text: 'h sshd[8]: Failed', time: NOW });
  assert.deepEqual(one.report(), ['wrapping: the journal (2), RFC 5424 (1)']);
});

test("a file's first lines tell, Docker's json-file as well", () => {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-wrapping-'));
  try {
    const path = join(folder, 'x-json.log');
    writeFileSync(path, '{"log":"x\\n","stream":"stderr","time":"2026-11-20T04:12:09.5Z"}\n');
    const file = { path, encoding: 'utf-8' };
    assert.ok(isDockerJson(file));
    const one = count();
    one.noteFile(file);
    assert.deepEqual(one.report(), ["wrapping: Docker's json-file"]);
    assert.ok(!isDockerJson({ path: join(folder, 'nothing'), encoding: 'utf-8' }));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
