import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { type TestContext, test } from 'node:test';
import type { Problem } from '../../src/base/errors.ts';
import { formatProblem } from '../../src/base/errors.ts';
import { canonicalIp } from '../../src/base/ip.ts';
import { loadFilter } from '../../src/config/readfilter.ts';
import { type ConfigTree, diskTree } from '../../src/config/tree.ts';
import { compileFilter, needsEveryLine } from '../../src/filter/compile.ts';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { Filter, FilterFailure, FilterState } from '../../src/filter/types.ts';
import { unlessLong } from '../testbed/need.ts';

process.env['TZ'] = 'Europe/Zurich';

/** A fail2ban whose annotated samples are replayed: its configuration and its tests. */
type Source = { readonly config: string; readonly tests: string };

const INSTALLED: Source = { config: '/etc/fail2ban', tests: '/usr/lib/python3/dist-packages/fail2ban/tests' };

/** The source tree of another release (`apt-get source fail2ban` on Debian 13: 1.1.0). Its package has no tests. */
const TREE = process.env['F2B_FAIL2BAN_SOURCE'] ?? '';

/** What the samples of fail2ban 1.0.2 come to (1.1.0's: 1671); fewer would mean that some were not read. */
const EVALUATIONS = 1627;
const NOW = Date.UTC(2005, 7, 14, 10) / 1000;

type Options = Record<string, string>;
type Expected = Record<string, unknown> & { match?: boolean; time?: string | null; constraint?: string };
type Instance = { filter: Filter; state: FilterState; options: Options };
type Case = { name: string; tree: ConfigTree };
type Score = { done: number; right: number; wrong: string[] };

/** `scratch`: the test filters include `config` from four, in Debian seven folders up, where no package has it. */
function cases({ config, tests }: Source, scratch: string): Case[] {
  const copy = `${scratch}/a/b/c/fail2ban/tests/config`;
  cpSync(`${tests}/config`, copy, { recursive: true });
  symlinkSync(config, `${scratch}/config`);
  symlinkSync(config, `${scratch}/a/b/c/config`);
  const named = (folder: string, keep: (file: string) => boolean): Case[] =>
    readdirSync(`${folder}/filter.d`)
      .filter((file) => file.endsWith('.conf') && keep(file))
      .map((file) => ({ name: file.slice(0, -'.conf'.length), tree: diskTree(folder) }));
  return [
    ...named(config, (file) => !file.endsWith('common.conf')),
    ...named(copy, (file) => file.startsWith('zzz-')),
  ];
}

/** The few Python expressions that the samples use as conditions. */
function holds(expression: string, name: string, options: Options): boolean {
  const [, wanted] = /^name ?== ?'([\w-]+)'$/.exec(expression) ?? [];
  if (wanted !== undefined) return name === wanted;
  const [, key, sign, value] = /^opts\.get\('(\w+)'\) ?([!=]=) ?'([\w-]+)'$/.exec(expression) ?? [];
  assert.ok(key !== undefined, `cannot read the condition ${expression}`);
  return (options[key] === value) === (sign === '==');
}

function open(each: Case, options: Options): Instance {
  const given = new Map(Object.entries(options).filter(([key]) => !key.startsWith('test.')));
  const loaded = loadFilter(each.tree, each.name, { options: given });
  const problems: Problem[] = [...loaded.problems];
  const filter =
    loaded.filter && compileFilter(loaded.filter, { usedns: 'raw', logtimezone: null }, problems);
  assert.ok(filter, `${each.name}: ${problems.map(formatProblem).join('\n')}`);
  return { filter, state: newFilterState(filter), options };
}

/** Reads one filter's samples, those they include too, and judges every line with every option set. */
function replay(each: Case, logs: string, score: Score): void {
  const instances = new Map<string, Instance>();
  const instanceOf = (options: Options): Instance => {
    const given = Object.entries(options).filter(([key]) => !key.startsWith('test.'));
    const key = options['test.filter-name'] ?? JSON.stringify(given);
    const known = instances.get(key) ?? open(each, options);
    instances.set(key, known);
    return { ...known, options };
  };
  const files = [each.name];
  let current: Instance[] = [];
  let common: Options = {};
  for (const file of files) {
    let isSkipped = false;
    const lines = readFileSync(`${logs}/${file}`, 'utf8').split('\n');
    for (let i = 0; i < lines.length; i++) {
      let line = lines[i]!;
      let expected: Expected = {};
      const [, kind, json] = /^#+ ?(failJSON|(?:file|filter)Options|addFILE):([^\n]+)$/.exec(line) ?? [];
      if (kind !== undefined) {
        const value = JSON.parse(json!);
        if (kind === 'fileOptions') common = value;
        else if (kind === 'addFILE') files.push(value);
        else if (kind === 'filterOptions') {
          current = [];
          for (const own of [value].flat()) {
            const options = { ...common, ...own };
            const condition = options['test.condition'];
            isSkipped = condition !== undefined && !holds(condition, each.name, {});
            if (!isSkipped) current.push(instanceOf(options));
          }
        }
        if (kind !== 'failJSON') continue;
        expected = value;
        line = lines[++i] ?? '';
      } else if (line.startsWith('#') || line.trim() === '') continue;
      if (isSkipped) continue;
      if (current.length === 0) current = [instanceOf({})];
      for (const instance of current) {
        if (expected.constraint && !holds(expected.constraint, each.name, instance.options)) continue;
        score.done++;
        const fault = judge(instance, line.replace(/[\r\n]+$/, ''), expected);
        if (fault === null) score.right++;
        else
          score.wrong.push(
            `${each.name} ${JSON.stringify(instance.options)} ${file}:${i + 1}: ${fault}\n  ${line}`,
          );
      }
    }
  }
}

