import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type Answer, makeSide, type Side, unlessOriginal } from '../testbed/fail2ban.ts';
import { unlessFound } from '../testbed/need.ts';

/**
 * Every command and option of fail2ban-client(1) of 1.0.2, in an order that makes sense for one server. What stands behind `#`
 * says how f2b may differ: `values`: the same exit code, another text; `refused`: f2b refuses, as docs/clients.md says;
 * `newer`: 1.0.2 refuses, f2b does it.
 */
const CALLS = `
-h                                      # values
--help                                  # values
-V                                      # values
--version
-t
--test
-d                                      # values
--dp                                    # values
--dump-pretty                           # values
-c @ETC ping
--conf @ETC ping
-s @SOCK ping
--socket @SOCK ping
--socket=@SOCK ping
-p @PID ping
--pidfile @PID ping
--pname x ping
--loglevel INFO ping
--logtarget STDOUT ping
--syslogsocket auto ping
-v ping
-vv ping
-q ping
-x ping
-b ping
-f ping
--async ping
--timeout 5 ping
-i                                      # values
--str2sec 1d12h
--str2sec 1h
--nonsense                              # values
start
ping
ping 5
echo hello
echo hello world
help                                    # newer
version
status
status --all                            # newer
status --all stats                      # newer
stats                                   # newer
statistics                              # newer
stat                                    # newer
banned
banned 192.0.2.10
banned 192.0.2.10 198.51.100.99
reload
reload --all
reload --restart
reload --restart --unban
reload door
reload --if-exists nosuch
reload --restart --unban door
reload --unban
reload nosuch
reload door window                      # values
restart door
restart --unban door
restart --if-exists nosuch
set door banip 192.0.2.10 192.0.2.11 192.0.2.12
unban 192.0.2.12
unban 192.0.2.12
unban --all
get loglevel
set loglevel DEBUG
set loglevel INFO
set loglevel NONSENSE
get logtarget
set logtarget @LOG
set logtarget /nonexistent/x
get syslogsocket
set syslogsocket auto
flushlogs
get dbfile
set dbfile @DB                          # refused
get dbmaxmatches
set dbmaxmatches 10
get dbpurgeage
set dbpurgeage 86400
get thread
add tmpjail polling
start tmpjail
status tmpjail
stop tmpjail
start door
status door
status door basic
status door short
status door cymru
status door stats
status nosuch
status door basic more
set door idle on
set door idle off
set door idle maybe
get door idle
set door ignoreself true
set door addignoreip 198.51.100.200     # values
get door ignoreip                       # values
set door delignoreip 198.51.100.200
set door delignoreip 198.51.100.200     # values
set door ignorecommand /bin/false       # refused
set door ignorecache key="<ip>",max-count=100,max-time=5m
get door ignorecache
set door addlogpath @MORE
set door addlogpath @MORE tail
set door addlogpath @MORE nonsense
set door addlogpath /nonexistent
get door logpath
set door dellogpath @MORE
set door logencoding UTF-8
set door addjournalmatch _SYSTEMD_UNIT=x.service
set door deljournalmatch _SYSTEMD_UNIT=x.service
get door journalmatch
set door addfailregex ^x_from_<HOST>$
get door failregex
set door delfailregex 0
set door addfailregex x(                # values
set door addfailregex abc               # values
set door addignoreregex ^y_<HOST>$
set door delignoreregex 0
get door ignoreregex
set door findtime 700
get door findtime
set door bantime 700
get door bantime
set door bantime 10m
set door bantime nonsense               # values
set door bantime.increment true
get door bantime.increment
set door bantime.increment false
set door datepattern %Y-%m-%d
get door datepattern
set door usedns no
get door usedns
set door attempt 192.0.2.50 a b
set door banip 192.0.2.10 192.0.2.11
set door banip 192.0.2.10
set door unbanip 192.0.2.11
set door unbanip 192.0.2.11
set door unbanip --report-absent 192.0.2.11
set door unbanip --report-absent 192.0.2.10 192.0.2.99
set door maxretry 4
set door maxretry nonsense              # values
get door maxretry
set door maxmatches 5
get door maxmatches
set door maxlines 2
get door maxlines
set door addaction tmpact               # refused
set door action tmpact actionstart true # refused
set door action tmpact actionstop true  # refused
set door action tmpact actioncheck true # refused
set door action tmpact actionban true   # refused
set door action tmpact actionunban true # refused
set door action tmpact timeout 10       # refused
set door action tmpact foo bar          # refused
set door delaction tmpact               # refused
set door nonsense 1
set door
set
set door banip 192.0.2.10 2001:db8::5
get door banned
get door banned 192.0.2.10
get door banned 192.0.2.10 192.0.2.99
get door logencoding
get door ignoreself
get door ignorecommand                  # values
get door prefregex
get door logtimezone
get window datepattern
get door banip
get door banip ,
get door banip --with-time
get door actions
get door action note actionstart
get door action note actionstop
get door action note actioncheck
get door action note actionban
get door action note actionunban
get door action note timeout
get door action note target             # values
get door action nosuch actionban
get door actionproperties note          # values
get door actionmethods note             # values
get door nonsense
get door
get
get nosuch bantime
nosuchcommand
                                        # values
set door banip 127.0.0.1                # refused
set nosuch banip 192.0.2.1
set door unbanip notanip
set door banip notanip                  # refused
unban --all                             # values
banned                                  # values
stop nosuch
stop window
status
start window
restart --if-exists window
status
stop window
restart window                          # newer
restart
ping
stop
ping
status
get door bantime
reload
flushlogs
`;

