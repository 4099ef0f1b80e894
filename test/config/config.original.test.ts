import assert from 'node:assert/strict';
import {
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { formatProblem, type Problem } from '../../src/base/errors.ts';
import { loadConfig } from '../../src/config/config.ts';
import type { ActionSource, RegexSource } from '../../src/config/jail.ts';
import { FILTER_KEYS } from '../../src/config/options.ts';
import { readAction } from '../../src/config/readaction.ts';
import { filterNames, loadFilter } from '../../src/config/readfilter.ts';
import type { JailResult } from '../../src/config/readjail.ts';
import { openReader } from '../../src/config/sections.ts';
import { diskTree } from '../../src/config/tree.ts';
import { EL_FILES } from './eltree.ts';
import {
  type ActionAsk,
  askOriginal,
  askOriginalAll,
  type FilterAsk,
  type OriginalAction,
  type OriginalJail,
  unlessOriginal,
} from './original.ts';
import { makeRandom } from './random.ts';
import { randomTree } from './randomtree.ts';

const STOCK = '/etc/fail2ban';
const skip = unlessOriginal();

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

/** In what a jail of ours differs from the original's: options, filter, actions. */
function jailDifferences(ours: JailResult | undefined, theirs: OriginalJail): string[] {
  const jail = ours?.jail;
  if (ours === undefined || !jail) return [`not loaded: ${ours?.problems.map(formatProblem)}`];
  const options = Object.fromEntries([...ours.options].filter(([key]) => key !== 'ipv6prefix'));
  const merged: Record<string, string> = { ...theirs.filter, ...theirs.options };
  const lines = (texts: readonly string[]): string => texts.filter((line) => line !== '').join('\n');
  const texts = (regexes: readonly RegexSource[]): string => lines(regexes.map((one) => one.text));
  const { filter } = jail;
  const built = {
    failregex: texts(filter.failregex),
    ignoreregex: texts(filter.ignoreregex),
    prefregex: filter.prefregex?.text ?? '',
    datepattern: filter.datepattern?.text ?? '',
    maxlines: String(filter.maxlines),
    journalmatch: lines(filter.journalmatch),
    maxretry: String(jail.maxretry),
    actions: String(jail.actions.length),
  };
  const wanted = {
    failregex: lines((merged['failregex'] ?? '').split('\n')),
    ignoreregex: lines((merged['ignoreregex'] ?? '').split('\n')),
    prefregex: merged['prefregex'] ?? '',
    datepattern: merged['datepattern'] ?? '',
    maxlines: merged['maxlines'] ?? '1',
    journalmatch: lines((merged['journalmatch'] ?? '').split('\n')),
    maxretry: merged['maxretry'] ?? '5',
    actions: String(theirs.actions.length),
  };
  return [
    ...differences(options, theirs.options),
    ...differences(built, wanted),
    ...theirs.actions.flatMap((one, i) => actionDifferences(jail.actions[i], one)),
  ];
}

test('every stock jail, enabled, resolves to what the original reader makes of it', { skip }, (t) => {
  const { jails } = askOriginal(STOCK, { jails: true, force: true });
  const config = loadConfig(diskTree(STOCK), { force: true });
  const found: string[] = [];
  let actions = 0;
  for (const [name, theirs] of Object.entries(jails)) {
    const ours = config.allJails.find((jail) => jail.name === name);
    found.push(...jailDifferences(ours, theirs).map((one) => `${name}: ${one}`));
    assert.equal(ours?.jail?.findtime, theirs.seconds['findtime'], name);
    assert.equal(ours?.jail?.bantime ?? -1, theirs.seconds['bantime'], name);
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

test('law: in random trees whatever the original resolves is resolved alike', { skip }, (t) => {
  const random = makeRandom(3);
  const root = mkdtempSync(join(tmpdir(), 'f2b-config-'));
  try {
    const folders = Array.from({ length: 250 }, (_, i) => join(root, String(i)));
    for (const folder of folders) writeTree(folder, randomTree(random));
    let compared = 0;
    let refused = 0;
    for (const [i, { jails }] of askOriginalAll(folders, { jails: true, force: true }).entries()) {
      const folder = folders[i] ?? '';
      const config = loadConfig(diskTree(folder), { force: true });
      for (const [name, theirs] of Object.entries(jails)) {
        if (theirs.error !== undefined) {
          refused++;
          continue;
        }
        compared++;
        const ours = config.allJails.find((jail) => jail.name === name);
        const label = `${JSON.stringify(randomFiles(folder), null, 1)} ${name}`;
        assert.deepEqual(jailDifferences(ours, theirs), [], label);
      }
    }
    t.diagnostic(`${compared} jails are equal, ${refused} are refused by the original`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

function writeTree(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

function randomFiles(folder: string): Record<string, string> {
  return Object.fromEntries(
    globSync('**/*.{conf,local}', { cwd: folder }).map((f) => [f, readFileSync(join(folder, f), 'utf8')]),
  );
}

test('the stock tree as Enterprise Linux has it is clean, and equal to what the original makes of it', {
  skip,
}, (t) => {
  const root = mkdtempSync(join(tmpdir(), 'f2b-config-'));
  try {
    cpSync(STOCK, root, { recursive: true, filter: (path) => !path.includes('jail.d/') });
    const jailConf = readFileSync(join(root, 'jail.conf'), 'utf8');
    writeTree(root, { ...EL_FILES, 'jail.conf': jailConf.replace('paths-debian.conf', 'paths-fedora.conf') });
    for (const force of [false, true]) {
      const { jails } = askOriginal(root, { jails: true, force });
      const config = loadConfig(diskTree(root), { force });
      assert.deepEqual(config.problems.map(formatProblem), []);
      const equal = Object.entries(jails).map(([name, theirs]) => {
        const ours = config.allJails.find((jail) => jail.name === name);
        assert.deepEqual(jailDifferences(ours, theirs), [], name);
        return name;
      });
      assert.deepEqual(config.jails.map((jail) => jail.name).sort(), equal.sort());
      t.diagnostic(`${equal.length} jails are equal`);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
