import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newFilterState, processLine } from '../../src/filter/line.ts';
import type { Filter, LineInput } from '../../src/filter/types.ts';
import { readSamples, type Sample } from '../samples/read.ts';
import { FORMS, messageOf, NOW, names, type Opened, open, programOf, ROOT } from './wrapforms.ts';

process.env['TZ'] = 'UTC';

const VICTIM = '203.0.113.99';
const SINCE = Date.UTC(2026, 10, 20, 4, 12, 9) / 1000;

function idOf(filter: Filter, line: LineInput): string | null {
  const options = { mode: 'test', now: NOW, findtime: 600 } as const;
  return processLine(filter, newFilterState(filter), line, options).failures[0]?.id ?? null;
}

/** A failure of the victim's as a client writes it, and the program that would have written it. */
type Forged = { readonly message: string; readonly program: string };

/** Forged failures, one for each failregex with a sample that is whole in itself. */
function forgedOf(name: string, { filter, program }: Opened, samples: readonly Sample[]): readonly Forged[] {
  const byRegex = new Map<number, Forged>();
  for (const sample of samples) {
    if (sample.id === null || sample.isInjection) continue;
    const { message, program: said } = messageOf(sample, filter);
    const forged = message.replace(sample.id, VICTIM);
    const text = sample.text.replace(message, forged);
    const options = { mode: 'test', now: NOW, findtime: 600 } as const;
    const line = { text, time: sample.journalTime };
    const { failures, regex } = processLine(filter, newFilterState(filter), line, options);
    if (failures[0]?.id !== VICTIM || regex === null) continue;
    byRegex.set(regex, { message: forged, program: programOf(name, program, said) });
  }
  return [...byRegex.values()];
}

const HEADERS = ['syslog', 'journal', 'container'];

type Form = { readonly title: string; wrap(message: string, program: string): LineInput };

function formsOf(wrappings: readonly string[]): readonly Form[] {
  return wrappings.flatMap((one) =>
    Object.entries(FORMS[one] ?? {}).map(([title, wrap]) => ({
      title,
      wrap: (message: string, program: string) => wrap(message, { program, pid: '7' }, SINCE),
    })),
  );
}

/** The forged failure as it is, and behind each wrapping's header. */
function textsOf({ message, program }: Forged): readonly string[] {
  return [message, ...formsOf([...HEADERS, 'virtual-host']).map(({ wrap }) => wrap(message, program).text)];
}

/** Runs through every filter under all options of its samples. */
function eachSet(look: (name: string, opened: Opened, samples: readonly Sample[]) => string[]): string[] {
  return names.flatMap((name) =>
    readSamples(`${ROOT}/test/samples/${name}.log`).flatMap((set) =>
      look(name, open(name, set), set.samples),
    ),
  );
}

test('a message of another program never counts, whatever header and failure it holds', (t) => {
  let lines = 0;
  const wrong = eachSet((name, opened, samples) => {
    const { filter, program } = opened;
    if (program.test('app')) return [];
    // Of PAM any program may write; a header in its message is none even then.
    const from = name === 'pam' ? 1 : 0;
    const around = formsOf(filter.wrapping.filter((one) => one === 'syslog' || one === 'journal'));
    return forgedOf(name, opened, samples).flatMap((forged) =>
      textsOf(forged)
        .slice(from)
        .flatMap((text) =>
          around.flatMap(({ wrap }) => {
            const line = wrap(text, 'app');
            lines++;
            return idOf(filter, line) === VICTIM ? [`${name}: ${line.text}`] : [];
          }),
        ),
    );
  });
  t.diagnostic(`${lines} lines`);
  assert.deepEqual(wrong, []);
});

/** The kernel writes no text of a client's, and the prefix of a rule may be any text. */
const FREE = ['portscan'];

test("a header inside a header is the message's text, and never counts", (t) => {
  let lines = 0;
  const wrong = eachSet((name, opened, samples) => {
    const { filter } = opened;
    if (FREE.includes(name)) return [];
    const around = formsOf(filter.wrapping.filter((one) => HEADERS.includes(one)));
    return forgedOf(name, opened, samples).flatMap(({ message, program }) =>
      formsOf(HEADERS).flatMap((inner) =>
        around.flatMap(({ wrap }) => {
          const line = wrap(inner.wrap(message, program).text, program);
          lines++;
          return idOf(filter, line) === VICTIM ? [`${name}: ${line.text}`] : [];
        }),
      ),
    );
  });
  t.diagnostic(`${lines} lines`);
  assert.deepEqual(wrong, []);
});

/** The words of a text from `from` on, and the texts between its quotes. */
function partsOf(text: string, from: number): readonly (readonly [start: number, end: number])[] {
  const words = [...text.matchAll(/[^\s"'()[\]{}<>,;:=/?&]+/g)];
  const quoted = [...text.matchAll(/"((?:[^"\\]|\\.)*)"/g)];
  return [
    ...words.map(({ 0: word, index }) => [index, index + word.length] as const),
    ...quoted.map(({ 1: part = '', index }) => [index + 1, index + 1 + part.length] as const),
  ].filter(([start]) => start >= from);
}

const isQuoted = (text: string, start: number): boolean =>
  (text.slice(0, start).replace(/\\./g, '').split('"').length - 1) % 2 === 1;

test("a header and a failure in a client's part of a failure count for nobody else", (t) => {
  let lines = 0;
  const wrong = eachSet((name, opened, samples) => {
    const { filter } = opened;
    const forged = forgedOf(name, opened, samples);
    return samples.flatMap((sample) => {
      const { text, id, journalTime: time } = sample;
      if (id === null || idOf(filter, { text, time }) !== id) return [];
      const from = text.length - messageOf(sample, filter).message.length;
      return partsOf(text, from).flatMap(([start, end]) => {
        const put = (part: string): string => {
          const written = isQuoted(text, start) ? part.replace(/["\\]/g, '\\$&') : part;
          return text.slice(0, start) + written + text.slice(end);
        };
        return forged.flatMap((one) => {
          // Where the same text without an address is no client's part, this one is none either.
          const control = put(one.message.replaceAll(VICTIM, 'a.b.c.d').replace(/ *$/, ''));
          if (idOf(filter, { text: control, time }) !== id) return [];
          return textsOf(one).flatMap((inner) => {
            lines++;
            return idOf(filter, { text: put(inner), time }) === VICTIM ? [`${name}: ${put(inner)}`] : [];
          });
        });
      });
    });
  });
  t.diagnostic(`${lines} lines`);
  assert.deepEqual(wrong, []);
});
