import { ignoredBans, ignoredBansText } from '../ban/ignoredbans.ts';
import type { FileNews } from '../ban/ignorefiles.ts';
import type { RunningJail } from '../ban/jail.ts';
import { formatProblem, type Problem } from '../base/errors.ts';
import { formatEnd, formatSecond, type Level, type Log } from '../base/log.ts';
import { isList, type PyValue } from '../base/pickle.ts';
import type { TimeWarning } from '../filter/types.ts';
import type { State } from '../state/state.ts';

const DAY = 86400;

/**
 * Every line of the daemon's log, in fail2ban's words and through its channels: recidive jails and log shippers read them. Other
 * rooms report through `actions` and `filter`; nothing else writes to the log.
 */
export class Messages {
  readonly #log: Log;
  /** When each time warning was last given, by jail, source and kind, epoch seconds. */
  readonly #warned = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Reports of the daemon as a whole. */
  readonly server = (level: Level, text: string): void => this.#log.write(level, 'fail2ban.server', text);

  /** Reports of a jail's configuration. */
  readonly jail = (level: Level, text: string): void => this.#log.write(level, 'fail2ban.jail', text);

  /** Reports of sources and of the matching of their lines. */
  readonly filter = (level: Level, text: string): void => this.#log.write(level, 'fail2ban.filter', text);

  readonly source = (level: 'info' | 'warning' | 'error', text: string): void =>
    this.filter(level === 'info' ? 'INFO' : level === 'warning' ? 'WARNING' : 'ERROR', text);

  /** Reports of firewalls and actions. */
  readonly actions = (level: Level, text: string): void => this.#log.write(level, 'fail2ban.actions', text);

  starting(version: string, tree: string): void {
    this.server('INFO', '-'.repeat(50));
    this.server('INFO', `Starting f2b v${version}, configuration ${tree}`);
  }

  reloading(): void {
    this.server('NOTICE', 'Reload of the configuration');
  }

  /** A word on a socket changed something, or was refused. */
  asked(request: PyValue, isDone: boolean): void {
    if (!isList(request)) return;
    const words = request.filter((one) => typeof one === 'string');
    const isChange = ['set', 'unban', 'add', 'stop', 'reload'].includes(words[0] ?? '');
    if (!isDone) this.server('WARNING', `command refused: ${words.join(' ')}`);
    else if (isChange) this.server('INFO', `command: ${words.join(' ')}`);
  }

  notReloaded(reason: string): void {
    this.server('ERROR', `the configuration cannot be used, nothing was changed: ${reason}`);
  }

  /** The clock was set by so many seconds. */
  clockSet(seconds: number): void {
    const way = seconds > 0 ? 'forward' : 'back';
    this.server('WARNING', `the clock was set ${way} by ${Math.abs(seconds)} s: bans last as long as before`);
  }

  /** A damaged state file was set aside. */
  stateDamaged(warning: string): void {
    this.server('ERROR', warning);
  }

  /** Why the state cannot be saved; null: it can be again. */
  saving(reason: string | null): void {
    if (reason === null) this.server('NOTICE', 'the state can be saved again');
    else this.server('ERROR', `the state cannot be saved, bans go on: ${reason}`);
  }

  /** A problem of the configuration, with its hint. */
  problem(problem: Problem): void {
    const level = problem.severity === 'error' ? 'ERROR' : 'WARNING';
    this.jail(level, formatProblem(problem));
    // A hint of two lines has a caret in the second, which must stay below what it points at.
    const lines = problem.hint?.split('\n') ?? [];
    for (const [i, line] of lines.entries()) this.jail(level, `${i === 0 ? 'hint:' : '     '} ${line}`);
  }

  /** What becomes of a jail with mistakes and its bans; answers the text. */
  jailBroken(
    jail: string,
    {
      isKept,
      isBlocking,
      bans,
    }: { readonly isKept: boolean; readonly isBlocking: boolean; readonly bans: number },
  ): string {
    const stand = isBlocking ? 'stand until they end' : 'wait, and do not stand: its actions cannot be read';
    const rest = bans === 0 ? '' : `; its bans (${bans}) ${stand}`;
    const text = isKept
      ? `Jail '${jail}' goes on with its earlier settings, its bans stand: the new ones have errors`
      : `Jail '${jail}' is not started: its errors stand above${rest}`;
    this.jail('ERROR', text);
    return text;
  }

  /** An address that came into ignoreip keeps its ban until that is lifted. */
  ignoredBans(jails: ReadonlyMap<string, RunningJail>, state: State, now: number): void {
    for (const [jail, { ignore }] of jails) {
      const ids = ignoredBans(ignore, state.jails.get(jail)?.bans ?? new Map(), now);
      if (ids.length === 0) continue;
      const { text, hint } = ignoredBansText(jail, ids);
      this.jail('WARNING', `[${jail}] ${text}`);
      this.jail('WARNING', `hint: ${hint}`);
    }
  }

