/** Log files made from a seed, like those of a host on the Internet. Every date lies before now, all within a day. */
import { closeSync, openSync, writeSync } from 'node:fs';

/**
 * `auth`: half the lines are candidates of sshd's filter; `auth-iso`: the same, dated as rsyslog does it today. `probes`: seven tenths are failures for its mode=aggressive, two for the
 * normal one. `sessions`: as sshd logs attacks, six at a time, each of four lines of one process. `access`: a tenth are answered with 401. `flood`: every line names another address. `nginx-error`: two tenths are
 * failed logins, another tenth asks for pages that only bots look for. `apache-error`: three tenths are failed logins or denied.
 */
export type Kind =
  | 'auth'
  | 'auth-iso'
  | 'sessions'
  | 'probes'
  | 'access'
  | 'flood'
  | 'nginx-error'
  | 'apache-error';

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
const USERS = 'root admin oracle postgres ubuntu test deploy git ftpuser hadoop'.split(' ');
const two = (n: number): string => String(n).padStart(2, '0');

type Roll = (below: number) => number;

/** A sequence of numbers below a bound; the same for the same seed. */
function dice(seed: number): Roll {
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
      stamp = stampOf(kind, at);
    }
    text += lineOf(kind, stamp, i, roll);
    if (text.length > 1_000_000) {
      writeSync(fd, text);
      text = '';
    }
  }
  writeSync(fd, text);
  closeSync(fd);
}

/** Lines of the kind `auth` without end, each dated with the time (epoch seconds) at which it is asked for. */
export function authStream(seed: number): (now: number) => string {
  const roll = dice(seed);
  let i = 0;
  return (now) => lineOf('auth', syslogStamp(now), i++, roll);
}

function lineOf(kind: Kind, stamp: string, i: number, roll: Roll): string {
  switch (kind) {
    case 'auth':
      return `${stamp} web1 ${authLine(i, roll)}\n`;
    case 'auth-iso':
      return `${withMicroseconds(stamp, i, roll)} web1 ${authLine(i, roll)}\n`;
    case 'sessions':
      return `${stamp} web1 ${sessionLine(i)}\n`;
    case 'probes':
      return `${stamp} web1 ${probeLine(i, roll)}\n`;
    case 'access':
      return accessLine(stamp, i, roll);
    case 'flood':
      return `${stamp} web1 sshd[812]: Failed password for root from ${floodAddress(i)} port 4022 ssh2\n`;
    case 'nginx-error':
      return `${stamp} ${nginxLine(i, roll)}\n`;
    case 'apache-error':
      return apacheLine(stamp, i, roll);
  }
}

/** The address of line `i` of a flood: all of them differ, and none is private. */
export function floodAddress(i: number): string {
  return `${20 + (i >>> 20)}.${(i >>> 12) & 255}.${(i >>> 4) & 255}.${((i & 15) << 4) | 1}`;
}

function stampOf(kind: Kind, at: number): string {
  if (kind === 'access') return accessStamp(at);
  if (kind === 'auth-iso') return `${new Date(at * 1000).toISOString().slice(0, 19)} +00:00`;
  if (kind === 'apache-error') return apacheStamp(at);
  return kind === 'nginx-error' ? nginxStamp(at) : syslogStamp(at);
}

/** The date of a line of syslog, local time, for an epoch second. */
export function syslogStamp(at: number): string {
  const d = new Date(at * 1000);
  return `${MONTHS[d.getMonth()]} ${String(d.getDate()).padStart(2, ' ')} ${clock(d)}`;
}

function accessStamp(at: number): string {
  const d = new Date(at * 1000);
  return `${two(d.getDate())}/${MONTHS[d.getMonth()]}/${d.getFullYear()} ${clock(d)}`;
}

function nginxStamp(at: number): string {
  const d = new Date(at * 1000);
  return `${d.getFullYear()}/${two(d.getMonth() + 1)}/${two(d.getDate())} ${clock(d)}`;
}

/** The year stands behind a blank, which is where the microseconds of a line go. */
function apacheStamp(at: number): string {
  const d = new Date(at * 1000);
  return `${d.toString().slice(0, 10)} ${clock(d)} ${d.getFullYear()}`;
}

