import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { formatProblem, MachineError, UsageError } from '../../src/base/errors.ts';
import { planAction } from '../../src/config/actionkind.ts';
import { type Config, loadConfig } from '../../src/config/config.ts';
import { configDump } from '../../src/config/dump.ts';
import type { Jail } from '../../src/config/jail.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { diskTree, findConfigTree, memoryTree, overlayTree } from '../../src/config/tree.ts';
import { EL_FILES, SMALL_STOCK } from './eltree.ts';

type Files = Readonly<Record<string, string>>;

const treeOf = (files: Files) => memoryTree(new Map(Object.entries(files)), 't');
const load = (files: Files): Config => loadConfig(treeOf(files));
const told = (config: Config): string[] =>
  config.problems.map((one) => `${formatProblem(one)}${one.hint === null ? '' : ` (${one.hint})`}`);

/** The only jail of a tree that must be without a fault. */
function onlyJail(files: Files): Jail {
  const config = load(files);
  assert.deepEqual(told(config), []);
  const [jail] = config.jails;
  assert.ok(jail !== undefined && config.jails.length === 1);
  return jail;
}

const FILTER = '[Definition]\nfailregex = ^<HOST> x$\n';
const on = (rest: string): Files => ({
  'filter.d/web.conf': FILTER,
  'jail.d/web.conf': `[web]\nenabled = true\n${rest.includes('logpath') ? '' : 'logpath = /l\n'}${rest}`,
});
const texts = (regexes: readonly { readonly text: string }[]): string[] => regexes.map((one) => one.text);

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
    ddos.actions.map((action) => planAction(action)),
    [
      {
        kind: 'firewall',
        firewall: 'auto',
        rule: { ports: '8080', protocols: ['tcp'], chains: ['INPUT'], block: 'reject' },
      },
    ],
  );
});

test('defaults hold where no file says anything', () => {
  const jail = onlyJail(on(''));
  assert.deepEqual(
    [
      jail.maxretry,
      jail.findtime,
      jail.bantime,
      jail.maxmatches,
      jail.usedns,
      jail.backend,
      jail.logencoding,
    ],
    [5, 600, 600, 5, 'warn', 'auto', 'auto'],
  );
  assert.deepEqual([jail.ignore.self, jail.increment.enabled, jail.ipv6prefix], [true, false, 64]);
  assert.deepEqual(jail.logpath, [{ glob: '/l', start: 'catchup' }]);
});

test('later files win: X.conf, X.d/*.conf, X.local, X.d/*.local', () => {
  const jail = onlyJail({
    'filter.d/web.conf': FILTER,
    'jail.conf':
      '[web]\nenabled = true\nlogpath = /1\nmaxretry = 1\nfindtime = 1\nbantime = 1\nusedns = no\n',
    'jail.d/b.conf': '[web]\nmaxretry = 3\n',
    'jail.d/a.conf': '[web]\nmaxretry = 2\nfindtime = 2\nbantime = 2\nusedns = raw\n',
    'jail.local': '[web]\nfindtime = 4\nbantime = 4\n',
    'jail.d/z.local': '[web]\nbantime = 5\n',
  });
  assert.deepEqual([jail.usedns, jail.maxretry, jail.findtime, jail.bantime], ['raw', 3, 4, 5]);
});

test('includes: before, then the file, then after, each with its .local; loops are cut, missing ones ignored', () => {
  const { options } = loadFilter(
    treeOf({
      'filter.d/a.conf':
        '[INCLUDES]\nbefore = b.conf\n  no-such.conf\nafter = c.conf\n[Definition]\nfailregex = %(x)s%(y)s%(z)s',
      'filter.d/b.conf': '[INCLUDES]\nbefore = a.conf\n[DEFAULT]\nx = b\ny = b\nz = b\n',
      'filter.d/b.local': '[DEFAULT]\ny = b-local\n',
      'filter.d/c.conf': '[DEFAULT]\nz = c\n',
    }),
    'a',
  );
  assert.equal(options.get('failregex'), 'bb-localc');
});

test('a line of a regex is cited where it is written, through variables and tags', () => {
  const { filter } = loadFilter(
    treeOf({
      'filter.d/a.conf': `[Definition]
_list = ^one <HOST>$
        ^two <HOST>$
mdre-normal =
mdre-more = ^more <HOST>$
failregex = %(_list)s
            <mdre-<mode>>
            ^pre %(_word)s <HOST>$
_word = word
mode = normal
`,
    }),
    'a[mode=more]',
  );
  assert.deepEqual(
    filter?.failregex.map(({ text, place }) => [text, place.line]),
    [
      ['^one <HOST>$', 2],
      ['^two <HOST>$', 3],
      ['^more <HOST>$', 5],
      ['^pre word <HOST>$', 8],
    ],
  );
});

