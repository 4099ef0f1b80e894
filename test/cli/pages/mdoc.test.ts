import assert from 'node:assert/strict';
import { test } from 'node:test';
import { macro, page, paragraphs, plain, tagged } from '../../../src/cli/pages/mdoc.ts';

test('plain() writes no macro and no escape', () => {
  assert.equal(plain('.Dd \\n --all'), '\\&.Dd \\en \\-\\-all');
  assert.equal(plain("'quoted"), "\\&'quoted");
});

test('macro() quotes an argument with spaces and hides what looks like a macro', () => {
  assert.equal(macro('It', 'a b', 'Ar', '.'), '.It "a b" \\&Ar \\&.');
  assert.equal(macro('Dl', 'say "so"'), '.Dl "say \\(dqso\\(dq"');
});

test('paragraphs() begins each sentence on a line of its own, and keeps a table', () => {
  assert.deepEqual(paragraphs('One\nis. Two is:\n  a  1\n\nThree.'), [
    'One is.',
    'Two is:',
    '.Bd -literal',
    'a  1',
    '.Ed',
    '.Pp',
    'Three.',
  ]);
});

test('page() has a head and no break of paragraph before a heading', () => {
  const text = page({ title: 'x', section: 5, about: 'a file' }, [
    '.Sh A',
    'Text.',
    '.Pp',
    '.Sh B',
    'End.',
    '.Pp',
  ]);
  assert.match(
    text,
    /^\.Dd \w+ \d+, \d{4}\n\.Dt X 5\n\.Os\n\.Sh NAME\n\.Nm x\n\.Nd "a file"\n\.Sh A\nText\.\n\.Sh B\nEnd\.\n$/,
  );
});

test('tagged() of nothing is nothing', () => {
  assert.deepEqual(tagged([]), []);
});
