import { bansBefore, type Limits, makeBan } from '../ban.ts';
import { parseDuration } from '../duration.ts';
import { ConfigError, type Problem, UsageError } from '../errors.ts';
import { ignoredBy, makeIgnoreList } from '../ignore.ts';
import { bannedId } from '../intake.ts';
import { formatNetwork, type Network, parseNetwork } from '../ip.ts';
import type { Jail } from '../jail.ts';
import { limitsOf, ownAddresses } from '../roster.ts';
import { giveOrder, type State } from '../state.ts';
import { jailOfRule, type Wall } from '../wall.ts';
import type { Call, Command } from './command.ts';
import { changeState, configOf, enforceChange, findJail, wallOf } from './host.ts';

/** A network wider than this is never banned; between it and the second number only with --wide. */
const WIDEST = { 4: [8, 16], 6: [32, 32] } as const;

/** `f2b banip`: bans by hand. */
export const banip: Command = {
  name: 'banip',
  summary: 'ban addresses or networks by hand',
  usage: 'JAIL IP..',
  options: [
    {
      name: 'bantime',
      short: null,
      value: 'TIME',
      help: "how long, such as 1h or -1 for ever (the jail's bantime)",
    },
    { name: 'wide', short: null, value: null, help: 'allow an IPv4 network wider than /16' },
  ],
  about: `Prints how many were banned that were not banned before. Own addresses, those of ignoreip, and networks wider
than /8 (IPv6: /32) are refused.`,
  examples: [
    ['f2b banip sshd 192.0.2.7', 'for as long as the jail bans'],
    ['f2b banip --bantime -1 sshd 198.51.100.0/24', 'a network, for ever'],
  ],
  async run(call) {
    const [name, ...words] = call.words;
    if (name === undefined || words.length === 0)
      throw new UsageError('banip needs a jail and an address', 'see: f2b help banip');
    const config = configOf(call);
    const jail = findJail(config, name);
    const ids = words.map((word) => readTarget(word, jail, call.options['wide'] === true));
    const wall = await wallOf(config.jails, call.io);
    const limits = limitsFor(jail, call);
    const { fresh, missing } = await changeState(call, (state) =>
      ban(call, state, { jail, ids, wall, limits }),
    );
    call.io.stdout(`${fresh.length}\n`);
    for (const [id, reason] of missing)
      call.io.stderr(`f2b: ${id} is noted, but not banned yet: ${reason}\n`);
    return missing.size > 0 ? 1 : 0;
  },
};

/** A canonical address or network that may be banned in the jail. */
function readTarget(word: string, jail: Jail, isWide: boolean): string {
  const network = parseNetwork(word);
  if (network === null) throw new UsageError(`"${word}" is not an address or network`);
  const id = formatNetwork(network);
  refuseWide(network, id, isWide);
  const list = makeIgnoreList(jail.ignore.networks, jail.ignore.self ? ownAddresses() : []);
  const because = ignoredBy(list, id);
  if (because === 'ip')
    throw new UsageError(`${id} is never banned: ignoreip of the jail "${jail.name}" protects it`);
  if (because !== null) throw new UsageError(`${id} is never banned: it is an address of this machine`);
  return bannedId(id, jail.ipv6prefix, list);
}

function refuseWide({ family, prefix }: Network, id: string, isWide: boolean): void {
  const [never, asked] = WIDEST[family];
  if (prefix < never) throw new UsageError(`${id} is never banned: wider than /${never}`);
  if (prefix < asked && !isWide)
    throw new UsageError(`${id} is wider than /${asked}`, 'say --wide if it is meant');
}

function limitsFor(jail: Jail, { options }: Call): Limits {
  const problems: Problem[] = [];
  const limits = limitsOf(jail, problems);
  if (limits === null) throw new ConfigError(problems);
  const given = options['bantime'];
  if (typeof given !== 'string') return limits;
  const seconds = parseDuration(given);
  if (seconds === null || (seconds <= 0 && seconds !== -1)) {
    throw new UsageError(`cannot read "${given}" as a duration`, 'write 600, 10m, 1h 30m, or -1 for ever');
  }
  return { ...limits, bantime: seconds === -1 ? null : seconds, escalate: (bantime) => bantime };
}

type Wanted = {
  readonly jail: Jail;
  readonly ids: readonly string[];
  readonly wall: Wall;
  readonly limits: Limits;
};

/** Puts the bans into state and firewall; `missing` are those that the firewall did not take, with the reason. */
async function ban(call: Call, state: State, { jail, ids, wall, limits }: Wanted) {
  const now = call.io.now();
  const fresh = ids.filter((id) => {
    const before = bansBefore(state, jail.name, id, limits);
    const made = makeBan(limits, before, { now, count: null, origin: 'hand' });
    return giveOrder(state, { kind: 'ban', jail: jail.name, id, ban: made });
  });
  const add = new Set(fresh);
  const missing = await enforceChange(call, wall, state, {
    add: ({ jail: rule, address }) => add.has(address) && jailOfRule(rule) === jail.name,
    remove: [],
  });
  const trouble = wall.troubles.get(jail.name);
  for (const id of fresh) {
    if (trouble !== undefined) missing.set(id, trouble);
    const made = state.jails.get(jail.name)?.bans.get(id);
    if (made !== undefined) made.pending = missing.get(id) ?? null;
  }
  return { fresh, missing: new Map([...missing].filter(([id]) => add.has(id))) };
}
