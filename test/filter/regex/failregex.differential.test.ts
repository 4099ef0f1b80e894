import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backtrack } from '../../../src/filter/regex/backtrack.ts';
import {
  compileFailregex,
  type Failregex,
  isAsciiText,
  matchText,
} from '../../../src/filter/regex/failregex.ts';
import { mutate, randomOf } from './mutate.ts';
import { openOracle, whyNoOracle } from './oracle.ts';

type Spans = Record<string, [number, number]>;
type Answer = [number, number, Spans] | null;
type Pattern = { key: string; text: string; multiline: boolean };
type Corpus = { name: string; patterns: Pattern[]; texts: string[] }[];

const wanted = process.env['F2B_LONG'] ? 500_000 : 40_000;
const reason = whyNoOracle();

/** The same expression with the places of its groups. */
function withPlaces(regexp: RegExp): RegExp {
  return new RegExp(regexp.source, `${regexp.flags}d`);
}

function offsets(text: string): ((offset: number) => number) | null {
  if (!/[\ud800-\udfff]/.test(text)) return null;
  const codes = Array.from(text);
  const starts = [0];
  for (const code of codes) starts.push((starts.at(-1) ?? 0) + code.length);
  return (offset) => starts[offset] ?? -1;
}

function check(
  regex: Failregex,
  places: { ascii: RegExp; exact: RegExp },
  text: string,
  answer: Answer,
): string | null {
  const found = matchText(regex, text);
  if ((found === null) !== (answer === null)) return `match ${found !== null}, Python ${answer !== null}`;
  if (found === null || answer === null) return null;
  const move = offsets(text) ?? ((offset: number) => offset);
  const [start, end, spans] = [move(answer[0]), move(answer[1]), answer[2]];
  if (isAsciiText(text)) {
    const folded = text.toLowerCase();
    const absent = regex.literals.find(
      (set) => !set.texts.some((each) => (set.isFolded ? folded : text).includes(each)),
    );
    if (absent !== undefined) return `the literals ${JSON.stringify(absent)} are not in it`;
  }
  if (regex.isAnchored && start !== 0) return `is anchored, but starts at ${start}`;
  if (found.start !== start) return `starts at ${found.start}, Python ${start}`;
  const isEndRight = found.end === end || (found.end === text.length && end === text.length - 1);
  if (!isEndRight) return `ends at ${found.end}, Python ${end}`;
  for (const [name, number] of regex.fields) {
    const span = spans[name];
    const value = span && text.slice(move(span[0]), move(span[1]));
    if (found.groups[number] !== value) {
      return `${name} is ${JSON.stringify(found.groups[number])}, Python ${JSON.stringify(value)}`;
    }
  }
  if (regex.agreement !== 'all') return null;
  const placed = (isAsciiText(text) ? places.ascii : places.exact).exec(text);
  for (const [name, number] of regex.fields) {
    const span = spans[name];
    const place = placed?.indices?.[number];
    if (place?.[0] !== (span && move(span[0]))) return `${name} stands elsewhere than Python's`;
  }
  return null;
}

test('every stock pattern matches as in CPython, over sample lines and mutations of them', async (t) => {
  if (reason !== null) return t.skip(reason);
  const oracle = openOracle();
  t.after(() => oracle.close());
  const corpus = (await oracle.ask({ do: 'corpus' })) as Corpus;
  const patterns = corpus.reduce((sum, each) => sum + each.patterns.length, 0);
  const random = randomOf(20050814);
  const everyText = corpus.flatMap((each) => each.texts);
  const perPattern = Math.ceil(wanted / patterns);
  const wrong: string[] = [];
  let pairs = 0;
  let matches = 0;
  let walked = 0;
  for (const { name, patterns: own, texts } of corpus) {
    const base = texts.length > 0 ? texts : everyText;
    for (const pattern of own) {
      const regex = compileFailregex(pattern.text, { usedns: 'yes', isMultiline: pattern.multiline });
      const places = { ascii: withPlaces(regex.ascii), exact: withPlaces(regex.exact()!) };
      const some =
        base.length > perPattern / 3 ? base.filter(() => random() < perPattern / 3 / base.length) : base;
      const tried = [...some];
      while (tried.length < perPattern) tried.push(mutate(random, base, everyText));
      const answers = (await oracle.ask({ do: 'match', key: pattern.key, texts: tried })) as Answer[];
      for (const [i, text] of tried.entries()) {
        pairs++;
        const answer = answers[i] ?? null;
        if (answer !== null) matches++;
        const fault = check(regex, places, text, answer);
        if (fault !== null) wrong.push(`${name}: ${pattern.text}\n  on ${JSON.stringify(text)}\n  ${fault}`);
        if (i % 50 === 0) {
          walked++;
          const { found } = backtrack(regex.walker(), text);
          const move = offsets(text) ?? ((offset: number) => offset);
          const walkedAs = found && [found.start, found.end];
          assert.deepEqual(
            walkedAs,
            answer && [move(answer[0]), move(answer[1])],
            `walk: ${pattern.text} on ${text}`,
          );
        }
      }
    }
  }
  t.diagnostic(
    `${pairs} pairs of ${patterns} patterns, ${matches} of them matches; ${walked} walked step by step`,
  );
  assert.equal(wrong.length, 0, wrong.slice(0, 10).join('\n'));
});
