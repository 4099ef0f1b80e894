/** Lines that are as slow to match as an attacker can make them, written to the daemon: nobody else's ban waits or is lost. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { attack, filterFor, STOCK, type Target } from '../testbed/attacked.ts';
import { isLong } from '../testbed/need.ts';
import { frameOf, pumpedLines } from '../testbed/pumped.ts';

const ROOT = join(import.meta.dirname, '../..');
const hasStock = existsSync(join(STOCK, 'filter.d'));

function targetsIn(folder: string, isStock: boolean): Target[] {
  if (!existsSync(join(folder, 'filter.d'))) return [];
  return readdirSync(join(folder, 'filter.d'))
    .filter((file) => file.endsWith('.conf'))
    .map((file) => ({ name: file.slice(0, -'.conf'.length), isStock }));
}

const all = [...targetsIn(STOCK, true), ...targetsIn(ROOT, false)];
/** Those with the slowest patterns, which are tried each time; fail2ban's sshd has a test of its own below. */
const slowest: readonly Target[] = [
  ...['dovecot', 'domino-smtp', 'courier-auth'].map((name) => ({ name, isStock: true })),
  ...['sshd', 'postfix', 'named'].map((name) => ({ name, isStock: false })),
].filter(({ isStock }) => hasStock || !isStock);

const now = Math.floor(Date.now() / 1000);

test('the generator finds a way into nearly every failregex', (t) => {
  const tried = (isLong ? all : slowest).flatMap((target) => {
    const filter = filterFor(target);
    return (filter?.failregex ?? []).map((one) => ({
      what: `${target.name} ${one.index + 1}`,
      isIn: filter !== null && frameOf(filter, one, now) !== null,
    }));
  });
  const missed = tried.filter(({ isIn }) => !isIn).map(({ what }) => what);
  t.diagnostic(`${tried.length} failregexes, not reached: ${missed.join(', ') || 'none'}`);
  assert.ok(missed.length < tried.length / 50, missed.join(', '));
});

for (const target of isLong ? all : slowest) {
  const filter = filterFor(target);
  if (filter === null || filter.failregex.length === 0) continue;
  const title = `${target.isStock ? "fail2ban's" : 'our'} ${target.name}`;
  test(`${title}: pumped lines hold up no other jail`, { timeout: 300_000 }, async (t) => {
    const lines = pumpedLines(filter, Math.floor(Date.now() / 1000)).map(({ text }) => text);
    if (lines.length === 0) return;
    const effect = await attack(target, lines);
    const worst = Math.round(Math.max(...effect.witnessMs));
    t.diagnostic(
      `${lines.length} lines in ${Math.round(effect.allMs)} ms, the other jail's bans within ${worst} ms, ${effect.stuck.length} regexes stuck`,
    );
    assert.equal(effect.bystanders, effect.wanted, 'bans from lines between the attacks');
    // A small attack may be over before the other log's turn.
    if (lines.length > 100)
      assert.ok(effect.isMeanwhile, 'the other jail had to wait for the end of the attack');
    for (const { strikes, from } of effect.stuck) assert.ok(from !== null || strikes < 3);
    if (effect.stuck.length > 0) assert.match(effect.status, /Too slow:\t.*: too slow on \d+ line/);
  });
}

test("an attack on fail2ban's sshd ends in a quarantine that is said and shown", {
  skip: !hasStock,
}, async () => {
  const target = { name: 'sshd', isStock: true };
  const filter = filterFor(target);
  assert.ok(filter !== null);
  const lines = pumpedLines(filter, Math.floor(Date.now() / 1000), [10_000]).map(({ text }) => text);
  const { said, status, stuck } = await attack(target, lines);
  assert.match(
    said.join('\n'),
    /\[attacked\] failregex 4 took too long on a line of \S+, not used on lines of \d+ characters and more until the next reload: /,
  );
  assert.match(
    status,
    /\|- Too slow:\tfailregex 4: too slow on \d+ lines?, in quarantine for lines of \d+ characters and more \(\d+ skipped\)/,
  );
  assert.ok(stuck.some(({ regex, text }) => regex === 3 && text.startsWith('^Failed ')));
});
