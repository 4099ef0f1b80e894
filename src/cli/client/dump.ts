import { formatNetwork } from '../../base/ip.ts';
import type { PyValue } from '../../base/pickle.ts';
import type { Config } from '../../config/config.ts';
import type { Jail } from '../../config/jail.ts';
import { pythonRepr } from './print.ts';

/** The configuration as the commands that would make it, a line each, as `fail2ban-client -d` prints it. */
export function dumpCommands({ settings, jails }: Config): readonly string[] {
  const set = (name: string, usual: string): PyValue[] => ['set', name, settings.options.get(name) ?? usual];
  const commands: readonly (readonly PyValue[])[] = [
    set('syslogsocket', 'auto'),
    ['set', 'loglevel', settings.loglevel],
    set('logtarget', 'STDERR'),
    set('allowipv6', 'auto'),
    set('dbfile', ''),
    ['set', 'dbmaxmatches', Number(settings.options.get('dbmaxmatches') ?? 10)],
    ['set', 'dbpurgeage', settings.dbpurgeage],
    ...jails.flatMap(jailCommands),
    ...jails.map(({ name }) => ['start', name]),
  ];
  return commands.map(pythonRepr);
}

function jailCommands(jail: Jail): readonly (readonly PyValue[])[] {
  const { name, filter, ignore } = jail;
  const set = (...words: readonly PyValue[]): PyValue[] => ['set', name, ...words];
  const many = (topic: string, texts: readonly string[]): PyValue[][] =>
    texts.length === 0 ? [] : [['multi-set', name, topic, texts]];
  const ignored = [...ignore.networks.map(formatNetwork), ...ignore.names];
  return [
    ['add', name, jail.backend === 'systemd' ? 'systemd' : jail.backend],
    set('usedns', jail.usedns),
    ...(filter.prefregex === null ? [] : [set('prefregex', filter.prefregex.text)]),
    ...many(
      'addfailregex',
      filter.failregex.map(({ text }) => text),
    ),
    ...many(
      'addignoreregex',
      filter.ignoreregex.map(({ text }) => text),
    ),
    ...(filter.datepattern === null ? [] : [set('datepattern', filter.datepattern.text)]),
    set('maxlines', filter.maxlines),
    set('maxretry', jail.maxretry),
    set('findtime', jail.findtime),
    set('bantime', jail.bantime ?? -1),
    set('ignorecommand', ignore.command ?? ''),
    set('ignoreself', ignore.self),
    ...(ignored.length === 0 ? [] : [set('addignoreip', ...ignored)]),
    set('logencoding', jail.logencoding),
    ...(jail.backend === 'systemd'
      ? filter.journalmatch.map((match) => set('addjournalmatch', ...match.split(/\s+/)))
      : jail.logpath.map(({ glob, start }) => set('addlogpath', glob, start === 'tail' ? 'tail' : 'head'))),
    ...jail.actions.flatMap((action) => [
      set('addaction', action.name),
      ['multi-set', name, 'action', action.name, [...action.options].map(([key, value]) => [key, value])],
    ]),
  ];
}