test('%(known/x)s adds to what the files before said, over several files, also in [DEFAULT]', () => {
  const jail = onlyJail({
    'filter.d/web.conf': FILTER,
    'jail.conf': '[DEFAULT]\nignoreip = 192.0.2.1\n[web]\nenabled = true\nlogpath = /a\n',
    'jail.local':
      '[DEFAULT]\nignoreip = %(known/ignoreip)s 192.0.2.2\n[web]\nlogpath = %(known/logpath)s\n  /b\n',
    'jail.d/z.local':
      '[DEFAULT]\nignoreip = %(known/ignoreip)s 192.0.2.3\n[web]\nlogpath = %(known/logpath)s\n  /c\n',
  });
  assert.deepEqual(
    jail.ignore.networks.map((one) => one.address),
    ['192.0.2.1', '192.0.2.2', '192.0.2.3'],
  );
  assert.deepEqual(
    jail.logpath.map((one) => one.glob),
    ['/a', '/b', '/c'],
  );
});

test("a jail sees its filter as known/..., and what it sets replaces the filter's", () => {
  const jail = onlyJail({
    'filter.d/web.conf':
      '[Definition]\nfailregex = ^a <HOST>$\nignoreregex = b\ndatepattern = ^%%Y\nmaxlines = 3\n',
    'jail.d/x.conf':
      '[web]\nenabled = 1\nlogpath = /l\nfailregex = %(known/failregex)s\n  ^c <HOST>$\ndatepattern = %(known/datepattern)s-%%m\n',
  });
  assert.deepEqual(texts(jail.filter.failregex), ['^a <HOST>$', '^c <HOST>$']);
  assert.deepEqual(texts(jail.filter.ignoreregex), ['b']);
  assert.equal(jail.filter.datepattern?.text, '^%Y-%m');
  assert.equal(jail.filter.maxlines, 3);
});

test('logtype follows the backend unless the filter or its brackets say', () => {
  const files = {
    'filter.d/web.conf': '[Definition]\nfailregex = ^<p-<logtype>> <HOST>$\np-file = F\np-journal = J\n',
  };
  const regexOf = (rest: string): string | undefined =>
    load({ ...files, 'jail.d/x.conf': `[web]\nenabled = 1\nlogpath = /l\n${rest}` }).jails[0]?.filter
      .failregex[0]?.text;
  assert.equal(regexOf('backend = polling'), '^F <HOST>$');
  assert.equal(regexOf('backend = systemd[journalflags=1]'), '^J <HOST>$');
  assert.equal(regexOf('backend = systemd\nfilter = web[logtype=file]'), '^F <HOST>$');
});

test('the backend takes options in brackets; what watches by kernel events is auto', () => {
  const jail = onlyJail(
    on('backend = systemd[journalpath="/var/log/journal/x", journalflags=1]\njournalmatch = _A=b + _C=d\n'),
  );
  assert.equal(jail.backend, 'systemd');
  assert.deepEqual(Object.fromEntries(jail.backendOptions), {
    journalpath: '/var/log/journal/x',
    journalflags: '1',
  });
  assert.deepEqual(jail.journalmatch, ['_A=b + _C=d']);
  assert.equal(onlyJail(on('backend = pyinotify\n')).backend, 'auto');
});

test('ignoreip takes addresses, networks, masks, names and files between commas, blanks and lines', () => {
  const { ignore } = onlyJail(
    on(
      'ignoreip = 127.0.0.1/8 ::1,192.0.2.0/255.255.255.0\n  Example.ORG, file:/etc/f2b/allow fe80::/10 [2001:db8::1]\n',
    ),
  );
  assert.deepEqual(
    ignore.networks.map(({ address, prefix }) => `${address}/${prefix}`),
    ['127.0.0.0/8', '::1/128', '192.0.2.0/24', 'fe80::/10', '2001:db8::1/128'],
  );
  assert.deepEqual(ignore.names, ['example.org']);
  assert.deepEqual(ignore.files, ['/etc/f2b/allow']);
});

test('logpath: a glob a line, head or tail behind it, blanks in a path', () => {
  const { logpath } = onlyJail(on('logpath = /a/*.log tail\n  /b head\n  /c d\n'));
  assert.deepEqual(logpath, [
    { glob: '/a/*.log', start: 'tail' },
    { glob: '/b', start: 'head' },
    { glob: '/c d', start: 'catchup' },
  ]);
});

