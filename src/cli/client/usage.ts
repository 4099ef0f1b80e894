/** The help of fail2ban-client and fail2ban-server, in the layout that completions read. */
import { IMITATED } from '../../daemon/control/host.ts';

const OPTIONS: readonly (readonly [form: string, help: string])[] = [
  ['-c, --conf <DIR>', 'folder of the configuration'],
  ['-s, --socket <FILE>', 'socket of the daemon'],
  ['-p, --pidfile <FILE>', 'file with the process id'],
  ['--pname <NAME>', 'taken, without effect'],
  ['--loglevel <LEVEL>', 'least grave level that is logged'],
  ['--logtarget <TARGET>', 'a file, stdout or stderr'],
  ['--syslogsocket auto|<FILE>', 'taken, without effect'],
  ['-d', 'print the configuration as commands'],
  ['--dp, --dump-pretty', 'the same, easier to read'],
  ['-t, --test', 'test the configuration'],
  ['-i', 'read commands from standard input'],
  ['-v', 'say more'],
  ['-q', 'say less'],
  ['-x', 'taken: a dead socket is replaced anyhow'],
  ['-b', 'start in the background (as a rule)'],
  ['-f', 'start in the foreground'],
  ['--async', 'taken, without effect'],
  ['--timeout <TIME>', 'how long the daemon may take to answer'],
  ['--str2sec <STRING>', 'print a duration in seconds'],
  ['-h, --help', 'print this'],
  ['-V, --version', 'print the version (-V: the number alone)'],
];

