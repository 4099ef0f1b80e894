import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Files, load, on, onlyJail, told } from './loading.ts';

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
  assert.deepEqual(
    actions.map((action) => action.kind),
    ['firewall', 'command', 'command'],
  );
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

const NOTE = '[Definition]\nactionban = say <ip>\n';
const noting = (options: string, rest = ''): Files => ({
  ...on(`action = note${options}\n${rest}`),
  'action.d/note.conf': NOTE,
});

test('timeout and the switches of an action are read with the jail', () => {
  const [action] = onlyJail(noting('[timeout=2m, norestored=1, actionstart_on_demand=false]')).actions;
  assert.ok(action?.kind === 'command');
  assert.deepEqual(
    [action.timeout, action.norestored, action.startOnDemand, action.repairOnUnban],
    [120, true, false, false],
  );
  const [plain] = onlyJail(noting('')).actions;
  assert.ok(plain?.kind === 'command');
  assert.deepEqual([plain.timeout, plain.startOnDemand], [60, null]);
});

test('what cannot be read of them is told where it is written', () => {
  assert.deepEqual(told(load(noting('[timeout=soon, norestored=maybe]'))), [
    't:jail.d/web.conf:4: timeout: cannot read "soon" as a duration (write 600, 10m or 1h 30m)',
    't:jail.d/web.conf:4: norestored: cannot read "maybe" as yes or no (write true or false)',
  ]);
  const nft = { 'action.d/nftables.conf': '[Definition]\nactionban = nft add <ip>\n' };
  assert.deepEqual(
    told(load({ ...on('banaction = nftables\naction = %(banaction)s[native=nope]\n'), ...nft })),
    ['t:jail.d/web.conf:5: native: cannot read "nope" as yes or no (write true or false)'],
  );
});

test('a value that an action file sets is told at its line', () => {
  const files = { ...noting(''), 'action.d/note.conf': `${NOTE}[Init]\ntimeout = soon\n` };
  assert.deepEqual(told(load(files)), [
    't:action.d/note.conf:4: timeout: cannot read "soon" as a duration (write 600, 10m or 1h 30m)',
  ]);
});

test('ports, protocols, chains and block types that cannot serve are told at the option that names them', () => {
  assert.deepEqual(
    told(load(on('port = 80,htpp\nprotocol = t cp!\nchain = a/b\n'))).map((one) => one.replace(/ \(.*/, '')),
    [
      't:jail.d/web.conf:4: port: cannot read "htpp" as a port',
      't:jail.d/web.conf:5: protocol: cannot read "cp!" as a protocol',
      't:jail.d/web.conf:6: chain: cannot use "a/b" as a chain',
    ],
  );
  assert.deepEqual(told(load(on('action = nftables[blocktype=BURN]\n'))), [
    't:jail.d/web.conf:4: action: cannot use "BURN" as blocktype (write REJECT, DROP or tcp-reset)',
  ]);
});

test('two actions of one name, an action that is nowhere, and one that does nothing', () => {
  assert.match(told(load(noting('\n  note'))).join(), /two actions are called "note"/);
  assert.match(
    told(load(on('action = nftable\n'))).join(),
    /cannot find the action "nftable".*did you mean "nftables"/,
  );
  const idle = { ...on('action = idle\n'), 'action.d/idle.conf': '[Definition]\nactionunban = x\n' };
  assert.deepEqual(told(load(idle)), [
    't:jail.d/web.conf:4: action: the action "idle" does nothing on a ban',
  ]);
});
