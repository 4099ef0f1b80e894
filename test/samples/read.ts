import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** One line of a log and what must become of it. */
export type Sample = {
  /** Where it stands in its file, from 1. */
  readonly line: number;
  readonly text: string;
  /** Who it counts for; null when it must not count. */
  readonly id: string | null;
  /** Epoch seconds. */
  readonly time: number | null;
  /** For an entry of the journal: the time that came beside it, epoch seconds. */
  readonly journalTime: number | null;
  readonly fields: Readonly<Record<string, string>>;
  /** The line was written to have somebody else banned. */
  readonly isInjection: boolean;
};

/** Samples under one set of options, in the order in which the log had them. */
export type SampleSet = {
  readonly options: Readonly<Record<string, string>>;
  readonly samples: readonly Sample[];
};

type Expected = Omit<Sample, 'line' | 'text'>;

/**
 * Reads a file of samples (docs/filters.md has the format). A line ends at its newline and nowhere else, so that CR,
 * U+2028 and other bytes that a log may hold can stand in it.
 */
export function readSamples(path: string): readonly SampleSet[] {
  const sets: { options: Record<string, string>; samples: Sample[] }[] = [{ options: {}, samples: [] }];
  let expected: Expected | null = null;
  for (const [index, text] of readFileSync(path, 'utf8').split('\n').entries()) {
    const at = `${path}:${index + 1}`;
    if (text === '' || text.startsWith('## ')) continue;
    const set = sets[sets.length - 1]!;
    if (text.startsWith('# options')) sets.push({ options: readPairs(text.slice(9), at), samples: [] });
    else if (text.startsWith('# fail ')) expected = readFail(text, at);
    else if (text.startsWith('# pass ')) expected = readPass(text);
    else {
      assert.ok(!text.startsWith('#'), `${at}: neither # fail, # pass, # options nor ##: ${text}`);
      assert.ok(expected, `${at}: no # fail or # pass before this line`);
      set.samples.push({ ...expected, line: index + 1, text });
      expected = null;
    }
  }
  assert.equal(expected, null, `${path}: the last sample has no line`);
  return sets.filter(({ samples }) => samples.length > 0);
}

/** `# fail ADDRESS TIME [name=value ..] [journal] [injection]`; the time is UTC. */
function readFail(text: string, at: string): Expected {
  const [id, stamp, ...words] = text.slice('# fail '.length).trim().split(/\s+/);
  const time = Date.parse(`${stamp}Z`) / 1000;
  assert.ok(id !== undefined && Number.isInteger(time), `${at}: expected # fail ADDRESS TIME`);
  const pairs = words.filter((word) => word.includes('=')).join(' ');
  return {
    id,
    time,
    journalTime: words.includes('journal') ? time : null,
    fields: readPairs(pairs, at),
    isInjection: words.includes('injection'),
  };
}

/** `# pass REASON`; a reason that begins with `injection:` says that somebody else was to be banned. */
function readPass(text: string): Expected {
  const reason = text.slice('# pass '.length).trim();
  const isInjection = reason.startsWith('injection:');
  return { id: null, time: null, journalTime: null, fields: {}, isInjection };
}

function readPairs(text: string, at: string): Record<string, string> {
  const words = text
    .trim()
    .split(/\s+/)
    .filter((word) => word !== '');
  return Object.fromEntries(
    words.map((word) => {
      const [, key, value] = /^([\w-]+)=(.*)$/.exec(word) ?? [];
      assert.ok(key !== undefined && value !== undefined, `${at}: expected name=value, not ${word}`);
      return [key, value];
    }),
  );
}
