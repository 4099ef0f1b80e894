import { makeEscalation } from '../ban/escalation.ts';
import { type Crowd, crowdOf } from '../ban/maxbans.ts';
import { formatDuration } from '../base/duration.ts';
import { clean } from '../base/visible.ts';
import type { Jail } from '../config/jail.ts';
import { printStuck, type StuckHealth } from '../source/health.ts';
import type { State } from '../state/state.ts';

/** The status of a jail. */
type JailStatus = {
  readonly name: string;
  /** What becomes of it where its settings have errors; null: they have none. */
  readonly broken: string | null;
  readonly currentlyFailed: number;
  readonly totalFailed: number;
  /** Paths of log files, or journal matches. */
  readonly sources: readonly string[];
  readonly isJournal: boolean;
  /** Regexes that were too slow on lines of these logs. */
  readonly stuck: readonly StuckHealth[];
  readonly currentlyBanned: number;
  readonly totalBanned: number;
  readonly banned: readonly BanStatus[];
  /** How near its bans are to `maxbans`; null where that cannot be read. */
  readonly crowd: (Crowd & { readonly maxbans: number }) | null;
  /** What its bans cannot do on this host. */
  readonly limits: readonly string[];
};

/** A ban. Times in epoch seconds; `until` null = for ever; `pending` null = it is in the firewall. */
type BanStatus = {
  readonly id: string;
  readonly at: number;
  readonly until: number | null;
  readonly failures: number;
  readonly count: number;
  readonly origin: string;
  readonly pending: string | null;
  /** Seconds of the next ban, without its random part; null = for ever. */
  readonly next: number | null;
};

/** The status of a jail in the state as of `now`; `files` are the log files that its globs match. */
export function statusOf(jail: Jail, state: State, files: readonly string[], now: number): JailStatus {
  const isJournal = jail.backend === 'systemd';
  const escalate = makeEscalation(jail.increment, () => 0);
  const view = {
    ...{ name: jail.name, broken: null, isJournal, findtime: jail.findtime },
    sources: isJournal ? jail.filter.journalmatch : files,
    next: (count: number) => escalate(jail.bantime, count),
  };
  const known = state.jails.get(jail.name);
  if (known === undefined) return fromState(view, state, now);
  const { maxbans } = jail;
  return { ...fromState(view, state, now), crowd: { ...crowdOf(known, maxbans, jail.ipv6prefix), maxbans } };
}

/** The status of a jail whose settings cannot be read; `broken` says what becomes of it. */
export function brokenStatusOf(name: string, broken: string, state: State, now: number): JailStatus {
  const sources = [...state.sources].flatMap(([source, { jails }]) => (name in jails ? [source] : []));
  const unknown = { findtime: Number.POSITIVE_INFINITY, next: () => null };
  return fromState({ name, broken, isJournal: false, sources, ...unknown }, state, now);
}

type JailView = Pick<JailStatus, 'name' | 'broken' | 'sources' | 'isJournal'> & {
  readonly findtime: number;
  next(count: number): number | null;
};

function fromState({ findtime, next, ...view }: JailView, state: State, now: number): JailStatus {
  const known = state.jails.get(view.name);
  const failing = [...(known?.failures ?? [])].filter(([, { last }]) => last > now - findtime);
  const bans = [...(known?.bans ?? [])].filter(([, { until }]) => until === null || until > now);
  return {
    ...view,
    currentlyFailed: failing.length,
    totalFailed: known?.totalFailed ?? 0,
    stuck: [...state.sources.values()].flatMap(({ jails }) => jails[view.name]?.stuck ?? []),
    currentlyBanned: bans.length,
    totalBanned: known?.totalBanned ?? 0,
    crowd: null,
    limits: [],
    banned: bans.map(([id, { at, until, failures, count, origin, pending }]) => ({
      ...{ id, at, until, failures, count, origin, pending },
      next: next(count),
    })),
  };
}

