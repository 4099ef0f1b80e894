import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Output } from '../../../src/base/process.ts';
import { LOSSES } from '../../../src/firewall/firewalld/losses.ts';

const said = (stdout: string): Output => ({ exitCode: 0, stdout, stderr: '', trouble: null });
const zone = (ports: string, rich = '') =>
  said(`public (active)\n  interfaces: eth0\n  ports: ${ports}\n  rich rules: \n${rich}\n`);
const NOTHING = [said(''), said(''), said(''), said('')];

test('settings that stand at runtime only are named, and those that are permanent only', () => {
  const text = LOSSES.read([zone('8080/tcp 22/tcp', '\trule drop\n'), zone('22/tcp 25/tcp'), ...NOTHING]);
  assert.match(
    text ?? '',
    /: \+ public ports 8080\/tcp, \+ public rich rules rule drop, - public ports 25\/tcp \(/,
  );
});

test('nothing is lost where both are the same, or where firewalld does not answer', () => {
  assert.equal(LOSSES.read([zone('22/tcp'), zone('22/tcp'), ...NOTHING]), null);
  assert.equal(LOSSES.read([{ ...zone('22/tcp'), exitCode: 1 }, zone(''), ...NOTHING]), null);
});

test('what a reload keeps, and our own policy, is no loss', () => {
  const kept = 'public\n  interfaces: eth1\n\nf2b (active)\n  priority: -100\n  rich rules: \n\trule x\n\n';
  assert.equal(LOSSES.read([said(kept), said('public\n  interfaces: eth0\n'), ...NOTHING]), null);
});
