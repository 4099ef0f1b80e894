import { existsSync, readFileSync, statSync } from 'node:fs';
import { refusalOf } from '../../ban/byhand.ts';
import { bannedId, protectedFor } from '../../ban/failure.ts';
import { watchLogins } from '../../ban/logins.ts';
import { MachineError, reasonOf, UsageError } from '../../base/errors.ts';
import { canonicalNetwork } from '../../base/ip.ts';
import type { Config } from '../../config/config.ts';
import type { Jail } from '../../config/jail.ts';
import { databaseOf } from '../../config/settings.ts';
import { addOrder, type Ban, type State } from '../../state/state.ts';
import { durationOf, enforceBans, ignoreListFor, type Outcome } from '../banip.ts';
import type { Call, Subcommand } from '../command.ts';
import { changeState, configOf, firewallPlanOf } from '../context.ts';
import { bansOfDatabase, isDatabase } from './database.ts';
import type { ForeignBan, ForeignBans } from './foreign.ts';
import { readBanList } from './lists.ts';
import { bansOfRunning, originalClient } from './running.ts';

/** The largest list that is read, in bytes. */
const MOST_BYTES = 256 * 1024 * 1024;

/** What became of the bans for one jail. */
type Taken = {
  readonly jail: string;
  readonly taken: number;
  /** Bans that stood already and end no earlier. */
  readonly standing: number;
  /** Bans that are over, and whose number is remembered. */
  readonly past: number;
  /** Never banned here: by id, why. */
  readonly refused: ReadonlyMap<string, string>;
  /** Why none of them was taken; null if they were. */
  readonly why: string | null;
  readonly total: number;
};

/** `f2b import`: takes over bans that others made. */
export const importBans: Subcommand = {
  name: 'import',
  summary: 'take over bans of fail2ban, of lists, of nft and ipset',
  usage: '[SOURCE..] [--jail JAIL]',
  options: [
    { name: 'jail', value: 'JAIL', help: 'the jail of bans whose source names none, or of all of them' },
    { name: 'bantime', value: 'TIME', help: "length of bans whose end is not known (the jail's bantime)" },
    {
      name: 'socket',
      short: 's',
      value: 'FILE',
      help: "the socket of fail2ban's server, where it is not the usual one",
    },
  ],
  about: `SOURCE is a file, or - for standard input: fail2ban's database; what f2b export wrote; the output of "nft list ruleset", "nft -j list
ruleset", "ipset save", "ipset list" or "iptables-save"; or a list with an address or network at the beginning of each line. Without SOURCE
the bans of fail2ban on this host are taken: from its database and from its running server.

Bans keep the time that is left of them and the number of earlier bans, also where they are over. A ban that stands and ends later stays as it is, so
that the same source may be taken again. What is in ignoreip, would lock out the admin or is too wide is refused, as banip does. Bans of jails that
are not enabled here are left and named; the exit code is then 1. With --dry-run it only tells.`,
  examples: [
    ['f2b import', "fail2ban's bans, while it runs or afterwards"],
    ['f2b import --dry-run /var/lib/fail2ban/fail2ban.sqlite3', 'what would be taken'],
    ['f2b import sets.txt', 'what "ipset save" printed, of sets named f2b-JAIL'],
    ['f2b import --jail sshd --bantime -1 blocklist.txt', 'a list, for ever'],
  ],
  async run(call) {
    const config = configOf(call);
    const { bans, problems } = await readSources(call, config);
    for (const problem of problems) call.io.stderr(`f2b: ${problem}\n`);
    const asked = call.options['jail'];
    const named = bans.map((ban) => (typeof asked === 'string' ? { ...ban, jail: asked } : ban));
    const byJail = Map.groupBy(named, ({ jail }) => jail);
    if (byJail.has(null))
      throw new UsageError('the source does not say in which jail they were banned', 'name it: --jail sshd');
    const results = await takeAll(call, config, byJail);
    const missing = results.flatMap((one) => [...one.missing]);
    report(
      call,
      results.map(({ result }) => result),
    );
    for (const [id, reason] of missing)
      call.io.stderr(`f2b: ${id} is noted, but not banned yet: ${reason}\n`);
    const isWhole = results.every(({ result }) => result.why === null);
    return isWhole && problems.length === 0 && missing.length === 0 ? 0 : 1;
  },
};

