import { bansBefore, type Limits, makeBan } from '../ban/ban.ts';
import { refusalOf } from '../ban/byhand.ts';
import { bannedId, protectedFor } from '../ban/failure.ts';
import { type IgnoreList, newPart } from '../ban/ignore.ts';
import { IgnoreFiles } from '../ban/ignorefiles.ts';
import { watchLogins } from '../ban/logins.ts';
import { openDns } from '../base/dns.ts';
import { parseDuration } from '../base/duration.ts';
import { UsageError } from '../base/errors.ts';
import { canonicalNetwork } from '../base/ip.ts';
import { formatEnd, formatSecond, openLog } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { Jail } from '../config/jail.ts';
import { ignoreListOf, limitsOf, ownAddresses } from '../daemon/jails.ts';
import { learnNames } from '../daemon/lookups.ts';
import { Messages } from '../daemon/messages.ts';
import { type FirewallPlan, jailOfRule } from '../firewall/plan.ts';
import { runningPid } from '../state/runlock.ts';
import { addOrder, type Ban, type BanEffect, isLater, type State } from '../state/state.ts';
import { runActions } from './actions.ts';
import type { Call, Subcommand } from './command.ts';
import { changeState, configOf, enforceChange, findJail, firewallPlanOf, statePathOf } from './context.ts';

/** `f2b banip`: bans by hand. */
export const banip: Subcommand = {
  name: 'banip',
  summary: 'ban addresses or networks by hand',
  usage: 'JAIL IP.. | --confirmed JAIL IP..',
  options: [
    { name: 'bantime', value: 'TIME', help: "how long, such as 1h or -1 for ever (the jail's bantime)" },
    { name: 'wide', help: 'allow an IPv4 network wider than /16' },
    {
      name: 'confirm',
      value: 'TIME',
      help: 'lift the ban again after TIME unless banip --confirmed is called before',
    },
    { name: 'confirmed', help: 'let bans made with --confirm last' },
  ],
  about: `Prints how many were banned that were not banned before, and for each until when. Where an address is banned already, the
later end counts: a longer ban prolongs it, a shorter one changes nothing. Refused, and logged as refused, are own
addresses, those of ignoreip, the default gateway, addresses from which somebody is logged in by SSH (unless the
jail has protectssh = no), and networks wider than /8 (IPv6: /32).
With --confirm the kernel itself lifts the ban where it can, so that you get back in if you locked yourself out.`,
  examples: [
    ['f2b banip sshd 192.0.2.7', 'for as long as the jail bans'],
    ['f2b banip --bantime -1 sshd 198.51.100.0/24', 'a network, for ever'],
    ['f2b banip --confirm 60 sshd 203.0.113.0/24', 'for a minute, unless confirmed'],
    ['f2b banip --confirmed sshd 203.0.113.0/24', 'it may last'],
  ],
  async run(call) {
    const [name, ...words] = call.words;
    if (name === undefined || words.length === 0)
      throw new UsageError('banip needs a jail and an address', 'see: f2b help banip');
    const config = configOf(call);
    const jail = findJail(config, name);
    const ignored = await ignoreListFor(jail);
    const targets = words.map((word) => readBanTarget(word, jail, { call, ignored }));
    logRefusals(call, config, jail, targets);
    const [refused] = targets.flatMap((target) => target.refusal ?? []);
    if (refused !== undefined) throw refused;
    const ids = targets.map(({ id }) => id);
    const plan = firewallPlanOf(config.blocking);
    const limits = limitsFor(jail, call);
    const isConfirmation = call.options['confirmed'] === true;
    const trial = isConfirmation ? null : durationOf(call.options['confirm']);
    if (trial === Number.POSITIVE_INFINITY) throw new UsageError('--confirm needs a time that ends');
    if (trial !== null) assertEnds(call, plan, jail);
    const { outcomes, missing } = await changeState(call, (state) => {
      const outcomes = ids.map((id) =>
        isConfirmation ? confirmBan(state, jail, id) : orderBan(call, state, { jail, id, limits, trial }),
      );
      return enforceBans(call, state, { jail, outcomes, plan });
    });
    const fresh = outcomes.filter(({ effect }) => effect === 'new' || effect === 'confirmed');
    const answer = outcomes.map(({ id, effect, ban }) => ({
      ...{ id, jail: jail.name, effect, until: ban?.until ?? null },
      ...{ pending: missing.get(id) ?? null },
    }));
    call.io.stdout(`${call.global.json ? JSON.stringify(answer) : fresh.length}\n`);
    for (const one of outcomes) call.io.stderr(`f2b: ${one.id}: ${printOutcome(one)}\n`);
    await runActions(
      call,
      config,
      outcomes.flatMap(({ id, effect }) =>
        effect === 'new' ? [{ kind: 'ban', jail: jail.name, id } as const] : [],
      ),
    );
    for (const [id, reason] of missing)
      call.io.stderr(`f2b: ${id} is noted, but not banned yet: ${reason}\n`);
    return missing.size > 0 ? 1 : 0;
  },
};

