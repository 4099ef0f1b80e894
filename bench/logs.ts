/** Log files made from a seed, like those of a host on the Internet. Every date lies before now, all within a day. */
import { closeSync, openSync, writeSync } from 'node:fs';

/** `auth`: half the lines are candidates of sshd's filter. `access`: a tenth are answered with 401. `flood`: every line names another address. */
export type Kind = 'auth' | 'access' | 'flood';

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const USERS = 'root admin oracle postgres ubuntu test deploy git ftpuser hadoop'.split(' ');
const two = (n: number): string => String(n).padStart(2, '0');

/** A sequence of numbers below a bound; the same for the same seed. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48271) % 2147483647;
    return state % below;
  };
}

/** So many lines share a second. */
const PER_SECOND = 400;

/** Writes a log of so many lines, the last of them some minutes before `now` (epoch seconds). */
export function writeLog(path: string, kind: Kind, lines: number, now: number): void {
  const roll = dice(lines + 7);
  const begin = Math.floor(now) - 300 - Math.ceil(lines / PER_SECOND);
  const fd = openSync(path, 'w');
  let text = '';
  let second = -1;
  let stamp = '';
  for (let i = 0; i < lines; i++) {
    const at = begin + Math.floor(i / PER_SECOND);
    if (at !== second) {
      second = at;
      stamp = kind === 'access' ? accessStamp(at) : syslogStamp(at);
    }
    if (kind === 'auth') text += `${stamp} web1 ${authLine(i, roll)}\n`;
    else if (kind === 'access') text += accessLine(stamp, i, roll);
    else text += `${stamp} web1 sshd[812]: Failed password for root from ${floodAddress(i)} port 4022 ssh2\n`;
    if (text.length > 1_000_000) {
      writeSync(fd, text);
      text = '';
    }
  }
  writeSync(fd, text);
  closeSync(fd);
}

/** The address of line `i` of a flood: all of them differ, and none is private. */
export function floodAddress(i: number): string {
  return `${20 + (i >>> 20)}.${(i >>> 12) & 255}.${(i >>> 4) & 255}.${((i & 15) << 4) | 1}`;
}

function syslogStamp(at: number): string {
  const d = new Date(at * 1000);
  return `${MONTHS[d.getMonth()]} ${String(d.getDate()).padStart(2, ' ')} ${clock(d)}`;
}

function accessStamp(at: number): string {
  const d = new Date(at * 1000);
  return `${two(d.getDate())}/${MONTHS[d.getMonth()]}/${d.getFullYear()} ${clock(d)}`;
}

function clock(d: Date): string {
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** One of some thousand addresses. */
function attacker(roll: (below: number) => number): string {
  return `${11 + roll(100)}.${roll(8) * 31}.7.${1 + roll(10)}`;
}

function authLine(i: number, roll: (below: number) => number): string {
  const ip = attacker(roll);
  const port = 1024 + roll(60000);
  const user = USERS[roll(USERS.length)];
  const pid = 1000 + (i % 30000);
  switch (i % 10) {
    case 0:
    case 4:
      return `sshd[${pid}]: Failed password for ${user} from ${ip} port ${port} ssh2`;
    case 2:
      return `sshd[${pid}]: Failed password for invalid user ${user}${roll(100)} from ${ip} port ${port} ssh2`;
    case 6:
      return `sshd[${pid}]: Invalid user ${user}${roll(100)} from ${ip} port ${port}`;
    case 8:
      return `sshd[${pid}]: Connection closed by authenticating user ${user} ${ip} port ${port} [preauth]`;
    case 1:
      return `CRON[${pid}]: pam_unix(cron:session): session opened for user root(uid=0) by (uid=0)`;
    case 3:
      return `systemd-logind[611]: New session ${1000 + i} of user deploy.`;
    case 5:
      return `sudo:   deploy : TTY=pts/0 ; PWD=/home/deploy ; USER=root ; COMMAND=/usr/bin/systemctl status app${roll(30)}`;
    case 7:
      return `systemd[1]: Started session-${1000 + i}.scope - Session ${1000 + i} of User deploy.`;
    default:
      return `CRON[${pid}]: pam_unix(cron:session): session closed for user root`;
  }
}

const PAGES = [
  '/',
  '/index.html',
  '/api/v1/items',
  '/login',
  '/static/app.css',
  '/images/logo.png',
  '/search?q=shoes',
  '/restricted/',
];

function accessLine(stamp: string, i: number, roll: (below: number) => number): string {
  const ip = attacker(roll);
  const isDenied = i % 10 === 0;
  const page = isDenied ? '/restricted/' : `${PAGES[roll(PAGES.length)]}`;
  const status = isDenied ? 401 : [200, 200, 200, 304, 404][roll(5)];
  const verb = roll(8) === 0 ? 'POST' : 'GET';
  return `${ip} - - [${stamp}] "${verb} ${page} HTTP/1.1" ${status} ${isDenied ? '-' : 300 + roll(9000)} "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"\n`;
}
