import type { RunningJail } from '../../../src/ban/jail.ts';
import { ConfigError } from '../../../src/base/errors.ts';
import { loadConfig } from '../../../src/config/config.ts';
import type { Jail } from '../../../src/config/jail.ts';
import { memoryTree } from '../../../src/config/tree.ts';
import type { ControlHost } from '../../../src/daemon/control/host.ts';
import { compileJails } from '../../../src/daemon/jails.ts';
import { addBan, emptyState } from '../../../src/state/state.ts';
import { listLog } from '../listlog.ts';

export const JAILS = `[DEFAULT]
enabled = true
filter =
ignoreip = 127.0.0.0/8
backend = polling
maxretry = 3
[door]
failregex = ^knock from <HOST>$
datepattern = ^%%Y-%%m-%%d
logpath = /nonexistent/door.log
action = note
[post]
failregex = ^x from <HOST>$
backend = systemd
journalmatch = _A=b _C=d + _E=f
action =
`;

const ACTION = '[Definition]\nactionban = echo <ip>\nactionunban =\n[Init]\ntarget = t-<name>\n';

/** A host at second 1000 with the jails door and post, one ban in door, and no firewall; `done` is what was asked of it. */
export function aHost() {
  const tree = memoryTree(
    new Map([
      ['jail.conf', JAILS],
      ['action.d/note.conf', ACTION],
      ['fail2ban.conf', '[Definition]\ndbmaxmatches = 7\n'],
    ]),
  );
  const { jails, settings } = loadConfig(tree);
  const state = emptyState();
  const ban = { at: 900, failures: 3, count: 1, origin: 'log', matches: [], pending: null } as const;
  addBan(state, 'door', '192.0.2.7', { ...ban, until: 1500 });
  addBan(state, 'door', '192.0.2.8', { ...ban, until: 999 });
  let running: ReadonlyMap<string, RunningJail> = compileJails(jails).jails;
  let idle: ReadonlySet<string> = new Set();
  const done: string[] = [];
  const host: ControlHost = {
    ...{ statePath: '/var/lib/f2b/state.json', state, log: listLog([]), settings, purgeAge: 86400 },
    get jails() {
      return running;
    },
    get idle() {
      return idle;
    },
    now: () => 1000,
    async replace(wanted: readonly Jail[], wantedIdle) {
      const compiled = compileJails(wanted);
      const errors = compiled.problems.filter(({ severity }) => severity === 'error');
      if (errors.length > 0) throw new ConfigError(errors);
      running = compiled.jails;
      idle = wantedIdle;
    },
    add: async (name, backend) => void done.push(`add ${name} ${backend}`),
    async reload({ jail, isUnbanning }) {
      done.push(`reload ${jail} ${isUnbanning}`);
      const report = { added: [], removed: [], changed: ['door'], errors: [], skipped: [], isDone: true };
      return jail === 'nosuch' ? null : report;
    },
    ban: (jail, id) => done.push(`ban ${jail.jail.name} ${id}`) > 0,
    unban: (jail, ids) => done.push(`unban ${jail} ${ids}`) && (ids ?? ['a', 'b']).length,
    attempt: (jail, id, matches) => void done.push(`attempt ${jail.jail.name} ${id} ${matches}`),
    settled: async () => undefined,
    stop: async () => void done.push('stop'),
  };
  return { host, done };
}
