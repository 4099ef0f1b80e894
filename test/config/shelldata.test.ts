import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fillTags } from '../../src/action/shelltext.ts';
import { programTags, tagKind } from '../../src/config/shelldata.ts';

const refused = (text: string) => programTags(text, (tag) => tagKind(tag, null)).map(({ why }) => why);

/** In each of them the value becomes a program, a command, an option's code or a file's name. */
const PROGRAMS = [
  "sh -c 'echo hi <F-USER>'",
  "env sh -c 'echo hi <F-USER>'",
  `awk 'BEGIN{print "<F-USER>"}'`,
  `python3 -c 'print("<F-USER>")'`,
  `perl -e 'print "<F-USER>"'`,
  `ssh host 'echo <F-USER>'`,
  `ssh host echo "<F-USER>"`,
  `su -c "echo <F-USER>" nobody`,
  `echo a | xargs sh -c 'echo <F-USER>'`,
  `eval "echo <F-USER>"`,
  `eval echo <F-USER>`,
  'sh -c "echo <F-USER>"',
  "echo `sh -c 'echo <F-USER>'`",
  'echo "$(sh -c \'echo <F-USER>\')"',
  'bash <<< "echo <F-USER>"',
  'bash <<END\necho <F-USER>\nEND',
  'echo "echo <F-USER>" | sh',
  'cat <<END | sudo bash -s\n<F-USER>\nEND',
  '<F-USER> foo',
  'x="<F-USER>"; sh -c "echo $x"',
  'x=$(echo "<F-USER>"); eval "$x"',
  'echo $((<F-USER>))',
  'echo ${x:<F-USER>}',
  'bash <(echo "<F-USER>")',
  '[[ "<F-USER>" -eq 1 ]]',
  'echo x > /tmp/<F-USER>',
  'touch /tmp/<F-USER>',
  'sed -i "/<F-USER>/d" f',
  'foo -e "<F-USER>"',
  'foo "do <F-USER>"',
  'sudo -u nobody sh -c "<F-USER>"',
  'ip netns exec x sh -c "<F-USER>"',
  'sudo "<F-USER>"',
  'env -i <F-USER>',
  'f() { sh -c "echo $1"; }; f "<F-USER>"',
  'while read u; do sh -c "echo $u"; done <<E\n<F-USER>\nE',
  'python3 - <<E\nprint("<F-USER>")\nE',
  'echo "<F-USER>" | python3 -',
  'PATH="<F-USER>" ls',
  'printf -v "<F-USER>" x',
  'nft add element x { <F-USER> }',
  'perl -e "print 1" -e "<F-USER>"',
  'bash -o pipefail -c "<F-USER>"',
  'if true; then sh -c "<F-USER>"; fi',
  '{ sh -c "<F-USER>"; }',
  '(sh -c "<F-USER>")',
  '! sh -c "<F-USER>"',
  'for x in "<F-USER>"; do eval $x; done',
  'mysql -e "insert <F-USER>"',
  'nice -n 5 sh -c "<F-USER>"',
  'timeout 5 sh -c "<F-USER>"',
  'exec sh -c "<F-USER>"',
  'find / -exec sh -c "<F-USER>" ;',
  'watch "echo <F-USER>"',
  'echo a\\\nb; sh -c "<F-USER>"',
  'echo "a # b" # don\'t\nsh -c "<F-USER>"',
  '/bin/sh -c "<matches>"',
  '"sh" -c "<matches>"',
  "s''h -c '<matches>'",
  'python3.11 -c "<matches>"',
  'echo x |\nsh -c "<F-USER>"',
  'case x in x) sh -c "<F-USER>";; esac',
  'trap "echo <F-USER>" 0',
  'node -e "<F-USER>"',
  'echo "$(echo "<F-USER>" | sh)"',
  'awk "<F-USER>"',
  'awk -F , "<F-USER>"',
  'printf "%s" "<F-USER>" | sudo -n -u x sh',
  'printf "<F-USER>" | ssh h sh',
  '. "<F-USER>"',
  'sh "<F-USER>"',
  'docker exec c sh -c "<F-USER>"',
  '$SHELL -c "<F-USER>"',
  'x=sh; $x -c "echo <F-USER>"',
  'tee "/tmp/<F-USER>"',
  'echo a >> "<F-USER>"',
  'cat <<END | sh\n$(echo <F-USER>)\nEND',
  'read <F-USER>',
  'curl "`echo <F-USER> | sh`"',
  'unset "<F-USER>"',
];