test('bantime -1 is for ever, and escalation is read whole', () => {
  const jail = onlyJail(
    on(
      'bantime = -1\nbantime.increment = true\nbantime.factor = 2\nbantime.multipliers = 1 2 4,8\nbantime.maxtime = 5w\nbantime.rndtime = 2m\nbantime.overalljails = yes\nbantime.formula = ban.Time * (1<<ban.Count)\n',
    ),
  );
  assert.equal(jail.bantime, null);
  assert.deepEqual(jail.increment, {
    enabled: true,
    factor: 2,
    formula: 'ban.Time * (1<<ban.Count)',
    multipliers: [1, 2, 4, 8],
    maxtime: 5 * 604800,
    rndtime: 120,
    overalljails: true,
  });
});

test('several actions of one jail, their options in several brackets', () => {
  const files = {
    ...on(
      'action = %(action_)s\n  note[text="a, b]", who=me][more=\'c\']\n  note[name=web-2]\nport = 80,443\n',
    ),
    'action.d/note.conf':
      '[Definition]\nactionban = say <text> <who> <more> <ip> <name>\n[Init]\nwho = nobody\ntext = t\nmore = m\n',
  };
  const { actions } = onlyJail(files);
  assert.deepEqual(
    actions.map((action) => action.name),
    ['auto', 'note', 'note-2'],
  );
  assert.equal(actions[1]?.options.get('actionban'), 'say a, b] me c <ip> web');
  assert.equal(actions[2]?.options.get('actionban'), 'say t nobody m <ip> web-2');
  assert.deepEqual(planAction(actions[1] ?? assert.fail()), { kind: 'command' });
});

test('[Init?family=inet6] gives the values that hold for IPv6 only', () => {
  const files = {
    ...on('action = x\n'),
    'action.d/x.conf':
      '[Definition]\nactionban = <tool> -I <ip>\nactionstop = stop\n[Init]\ntool = four\n[Init?family=inet6]\ntool = six\n',
  };
  const [action] = onlyJail(files).actions;
  assert.equal(action?.options.get('actionban'), 'four -I <ip>');
  assert.deepEqual(Object.fromEntries(action?.options6 ?? []), { actionban: 'six -I <ip>', tool: 'six' });
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

test('variables of a jail that something refers to are no unknown options', () => {
  const config = load(on('my_log = /x\nlogpath = %(my_log)s\nother = 1\n'));
  assert.deepEqual(told(config), ['t:jail.d/web.conf:5: other: no such option; it has no effect']);
});

test('settings of fail2ban.conf', () => {
  const { settings, problems } = load({
    'fail2ban.conf':
      '[DEFAULT]\n[Definition]\nloglevel = info\nlogtarget = SYSLOG[facility=auth]\ndbpurgeage = 648000\nallowipv6 = no\nsocket = /s\n',
    'fail2ban.local': '[Definition]\nloglevel = DEBUG\n',
    ...on(''),
  });
  assert.deepEqual(problems, []);
  assert.equal(settings.loglevel, 'DEBUG');
  assert.equal(settings.logtarget, 'SYSLOG');
  assert.deepEqual(Object.fromEntries(settings.logtargetOptions), { facility: 'auth' });
  assert.deepEqual([settings.dbpurgeage, settings.dbmaxmatches, settings.allowipv6], [648000, 10, 'no']);
  assert.equal(load(on('')).settings.logtarget, null);
});

test('values that contain themselves, in every way, are refused and end', () => {
  const doubling = Array.from({ length: 60 }, (_, i) => `a${i + 1} = %(a${i})s%(a${i})s\n`).join('');
  const tags = Array.from({ length: 60 }, (_, i) => `b${i + 1} = <b${i}><b${i}>\n`).join('');
  const cases: [string, string][] = [
    ['%(x)s', 'x = %(y)s\ny = %(x)s\n'],
    ['%(a60)s', `a0 = x\n${doubling}`],
    ['%(a60)s', `a0 =\n${doubling}`],
    ['<x>', 'x = <y>\ny = <x>\n'],
    ['<x>', 'x = a<y><y>\ny = b<x><x>\n'],
    ['<b60>', `b0 = x\n${tags}`],
  ];
  for (const [failregex, rest] of cases) {
    const { filter, problems } = loadFilter(
      treeOf({ 'filter.d/f.conf': `[Definition]\nfailregex = ${failregex}\n${rest}` }),
      'f',
    );
    assert.equal(filter, null, `${failregex} ${rest.slice(0, 40)}`);
    assert.match(problems.map(formatProblem).join(), /contains itself|grows beyond/);
  }
});

test('the dump is plain JSON with options, jails and problems', () => {
  const config = load(on('bantime = -1\nmaxtry = 2\n'));
  const dump = JSON.parse(JSON.stringify(configDump(config)));
  assert.equal(dump.jails.web.enabled, true);
  assert.equal(dump.jails.web.options.bantime, '-1');
  assert.equal(dump.jails.web.jail.bantime, null);
  assert.equal(dump.jails.web.jail.filter.failregex[0].text, '^<HOST> x$');
  assert.equal(dump.problems[0].message, 't:jail.d/web.conf:5: maxtry: no such option; it has no effect');
});

function withFolder(files: Files, work: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), 'f2b-tree-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    work(root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const EMBEDDED = treeOf({
  'filter.d/web.conf': '[INCLUDES]\nbefore = base.conf\n[Definition]\nfailregex = embedded %(what)s\n',
  'filter.d/base.conf': '[DEFAULT]\nwhat = base\n',
  'jail.d/web.conf': '[web]\nfilter = web\n',
});

