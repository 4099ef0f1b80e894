import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, makeSide, unlessOriginal } from '../testbed/fail2ban.ts';

/** Every option of fail2ban-regex(1) of 1.0.2, a call a line; `|` is a blank inside a word. Behind `#`: what f2b does better. */
const CALLS = `
x.log door
x.log ^|knock|from|<HOST>$
x.log ^|knock|from|<HOST>$ hello
2026-12-01|00:00:00|knock|from|198.51.100.7 ^|knock|from|<HOST>$
--config=@ETC x.log door
-d ^%Y-%m-%d|%H:%M:%S x.log door
--datepattern ^%Y x.log door
-e utf-8 x.log door
--encoding=latin1 x.log door
-r x.log door
--raw x.log door
-L 2 x.log door
--maxlines 3 x.log door
-m _A=b x.log door
--journalmatch=_A=b x.log door
-l CRITICAL x.log door
--log-level notice x.log door
-v x.log door
--verbose x.log door
--VD x.log door
--verbosity=2 x.log door
-D x.log door
--debuggex x.log door
--no-check-all x.log door
-o ip x.log door
--out ip x.log door
-o id x.log door
-o fid x.log door
-o msg x.log door
-o ip4 x.log door
-o ip6 x.log door
-o dns x.log door
-o family x.log door
-o <ip>|<time> x.log door
-o row x.log door                      # the captures that there are
-o matches x.log door                  # no parts of a line
--print-no-missed x.log door
--print-no-ignored x.log door
--print-all-matched x.log door
--print-all-missed x.log door
--print-all-ignored x.log door
-t x.log door
--log-traceback x.log door
--full-traceback x.log door
--usedns no x.log door
--TZ UTC x.log door
-V                                      # its own version
--version                               # its own version
-h                                      # its own help
--help                                  # its own help
x.log
x.log nosuch[
x.log x(
x.log no|host
--nonsense x.log door
`;

/** The line of the sum, or the whole of a short answer. */
function shape({ code, out }: Answer): readonly unknown[] {
  const sum = /^Lines: .*/m.exec(out)?.[0];
  return [code, sum ?? (code === 0 ? out.trim() : '')];
}

test('every option of fail2ban-regex(1) ends as in 1.0.2 and counts the same', {
  skip: unlessOriginal(),
}, async () => {
  const sides = [makeSide('original'), makeSide('f2b')] as const;
  try {
    for (const { folder } of sides)
      writeFileSync(
        join(folder, 'x.log'),
        '2026-12-01 00:00:00 knock from 198.51.100.7\n2026-12-01 00:00:01 kick from 198.51.100.8\n2026-12-01 00:00:02 hello\n',
      );
    const differences: string[] = [];
    for (const line of CALLS.trim().split('\n')) {
      const [call = '', why] = line.split(/\s*# /);
      const words = call
        .trim()
        .split(' ')
        .map((word) => word.replaceAll('|', ' '));
      const args = words.some((word) => word.startsWith('--config')) ? words : ['-c', '@ETC', ...words];
      const [theirs, ours] = await Promise.all(
        sides.map(async (side) => shape(await side.call('fail2ban-regex', args))),
      );
      const isSame =
        why === undefined ? JSON.stringify(theirs) === JSON.stringify(ours) : theirs?.[0] === ours?.[0];
      if (!isSame) differences.push(`${line}\n  ${theirs}\n  ${ours}`);
    }
    assert.deepEqual(differences, []);
  } finally {
    for (const side of sides) await side.close();
  }
});
