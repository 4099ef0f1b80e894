import { existsSync } from 'node:fs';
import type { RunningJail } from '../../ban/jail.ts';
import { ConfigError, formatProblem, type Place, type Problem } from '../../base/errors.ts';
import { canonicalNetwork, formatNetwork } from '../../base/ip.ts';
import type { PyValue } from '../../base/pickle.ts';
import type { Ignore, Jail, RegexSource } from '../../config/jail.ts';
import { textAt } from '../../config/text.ts';
import * as values from '../../config/values.ts';
import { answerGet } from './getjail.ts';
import { type ControlHost, jailOf, missing, Refused } from './host.ts';
import { standingBans } from './statusword.ts';

/** The place of what no file says. */
const RUN_TIME: Place = { file: 'set at run time', line: 0 };

/** Makes the jail as it is with the new value; `words` follow the topic. Throws Refused or ConfigError. */
type Change = (jail: Jail, words: readonly string[]) => Jail;

/** A row a topic whose value is taken as a whole, and which `get` shows by the same name. */
const VALUES: Readonly<Record<string, Change>> = {
  bantime: (jail, [text]) => ({ ...jail, bantime: read(text, values.readBantime) }),
  findtime: (jail, [text]) => ({ ...jail, findtime: read(text, values.readDuration) }),
  maxretry: (jail, [text]) => ({ ...jail, maxretry: read(text, values.integerFrom(1)) }),
  maxmatches: (jail, [text]) => ({ ...jail, maxmatches: read(text, values.integerFrom(0)) }),
  maxlines: (jail, [text]) => withFilter(jail, { maxlines: read(text, values.integerFrom(1)) }),
  usedns: (jail, [text]) => ({ ...jail, usedns: read(text, values.readUseDns) }),
  logencoding: (jail, [text]) => ({ ...jail, logencoding: read(text, values.readEncoding) }),
  logtimezone: (jail, [text]) => ({ ...jail, logtimezone: read(text, values.readTimeZone) }),
  datepattern: (jail, [text]) => withFilter(jail, { datepattern: sourceOf(text) }),
  prefregex: (jail, [text]) => withFilter(jail, { prefregex: text === '' ? null : sourceOf(text) }),
  ignoreself: (jail, [text]) => withIgnore(jail, { self: read(text, values.readBoolean) }),
  ignorecache: (jail, [text]) => withIgnore(jail, { cache: read(text, values.readCacheRule) }),
  'bantime.increment': (jail, [text]) => withGrowth(jail, { enabled: read(text, values.readBoolean) }),
  'bantime.factor': (jail, [text]) => withGrowth(jail, { factor: read(text, values.readNumber) }),
  'bantime.formula': (jail, [text]) => withGrowth(jail, { formula: read(text, values.readFormula) }),
  'bantime.multipliers': (jail, [text]) =>
    withGrowth(jail, { multipliers: read(text, values.readMultipliers) }),
  'bantime.maxtime': (jail, [text]) => withGrowth(jail, { maxtime: read(text, values.readMaxTime) }),
  'bantime.rndtime': (jail, [text]) => withGrowth(jail, { rndtime: read(text, values.readRandomTime) }),
  'bantime.overalljails': (jail, [text]) =>
    withGrowth(jail, { overalljails: read(text, values.readBoolean) }),
};