function judge(instance: Instance, text: string, expected: Expected): string | null {
  const { filter, state, options } = instance;
  const isJournal = options['logtype'] === 'journal';
  const line = isJournal
    ? { text: (options['test.prefix-line'] ?? '') + text, time: NOW }
    : { text, time: null };
  const outcome = processLine(filter, state, line, { mode: 'test', findtime: 600, checkAll: true, now: NOW });
  const { failures } = outcome;
  const absent = absentLiteral(filter, outcome.hits, line.text);
  if (absent !== null) return absent;
  if (expected.match !== true) return failures.length === 0 ? null : 'matched, but should not';
  if (failures.length !== 1) return `${failures.length} regexes matched, not one`;
  const failure = failures[0]!;
  for (const [key, value] of Object.entries(expected)) {
    if (['time', 'match', 'desc', 'constraint'].includes(key)) continue;
    const found = captured(failure, key);
    if (key === 'host' && typeof value === 'string' && found === (canonicalIp(value) ?? value)) continue;
    try {
      assert.deepEqual(
        Array.isArray(found) ? [...found].sort() : found,
        Array.isArray(value) ? [...value].sort() : value,
      );
    } catch {
      return `${key} is ${JSON.stringify(found)}, not ${JSON.stringify(value)}`;
    }
  }
  if (expected.time === undefined) return null;
  const time = localTime(expected.time);
  return time === failure.time ? null : `time is ${failure.time}, not ${time}`;
}

/** A regex that matched although the line, with its date, lacks a literal that a finder would look for. */
function absentLiteral(filter: Filter, hits: readonly number[], text: string): string | null {
  if (needsEveryLine(filter)) return null;
  const regexes = [
    ...hits.map((index) => filter.failregex[index]),
    hits.length > 0 ? filter.prefregex : null,
  ];
  for (const each of regexes) {
    const absent = each?.regex.literals.find(({ texts, isFolded }) => {
      const where = isFolded ? text.toLowerCase() : text;
      return !texts.some((literal) => where.includes(literal));
    });
    if (absent !== undefined) return `the line lacks every literal of ${JSON.stringify(absent)}`;
  }
  return null;
}

function localTime(text: string | null): number | null {
  if (text === null) return null;
  const [year = 0, month = 0, ...rest] = (text.match(/\d+/g) ?? []).map(Number);
  const [day, hour, minute, second] = rest;
  return new Date(year, month - 1, day, hour, minute, second).getTime() / 1000;
}

function captured(failure: FilterFailure, key: string): unknown {
  const field = failure.fields.get(key);
  if (field !== undefined) return field;
  if (key === 'host') return failure.id;
  if (key === 'attempts') return failure.matches.length;
  return key === 'users' ? failure.users : null;
}

/** Replays all samples of a release; they must be as many as are known of it. */
function replayAll(source: Source, t: TestContext): void {
  const release =
    /^version = "([^"]+)"/m.exec(readFileSync(`${source.tests}/../version.py`, 'utf8'))?.[1] ?? '';
  const score: Score = { done: 0, right: 0, wrong: [] };
  const scratch = mkdtempSync(`${tmpdir()}/f2b-conformance-`);
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  for (const each of cases(source, scratch)) replay(each, `${source.tests}/files/logs`, score);
  t.diagnostic(
    `${score.right} of ${score.done} evaluations of the sample logs of fail2ban ${release} are right`,
  );
  assert.equal(score.wrong.length, 0, score.wrong.slice(0, 20).join('\n'));
  assert.ok(score.done >= EVALUATIONS, `only ${score.done} evaluations of fail2ban ${release}`);
}

test("every annotated sample of fail2ban's filters is judged as annotated", (t) => {
  if (!existsSync(INSTALLED.config) || !existsSync(`${INSTALLED.tests}/files/logs`))
    return t.skip('fail2ban is not installed, or its package has no samples (Debian 13)');
  replayAll(INSTALLED, t);
});

test("long: every annotated sample of another release's filters, too", { skip: unlessLong }, (t) => {
  const tests = `${TREE}/fail2ban/tests`;
  if (!existsSync(`${tests}/files/logs`))
    return t.skip('F2B_FAIL2BAN_SOURCE names no source of fail2ban: on Debian 13, apt-get source fail2ban');
  replayAll({ config: `${TREE}/config`, tests }, t);
});