/** What `status` tells of all jails. */
export type Overview = {
  readonly names: readonly string[];
  readonly repairs: State['repairs'];
  /** Jails whose settings have errors, and what becomes of each. */
  readonly broken: ReadonlyMap<string, string>;
  /** Why the running daemon cannot save; null: it can, or none runs. */
  readonly unsaved: string | null;
};

/** The list of jails as `fail2ban-client status` prints it, with what is wrong, if anything. */
export function printOverview({ names, repairs, broken, unsaved }: Overview): string {
  const times = [...repairs].map(([kind, { count }]) => `${kind} ${count} ${count === 1 ? 'time' : 'times'}`);
  return [
    'Status',
    `|- Number of jail:\t${names.length}`,
    ...(unsaved === null ? [] : [`|- Not saved:\t${unsaved}; bans go on in memory, what is shown is older`]),
    ...[...broken].map(([name, text]) => `|- Broken:\t${name} (${text})`),
    ...(times.length === 0 ? [] : [`|- Repaired:\t${times.join(', ')}`]),
    `\`- Jail list:\t${[...names].sort().join(', ')}`,
    '',
  ].join('\n');
}

/**
 * A jail in the format of `fail2ban-client status JAIL`. Bans that are not enforced yet are listed with the
 * reason.
 */
export function printStatus(status: JailStatus): string {
  const pending = status.banned.flatMap(({ id, pending }) =>
    pending === null ? [] : [clean(`${id} (${pending})`)],
  );
  return [
    `Status for the jail: ${status.name}`,
    ...(status.broken === null ? [] : [`|- Broken:\t${status.broken}`]),
    '|- Filter',
    `|  |- Currently failed:\t${status.currentlyFailed}`,
    `|  |- Total failed:\t${status.totalFailed}`,
    ...status.stuck.map((one) => `|  |- Too slow:\t${printStuck(one)}`),
    `|  \`- ${status.isJournal ? 'Journal matches' : 'File list'}:\t${status.sources.map(clean).join(' ')}`,
    '`- Actions',
    `   |- Currently banned:\t${status.currentlyBanned}`,
    `   |- Total banned:\t${status.totalBanned}`,
    ...crowdTexts(status).map(([key, text]) => `   |- ${key}:\t${text}`),
    ...(pending.length === 0 ? [] : [`   |- Not enforced yet:\t${pending.join(', ')}`]),
    ...status.limits.map((text) => `   |- Not fully enforced:\t${text}`),
    `   \`- Banned IP list:\t${status.banned.map(({ id }) => clean(id)).join(' ')}`,
    '',
  ].join('\n');
}

/** What became of a flood: the bans that are refused, and the networks that are banned. */
export function crowdTexts({ crowd }: JailStatus): readonly (readonly [key: string, text: string])[] {
  if (crowd === null) return [];
  const { count, isFull, refused, networks, maxbans } = crowd;
  const full = `the log has made ${count} of ${maxbans} bans (maxbans); ${isFull ? 'new ids are not banned, ' : ''}${refused} were refused`;
  return [
    ...(isFull || refused > 0 ? ([['Full', full]] as const) : []),
    ...(networks.length > 0 ? ([['Networks', networks.join(' ')]] as const) : []),
  ];
}

/**
 * Bans, one per line with tabs: jail, id, since, until, number of the ban, length of the next one, state.
 */
export function printBans(jails: readonly JailStatus[], clock: (seconds: number) => string): string {
  const lines = jails.flatMap(({ name, banned }) =>
    banned.map(({ id, at, until, count, next, pending }) => {
      const length = next === null ? 'for ever' : formatDuration(next);
      const end = until === null ? 'for ever' : clock(until);
      return [name, clean(id), clock(at), end, count, length, clean(pending ?? 'enforced')].join('\t');
    }),
  );
  return ['jail\tid\tsince\tuntil\tcount\tnext\tstate', ...lines, ''].join('\n');
}
