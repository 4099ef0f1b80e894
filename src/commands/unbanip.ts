import type { Config } from '../config.ts';
import { UsageError } from '../errors.ts';
import { countedId } from '../intake.ts';
import { formatNetwork, parseNetwork } from '../ip.ts';
import { giveOrder, type State } from '../state.ts';
import { actWithoutDaemon } from './act.ts';
import type { Call, Command } from './command.ts';
import { changeState, configOf, enforceChange, findJail, wallOf } from './host.ts';

/** `f2b unbanip`: lifts bans by hand, in one jail or in all. */
export const unbanip: Command = {
  name: 'unbanip',
  summary: 'lift the bans of addresses, in one jail or in all',
  usage: '[JAIL] IP.. | --all [JAIL]',
  options: [{ name: 'all', short: null, value: null, help: 'lift every ban' }],
  about: `Prints how many bans were lifted; 0 when there was none. What was counted against the address is forgotten as well, so
that one more failure does not ban it again at once.`,
  examples: [
    ['f2b unbanip 192.0.2.7', 'in all jails'],
    ['f2b unbanip sshd 192.0.2.7 192.0.2.8', 'in one'],
    ['f2b unbanip --all', 'everybody'],
  ],
  async run(call) {
    const config = configOf(call);
    const { jail, ids } = readWords(call);
    if (jail !== null) findJail(config, jail);
    const wall = await wallOf(config.jails, call.io);
    const { lifted, missing } = await changeState(call, async (state) => {
      const lifted = lift(state, ids, jailsFor(config, state, jail));
      const missing = await enforceChange(call, wall, state, { add: () => false, remove: lifted });
      return { lifted, missing };
    });
    call.io.stdout(`${lifted.length}\n`);
    await actWithoutDaemon(
      call,
      config,
      lifted.map((one) => ({ kind: 'unban', ...one }) as const),
    );
    const asked = new Set(lifted.map(({ id }) => id));
    const standing = [...missing].filter(([id]) => asked.has(id));
    for (const [id, reason] of standing)
      call.io.stderr(`f2b: ${id} is unbanned, but still stands in the firewall: ${reason}\n`);
    return standing.length > 0 ? 1 : 0;
  },
};

/** `ids` null = all of them. */
function readWords({ words, options }: Call): { jail: string | null; ids: readonly string[] | null } {
  if (options['all'] === true) {
    if (words.length > 1) throw new UsageError('--all takes no addresses', 'see: f2b help unbanip');
    return { jail: words[0] ?? null, ids: null };
  }
  const [first, ...rest] = words;
  if (first === undefined) throw new UsageError('unbanip needs an address', 'see: f2b help unbanip');
  const isAddress = parseNetwork(first) !== null;
  if (!isAddress && rest.length === 0 && looksLikeAddress(first))
    throw new UsageError(`"${first}" is not an address or network`);
  if (!isAddress && rest.length === 0)
    throw new UsageError(`which address of the jail "${first}"?`, 'see: f2b help unbanip');
  return { jail: isAddress ? null : first, ids: (isAddress ? words : rest).map(canonical) };
}

function looksLikeAddress(word: string): boolean {
  return /^[\d.:/]+$/.test(word);
}

/** Ids that are no addresses (F-ID) are taken as they stand. */
function canonical(word: string): string {
  const network = parseNetwork(word);
  if (network !== null) return formatNetwork(network);
  if (looksLikeAddress(word)) throw new UsageError(`"${word}" is not an address or network`);
  return word;
}

/** The jails meant and their IPv6 prefixes; jails that are configured no more may still have bans. */
function jailsFor(config: Config, state: State, only: string | null): ReadonlyMap<string, number> {
  const prefixes = new Map(config.jails.map(({ name, ipv6prefix }) => [name, ipv6prefix]));
  const names = only === null ? [...state.jails.keys()] : [only];
  return new Map(names.map((name) => [name, prefixes.get(name) ?? 128]));
}

/** An IPv6 address that was banned by its prefix is lifted with it. */
function lift(state: State, ids: readonly string[] | null, jails: ReadonlyMap<string, number>) {
  const lifted: { jail: string; id: string }[] = [];
  for (const [jail, prefix] of jails) {
    const bans = state.jails.get(jail)?.bans;
    for (const id of ids ?? [...(bans?.keys() ?? [])]) {
      const target = bans?.has(id) ? id : countedId(id, prefix);
      if (giveOrder(state, { kind: 'unban', jail, id: target })) lifted.push({ jail, id: target });
    }
  }
  return lifted;
}
