import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { readAction } from '../src/config/action.ts';
import { FILTER_KEYS } from '../src/config/filter.ts';
import { openReader } from '../src/config/sections.ts';
import { diskTree, filterNames, loadConfig, loadFilter } from '../src/config.ts';
import type { Problem } from '../src/errors.ts';
import type { ActionSource } from '../src/jail.ts';
import {
  type ActionAsk,
  askOriginal,
  type FilterAsk,
  type OriginalAction,
  unlessOriginal,
} from './config/original.ts';

const STOCK = '/etc/fail2ban';
const skip = unlessOriginal();

const record = (map: ReadonlyMap<string, string>): Record<string, string> => Object.fromEntries(map);

/** Of two views of one thing: the keys in which they differ. */
function differences(ours: Record<string, string>, theirs: Readonly<Record<string, string>>): string[] {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])].flatMap((key) =>
    ours[key] === theirs[key]
      ? []
      : [`${key}: ${JSON.stringify(ours[key])} is not ${JSON.stringify(theirs[key])}`],
  );
}

const BOOLEANS = ['actionstart_on_demand', 'actionrepair_on_unban', 'norestored'];

/** An action's options with Python's spelling of booleans. */
function comparable(options: ReadonlyMap<string, string>): Record<string, string> {
  const spell = (value: string): string =>
    ['1', 'on', 'true', 'yes'].includes(value.toLowerCase()) ? 'True' : 'False';
  return Object.fromEntries(
    [...options].map(([key, value]) => [key, BOOLEANS.includes(key) ? spell(value) : value]),
  );
}

function actionDifferences(ours: ActionSource | undefined, theirs: OriginalAction): string[] {
  if (ours === undefined) return [`no action ${theirs.name}`];
  const v4 = comparable(ours.options);
  const v6 = { ...v4, ...comparable(ours.options6) };
  return [
    ...(ours.name === theirs.name && ours.type === theirs.type ? [] : [`${ours.name} is not ${theirs.name}`]),
    ...differences(v4, theirs.inet4).map((one) => `${theirs.name} inet4 ${one}`),
    ...differences(v6, theirs.inet6).map((one) => `${theirs.name} inet6 ${one}`),
  ];
}

test('every stock jail, enabled, resolves to what the original reader makes of it', { skip }, (t) => {
  const { jails } = askOriginal(STOCK, { jails: true, force: true });
  const config = loadConfig(diskTree(STOCK), { force: true });
  const found: string[] = [];
  let actions = 0;
  for (const [name, theirs] of Object.entries(jails)) {
    const ours = config.allJails.find((jail) => jail.name === name);
    assert.ok(ours?.jail, `${name} is missing`);
    const tell = (differing: readonly string[]): void => {
      found.push(...differing.map((one) => `${name}: ${one}`));
    };
    const options = record(ours.options);
    for (const key of ['ipv6prefix']) delete options[key];
    tell(differences(options, theirs.options));
    const { jail } = ours;
    const filter = theirs.filter ?? {};
    const lines = (text = ''): string[] => text.split('\n').filter((line) => line !== '');
    const merged = { ...filter, ...theirs.options };
    assert.deepEqual(
      jail.filter.failregex.map((one) => one.text),
      lines(merged['failregex']),
      name,
    );
    assert.deepEqual(
      jail.filter.ignoreregex.map((one) => one.text),
      lines(merged['ignoreregex']),
      name,
    );
    assert.equal(jail.filter.prefregex?.text ?? '', merged['prefregex'] ?? '', name);
    assert.equal(jail.filter.datepattern?.text ?? '', merged['datepattern'] ?? '', name);
    assert.equal(String(jail.filter.maxlines), merged['maxlines'] ?? '1', name);
    assert.deepEqual(jail.journalmatch, lines(merged['journalmatch']), name);
    assert.equal(String(jail.maxretry), theirs.options['maxretry'], name);
    assert.equal(jail.findtime, theirs.seconds['findtime'], name);
    assert.equal(jail.bantime ?? -1, theirs.seconds['bantime'], name);
    assert.equal(jail.actions.length, theirs.actions.length, name);
    for (const [i, one] of theirs.actions.entries()) tell(actionDifferences(jail.actions[i], one));
    actions += theirs.actions.length;
  }
  assert.deepEqual(found, []);
  assert.equal(config.allJails.length, Object.keys(jails).length);
  t.diagnostic(`${Object.keys(jails).length} jails with ${actions} actions are equal`);
});

test('every stock filter resolves to what the original reader makes of it, in every mode', { skip }, (t) => {
  const tree = diskTree(STOCK);
  const names = filterNames(tree);
  const modes = ['normal', 'ddos', 'extra', 'aggressive', 'more', 'errors', 'auth', 'rbl', 'no-such-mode'];
  const asks: FilterAsk[] = names.flatMap((name): FilterAsk[] => [
    [name, {}, 'auto'],
    [name, {}, 'systemd'],
    [name, { logtype: 'rfc5424' }, 'auto'],
    ...modes.map((mode): FilterAsk => [name, { mode }, 'auto']),
  ]);
  const answers = askOriginal(STOCK, { filters: asks }).filters;
  let refused = 0;
  for (const [i, [name, given, backend]] of asks.entries()) {
    const theirs = answers[i] ?? {};
    const label = `${name} ${JSON.stringify(given)} ${backend}`;
    const options = new Map(Object.entries(given));
    const ours = loadFilter(tree, name, { backend, options });
    if (theirs['error'] !== undefined) {
      refused++;
      assert.ok(ours.problems.length > 0, `${label}: the original refuses it: ${theirs['error']}`);
      continue;
    }
    assert.deepEqual(ours.problems, [], label);
    const own = Object.fromEntries([...ours.options].filter(([key]) => FILTER_KEYS.includes(key)));
    assert.deepEqual(differences(own, theirs), [], label);
  }
  t.diagnostic(`${names.length} filters, ${asks.length} combinations are equal, ${refused} refused by both`);
});

test('every stock action resolves to what the original reader makes of it, for both families', {
  skip,
}, (t) => {
  const files = readdirSync(`${STOCK}/action.d`).filter((file) => file.endsWith('.conf'));
  const more = [
    {},
    { port: '80,443', protocol: 'udp', chain: 'DOCKER-USER' },
    { name: 'jail-x', blocktype: 'DROP' },
  ];
  const asks = files.flatMap((file) => more.map((given): ActionAsk => [file.slice(0, -5), given]));
  const answers = askOriginal(STOCK, { actions: asks }).actions;
  const place = { file: 'x', line: 1 };
  for (const [i, [name, given]] of asks.entries()) {
    const brackets = Object.entries(given).map(([key, value]) => `${key}="${value}"`);
    const text = `${name}[${brackets.join(', ')}]`;
    const reader = openReader(diskTree(STOCK));
    const problems: Problem[] = [];
    const ours = readAction(reader, { text, place }, { jail: 'jail', vars: new Map() }, problems);
    const theirs = answers[i];
    assert.deepEqual([...reader.problems, ...problems], [], text);
    assert.ok(theirs !== undefined && theirs.error === undefined, `${text}: ${theirs?.error}`);
    assert.deepEqual(actionDifferences(ours ?? undefined, theirs), [], text);
  }
  t.diagnostic(`${files.length} actions, ${asks.length} combinations are equal`);
});