async function readSources(call: Call, config: Config): Promise<ForeignBans> {
  const { words, io } = call;
  if (words.length === 0) return readOriginal(call, config);
  const parts: ForeignBans[] = [];
  for (const word of words) {
    if (word === '-') parts.push(readBanList(await textOf(io.stdin), 'standard input', io.now()));
    else if (!existsSync(word)) throw new UsageError(`there is no file ${word}`);
    else parts.push(readFile(word, io.now()));
  }
  return {
    bans: parts.flatMap(({ bans }) => bans),
    problems: parts.flatMap(({ problems }) => problems),
  };
}

function readFile(path: string, now: number): ForeignBans {
  try {
    if (isDatabase(path)) return bansOfDatabase(path);
    if (statSync(path).size > MOST_BYTES) throw new UsageError(tooLarge(path));
    return readBanList(readFileSync(path, 'utf8'), path, now);
  } catch (error) {
    if (error instanceof UsageError || error instanceof MachineError) throw error;
    throw new MachineError(`cannot read ${path}: ${reasonOf(error)}`);
  }
}

/** fail2ban's own bans: those of its database, and those that its server holds. */
async function readOriginal({ options, io }: Call, { settings }: Config): Promise<ForeignBans> {
  const path = databaseOf(settings);
  const stored = existsSync(path) ? readFile(path, io.now()) : null;
  const client = originalClient();
  const words = typeof options['socket'] === 'string' ? ['-s', options['socket']] : [];
  const held = client === null ? 'it is not installed' : await bansOfRunning(client, words, io.now());
  if (stored === null && typeof held === 'string')
    throw new UsageError(
      `fail2ban left nothing to take: there is no ${path}, and its server does not answer (${held})`,
      'name a file: f2b import FILE',
    );
  const running = typeof held === 'string' ? [] : held;
  // The database knows how often; the server what was banned by hand a moment ago.
  const known = new Set((stored?.bans ?? []).map(({ jail, id }) => `${jail} ${id}`));
  const fresh = running.filter(({ jail, id }) => !known.has(`${jail} ${id}`));
  return { bans: [...(stored?.bans ?? []), ...fresh], problems: stored?.problems ?? [] };
}

async function textOf(stdin: AsyncIterable<unknown>): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MOST_BYTES) throw new UsageError(tooLarge('standard input'));
  }
  return text;
}

const tooLarge = (name: string): string => `${name} is larger than a list of bans may be (256 MB)`;

type Result = { readonly result: Taken; readonly missing: ReadonlyMap<string, string> };

async function takeAll(
  call: Call,
  config: Config,
  byJail: ReadonlyMap<string | null, readonly ForeignBan[]>,
): Promise<readonly Result[]> {
  const plan = firewallPlanOf(config.blocking);
  return changeState(call, async (state) => {
    const results: Result[] = [];
    for (const [name, bans] of byJail) {
      const jail = config.jails.find((one) => one.name === name);
      if (jail === undefined) {
        results.push({ result: leftOut(config, name ?? '', bans.length), missing: new Map() });
        continue;
      }
      const { outcomes, ...counts } = await take(call, state, jail, bans);
      // A dry run tells what it would take; the commands of thousands of bans are not what is asked for.
      const { missing } = call.global.dryRun
        ? { missing: new Map<string, string>() }
        : await enforceBans(call, state, { jail, outcomes, plan });
      results.push({ result: { ...counts, jail: jail.name, why: null, total: bans.length }, missing });
    }
    return results;
  });
}