/** Line `i` of its log, with a fraction of the second in place of the last blank, or before it where a year follows. */
function withMicroseconds(stamp: string, i: number, roll: Roll): string {
  const step = 1_000_000 / PER_SECOND;
  const fraction = `.${String((i % PER_SECOND) * step + roll(step)).padStart(6, '0')}`;
  return stamp.replace(
    / (\+\S+|\d+)$/,
    (_, rest: string) => `${fraction}${rest.startsWith('+') ? '' : ' '}${rest}`,
  );
}

function clock(d: Date): string {
  return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/** One of some thousand addresses. */
function attacker(roll: Roll): string {
  return `${11 + roll(100)}.${roll(8) * 31}.7.${1 + roll(10)}`;
}

/** Who tries, as whom, and the process that says so. */
function attempt(i: number, roll: Roll) {
  const ip = attacker(roll);
  const port = 1024 + roll(60000);
  const user = USERS[roll(USERS.length)];
  return { ip, port, user, pid: 1000 + (i % 30000) };
}

function authLine(i: number, roll: Roll): string {
  const { ip, port, user, pid } = attempt(i, roll);
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

/** Line `i` of attacks that go on side by side. */
function sessionLine(i: number): string {
  const number = Math.floor(i / 24) * 6 + (i % 6);
  const { ip, port, user, pid } = attempt(number, dice(number + 1));
  const isKnown = number % 2 === 0;
  const who = isKnown ? user : `invalid user ${user}${pid % 100}`;
  switch (Math.floor((i % 24) / 6)) {
    case 0:
      return isKnown
        ? `sshd[${pid}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=${ip}  user=${user}`
        : `sshd[${pid}]: Invalid user ${user}${pid % 100} from ${ip} port ${port}`;
    case 3:
      return `sshd[${pid}]: Connection closed by ${isKnown ? `authenticating user ${user}` : who} ${ip} port ${port} [preauth]`;
    default:
      return `sshd[${pid}]: Failed password for ${who} from ${ip} port ${port} ssh2`;
  }
}

function probeLine(i: number, roll: Roll): string {
  const { ip, port, user, pid } = attempt(i, roll);
  switch (i % 10) {
    case 0:
      return `sshd[${pid}]: Failed password for ${user} from ${ip} port ${port} ssh2`;
    case 2:
      return `sshd[${pid}]: Invalid user ${user}${roll(100)} from ${ip} port ${port}`;
    case 4:
      return `sshd[${pid}]: Unable to negotiate with ${ip} port ${port}: no matching key exchange method found. Their offer: diffie-hellman-group14-sha1,diffie-hellman-group1-sha1 [preauth]`;
    case 6:
      return `sshd[${pid}]: banner exchange: Connection from ${ip} port ${port}: invalid format`;
    case 7:
      return `sshd[${pid}]: Bad protocol version identification 'GET / HTTP/1.1' from ${ip} port ${port}`;
    case 8:
      return `sshd[${pid}]: Connection closed by invalid user ${user} ${ip} port ${port} [preauth]`;
    case 9:
      return `sshd[${pid}]: Did not receive identification string from ${ip} port ${port}`;
    default:
      return authLine(i, roll);
  }
}

const BOTS = [
  'wp-login.php',
  'wp-admin.php',
  'phpMyAdmin/index.php',
  'cgi-bin/luci',
  'pma/scripts/setup.php',
];

function nginxLine(i: number, roll: Roll): string {
  const thread = `812#812: *${4000 + i}`;
  const request = (page: string): string =>
    `client: ${attacker(roll)}, server: example.org, request: "GET ${page} HTTP/1.1", host: "example.org"`;
  const user = USERS[roll(USERS.length)];
  const bots = BOTS[roll(BOTS.length)];
  const page = PAGES[roll(PAGES.length)] ?? '/';
  switch (i % 10) {
    case 0:
      return `[error] ${thread} user "${user}": password mismatch, ${request('/restricted/')}`;
    case 1:
      return `[error] ${thread} user "${user}${roll(100)}" was not found in "/etc/nginx/.htpasswd", ${request('/restricted/')}`;
    case 2:
      return `[error] ${thread} open() "/var/www/html/${bots}" failed (2: No such file or directory), ${request(`/${bots}`)}`;
    case 3:
      return `[error] ${thread} open() "/var/www/html/favicon.ico" failed (2: No such file or directory), ${request('/favicon.ico')}`;
    case 4:
      return `[error] ${thread} upstream timed out (110: Connection timed out) while reading response header from upstream, ${request(page)}`;
    case 5:
      return `[warn] ${thread} an upstream response is buffered to a temporary file /var/cache/nginx/proxy_temp/${roll(10)}/0${roll(10)}/${i} while reading upstream, ${request(page)}`;
    case 6:
      return `[error] ${thread} access forbidden by rule, ${request('/.git/config')}`;
    case 7:
      return `[error] ${thread} limiting requests, excess: 20.${roll(1000)} by zone "login", ${request('/login')}`;
    case 8:
      return `[crit] ${thread} SSL_do_handshake() failed (SSL: error:0A00006C:SSL routines::bad key share) while SSL handshaking, client: ${attacker(roll)}, server: 0.0.0.0:443`;
    default:
      return `[error] ${thread} directory index of "/var/www/html/images/" is forbidden, ${request('/images/')}`;
  }
}

function apacheLine(stamp: string, i: number, roll: Roll): string {
  const [module, message] = apacheMessage(i, USERS[roll(USERS.length)] ?? '', roll);
  const client = module.endsWith('notice') ? '' : `[client ${attacker(roll)}:${1024 + roll(60000)}] `;
  const date = withMicroseconds(stamp, i, roll);
  return `[${date}] [${module}] [pid ${800 + roll(9)}:tid 1402${roll(100_000)}] ${client}${message}\n`;
}

/** Module with level, and what it says. */
function apacheMessage(i: number, user: string, roll: Roll): readonly [string, string] {
  switch (i % 10) {
    case 0:
      return [
        'auth_basic:error',
        `AH01617: user ${user}: authentication failure for "/restricted/": Password Mismatch`,
      ];
    case 1:
      return ['auth_basic:error', `AH01618: user ${user}${roll(100)} not found: /restricted/`];
    case 2:
      return [
        'authz_core:error',
        'AH01630: client denied by server configuration: /var/www/html/.git/config',
      ];
    case 3:
      return ['core:error', 'AH00126: Invalid URI in request GET /../../../etc/passwd HTTP/1.1'];
    case 4:
      return [
        'php:warn',
        `PHP Warning:  Undefined array key "page" in /var/www/html/shop.php on line ${roll(900)}`,
      ];
    case 5:
      return ['proxy_http:error', 'AH01102: error reading status line from remote server 127.0.0.1:8080'];
    case 6:
      return [
        'autoindex:error',
        'AH01276: Cannot serve directory /var/www/html/images/: No matching DirectoryIndex (index.html) found, and server-generated directory index forbidden by Options directive',
      ];
    case 7:
      return [
        'mpm_event:notice',
        'AH00489: Apache/2.4.57 (Debian) OpenSSL/3.0.11 configured -- resuming normal operations',
      ];
    case 8:
      return ['ssl:error', 'AH02042: rejecting client initiated renegotiation'];
    default:
      return [
        'cgid:error',
        `AH01264: script not found or unable to stat: /usr/lib/cgi-bin/test${roll(40)}.cgi`,
      ];
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

function accessLine(stamp: string, i: number, roll: Roll): string {
  const ip = attacker(roll);
  const isDenied = i % 10 === 0;
  const page = isDenied ? '/restricted/' : `${PAGES[roll(PAGES.length)]}`;
  const status = isDenied ? 401 : [200, 200, 200, 304, 404][roll(5)];
  const verb = roll(8) === 0 ? 'POST' : 'GET';
  return `${ip} - - [${stamp}] "${verb} ${page} HTTP/1.1" ${status} ${isDenied ? '-' : 300 + roll(9000)} "-" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"\n`;
}