type BanTarget = { readonly id: string; readonly refusal: UsageError | null };

/** The ignore list of a jail, with the current addresses of its names. */
export async function ignoreListFor(jail: Jail): Promise<IgnoreList> {
  const shared = { own: newPart(ownAddresses()), files: new IgnoreFiles() };
  const list = ignoreListOf(jail, shared, []);
  await learnNames(list, openDns());
  return list;
}

type Target = { readonly call: Call; readonly ignored: IgnoreList };

/** A canonical address or network, and why it must not be banned in the jail. */
function readBanTarget(word: string, jail: Jail, { call, ignored }: Target): BanTarget {
  const id = canonicalNetwork(word);
  if (id === null) throw new UsageError(`"${word}" is not an address or network`);
  const protection = protectedFor(jail, watchLogins()());
  const refusal = refusalOf({ jail, ignored }, protection, id, call.options['wide'] === true);
  if (refusal !== null)
    return { id, refusal: new UsageError(`${id} is never banned: ${refusal.why}`, refusal.hint) };
  return { id: bannedId(id, jail.ipv6prefix, ignored, protection), refusal: null };
}

/** Logs refusals to the daemon's log, if that is a file. */
function logRefusals(
  { global }: Call,
  { settings }: Config,
  { name }: Jail,
  targets: readonly BanTarget[],
): void {
  const refusals = targets.flatMap(({ refusal }) => refusal ?? []);
  const path = global.log ?? settings.logtarget;
  if (refusals.length === 0 || global.dryRun || path?.startsWith('/') !== true) return;
  const log = openLog(path, 'WARNING');
  for (const { message } of refusals) new Messages(log).refused(name, message);
  log.flush();
}

function limitsFor(jail: Jail, { options }: Call): Limits {
  const limits = limitsOf(jail);
  const bantime = durationOf(options['bantime']);
  if (bantime === null) return limits;
  return {
    ...limits,
    bantime: bantime === Number.POSITIVE_INFINITY ? null : bantime,
    escalate: (time) => time,
  };
}

/** Seconds; Infinity = for ever; null if the option was not given. */
export function durationOf(given: string | boolean | undefined): number | null {
  if (typeof given !== 'string') return null;
  const seconds = parseDuration(given);
  if (seconds === null || (seconds <= 0 && seconds !== -1)) {
    throw new UsageError(`cannot read "${given}" as a duration`, 'write 600, 10m, 1h 30m, or -1 for ever');
  }
  return seconds === -1 ? Number.POSITIVE_INFINITY : seconds;
}

/** A ban on trial must end by a timeout of the firewall, or by a running daemon. */
function assertEnds({ global, io }: Call, { rulesByJail, sections }: FirewallPlan, { name }: Jail): void {
  const kinds = new Set((rulesByJail.get(name) ?? []).map(({ kind }) => kind));
  const without = sections.find(({ firewall }) => kinds.has(firewall.kind) && !firewall.hasTimeouts);
  if (without === undefined || without.firewall.kind === 'dummy' || global.dryRun) return;
  if (runningPid(statePathOf(global, io)) !== null) return;
  const why = `${without.firewall.kind} does not end bans by itself, and no f2b runs that could`;
  throw new UsageError(`--confirm cannot be kept: ${why}`, 'start f2b run first');
}