function leftOut({ allJails }: Config, jail: string, total: number): Taken {
  const known = allJails.find(({ name }) => name === jail);
  const why =
    known === undefined
      ? 'there is no such jail'
      : known.isEnabled
        ? 'its settings have errors'
        : 'it is not enabled';
  return { jail, taken: 0, standing: 0, past: 0, refused: new Map(), why, total };
}

async function take(call: Call, state: State, jail: Jail, bans: readonly ForeignBan[]) {
  const ignored = await ignoreListFor(jail);
  const protection = protectedFor(jail, watchLogins()());
  const now = call.io.now();
  const length = lengthOf(call, jail);
  const refused = new Map<string, string>();
  const outcomes: Outcome[] = [];
  const counts = { taken: 0, standing: 0, past: 0 };
  for (const foreign of bans) {
    const network = canonicalNetwork(foreign.id);
    const refusal = network === null ? null : refusalOf({ jail, ignored }, protection, network, false);
    if (refusal !== null) {
      refused.set(foreign.id, refusal.why);
      continue;
    }
    const id = network === null ? foreign.id : bannedId(network, jail.ipv6prefix, ignored, protection);
    const ban = banFrom(foreign, jail, { now, length });
    if (ban.until !== null && ban.until <= now) {
      const past = { count: ban.count, last: ban.at, until: ban.until };
      if (addOrder(state, { kind: 'past', jail: jail.name, id, past }) === 'noted') counts.past += 1;
      continue;
    }
    const from = state.jails.get(jail.name)?.bans.get(id)?.until ?? null;
    const effect = addOrder(state, { kind: 'restore', jail: jail.name, id, ban });
    const isChange = effect === 'new' || effect === 'prolonged';
    if (isChange) counts.taken += 1;
    else counts.standing += 1;
    const held = state.jails.get(jail.name)?.bans.get(id) ?? null;
    outcomes.push({ id, asked: ban.until, from, effect: isChange ? effect : 'kept', ban: held });
  }
  return { ...counts, refused, outcomes };
}

function lengthOf({ options }: Call, jail: Jail): number | null {
  const given = durationOf(options['bantime']);
  if (given === null) return jail.bantime;
  return given === Number.POSITIVE_INFINITY ? null : given;
}

type Known = { readonly now: number; readonly length: number | null };

/** A ban as it goes on here. What the source does not know is as of a ban made now. */
function banFrom(foreign: ForeignBan, { maxmatches }: Jail, { now, length }: Known): Ban {
  const at = Math.min(foreign.at ?? now, now);
  const usual = length === null ? null : (foreign.at === null ? now : at) + length;
  return {
    at,
    until: foreign.until === undefined ? usual : foreign.until,
    failures: foreign.failures,
    count: foreign.count,
    origin: 'hand',
    matches: foreign.matches.slice(0, maxmatches),
    pending: 'not yet handed to the firewall',
  };
}

const bansText = (count: number): string => `${count} ban${count === 1 ? '' : 's'}`;

function report({ global, io }: Call, results: readonly Taken[]): void {
  if (global.json) {
    const rows = results.map(({ refused, ...one }) => ({ ...one, refused: Object.fromEntries(refused) }));
    io.stdout(`${JSON.stringify(rows)}\n`);
    return;
  }
  const would = global.dryRun ? 'would be taken' : 'taken';
  for (const { jail, taken, standing, past, refused, why, total } of results) {
    if (why !== null) {
      io.stderr(`f2b: ${jail}: ${bansText(total)} left: ${why}\n`);
      continue;
    }
    const more = [
      ...(standing > 0 ? [`${standing} stood already`] : []),
      ...(past > 0 ? [`${past} over, counted as earlier ones`] : []),
      ...(refused.size > 0 ? [`${refused.size} refused`] : []),
    ];
    io.stdout(`${jail}: ${bansText(taken)} ${would}${more.map((text) => `, ${text}`).join('')}\n`);
    for (const [id, reason] of refused) io.stderr(`f2b: ${id} is never banned: ${reason}\n`);
  }
  if (results.length === 0) io.stdout('No bans\n');
}
