import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fillTags } from '../../src/action/shelltext.ts';
import { type Ticket, tagsOf } from '../../src/action/tags.ts';

const HOSTILE = [
  "'; touch pwned; '",
  '"; touch pwned; "',
  '$(touch pwned)',
  '`touch pwned`',
  'a\ntouch pwned\n',
  '; touch pwned #',
  '\'"\'"$(touch pwned)"\'"\'',
  '-rf --option',
  '${IFS}touch${IFS}pwned',
  '\\"; touch pwned; \\',
  'END\ntouch pwned\n',
  '%b %s \\n \\x41',
  '* ? [a-z] ~',
  '1>pwned',
];

/** Each place in a shell text where a tag can stand; all of them print the value between brackets. */
const PLACES: readonly (readonly [where: string, text: string])[] = [
  ['plain', 'printf "[%s]" <value>'],
  ['double quotes', 'printf "%s" "[<value>]"'],
  ['single quotes', "printf '%s' '[<value>]'"],
  ['a substitution', 'printf "%s" "$(printf "[%s]" "<value>"; echo .)" | sed "s/\\.$//;\\$!b"'],
  ['a here-document', 'cat <<END\n[<value>]\nEND\n'],
  ['after an escaped quote', 'printf "%s" "\\"[<value>]" | sed "1s/^.//"'],
  ['within a parameter', 'printf "%s" "${nothing:-[<value>]}"'],
];

test('fillTags() hands every value over as it is, and none is ever executed', () => {
  for (const [where, text] of PLACES) {
    for (const value of [...HOSTILE, '192.0.2.7', 'plain words']) {
      const folder = mkdtempSync(join(tmpdir(), 'f2b-shell-'));
      try {
        const filled = fillTags(text, (tag) => (tag === 'value' ? value : null));
        const run = spawnSync('/bin/sh', ['-c', filled.text], {
          cwd: folder,
          env: { PATH: process.env['PATH'] ?? '', ...filled.env },
          encoding: 'utf8',
        });
        assert.deepEqual(
          readdirSync(folder),
          [],
          `${where}: ${JSON.stringify(value)} was executed by ${filled.text}`,
        );
        if (where === 'a substitution') continue;
        assert.equal(run.stdout.replace(/\n$/, ''), `[${value}]`, `${where}: ${filled.text}\n${run.stderr}`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
  }
});

test('fillTags() pastes what is harmless, so that stock commands look as they did', () => {
  const values = new Map([
    ['ip', '2001:db8::7'],
    ['failures', '3'],
  ]);
  const text = 'iptables -I f2b 1 -s <ip> -m comment --comment "<failures> of <name>"';
  assert.deepEqual(
    fillTags(text, (tag) => values.get(tag) ?? null),
    {
      text: 'iptables -I f2b 1 -s 2001:db8::7 -m comment --comment "3 of <name>"',
      env: {},
    },
  );
});

test('fillTags() keeps to harmless characters in back-ticks within double quotes, and refuses a quoted here-document', () => {
  const evil = (text: string) => fillTags(text, () => '-x $(touch pwned) y');
  assert.equal(evil('printf "%s" "`whois <fid>`"').text, 'printf "%s" "`whois x???touch?pwned??y`"');
  assert.throws(() => evil("cat <<'END'\n<fid>\nEND\n"), /quoted end/);
});

const ticket: Ticket = {
  id: '192.0.2.7',
  failures: 3,
  time: 1000,
  bantime: null,
  bancount: 2,
  matches: ['one', 'two'],
  restored: false,
  fields: new Map([['user', 'root']]),
};
const around = {
  banned: 1,
  bannedTotal: 2,
  found: 3,
  foundTotal: 4,
  fqHostname: 'h.example.org',
  ipHost: '',
};

test('tagsOf() knows the tags of a ban, and empty captures', () => {
  const read = tagsOf(ticket, around);
  for (const [tag, value] of [
    ['ip', '192.0.2.7'],
    ['family', 'inet4'],
    ['ip-rev', '7.2.0.192.'],
    ['bantime', '-1'],
    ['matches', 'one\ntwo'],
    ['F-USER', 'root'],
    ['F-NOTHING', ''],
    ['sh-hostname', 'h'],
    ['jail.found_total', '4'],
    ['unknown', null],
  ] as const) {
    assert.equal(read(tag), value, tag);
  }
  assert.equal(tagsOf({ ...ticket, id: '2001:db8::7' }, around)('ip-rev')?.slice(0, 8), '7.0.0.0.');
  assert.equal(tagsOf(null, around)('ip'), null);
});
