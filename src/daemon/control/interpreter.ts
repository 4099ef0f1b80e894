/**
 * The words of fail2ban-client and their answers, as fail2ban 1.0.2 and 1.1 give them: one table, whoever asks.
 *
 *     await answer(host, ['get', 'sshd', 'bantime']); // (0, 600)
 *     await answer(host, ['status', 'nosuch']);       // (1, UnknownJailException('nosuch'))
 */

import { parseDuration } from '../../base/duration.ts';
import { ConfigError, MachineError, reasonOf, UsageError } from '../../base/errors.ts';
import { canonicalNetwork } from '../../base/ip.ts';
import { LEVELS } from '../../base/log.ts';
import { isList, type PyTuple, type PyValue, tuple } from '../../base/pickle.ts';
import { answerGet } from './getjail.ts';
import { type ControlHost, IMITATED, jailOf, missing, noJail, Refused } from './host.ts';
import { answerSet, textOf } from './setjail.ts';
import { answerStatus, standingBans } from './statusword.ts';

type Answer = (host: ControlHost, words: readonly string[]) => PyValue | Promise<PyValue>;

const stats: Answer = (host) => answerStatus(host, ['--all', 'stats']);

/** A row a command; `words` follow its name. `reload` is below, since it takes more than texts. */
const COMMANDS: Readonly<Record<string, Answer>> = {
  ping: () => 'pong',
  version: () => IMITATED,
  echo: (_, words) => words,
  status: answerStatus,
  stat: stats,
  stats,
  statistic: stats,
  statistics: stats,
  'server-status': () => 'Server ready',
  banned: (host, ips) => {
    const jails = [...host.jails.keys()].map(
      (name) => [name, standingBans(host, name).map(([id]) => id)] as const,
    );
    if (ips.length === 0) return jails.map(([name, ids]) => new Map([[name, ids]]));
    return ips.map((ip) => {
      const id = canonicalNetwork(ip) ?? ip;
      return jails.filter(([, ids]) => ids.includes(id)).map(([name]) => name);
    });
  },
  async unban(host, words) {
    if (words.length === 0) throw new Refused('Invalid command');
    const ids = words.length === 1 && words[0] === '--all' ? null : words;
    const counts = [...host.state.jails.keys()].map((name) => host.unban(name, ids));
    await host.settled();
    return counts.reduce((sum, one) => sum + one, 0);
  },
  flushlogs(host) {
    host.log.reopen();
    return 'rolled over';
  },
  get: (host, words) => {
    const [name, ...rest] = words;
    if (name === undefined) throw missing();
    const row = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    if (row !== undefined) return row.get(host);
    if (rest.length === 0) throw missing();
    return answerGet(host, jailOf(host, name), rest);
  },
  set: (host, words) => {
    const [name, ...rest] = words;
    if (name === undefined || rest[0] === undefined) throw missing();
    const row = Object.hasOwn(SETTINGS, name) ? SETTINGS[name] : undefined;
    if (row === undefined) return answerSet(host, name, rest);
    row.set(host, rest[0]);
    return row.get(host);
  },
  async add(host, [name, backend = 'auto']) {
    if (name === undefined) throw missing();
    if (host.jails.has(name)) throw new Refused(name, 'fail2ban.exceptions.DuplicateJailException');
    await host.add(name, backend);
    return name;
  },
  start(host, [name]) {
    jailOf(host, name ?? '');
    return null;
  },
  async stop(host, [name]) {
    if (name === undefined) await host.stop();
    else {
      if (name !== '--all') jailOf(host, name);
      const jails = [...host.jails.values()].map(({ jail }) => jail);
      await host.replace(name === '--all' ? [] : jails.filter((jail) => jail.name !== name), host.idle);
    }
    return null;
  },
};

/** Settings of the program: a row each. */
type Setting = { get(host: ControlHost): PyValue; set(host: ControlHost, value: string): void };

const none = (what: string, why: string) => (): never => {
  throw new Refused(`${what} has no meaning here: ${why}`);
};

