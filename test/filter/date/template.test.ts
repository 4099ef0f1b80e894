import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileTemplate, makeTemplate } from '../../../src/filter/date/template.ts';
import { DatePatternError } from '../../../src/filter/date/translate.ts';

/** What of the line matches the pattern, as fail2ban's DatePatternRegex would find it. */
function match(pattern: string, line: string): string | null {
  const { ascii } = compileTemplate(pattern).compiled();
  return ascii.exec(line)?.[0] ?? null;
}

test('a template is called by the words of its tokens', () => {
  const names: readonly (readonly [string, string])[] = [
    ['%Y-%m-%d %H:%M:%S', 'Year-Month-Day 24hour:Minute:Second'],
    ['{^LN-BEG}%Y-%m-%d', '{^LN-BEG}Year-Month-Day'],
    ['^%b %d', '^MON Day'],
    ['%d/%B/%y:%I %p %z', 'Day/MONTH/Year2:12hour AMPM Zone offset'],
    ['%%%Y', '%Year'],
    ['%ExY-%Exm %f %j %U', 'ExYear-ExMonth Microseconds Yearday Yearweek'],
  ];
  for (const [pattern, name] of names) assert.equal(compileTemplate(pattern).name, name);
});

test('a date stands at the edge of a word, unless ** or {UNB} says that it need not', () => {
  assert.equal(match('%H:%M', 'x12:34'), null);
  assert.equal(match('**%H:%M', 'x12:34'), '12:34');
  assert.equal(match('%H:%M', '12:345'), null);
  assert.equal(match('%H:%M**', '12:345'), '12:34');
  assert.equal(match('{UNB}%H:%M', 'x12:345'), '12:34');
  assert.equal(match('%H:%M', '[12:34]'), '12:34');
});

test('{^LN-BEG} lets two signs stand before the date, no letter', () => {
  assert.equal(match('{^LN-BEG}%H:%M', '<[12:34'), '<[12:34');
  assert.equal(match('{^LN-BEG}%H:%M', '<[(12:34'), null);
  assert.equal(match('{^LN-BEG}%H:%M', 'a 12:34'), null);
});

test('names of months, days and halves are read in any case, the rest of the pattern as it is written', () => {
  assert.equal(match('at %b %d', 'AT AUG 14'), 'AT AUG 14');
  assert.equal(match('at %d', 'AT 14'), null);
});

test('a template knows whether it is bound to the beginning or the end of the line', () => {
  const of = (pattern: string): string => {
    const { atStart, anchored } = compileTemplate(pattern);
    return `${atStart} ${anchored}`;
  };
  for (const pattern of ['^%Y', '{^LN-BEG}%Y', '(?:^%Y)', '(^%Y)'])
    assert.equal(of(pattern), 'true true', pattern);
  assert.equal(of('%Y$'), 'false true');
  assert.equal(of('%Y'), 'false false');
  assert.equal(of('(?:^|x)%Y'), 'false false');
});

test('the whole match is the span, but for the group that the user put around the date', () => {
  const spans = (pattern: string, line: string): string | undefined => {
    const { ascii, spanGroup } = compileTemplate(pattern).compiled();
    return ascii.exec(line)?.[spanGroup];
  };
  assert.equal(spans('^at %H:%M', 'at 12:34 x'), 'at 12:34');
  assert.equal(spans('^at (%H:%M)', 'at 12:34 x'), '12:34');
  assert.equal(spans('^(?:at) (%H):(%M)', 'at 12:34 x'), '12');
});

test('a date that is read beyond its span says so', () => {
  assert.equal(compileTemplate('^at (%H:%M)').compiled().isTextAll, true);
  assert.equal(compileTemplate('^%d (%H:%M)').compiled().isTextAll, false);
});

test('EPOCH, LEPOCH and TAI64N are patterns of their own, in any case', () => {
  assert.deepEqual(
    ['EPOCH', 'lepoch', 'TAI64N', '{^LN-BEG}EPOCH', '^Epoch'].map((pattern) => {
      const { name, reading, atStart } = compileTemplate(pattern);
      return `${name} ${reading} ${atStart}`;
    }),
    [
      'Epoch epoch false',
      'LongEpoch longepoch false',
      'TAI64N tai64n false',
      '{^LN-BEG}Epoch epoch true',
      '{^LN-BEG}Epoch epoch true',
    ],
  );
});

test('EPOCH stands at the beginning, in brackets there, or in audit(), and nowhere else', () => {
  const value = (line: string): string | undefined => {
    const { ascii, valueGroup } = compileTemplate('EPOCH').compiled();
    return ascii.exec(line)?.[valueGroup];
  };
  assert.equal(value('1124013600 x'), '1124013600');
  assert.equal(value('[1124013600.123] x'), '1124013600.123');
  assert.equal(value('type=x audit(1124013600.123:7)'), '1124013600.123');
  assert.equal(value('x 1124013600'), undefined);
  assert.equal(value('112401360012 x'), undefined);
});

test('{EPOCH} in a pattern is a number in that place', () => {
  const { compiled, reading } = compileTemplate('^time=\\[{EPOCH}\\]');
  const { ascii, valueGroup } = compiled();
  assert.equal(ascii.exec('time=[1124013600] x')?.[valueGroup], '1124013600');
  assert.equal(reading, 'epoch');
});

test('compileTemplate() refuses what is no token, with its place', () => {
  const offsetOf = (pattern: string): number => {
    try {
      compileTemplate(pattern);
    } catch (error) {
      if (error instanceof DatePatternError) return error.offset;
    }
    return -1;
  };
  assert.equal(offsetOf('%Y-%Q'), 3);
  assert.equal(offsetOf('{^LN-BEG}%Y-%Q'), 12);
  assert.equal(offsetOf('100%'), 3);
  assert.equal(offsetOf('^%ExQ'), 1);
});

test('makeTemplate() tells only at the first use that a pattern cannot be compiled', () => {
  const template = makeTemplate('(%Y');
  assert.throws(() => template.compiled(), DatePatternError);
});