/** A row a topic that adds to a list or takes from it; the answer is the list, which `get` shows as `of`. */
const LISTS: Readonly<Record<string, { readonly of: string; readonly change: Change }>> = {
  addignoreip: { of: 'ignoreip', change: (jail, words) => withIgnored(jail, words) },
  delignoreip: { of: 'ignoreip', change: (jail, [word]) => withoutIgnored(jail, given(word)) },
  addlogpath: { of: 'logpath', change: withLog },
  dellogpath: {
    of: 'logpath',
    change: (jail, [path]) => ({ ...jail, logpath: jail.logpath.filter(({ glob }) => glob !== given(path)) }),
  },
  addjournalmatch: {
    of: 'journalmatch',
    change: (jail, words) =>
      jail.backend === 'systemd'
        ? withFilter(jail, { journalmatch: [...jail.filter.journalmatch, readMatch(words)] })
        : jail,
  },
  deljournalmatch: {
    of: 'journalmatch',
    change: (jail, words) => {
      const match = readMatch(words);
      return withFilter(jail, { journalmatch: jail.filter.journalmatch.filter((one) => one !== match) });
    },
  },
  addfailregex: {
    of: 'failregex',
    change: (jail, [text]) => withFilter(jail, { failregex: [...jail.filter.failregex, sourceOf(text)] }),
  },
  delfailregex: {
    of: 'failregex',
    change: (jail, [text]) => withFilter(jail, { failregex: without(jail.filter.failregex, text) }),
  },
  addignoreregex: {
    of: 'ignoreregex',
    change: (jail, [text]) => withFilter(jail, { ignoreregex: [...jail.filter.ignoreregex, sourceOf(text)] }),
  },
  delignoreregex: {
    of: 'ignoreregex',
    change: (jail, [text]) => withFilter(jail, { ignoreregex: without(jail.filter.ignoreregex, text) }),
  },
};

/** What is a command line, or stands for one: whoever reaches the socket must not get a shell by it. */
const COMMANDS: readonly string[] = ['ignorecommand', 'addaction', 'delaction', 'action'];

/** A row a topic that does something. */
const DEEDS: Readonly<
  Record<string, (host: ControlHost, jail: RunningJail, words: readonly string[]) => Promise<PyValue>>
> = {
  async idle(host, { jail }, [word]) {
    if (word !== 'on' && word !== 'off') throw new Refused("Invalid idle option, must be 'on' or 'off'");
    const idle = new Set([...host.idle].filter((name) => name !== jail.name));
    if (word === 'on') idle.add(jail.name);
    await host.replace(
      [...host.jails.values()].map((one) => one.jail),
      idle,
    );
    return word === 'on';
  },
  async banip(host, jail, words) {
    if (words.length === 0) throw missing();
    const ids = words.map((word) => addressOf(word));
    const fresh = ids.filter((id) => host.ban(jail, id));
    await host.settled();
    return fresh.length;
  },
  async unbanip(host, { jail }, words) {
    const isStrict = words[0] === '--report-absent';
    const ids = isStrict ? words.slice(1) : words;
    if (ids.length === 0) throw missing();
    const standing = standingBans(host, jail.name).map(([id]) => id);
    const absent = ids.filter((id) => !standing.includes(canonicalNetwork(id) ?? id));
    const count = host.unban(jail.name, ids);
    await host.settled();
    if (isStrict && absent.length > 0 && count < ids.length)
      throw new Refused(`not banned: [${absent.map((id) => `'${id}'`).join(', ')}]`, 'builtins.ValueError');
    return count;
  },
  async attempt(host, jail, [ip, ...matches]) {
    host.attempt(jail, addressOf(given(ip)), matches);
    return 1;
  },
};

/** All topics that can be set. */
export const SET_TOPICS: readonly string[] = [
  ...Object.keys(VALUES),
  ...Object.keys(LISTS),
  ...Object.keys(DEEDS),
  ...COMMANDS,
];

/** Answers `set JAIL TOPIC ..`. Throws Refused or ConfigError. */
export async function answerSet(host: ControlHost, name: string, words: readonly string[]): Promise<PyValue> {
  const [topic, ...rest] = words;
  if (topic === undefined) throw missing();
  const running = jailOf(host, name);
  const deed = own(DEEDS, topic);
  if (deed !== undefined) return deed(host, running, rest);
  if (COMMANDS.includes(topic))
    throw new Refused(`${topic} runs commands: they are set in the configuration, never at run time`);
  const list = own(LISTS, topic);
  const change = list?.change ?? own(VALUES, topic);
  if (change === undefined)
    throw new Refused(`Invalid command '${topic}' (no set action or not yet implemented)`);
  if (rest.length === 0) throw missing();
  const changed = change(running.jail, rest);
  const jails = [...host.jails.values()].map(({ jail }) => (jail.name === name ? changed : jail));
  await host.replace(jails, host.idle);
  return answerGet(host, jailOf(host, name), [list?.of ?? topic]);
}

