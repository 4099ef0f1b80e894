import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/config.ts';
import { EL_FILES, SMALL_STOCK } from './eltree.ts';
import { FILTER, load, texts, told, treeOf } from './loading.ts';

test('a tree of jail.d and filter.d alone makes a jail that bans with whatever firewall is there', () => {
  const config = load({
    'filter.d/flask-ddos.conf': String.raw`[Definition]
failregex = ^<HOST> - .+(GET|POST).*$
ignoreregex = \.(?i)(jpg|jpeg|gif|png|pdf|js|txt)
`,
    'filter.d/flask-auth.conf':
      '[Definition]\nfailregex = ^<HOST> - "(GET|POST) .+" 401 .*$\nignoreregex =\n',
    'jail.d/flask-8080.conf': `[flask-8080]
filter   = flask-ddos
enabled  = true
port     = 8080
logpath  = /tmp/access_log
backend  = polling
maxretry = 3
findtime = 1s
bantime  = 1h
[flask-auth]
filter = flask-auth
enabled = true
port = 8080
logpath = /tmp/access_log
maxretry = 2
findtime = 10s
bantime = 1h
`,
  });
  assert.deepEqual(told(config), []);
  const [ddos, auth] = config.jails;
  assert.ok(ddos && auth && config.jails.length === 2);
  assert.deepEqual([ddos.maxretry, ddos.findtime, ddos.bantime, ddos.backend], [3, 1, 3600, 'polling']);
  assert.deepEqual(texts(ddos.filter.ignoreregex), [String.raw`\.(?i)(jpg|jpeg|gif|png|pdf|js|txt)`]);
  assert.deepEqual(texts(auth.filter.failregex), ['^<HOST> - "(GET|POST) .+" 401 .*$']);
  assert.deepEqual(auth.filter.ignoreregex, []);
  assert.deepEqual(
    ddos.actions.map((action) => action.kind === 'firewall' && [action.firewall, action.rule]),
    [['auto', { ports: [[8080, 8080]], protocols: ['tcp'], chains: ['INPUT'], block: 'reject' }]],
  );
});

test('a broken jail disables itself and no other, and all its mistakes are told at once', () => {
  const config = load({
    'filter.d/web.conf': FILTER,
    'jail.d/x.conf':
      '[bad]\nenabled = true\nfilter = web\nlogpath = /l\nmaxretry = x\nbantime = 10 mims\n[good]\nenabled = true\nfilter = web\nlogpath = /l\n',
  });
  assert.deepEqual(
    config.jails.map((jail) => jail.name),
    ['good'],
  );
  assert.deepEqual(
    config.problems.map((one) => [one.jail, one.severity, formatProblem(one)]),
    [
      ['bad', 'error', 't:jail.d/x.conf:5: maxretry: cannot read "x" as a whole number'],
      ['bad', 'error', 't:jail.d/x.conf:6: bantime: cannot read "10 mims" as a duration'],
    ],
  );
});

test('disabled jails are not looked into, unless asked for', () => {
  const files = { 'jail.d/x.conf': '[x]\nfilter = nope\n' };
  assert.deepEqual(told(load(files)), []);
  const forced = loadConfig(treeOf(files), { force: true });
  assert.deepEqual(forced.jails, []);
  assert.match(told(forced).join(), /cannot find the filter "nope"/);
});

test('a tree as Enterprise Linux has it is clean: journal for sshd and postfix, files for the others, firewalld', () => {
  const config = load({ ...SMALL_STOCK, ...EL_FILES });
  assert.deepEqual(told(config), []);
  const seen = config.jails.map((jail) => [
    jail.name,
    jail.backend,
    jail.bantime,
    jail.actions.map((plan) => plan.kind === 'firewall' && plan.firewall),
  ]);
  assert.deepEqual(seen, [
    ['sshd', 'systemd', 3600, ['firewalld']],
    ['postfix', 'systemd', 3600, ['firewalld']],
    ['nginx-http-auth', 'auto', 3600, ['firewalld']],
    ['recidive', 'auto', 604800, ['firewalld']],
  ]);
  const [sshd, , , recidive] = config.jails;
  assert.deepEqual(sshd?.filter.failregex.length, 2);
  assert.deepEqual(sshd?.filter.journalmatch, ['_SYSTEMD_UNIT=sshd.service + _COMM=sshd']);
  const [plan] = recidive?.actions ?? [];
  assert.ok(plan?.kind === 'firewall');
  assert.equal(plan.rule.ports, null);
});

test('the older drop-in of EPEL, with options behind its banaction, selects firewalld too', () => {
  const drop = {
    'jail.d/00-firewalld.conf':
      '[DEFAULT]\nbanaction = firewallcmd-ipset[actiontype=<multiport>]\nbanaction_allports = firewallcmd-ipset[actiontype=<allports>]\n',
  };
  const config = load({ ...SMALL_STOCK, ...EL_FILES, ...drop });
  assert.deepEqual(told(config), []);
  const plans = config.jails.map((jail) => jail.actions[0]);
  assert.deepEqual(
    plans.map((plan) => plan?.kind === 'firewall' && [plan.firewall, plan.rule.ports]),
    [
      ['firewalld', [[22, 22]]],
      [
        'firewalld',
        [
          [25, 25],
          [465, 465],
          [587, 587],
        ],
      ],
      [
        'firewalld',
        [
          [80, 80],
          [443, 443],
        ],
      ],
      ['firewalld', null],
    ],
  );
});