  jailCreated(jail: string): void {
    this.jail('INFO', `Creating new jail '${jail}'`);
  }

  jailStarted(jail: string): void {
    this.jail('INFO', `Jail '${jail}' started`);
  }

  /** A failure; `time` in epoch seconds. */
  found(jail: string, id: string, time: number): void {
    this.filter('INFO', foundText(jail, id, time));
  }

  /** As found(), for an IPv4 address as an unsigned number: under a flood most lines are this. */
  foundIp4(jail: string, ip: number, time: number): void {
    this.#log.writeIp4(jail, ip, time, foundText);
  }

  /** `because`: fail2ban's word for the rule by which the id is never banned. */
  ignored(jail: string, id: string, because: string): void {
    this.filter('INFO', `[${jail}] Ignore ${id} by ${because}`);
  }

  /** A name instead of an address in the log of a jail with `usedns = warn`. */
  nameResolved(jail: string, name: string, addresses: readonly string[]): void {
    const taken = addresses.join(' ') || 'nobody';
    this.filter('WARNING', `[${jail}] the log names ${name}, taken as ${taken}: names can be forged`);
  }

  lookupFailed(jail: string, reason: string): void {
    this.filter('ERROR', `[${jail}] ${reason}`);
  }

  /** A list of ignoreip changed, or cannot be read any more. */
  ignoreFile({ path, count, trouble }: FileNews): void {
    if (trouble === null) this.filter('INFO', `ignoreip: read ${path} again, ${count} entries`);
    else this.filter('WARNING', `ignoreip: ${trouble}: what it held before goes on to count`);
  }

  /** Odd times in a source's lines: each kind once a day. `now` in epoch seconds. */
  oddTime(jail: string, source: string, warning: TimeWarning, now: number): void {
    if (warning.kind === 'old') return;
    const key = `${jail} ${source} ${warning.kind}`;
    if ((this.#warned.get(key) ?? 0) > now - DAY) return;
    this.#warned.set(key, now);
    this.filter('WARNING', `[${jail}] ${source}: ${timeWarning(warning)}`);
  }

  ban(jail: string, id: string): void {
    this.actions('NOTICE', `[${jail}] Ban ${id}`);
  }

  unban(jail: string, id: string): void {
    this.actions('NOTICE', `[${jail}] Unban ${id}`);
  }

  /** A ban of an earlier run goes on. */
  restored(jail: string, id: string): void {
    this.actions('NOTICE', `[${jail}] Restore Ban ${id}`);
  }

  /** A ban got a later end, epoch seconds, null = for ever. */
  prolonged(jail: string, id: string, until: number | null): void {
    this.actions('NOTICE', `[${jail}] ${id} already banned, prolonged ${formatEnd(until)}`);
  }

  alreadyBanned(jail: string, id: string): void {
    this.actions('NOTICE', `[${jail}] ${id} already banned`);
  }

  /** A ban that would lock out the admin. */
  guarded(jail: string, id: string, because: string): void {
    this.actions('WARNING', `[${jail}] ${id} is not banned: ${because}`);
  }

  /** A ban by hand that was refused. */
  refused(jail: string, reason: string): void {
    this.actions('WARNING', `[${jail}] ${reason}`);
  }

  /** A ban by `bantime.increment`; `count` says which one of the id it is. */
  incremented(jail: string, id: string, count: number): void {
    this.#log.write('INFO', 'fail2ban.observer', `[${jail}] ${id} is banned for the ${count}. time`);
  }

  /** The log of a jail made as many bans as it may. */
  full(jail: string, id: string, maxbans: number): void {
    const why = 'its network has its share of them, or the last eighth is kept for those that fail again';
    this.actions('WARNING', `[${jail}] no room for a ban of ${id} (maxbans = ${maxbans}): ${why}`);
  }

  /** One ban of a network took the place of many. */
  rolledUp(jail: string, network: string, count: number): void {
    this.actions('INFO', `[${jail}] ${network} takes the place of ${count} bans in it`);
  }
}

function foundText(jail: string, id: string, time: number): string {
  return `[${jail}] Found ${id} - ${formatSecond(time)}`;
}

function timeWarning({ kind, seconds }: TimeWarning): string {
  if (kind === 'undated')
    return 'lines that match have no date; they are counted as of now (see datepattern)';
  if (kind === 'uncounted')
    return 'lines that match have no date; those from before the start are not counted (see datepattern)';
  const off = `${Math.abs(Math.round(seconds))} s in the ${seconds < 0 ? 'past' : 'future'}`;
  if (kind === 'latency') return `lines come ${off}; they are counted as of now`;
  return `lines come ${off}: is logtimezone right? They are counted as of now`;
}