function own<T>(table: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function given(word: string | undefined): string {
  if (word === undefined) throw missing();
  return word;
}

/** Reads a value as the same option of a jail is read. */
function read<T>(text: string | undefined, reader: values.Read<T>): T {
  const problems: Problem[] = [];
  const found = values.readValue(null, textAt(given(text), RUN_TIME), reader, problems);
  if (found === null) throw new ConfigError(problems);
  return found.value;
}

function sourceOf(text: string | undefined): RegexSource {
  return { text: given(text), place: RUN_TIME };
}

function withFilter(jail: Jail, filter: Partial<Jail['filter']>): Jail {
  return { ...jail, filter: { ...jail.filter, ...filter } };
}

function withIgnore(jail: Jail, ignore: Partial<Ignore>): Jail {
  return { ...jail, ignore: { ...jail.ignore, ...ignore } };
}

function withGrowth(jail: Jail, increment: Partial<Jail['increment']>): Jail {
  return { ...jail, increment: { ...jail.increment, ...increment } };
}

function withIgnored(jail: Jail, words: readonly string[]): Jail {
  const more = read(words.join(' '), values.readIgnoreIp);
  const { networks, names, files } = withoutIgnored(jail, null, words).ignore;
  return withIgnore(jail, {
    networks: [...networks, ...more.networks],
    names: [...names, ...more.names],
    files: [...files, ...more.files],
  });
}

/** Without `word`, which has to be there; `quietly`: without these, wherever they are. */
function withoutIgnored(jail: Jail, word: string | null, quietly: readonly string[] = []): Jail {
  const gone = read([...quietly, ...(word === null ? [] : [word])].join(' '), values.readIgnoreIp);
  const texts = new Set(gone.networks.map(formatNetwork));
  const ignore = {
    networks: jail.ignore.networks.filter((one) => !texts.has(formatNetwork(one))),
    names: jail.ignore.names.filter((one) => !gone.names.includes(one)),
    files: jail.ignore.files.filter((one) => !gone.files.includes(one)),
  };
  const count = ({ networks, names, files }: Pick<Ignore, 'networks' | 'names' | 'files'>): number =>
    networks.length + names.length + files.length;
  if (word !== null && count(ignore) === count(jail.ignore))
    throw new Refused(`${word} is not in ignoreip`, 'builtins.ValueError');
  return withIgnore(jail, ignore);
}

function withLog(jail: Jail, words: readonly string[]): Jail {
  const [path = '', where = 'head', ...more] = words;
  if (more.length > 0) throw new Refused('Only one file can be added at a time', 'builtins.ValueError');
  if (where !== 'head' && where !== 'tail')
    throw new Refused("File option must be 'head' or 'tail'", 'builtins.ValueError');
  const [one] = read(`${path} ${where}`, values.readLogPath);
  if (one === undefined || jail.logpath.some(({ glob }) => glob === one.glob)) return jail;
  if (!/[*?[]/.test(path) && !existsSync(path))
    throw new Refused(path, 'builtins.FileNotFoundError', [2, 'No such file or directory', path]);
  return { ...jail, logpath: [...jail.logpath, one] };
}

function readMatch(words: readonly string[]): string {
  const match = words.join(' ');
  const problems: Problem[] = [];
  values.readValue('journalmatch', textAt(match, RUN_TIME), values.checkJournalMatch, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return match;
}

/** The regexes without that of an index; an index beyond the last one takes none. */
function without(regexes: readonly RegexSource[], text: string | undefined): readonly RegexSource[] {
  const index = read(text, values.integerFrom(0));
  return regexes.filter((_, i) => i !== index);
}

function addressOf(word: string): string {
  const id = canonicalNetwork(word);
  if (id === null) throw new Refused(`"${word}" is not an address or network`, 'builtins.ValueError');
  return id;
}

/** What is wrong, in one text. */
export function textOf({ problems }: ConfigError): string {
  return problems
    .map((one) => formatProblem({ ...one, place: one.place === RUN_TIME ? null : one.place }))
    .join('; ');
}
