import { MachineError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { settledWithin } from '../../base/timeout.ts';
import { loadConfig } from '../../config/config.ts';
import { memoryTree } from '../../config/tree.ts';
import type { State } from '../../state/state.ts';
import type { Daemon } from '../daemon.ts';
import { type ControlHost, Refused } from './host.ts';

/** What the daemon itself does not know. */
export type HostParts = {
  readonly statePath: string;
  readonly state: State;
  readonly log: Log;
  now(): number;
  /** Resolves when the daemon has saved everything and ends. */
  stop(): Promise<void>;
};

/** How long an answer waits for the firewalls, in milliseconds. */
const FIREWALL_MS = 5000;

/** The daemon as the words of its sockets see it. */
export function hostOf(daemon: Daemon, { statePath, state, log, now, stop }: HostParts): ControlHost {
  const jailsNow = () => [...daemon.jails.values()].map(({ jail }) => jail);
  const host: ControlHost = {
    ...{ statePath, state, log, now, stop },
    get settings() {
      if (daemon.settings === null) throw new MachineError('the daemon has not started yet');
      return daemon.settings;
    },
    get purgeAge() {
      return daemon.purgeAge;
    },
    set purgeAge(seconds: number) {
      daemon.purgeAge = seconds;
    },
    get jails() {
      return daemon.jails;
    },
    get idle() {
      return daemon.idle;
    },
    replace: (jails, idle) => daemon.replace(jails, idle),
    async add(name, backend) {
      await daemon.replace([...jailsNow(), emptyJail(name, backend)], daemon.idle);
    },
    async reload({ jail, isUnbanning }) {
      if (isUnbanning)
        for (const name of jail === null ? daemon.jails.keys() : [jail]) host.unban(name, null);
      return daemon.reload(jail);
    },
    ban(jail, id) {
      const { isNew, refusal } = daemon.bans.banByHand(jail, id);
      if (refusal !== null) throw new Refused(refusal);
      return isNew;
    },
    unban: (jail, ids) => daemon.bans.unbanByHand(jail, ids, daemon.jails.get(jail)?.jail.ipv6prefix ?? 128),
    attempt: (jail, id, matches) =>
      daemon.bans.handleFailure(jail, { id, time: now(), matches, fields: new Map() }),
    async settled() {
      await settledWithin(FIREWALL_MS, daemon.bans.idle());
    },
  };
  return host;
}

/** A jail that has neither filter nor actions nor logs. Throws Refused. */
function emptyJail(name: string, backend: string) {
  if (!/^[\w.@-]+$/.test(name) || name === '--all') throw new Refused(`Reserved name '${name}'`);
  const journal = backend === 'systemd' ? 'systemd' : 'polling';
  const text = `[${name}]\nenabled = true\nfilter =\naction =\nlogpath =\nbackend = ${journal}\n`;
  const { jails, problems } = loadConfig(memoryTree(new Map([['jail.conf', text]]), 'set at run time'));
  const [jail] = jails;
  if (jail === undefined) throw new Refused(problems[0]?.text ?? `cannot make the jail "${name}"`);
  return jail;
}