const SETTINGS: Readonly<Record<string, Setting>> = {
  loglevel: {
    get: ({ log }) => log.level,
    set: ({ log }, text) => log.setLevel(levelOf(text)),
  },
  logtarget: {
    get: ({ log }) => log.target ?? 'STDERR',
    set: ({ log }, text) => {
      const isStream = /^(?:STDOUT|STDERR|SYSOUT|SYSLOG|SYSTEMD-JOURNAL)$/i.test(text);
      if (!isStream && !text.startsWith('/')) throw new Refused('Failed to change log target');
      if (!log.setTarget(isStream ? null : text)) throw new Refused('Failed to change log target');
    },
  },
  syslogsocket: {
    get: ({ settings }) => settings.options.get('syslogsocket') ?? 'auto',
    set: ({ settings }, text) => {
      if (text !== (settings.options.get('syslogsocket') ?? 'auto'))
        none('syslogsocket', 'log lines go to a file or to standard error')();
    },
  },
  dbfile: {
    get: ({ statePath }) => statePath,
    set: ({ statePath }, text) => {
      if (text !== statePath) none('dbfile', `everything is kept in ${statePath}`)();
    },
  },
  dbmaxmatches: {
    get: ({ settings }) => Number(settings.options.get('dbmaxmatches') ?? 10),
    set: ({ settings }, text) => {
      if (text !== (settings.options.get('dbmaxmatches') ?? '10'))
        none('dbmaxmatches', 'the maxmatches of a jail counts')();
    },
  },
  dbpurgeage: {
    get: ({ purgeAge }) => purgeAge,
    set: (host, text) => {
      const seconds = parseDuration(text);
      if (seconds === null || seconds < 0) throw new Refused(`cannot read "${text}" as a duration`);
      host.purgeAge = seconds;
    },
  },
  allowipv6: { get: () => 'auto', set: none('allowipv6', 'IPv6 is always understood') },
  thread: { get: () => new Map([['stacksize', 0]]), set: none('thread', 'f2b has one thread') },
};

/** The first words that are answered. */
export const FIRST_WORDS: readonly string[] = [...Object.keys(COMMANDS), 'reload'];

/** The names after `get` and `set` that are no jail. */
export const SETTING_NAMES: readonly string[] = Object.keys(SETTINGS);

/** The answer in the form of fail2ban's socket: (0, value), or (1, exception). */
export async function answer(host: ControlHost, request: PyValue): Promise<PyTuple> {
  try {
    if (!isList(request)) throw new Refused('Invalid command');
    const [name] = request;
    if (name === 'reload') return tuple(0, await reload(host, request.slice(1)));
    const words = request.map((one) => wordOf(one));
    const command = typeof name === 'string' && Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
    if (command === undefined) throw new Refused('Invalid command');
    return tuple(0, await command(host, words.slice(1)));
  } catch (error) {
    if (error instanceof Refused) return tuple(1, error.fault);
    const isTold = error instanceof MachineError || error instanceof UsageError;
    if (!isTold && !(error instanceof ConfigError)) throw error;
    return tuple(1, new Refused(error instanceof ConfigError ? textOf(error) : reasonOf(error)).fault);
  }
}

/** Numbers and truth come as such from some programs. */
function wordOf(value: PyValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  throw new Refused('Invalid command');
}

/**
 * `reload JAIL OPTIONS STREAM`, as fail2ban's own client sends it: the stream is its reading of the configuration, which f2b reads
 * itself. Without a stream, as f2b's own commands ask, the answer is a report.
 */
async function reload(host: ControlHost, [jail, options, stream]: readonly PyValue[]): Promise<PyValue> {
  const given = isList(options) ? options : [];
  const name = typeof jail === 'string' && jail !== '--all' ? jail : null;
  const isUnbanning = given.includes('--unban');
  const report = await host.reload({ jail: name, isUnbanning });
  if (report === null) {
    if (given.includes('--if-exists')) return 'OK';
    throw noJail(name ?? '');
  }
  if (stream !== undefined) return 'OK';
  return new Map<PyValue, PyValue>(Object.entries(report));
}

function levelOf(text: string): (typeof LEVELS)[number] {
  const upper = text.toUpperCase();
  if (/^(?:TRACE|HEAVY)DEBUG$/.test(upper)) return 'DEBUG';
  // Python's numbers of the levels.
  const byNumber = LEVELS[[50, 40, 30, 25, 20, 10].indexOf(Number(text))];
  const level = LEVELS.find((one) => one === upper) ?? byNumber;
  if (level === undefined) throw new Refused(`Invalid log level '${upper}'`, 'builtins.ValueError');
  return level;
}
