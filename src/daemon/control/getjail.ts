import type { RunningJail } from '../../ban/jail.ts';
import { canonicalNetwork, formatNetwork } from '../../base/ip.ts';
import { formatSecond } from '../../base/log.ts';
import { type PyValue, tuple } from '../../base/pickle.ts';
import type { Action, Jail } from '../../config/jail.ts';
import { type ControlHost, missing, Refused } from './host.ts';
import { logFiles, matchesOf, standingBans } from './statusword.ts';

/** What `get JAIL TOPIC` answers; `words` follow the topic. */
type Ask = (jail: Jail, words: readonly string[], host: ControlHost) => PyValue;

const INCREMENT: readonly string[] = [
  'increment',
  'factor',
  'formula',
  'multipliers',
  'maxtime',
  'rndtime',
  'overalljails',
];

/** A row a topic. */
const TOPICS: Readonly<Record<string, Ask>> = {
  banned: ({ name }, ips, host) => {
    const ids = standingBans(host, name).map(([id]) => id);
    const asked = ips.map((ip) => (ids.includes(canonicalNetwork(ip) ?? ip) ? 1 : 0));
    return ips.length === 0 ? ids : asked.length === 1 ? (asked[0] ?? 0) : asked;
  },
  banip: ({ name }, [form], host) =>
    standingBans(host, name).map(([id, { at, until }]) => {
      if (form !== '--with-time') return id;
      const end = until === null ? '9999-12-31 23:59:59' : formatSecond(until);
      const length = until === null ? -1 : Math.round(until - at);
      return `${id} \t${formatSecond(at)} + ${length} = ${end}`;
    }),
  logpath: logFiles,
  logencoding: ({ logencoding }) => (/^(?:auto|utf-?8)$/.test(logencoding) ? 'UTF-8' : logencoding),
  journalmatch: matchesOf,
  ignoreself: ({ ignore }) => ignore.self,
  ignoreip: ({ ignore }) => [
    ...ignore.networks.map(formatNetwork),
    ...ignore.names,
    ...ignore.files.map((path) => `file:${path}`),
  ],
  ignorecommand: ({ ignore }) => ignore.command ?? '',
  ignorecache: ({ ignore: { cache } }) => cache && [cache.key, cache.maxCount, cache.maxTime],
  prefregex: ({ filter }) => filter.prefregex?.text ?? '',
  failregex: ({ filter }) => filter.failregex.map(({ text }) => text),
  ignoreregex: ({ filter }) => filter.ignoreregex.map(({ text }) => text),
  usedns: ({ usedns }) => usedns,
  findtime: ({ findtime }) => findtime,
  bantime: ({ bantime }) => bantime ?? -1,
  maxretry: ({ maxretry }) => maxretry,
  maxmatches: ({ maxmatches }) => maxmatches,
  maxlines: ({ filter }) => filter.maxlines,
  datepattern: ({ filter }) => datesOf(filter.datepattern?.text ?? null),
  logtimezone: ({ logtimezone }) => logtimezone,
  actions: ({ actions }) => actions.map(({ name }) => name),
  action: (jail, [name, key]) => {
    if (name === undefined || key === undefined) throw missing();
    return propertyOf(actionOf(jail, name), key);
  },
  actionproperties: (jail, [name]) => {
    const action = actionOf(jail, name);
    return [...new Set([...action.options.keys(), 'actname', 'name', 'timeout'])].sort();
  },
  actionmethods: (jail, [name]) => {
    actionOf(jail, name);
    return ['ban', 'flush', 'start', 'stop', 'unban'];
  },
};

/** All topics, `bantime.increment` and its like among them. */
export const GET_TOPICS: readonly string[] = [
  ...Object.keys(TOPICS),
  ...INCREMENT.map((one) => `bantime.${one}`),
];

/** Answers `get JAIL TOPIC ..`. Throws Refused. */
export function answerGet(host: ControlHost, { jail }: RunningJail, words: readonly string[]): PyValue {
  const [topic, ...rest] = words;
  if (topic === undefined) throw missing();
  const ask = Object.hasOwn(TOPICS, topic) ? TOPICS[topic] : undefined;
  if (ask !== undefined) return ask(jail, rest, host);
  if (topic.startsWith('bantime.') && INCREMENT.includes(topic.slice(8)))
    return growthOf(jail, topic.slice(8));
  throw new Refused('Invalid command (no get action or not yet implemented)');
}

function growthOf({ increment }: Jail, what: string): PyValue {
  const { enabled, factor, formula, multipliers, maxtime, rndtime, overalljails } = increment;
  if (what === 'increment') return enabled;
  if (what === 'factor') return factor;
  if (what === 'formula') return formula === null ? null : formula.text;
  if (what === 'multipliers') return multipliers.length === 0 ? null : multipliers.join(' ');
  if (what === 'maxtime') return maxtime;
  return what === 'rndtime' ? rndtime : overalljails;
}

function actionOf(jail: Jail, name: string | undefined): Action {
  if (name === undefined) throw missing();
  const found = jail.actions.find((one) => one.name === name);
  if (found === undefined) throw new Refused(`Invalid Action name: ${name}`, 'builtins.KeyError');
  return found;
}

/** Commands that an action does not define are empty, as in fail2ban. */
function propertyOf(action: Action, key: string): PyValue {
  if (key === 'timeout') return action.kind === 'command' ? action.timeout : 60;
  if (key === 'actname') return action.name;
  const value = action.options.get(key) ?? (key.startsWith('action') ? '' : undefined);
  if (value === undefined)
    throw new Refused(`'CommandAction' object has no attribute '${key}'`, 'builtins.AttributeError');
  return value;
}

/** Names of the parts of a date, for people. */
const PARTS: Readonly<Record<string, string>> = {
  Y: 'Year',
  y: 'Year2',
  m: 'Month',
  d: 'Day',
  b: 'MON',
  B: 'Month',
  a: 'DAY',
  A: 'Day',
  H: '24hour',
  I: '12hour',
  M: 'Minute',
  S: 'Second',
  f: 'Microseconds',
  p: 'AMPM',
  Z: 'Zone name',
  z: 'Zone offset',
  '%': '%',
};

/** The pattern and how it reads; `Default Detectors` where there is none. */
function datesOf(pattern: string | null): PyValue {
  if (pattern === null) return tuple(null, 'Default Detectors');
  if (!pattern.includes('%')) return tuple(null, pattern);
  return tuple(
    pattern,
    pattern.replace(/%(.)/g, (whole, letter: string) => PARTS[letter] ?? whole),
  );
}