/** In each of them it is data. */
const DATA = [
  `curl -s --data '{"text":"<ip> banned <F-USER>"}' "https://x"`,
  'echo "hi <F-USER>" | mail -s "user <F-USER>" root',
  '/usr/local/bin/report "<F-USER>"',
  'report --user=<F-USER> "<matches>"',
  'python3 /opt/x.py "<matches>"',
  'sh -c \'echo "$1"\' sh "<F-USER>"',
  'X="<F-USER>" sh -c \'echo "$X"\'',
  'awk -v u="<F-USER>" \'BEGIN{print u}\'',
  'if [ "<F-USER>" = root ]; then echo x; fi',
  'cat <<END | mail root\n<F-USER>\nEND',
  'logger -t f2b "user <F-USER>"',
  'echo <matches> | sed s/x/y/',
  'echo <ip> | sh',
  'sh -c "echo <ip>"',
  'printf %s "<matches>" | grep x >> /var/log/x',
  'case "<F-USER>" in root) echo x;; esac',
  'lgm=$(printf "%.1000s" "<matches>"); curl -d "c=$lgm" u',
  'report "<ip>:<F-USER>"',
  'printf "<F-USER>" | python3 /opt/x.py',
];

/** Values that would make a file `pwned` as soon as an interpreter reads them. */
const HOSTILE = [
  'x; touch pwned #',
  '$(touch pwned)',
  '`touch pwned`',
  'x\ntouch pwned\n',
  "x'; touch pwned; '",
  'x"; touch pwned; "',
  '\\"; touch pwned; \\',
  'x");system("touch pwned");print("x',
  "x'); __import__('os').system('touch pwned') #",
  '-e system("touch pwned")',
  '-e1e touch pwned',
  '\0; touch pwned',
  'a[$(touch pwned)]',
  'qx/touch+pwned/',
  '@/etc/passwd',
  '|touch pwned',
];

test('a tag of the log is refused wherever its value would be more than data', () => {
  for (const text of PROGRAMS) assert.notDeepEqual(refused(text), [], JSON.stringify(text));
});

test('a tag of the log may stand wherever its value is data', () => {
  for (const text of DATA) assert.deepEqual(refused(text), [], JSON.stringify(text));
});

test('the ways that are not refused run nothing, whatever the value is', () => {
  for (const text of [...PROGRAMS, ...DATA].filter(
    (one) => refused(one).length === 0 && !one.includes('curl'),
  )) {
    for (const value of HOSTILE) {
      const folder = mkdtempSync(join(tmpdir(), 'f2b-data-'));
      try {
        const filled = fillTags(text, (tag) => (tagKind(tag, null) === 'log' ? value : '192.0.2.7'));
        const env = { PATH: '/usr/bin:/bin', ...filled.env };
        const shell = text.includes('mail ') ? `mail() { cat; }; ${filled.text}` : filled.text;
        spawnSync('/bin/sh', ['-c', shell], { cwd: folder, env, timeout: 5000 });
        assert.deepEqual(readdirSync(folder), [], `${text} with ${JSON.stringify(value)}`);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
  }
});

test('an id that is no address is judged when it is filled in', () => {
  const fill = (text: string, id: string) => fillTags(text, (tag) => (tag === 'fid' ? id : null));
  assert.equal(fill('sh -c "ban <fid>"', '192.0.2.7').text, 'sh -c "ban 192.0.2.7"');
  assert.throws(() => fill('sh -c "ban <fid>"', 'reboot'), /is the program behind sh -c/);
  assert.throws(() => fill('echo all > /etc/x.d/<fid>', '../../x'), /names a file/);
});

test('sed takes a value that another sed has escaped, and no other one', () => {
  const escaped = String.raw`sed -e 's/[]\/$*.^|[]/\\&/g'`;
  assert.deepEqual(refused(`id=$(printf '%s\n' "<F-ID>" | ${escaped}); sed -i "/^$id$/d" f`), []);
  assert.notDeepEqual(refused(`id=$(echo "<F-ID>" | sed 's/[][.]/\\&/g'); sed -i "/^$id$/d" f`), []);
});
