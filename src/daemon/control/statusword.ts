import { existsSync } from 'node:fs';
import type { RunningJail } from '../../ban/jail.ts';
import { type PyValue, tuple } from '../../base/pickle.ts';
import type { Jail } from '../../config/jail.ts';
import { pathsOf } from '../../source/logfile/glob.ts';
import type { Ban } from '../../state/state.ts';
import { type ControlHost, jailOf, Refused } from './host.ts';

/** `status`, `status JAIL [FLAVOUR]`, `status --all [FLAVOUR]`. */
export function answerStatus(host: ControlHost, words: readonly string[]): PyValue {
  const [name, flavour = 'basic', ...more] = words;
  if (more.length > 0) throw new Refused('Invalid command (no status)');
  if (name === '--all' || name === undefined) return statusOfAll(host, name === undefined ? null : flavour);
  return statusOfJail(host, jailOf(host, name), flavour);
}

/** `flavour` null: only the list of jails. */
function statusOfAll(host: ControlHost, flavour: string | null): PyValue {
  const names = [...host.jails.keys()].sort();
  if (flavour === 'stats') return new Map(names.map((name) => [name, countsOf(host, jailOf(host, name))]));
  const list = [tuple('Number of jail', names.length), tuple('Jail list', names.join(', '))];
  if (flavour === null) return list;
  return [...list, new Map(names.map((name) => [name, statusOfJail(host, jailOf(host, name), flavour)]))];
}

/** The backend, failures now and in all, bans now and in all. */
function countsOf(host: ControlHost, running: RunningJail): PyValue {
  const { failing, banned, totalFailed, totalBanned } = numbersOf(host, running);
  return [backendOf(running.jail), tuple(failing, totalFailed), tuple(banned.length, totalBanned)];
}

function numbersOf(host: ControlHost, { jail }: RunningJail) {
  const known = host.state.jails.get(jail.name);
  const oldest = host.now() - jail.findtime;
  return {
    failing: [...(known?.failures ?? [])].filter(([, { last }]) => last > oldest).length,
    totalFailed: known?.totalFailed ?? 0,
    banned: standingBans(host, jail.name).map(([id]) => id),
    totalBanned: known?.totalBanned ?? 0,
  };
}

function statusOfJail(host: ControlHost, running: RunningJail, flavour: string): PyValue {
  const { jail } = running;
  const { failing, totalFailed, banned, totalBanned } = numbersOf(host, running);
  const counts = [tuple('Currently banned', banned.length), tuple('Total banned', totalBanned)];
  const list = flavour === 'short' ? [] : [tuple('Banned IP list', banned)];
  // fail2ban asks a server of Team Cymru for these; f2b asks nobody.
  const networks =
    flavour === 'cymru'
      ? ['ASN', 'Country', 'RIR'].map((one) => tuple(`Banned ${one} list`, ['unknown']))
      : [];
  return [
    tuple('Filter', [
      tuple('Currently failed', failing),
      tuple('Total failed', totalFailed),
      jail.backend === 'systemd'
        ? tuple('Journal matches', [
            matchesOf(jail)
              .map((group) => group.join(' '))
              .join(' + '),
          ])
        : tuple('File list', logFiles(jail)),
    ]),
    tuple('Actions', [...counts, ...list, ...networks]),
  ];
}

/** fail2ban's word for the way in which a jail reads. */
export function backendOf(jail: Jail): string {
  return jail.backend === 'systemd' ? 'systemd' : 'polling';
}

/** The log files that there are; a jail on the journal reads none. */
export function logFiles(jail: Jail): readonly string[] {
  if (jail.backend === 'systemd') return [];
  return [...new Set(jail.logpath.flatMap(({ glob }) => pathsOf(glob).paths))].filter((path) =>
    existsSync(path),
  );
}

/** The matches of a journal jail: groups of which one must hold, each a list of `FIELD=value`. */
export function matchesOf({ backend, filter }: Jail): readonly (readonly string[])[] {
  if (backend !== 'systemd') return [];
  return filter.journalmatch
    .flatMap((line) => line.split(/\s+\+\s+/))
    .map((group) => group.trim().split(/\s+/));
}

/** The bans of a jail whose time is not up, by their ends. */
export function standingBans({ state, now }: ControlHost, jail: string): readonly [string, Ban][] {
  const endOf = ({ until }: Ban): number => until ?? Number.POSITIVE_INFINITY;
  const bans = [...(state.jails.get(jail)?.bans ?? [])].filter(([, ban]) => endOf(ban) > now());
  return bans.sort(([, a], [, b]) => (endOf(a) === endOf(b) ? 0 : endOf(a) - endOf(b)));
}