/** A row a command: how it is written, and what it does. A row without a form is a heading. */
export const FORMS: readonly (readonly [form: string, help: string])[] = [
  ['', 'BASIC'],
  ['start', 'starts the daemon'],
  ['restart', 'stops the daemon and starts it again'],
  ['restart [--unban] [--if-exists] <JAIL>', 'as reload --restart <JAIL>'],
  ['reload [--restart] [--unban] [--all]', 'reads the configuration anew; --unban lifts all bans before'],
  ['reload [--restart] [--unban] [--if-exists] <JAIL>', 'reads one jail anew'],
  ['stop', 'ends the daemon; bans stay'],
  ['unban --all', 'lifts every ban'],
  ['unban <IP> ... <IP>', 'lifts the bans of these addresses in all jails'],
  ['banned', 'lists the bans of every jail'],
  ['banned <IP> ... <IP>', 'lists for each address the jails that ban it'],
  ['status', 'lists the jails'],
  ['status --all [FLAVOR]', 'shows every jail'],
  ['stats', 'shows the counts of every jail as a table'],
  ['ping', 'tells whether a daemon answers'],
  ['echo', 'prints the words behind it'],
  ['help', 'prints this'],
  ['version', 'prints the version that the daemon imitates'],
  ['', 'LOGGING'],
  ['set loglevel <LEVEL>', 'CRITICAL, ERROR, WARNING, NOTICE, INFO or DEBUG'],
  ['get loglevel', 'shows the level'],
  ['set logtarget <TARGET>', 'STDOUT, STDERR or a file'],
  ['get logtarget', 'shows where log lines go'],
  ['set syslogsocket auto|<SOCKET>', 'refused unless it is set so: nothing goes to syslog'],
  ['get syslogsocket', 'shows what fail2ban.conf says'],
  ['flushlogs', 'opens the log anew, for logrotate'],
  ['', 'DATABASE'],
  ['set dbfile <FILE>', 'refused: the state file keeps everything'],
  ['get dbfile', 'shows the state file'],
  ['set dbmaxmatches <INT>', 'refused: the maxmatches of a jail counts'],
  ['get dbmaxmatches', 'shows what fail2ban.conf says'],
  ['set dbpurgeage <SECONDS>', 'how long a ban that ended is remembered'],
  ['get dbpurgeage', 'shows that'],
  ['', 'JAIL CONTROL'],
  ['add <JAIL> <BACKEND>', 'makes an empty jail'],
  ['start <JAIL>', 'answers whether the jail works'],
  ['stop <JAIL>', 'ends the jail; restart <JAIL> brings it back'],
  ['status <JAIL> [FLAVOR]', 'shows a jail; FLAVOR is basic, short, cymru or stats'],
  ['', 'JAIL CONFIGURATION'],
  ['set <JAIL> idle on|off', 'stops and goes on reading'],
  ['set <JAIL> ignoreself true|false', "whether the host's addresses are never banned"],
  ['set <JAIL> addignoreip <IP>', 'never bans the address or network'],
  ['set <JAIL> delignoreip <IP>', 'takes it from the list'],
  ['set <JAIL> ignorecommand <VALUE>', 'refused: commands are set in the configuration'],
  ['set <JAIL> ignorecache <VALUE>', "how long ignorecommand's answers are kept"],
  ["set <JAIL> addlogpath <FILE> ['tail']", 'reads one more log'],
  ['set <JAIL> dellogpath <FILE>', 'reads it no longer'],
  ['set <JAIL> logencoding <ENCODING>', 'encoding of the logs'],
  ['set <JAIL> logtimezone <ZONE>', 'time zone of times that name none'],
  ['set <JAIL> addjournalmatch <MATCH>', 'reads more of the journal'],
  ['set <JAIL> deljournalmatch <MATCH>', 'reads less of it'],
  ['set <JAIL> prefregex <REGEX>', 'regex that is matched first'],
  ['set <JAIL> addfailregex <REGEX>', 'one more regex of failures'],
  ['set <JAIL> delfailregex <INDEX>', 'takes the regex of that number away'],
  ['set <JAIL> addignoreregex <REGEX>', 'one more regex of lines that are no failure'],
  ['set <JAIL> delignoreregex <INDEX>', 'takes the regex of that number away'],
  ['set <JAIL> findtime <TIME>', 'time within which failures count'],
  ['set <JAIL> bantime <TIME>', 'length of a ban'],
  [
    'set <JAIL> bantime.increment true|false',
    'longer bans for repeated offenders; so are bantime.factor and others',
  ],
  ['set <JAIL> datepattern <PATTERN>', 'how the time of a line is written'],
  ['set <JAIL> usedns <VALUE>', 'yes, warn, no or raw'],
  ['set <JAIL> attempt <IP> [<failure1> ... <failureN>]', 'counts a failure'],
  ['set <JAIL> banip <IP> ... <IP>', 'bans by hand'],
  ['set <JAIL> unbanip [--report-absent] <IP> ... <IP>', 'lifts bans'],
  ['set <JAIL> maxretry <RETRY>', 'failures that lead to a ban'],
  ['set <JAIL> maxmatches <INT>', 'matched lines that are kept for actions'],
  ['set <JAIL> maxlines <LINES>', 'lines that a regex looks at together'],
  ['set <JAIL> addaction <ACT>', 'refused: actions are set in the configuration'],
  ['set <JAIL> delaction <ACT>', 'refused likewise'],
  ['set <JAIL> action <ACT> <PROPERTY> <VALUE>', 'refused likewise'],
  ['', 'JAIL INFORMATION'],
  ['get <JAIL> banned', 'lists the bans'],
  ['get <JAIL> banned <IP> ... <IP>', '1 for each address that is banned, else 0'],
  ['get <JAIL> banip [<SEP>|--with-time]', 'lists the bans by their ends'],
  ...['logpath', 'logencoding', 'logtimezone', 'journalmatch', 'ignoreself', 'ignoreip', 'ignorecommand'].map(
    shown,
  ),
  ...['ignorecache', 'prefregex', 'failregex', 'ignoreregex', 'findtime', 'bantime', 'datepattern'].map(
    shown,
  ),
  ...['bantime.increment', 'usedns', 'maxretry', 'maxmatches', 'maxlines', 'actions'].map(shown),
  ['', 'ACTION INFORMATION'],
  ['get <JAIL> actionproperties <ACT>', 'names of the options of an action'],
  ['get <JAIL> actionmethods <ACT>', 'what an action does'],
  ['get <JAIL> action <ACT> <PROPERTY>', 'shows an option of an action'],
];

function shown(topic: string): readonly [string, string] {
  return [`get <JAIL> ${topic}`, `shows ${topic}`];
}

/** Columns of the form and of its help. */
const MARGIN = 41;
const WIDTH = 34;

/** The help of the program that was called by this name. */
export function usage(calledAs: string): string {
  const isServer = calledAs.endsWith('server');
  return [
    `Usage: ${calledAs} [OPTIONS]${isServer ? '' : ' <COMMAND>'}`,
    '',
    `Fail2Ban v${IMITATED} is what f2b answers as here: it reads logs,`,
    'counts failures, and bans addresses at the firewall.',
    '',
    'Options:',
    ...OPTIONS.map(([form, help]) => `    ${form.padEnd(23)} ${help}`),
    ...(isServer ? [] : ['', 'Command:', ...FORMS.flatMap(formLines)]),
    '',
    'f2b help shows the commands of f2b itself.',
    '',
  ].join('\n');
}

function formLines([form, help]: readonly [form: string, help: string]): readonly string[] {
  const [first = '', ...more] = wrapped(help);
  const indent = ' '.repeat(MARGIN + 4);
  if (form === '') return [...(help === 'BASIC' ? [] : ['']), `${indent}${help}`];
  const rest = more.map((line) => `${indent}${line}`);
  if (form.length >= MARGIN) return [`    ${form}`, `${indent}${first}`, ...rest];
  return [`    ${form.padEnd(MARGIN)}${first}`, ...rest];
}

function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length < WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