test('the configuration is looked for in --config, $F2B_CONFIG, the folders, the embedded default', () => {
  withFolder({ 'one/a': '', 'two/a': '', 'three/a': '' }, (root) => {
    const one = join(root, 'one');
    const two = join(root, 'two');
    const three = join(root, 'three');
    const find = (config: string | null, env: Record<string, string>, folders: string[]): string =>
      findConfigTree({ config, embedded: EMBEDDED }, env, folders).name;
    assert.equal(find(one, { F2B_CONFIG: two }, [three]), one);
    assert.equal(find(null, { F2B_CONFIG: two }, [three]), two);
    assert.equal(find(null, { F2B_CONFIG: '' }, [join(root, 'none'), three]), three);
    assert.equal(find(null, {}, [join(root, 'none')]), 't');
    assert.throws(() => find(join(root, 'none'), {}, []), UsageError);
    assert.throws(() => find(join(one, 'a'), {}, []), UsageError);
  });
});

test('a filter that the folder lacks is the embedded one; one that it has is its own, whole', () => {
  withFolder({ 'jail.d/x.conf': '[web]\nenabled = true\nlogpath = /l\n' }, (root) => {
    const config = loadConfig(overlayTree(diskTree(root), EMBEDDED));
    assert.deepEqual(told(config), []);
    assert.deepEqual(texts(config.jails[0]?.filter.failregex ?? []), ['embedded base']);
    assert.equal(config.jails[0]?.filter.failregex[0]?.place.file, 't:filter.d/web.conf');
  });
  withFolder({ 'filter.d/web.conf': '[Definition]\nfailregex = own\n' }, (root) => {
    assert.equal(loadFilter(overlayTree(diskTree(root), EMBEDDED), 'web').options.get('failregex'), 'own');
  });
  withFolder({ 'filter.d/web.local': '[Definition]\nfailregex = local %(what)s\n' }, (root) => {
    assert.equal(
      loadFilter(overlayTree(diskTree(root), EMBEDDED), 'web').options.get('failregex'),
      'local base',
    );
  });
});

test('the embedded jails stand below a folder without a jail.conf, and not below one that has it', () => {
  const embedded = treeOf({
    'filter.d/web.conf': FILTER,
    'jail.d/web.conf': '[web]\nlogpath = /embedded\nmaxretry = 7\n',
    'jail.d/api.conf': '[api]\nlogpath = /embedded\nfilter = web\n',
  });
  withFolder({ 'jail.d/web.local': '[web]\nenabled = true\nmaxretry = 8\n' }, (root) => {
    const config = loadConfig(overlayTree(diskTree(root), embedded));
    assert.deepEqual(told(config), []);
    const seen = config.jails.map((jail) => [jail.name, jail.maxretry, jail.logpath[0]?.glob]);
    assert.deepEqual(seen, [['web', 8, '/embedded']]);
    assert.deepEqual(
      config.allJails.map((jail) => jail.name),
      ['api', 'web'],
    );
  });
  withFolder({ 'jail.d/web.conf': '[web]\nenabled = true\nlogpath = /own\n' }, (root) => {
    const [jail] = loadConfig(overlayTree(diskTree(root), embedded)).jails;
    assert.deepEqual([jail?.maxretry, jail?.logpath[0]?.glob], [7, '/own']);
  });
  withFolder({ 'jail.conf': '[web]\nenabled = true\nlogpath = /own\n' }, (root) => {
    const config = loadConfig(overlayTree(diskTree(root), embedded));
    assert.deepEqual(
      config.allJails.map((jail) => [jail.name, jail.jail?.maxretry]),
      [['web', 5]],
    );
  });
});

