import assert from 'node:assert/strict';
import { test } from 'node:test';
import { printBans, printOverview, printStatus, statusOf } from '../../src/cli/jailstatus.ts';
import { loadConfig } from '../../src/config/config.ts';
import { memoryTree } from '../../src/config/tree.ts';
import { addBan, type Ban, emptyState, type State } from '../../src/state/state.ts';

const NOW = 1000;
const BAN: Ban = {
  ...{ at: 900, until: 1500, failures: 5, count: 2, origin: 'log' },
  ...{ matches: [], pending: null },
};

function jailWith(more: string) {
  const text = `[web]\nenabled = true\nfilter =\nlogpath = web.log\nbantime = 10m\n${more}`;
  const [jail] = loadConfig(memoryTree(new Map([['jail.conf', text]]))).jails;
  assert.ok(jail !== undefined);
  return jail;
}

function stateWith(...bans: readonly (readonly [id: string, ban: Partial<Ban>])[]): State {
  const state = emptyState();
  for (const [id, ban] of bans) addBan(state, 'web', id, { ...BAN, ...ban });
  return state;
}

test('a jail prints as fail2ban-client prints it; a ban that does not stand is named with the reason', () => {
  const state = stateWith(['192.0.2.7', {}], ['192.0.2.8', { pending: 'nft: not found' }]);
  const status = statusOf(jailWith(''), state, ['/var/log/web.log'], NOW);
  assert.equal(
    printStatus(status),
    [
      'Status for the jail: web',
      '|- Filter',
      '|  |- Currently failed:\t0',
      '|  |- Total failed:\t0',
      '|  `- File list:\t/var/log/web.log',
      '`- Actions',
      '   |- Currently banned:\t2',
      '   |- Total banned:\t2',
      '   |- Not enforced yet:\t192.0.2.8 (nft: not found)',
      '   `- Banned IP list:\t192.0.2.7 192.0.2.8',
      '',
    ].join('\n'),
  );
});

test('a ban whose time is over is not listed', () => {
  const status = statusOf(jailWith(''), stateWith(['192.0.2.7', { until: 999 }]), [], NOW);
  assert.deepEqual([status.currentlyBanned, status.totalBanned, status.banned], [0, 1, []]);
});

test('printBans() tells how long the next ban would be', () => {
  const state = stateWith(['192.0.2.7', {}], ['192.0.2.8', { until: null }]);
  const status = statusOf(jailWith('bantime.increment = true\n'), state, [], NOW);
  assert.equal(
    printBans([status], String),
    [
      'jail\tid\tsince\tuntil\tcount\tnext\tstate',
      'web\t192.0.2.7\t900\t1500\t2\t40m\tenforced',
      'web\t192.0.2.8\t900\tfor ever\t2\t40m\tenforced',
      '',
    ].join('\n'),
  );
});

test('printOverview() lists the jails, and what is wrong: repairs, broken jails, a state that is not saved', () => {
  const well = { names: ['web', 'mail'], repairs: new Map(), broken: new Map(), unsaved: null };
  assert.equal(printOverview(well), 'Status\n|- Number of jail:\t2\n`- Jail list:\tmail, web\n');
  const repairs = new Map([['nftables', { count: 1, last: 900 }]]);
  const ill = { ...well, repairs, broken: new Map([['mail', 'see f2b check']]), unsaved: 'EROFS' };
  assert.match(printOverview(ill), /^\|- Repaired:\tnftables 1 time$/m);
  assert.match(printOverview(ill), /^\|- Broken:\tmail \(see f2b check\)$/m);
  assert.match(printOverview(ill), /^\|- Not saved:\tEROFS; bans go on in memory, what is shown is older$/m);
});