type BanRequest = {
  readonly jail: Jail;
  readonly id: string;
  readonly limits: Limits;
  /** Seconds until the ban ends unless it is confirmed; null = no confirmation needed. */
  readonly trial: number | null;
};

/** What was done with one id. Ends are epoch seconds, null = for ever: the one asked for, and that of its ban before. */
export type Outcome = {
  readonly id: string;
  readonly asked: number | null;
  readonly effect: BanEffect | 'confirmed' | 'unconfirmable';
  readonly from: number | null;
  readonly ban: Ban | null;
};

function orderBan(call: Call, state: State, { jail, id, limits, trial }: BanRequest): Outcome {
  const now = call.io.now();
  const before = bansBefore(state, jail.name, id, limits);
  const made = makeBan(limits, before, { now, count: null, origin: 'hand' });
  const isTrial = trial !== null && isLater(made.until, now + trial);
  const ban: Ban = isTrial ? { ...made, until: now + trial, confirmed: { until: made.until } } : made;
  return order(state, jail, id, ban);
}

/** Gives a ban on trial its full length. */
function confirmBan(state: State, jail: Jail, id: string): Outcome {
  const ban = state.jails.get(jail.name)?.bans.get(id);
  if (ban?.confirmed === undefined) {
    return { id, effect: 'unconfirmable', asked: null, from: null, ban: null };
  }
  const { confirmed, ...rest } = ban;
  return { ...order(state, jail, id, { ...rest, until: confirmed.until }), effect: 'confirmed' };
}

export function order(state: State, jail: Jail, id: string, ban: Ban): Outcome {
  const bans = () => state.jails.get(jail.name)?.bans.get(id) ?? null;
  const from = bans()?.until ?? null;
  const effect = addOrder(state, { kind: 'ban', jail: jail.name, id, ban });
  const isChange = effect === 'new' || effect === 'prolonged';
  return { id, asked: ban.until, from, effect: isChange ? effect : 'kept', ban: bans() };
}

function printOutcome({ effect, asked, from, ban }: Outcome): string {
  if (ban === null) return 'no ban of it waits to be confirmed';
  const end = formatEnd(ban.until);
  const trial = ban.confirmed === undefined ? '' : `; if confirmed, ${formatEnd(ban.confirmed.until)}`;
  if (effect === 'new') return `banned ${end}${trial}`;
  if (from !== ban.until) return `ban prolonged from ${formatSecond(from ?? 0)}, now ${end}${trial}`;
  return `already banned ${isLater(ban.until, asked) ? 'longer, ' : ''}${end}${trial}`;
}

export type Made = {
  readonly jail: Jail;
  readonly outcomes: readonly Outcome[];
  readonly plan: FirewallPlan;
};

/** Hands the bans to the firewall; `missing` are those that it did not take, with the reason. */
export async function enforceBans(call: Call, state: State, { jail, outcomes, plan }: Made) {
  const handed = new Map(
    outcomes.flatMap(({ id, effect, ban }) =>
      ban === null || (effect === 'kept' && ban.pending === null) ? [] : [[id, effect]],
    ),
  );
  const missing = await enforceChange(call, plan, state, {
    add: ({ jail: rule, address }) => handed.has(address) && jailOfRule(rule) === jail.name,
    isStanding: ({ address }) => handed.get(address) !== 'new',
    remove: [],
  });
  const trouble = plan.troubles.get(jail.name);
  for (const id of handed.keys()) {
    if (trouble !== undefined) missing.set(id, trouble);
    const made = state.jails.get(jail.name)?.bans.get(id);
    if (made !== undefined) made.pending = missing.get(id) ?? null;
  }
  return { outcomes, missing: new Map([...missing].filter(([id]) => handed.has(id))) };
}