type Row = { readonly words: readonly string[]; readonly mark: string };

function rows(): readonly Row[] {
  return CALLS.trim()
    .split('\n')
    .map((line) => {
      const [, call = '', mark = ''] = /^(.*?)\s*(?:# (\w+))?$/.exec(line) ?? [];
      const words = call.trim() === '' ? [] : call.trim().split(/\s+/);
      return { words: words.map((word) => word.replaceAll('_from_', ' from ')), mark };
    });
}

/** The form of an answer: times, numbers, versions, paths and the texts of regexes are values. */
function shape({ out }: Answer, folder: string): string {
  return out
    .replaceAll(folder, '@')
    .replace(/@\/(?:fail2ban\.sqlite3|state\.json)/g, '@DB')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
    .replace(/(\[\d+\]: ).*/g, '$1REGEX')
    .replace(/Fail2Ban v[\d.]+|^[\d.]+$/gm, (text) => (text.includes('.') ? 'VERSION' : text))
    .replace(/list:\t(?:error|unknown)/g, 'list:\tNOT KNOWN')
    .replace(/^(?:NOK|hint).*$/gm, '')
    .trimEnd();
}

const skip = unlessOriginal();
let sides: readonly [Side, Side] | null = null;

before(async () => {
  if (skip !== false) return;
  sides = [makeSide('original'), makeSide('f2b')];
  await Promise.all(sides.map((side) => side.start()));
});

after(async () => {
  for (const side of sides ?? []) await side.close();
});

test('every call of fail2ban-client(1) ends as in fail2ban 1.0.2, and answers in its form', {
  skip,
}, async () => {
  const [original, own] = sides!;
  const differences: string[] = [];
  const counts = { same: 0, values: 0, refused: 0, newer: 0 };
  for (const { words, mark } of rows()) {
    const [theirs, ours] = await Promise.all([
      original.call('fail2ban-client', words),
      own.call('fail2ban-client', words),
    ]);
    const isCodeSame = theirs.code === ours.code;
    const isSame = isCodeSame && shape(theirs, original.folder) === shape(ours, own.folder);
    const isFine =
      isSame ||
      (mark === 'values' && isCodeSame) ||
      (mark === 'refused' && ours.code === 255 && ours.err !== '') ||
      (mark === 'newer' && ours.code === 0);
    if (!isFine)
      differences.push(
        `${words.join(' ')}\n  ${theirs.code}: ${theirs.out}${theirs.err}\n  ${ours.code}: ${ours.out}${ours.err}`,
      );
    counts[isSame ? 'same' : ((mark || 'values') as keyof typeof counts)] += 1;
  }
  if (process.env['F2B_COUNTS'] !== undefined) console.log(counts);
  assert.deepEqual(differences, []);
  assert.ok(counts.same >= 140, JSON.stringify(counts));
});

const NAGIOS = '/usr/share/doc/fail2ban/examples/nagios/check_fail2ban';
const noNagios =
  skip || (existsSync(NAGIOS) ? unlessFound('perl') : "fail2ban's check for Nagios is not installed");

test('the check for Nagios that fail2ban ships runs unmodified', { skip: noNagios }, async () => {
  const own = makeSide('f2b');
  try {
    await own.start();
    const client = `${own.folder}/bin/fail2ban-client`;
    const { status, stdout } = spawnSync(
      'perl',
      [NAGIOS, '-p', '-P', client, '-s', own.socket, '-w', '5', '-c', '9'],
      {
        encoding: 'utf8',
      },
    );
    assert.equal(status, 0, stdout);
    assert.match(stdout, /OK - 2 detected jails with 0 current banned IP\(s\)/);
  } finally {
    await own.close();
  }
});

test("fail2ban's own client talks to f2b's socket", { skip }, async () => {
  const [original, own] = sides!;
  await own.start();
  const calls = `ping
status
status door
status door cymru
get door failregex
get door datepattern
set door bantime 2h
set door banip 198.51.100.7
get door banip --with-time
banned
set door addignoreip 203.0.113.9
get loglevel
reload
reload --restart --unban door
get door bantime
flushlogs
unban --all`;
  for (const line of calls.split('\n')) {
    const words = line.split(' ');
    const [theirs, ours] = [
      await original.call('fail2ban-client', ['-s', own.socket, '-c', `${own.folder}/etc`, ...words]),
      await own.call('fail2ban-client', words),
    ];
    assert.equal(theirs.code, 0, `${line}: ${theirs.out}${theirs.err}`);
    // What changes something is not the same for the second one.
    if (!/banip|unban/.test(line)) assert.equal(shape(theirs, own.folder), shape(ours, own.folder), line);
  }
  // A new loglevel and logtarget apply with a reload.
  writeFileSync(
    `${own.folder}/etc/fail2ban.local`,
    `[Definition]\nloglevel = DEBUG\nlogtarget = ${own.folder}/new.log\n`,
  );
  assert.equal((await own.call('fail2ban-client', ['reload'])).code, 0);
  assert.match((await own.call('fail2ban-client', ['get', 'loglevel'])).out, /'DEBUG'/);
  assert.match((await own.call('fail2ban-client', ['get', 'logtarget'])).out, /new\.log/);
  // A broken jail is named and goes on; of a broken file nothing is taken.
  writeFileSync(`${own.folder}/etc/jail.local`, '[door]\nbantime = nonsense\n[window]\nbantime = 77\n');
  const partly = await own.call('fail2ban-client', ['reload']);
  assert.deepEqual([partly.code, partly.out], [0, 'OK\n']);
  assert.match(partly.err, /Errors in jail 'door'\. Skipping/);
  assert.match(partly.err, /changed: window/);
  writeFileSync(`${own.folder}/etc/jail.local`, 'nonsense\n');
  const refused = await own.call('fail2ban-client', ['reload']);
  assert.equal(refused.code, 255);
  assert.match(refused.err, /nothing was changed/);
  const unknown = await original.call('fail2ban-client', ['-s', own.socket, 'status', 'nosuch']);
  assert.deepEqual([unknown.code, unknown.out], [255, "Sorry but the jail 'nosuch' does not exist\n"]);
  const stopped = await original.call('fail2ban-client', ['-s', own.socket, 'stop']);
  assert.deepEqual([stopped.code, stopped.out], [0, 'Shutdown successful\n']);
});