test('a filter can be a file anywhere', () => {
  withFolder(
    {
      'x/my.conf': '[INCLUDES]\nbefore = b.conf\n[Definition]\nfailregex = %(a)s',
      'x/b.conf': '[DEFAULT]\na = A',
    },
    (root) => {
      assert.equal(loadFilter(EMBEDDED, join(root, 'x/my.conf')).options.get('failregex'), 'A');
    },
  );
});

test('what is no file, and a folder without its permission, is told with path and reason', () => {
  withFolder({ 'filter.d/web.conf': FILTER, 'jail.d/x.conf/y': '' }, (root) => {
    const config = loadConfig(diskTree(root));
    assert.equal(told(config)[0], `cannot read ${join(root, 'jail.d/x.conf')}: not a file`);
  });
  withFolder({ 'jail.d/a.conf': '', 'filter.d/web.conf': FILTER }, (root) => {
    chmodSync(root, 0o755);
    chmodSync(join(root, 'jail.d/a.conf'), 0);
    asNobody(() => {
      assert.equal(told(loadConfig(diskTree(root)))[0], `cannot read ${join(root, 'jail.d/a.conf')}: EACCES`);
    });
    chmodSync(join(root, 'jail.d'), 0);
    asNobody(() => {
      assert.throws(() => diskTree(root).list('jail.d'), MachineError);
      assert.equal(
        told(loadConfig(diskTree(root)))[0],
        `cannot read the folder ${join(root, 'jail.d')}: EACCES`,
      );
    });
    chmodSync(root, 0);
    const find = () => findConfigTree({ config: root, embedded: null }, {});
    asNobody(() => assert.throws(find, new MachineError(`cannot read the folder ${root}: EACCES`)));
    chmodSync(root, 0o755);
    chmodSync(join(root, 'jail.d'), 0o755);
  });
});

/** root may read everything, so as root this is done with the rights of nobody. */
function asNobody(work: () => void): void {
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

test('a tree as Enterprise Linux has it is clean: journal for sshd and postfix, files for the others, firewalld', () => {
  const config = load({ ...SMALL_STOCK, ...EL_FILES });
  assert.deepEqual(told(config), []);
  const seen = config.jails.map((jail) => [
    jail.name,
    jail.backend,
    jail.bantime,
    jail.actions.map((action) => planAction(action)).map((plan) => plan.kind === 'firewall' && plan.firewall),
  ]);
  assert.deepEqual(seen, [
    ['sshd', 'systemd', 3600, ['firewalld']],
    ['postfix', 'systemd', 3600, ['firewalld']],
    ['nginx-http-auth', 'auto', 3600, ['firewalld']],
    ['recidive', 'auto', 604800, ['firewalld']],
  ]);
  const [sshd, , , recidive] = config.jails;
  assert.deepEqual(sshd?.filter.failregex.length, 2);
  assert.deepEqual(sshd?.journalmatch, ['_SYSTEMD_UNIT=sshd.service + _COMM=sshd']);
  const [plan] = recidive?.actions.map((action) => planAction(action)) ?? [];
  assert.ok(plan?.kind === 'firewall');
  assert.equal(plan.rule.ports, '0:65535');
});

test('the older drop-in of EPEL, with options behind its banaction, selects firewalld too', () => {
  const drop = {
    'jail.d/00-firewalld.conf':
      '[DEFAULT]\nbanaction = firewallcmd-ipset[actiontype=<multiport>]\nbanaction_allports = firewallcmd-ipset[actiontype=<allports>]\n',
  };
  const config = load({ ...SMALL_STOCK, ...EL_FILES, ...drop });
  assert.deepEqual(told(config), []);
  const plans = config.jails.map((jail) => jail.actions.map((action) => planAction(action))[0]);
  assert.deepEqual(
    plans.map((plan) => plan?.kind === 'firewall' && [plan.firewall, plan.rule.ports]),
    [
      ['firewalld', 'ssh'],
      ['firewalld', 'smtp,465,submission'],
      ['firewalld', 'http,https'],
      ['firewalld', null],
    ],
  );
});
