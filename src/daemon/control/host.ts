import type { RunningJail } from '../../ban/jail.ts';
import type { Log } from '../../base/log.ts';
import type { PyFault, PyValue } from '../../base/pickle.ts';
import type { Jail } from '../../config/jail.ts';
import { FAIL2BAN_VERSION } from '../../config/options.ts';
import type { Settings } from '../../config/settings.ts';
import type { State } from '../../state/state.ts';
import type { ReloadResult } from '../changes.ts';

/** The fail2ban whose words and answers these are; programs compare it. */
export const IMITATED = FAIL2BAN_VERSION;

/** Which jail is read anew, null = all, and whether their bans are lifted before. */
export type ReloadWish = { readonly jail: string | null; readonly isUnbanning: boolean };

/** What the daemon offers to the words of fail2ban's socket. */
export type ControlHost = {
  readonly statePath: string;
  readonly state: State;
  readonly log: Log;
  /** What fail2ban.conf says. */
  readonly settings: Settings;
  /** Seconds that a ban which ended is remembered. */
  purgeAge: number;
  /** The jails at work, by name, with what was set at run time. */
  readonly jails: ReadonlyMap<string, RunningJail>;
  /** Names of jails that read nothing for now. */
  readonly idle: ReadonlySet<string>;
  now(): number;
  /** These jails work from now on; those that are no longer among them end. Throws ConfigError, and nothing is changed. */
  replace(jails: readonly Jail[], idle: ReadonlySet<string>): Promise<void>;
  /** An empty jail, which has no actions and reads nothing yet. Throws Refused. */
  add(name: string, backend: string): Promise<void>;
  /** Reads the configuration anew; null: it has no such jail. */
  reload(wish: ReloadWish): Promise<ReloadResult | null>;
  /** Bans by hand: whether it is new. Throws Refused. */
  ban(jail: RunningJail, id: string): boolean;
  /** Lifts bans of a jail, null ids = all; answers how many. */
  unban(jail: string, ids: readonly string[] | null): number;
  /** Counts a failure as if a log had it. */
  attempt(jail: RunningJail, id: string, matches: readonly string[]): void;
  /** Resolves when the firewalls have taken what was ordered, or a moment has passed. */
  settled(): Promise<void>;
  /** Resolves when the daemon has saved everything and ends. */
  stop(): Promise<void>;
};

/** A word cannot be obeyed; told with the name of Python's exception, by which clients choose their sentence. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly fault: PyFault;
  constructor(text: string, fault = 'builtins.Exception', args: readonly PyValue[] = [text]) {
    super(text);
    this.fault = { fault, args };
  }
}

/** A word is missing. */
export function missing(): Refused {
  return new Refused('list index out of range', 'builtins.IndexError');
}

export function noJail(name: string): Refused {
  return new Refused(name, 'fail2ban.exceptions.UnknownJailException');
}

/** The jail of that name. Throws Refused. */
export function jailOf(host: ControlHost, name: string): RunningJail {
  const found = host.jails.get(name);
  if (found === undefined) throw noJail(name);
  return found;
}
