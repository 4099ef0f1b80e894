import { bansNamed } from '../ban/byhand.ts';
import { UsageError } from '../base/errors.ts';
import { canonicalNetwork, contains, parseNetwork } from '../base/ip.ts';
import type { Config } from '../config/config.ts';
import { runningPid } from '../state/runlock.ts';
import { addOrder, type State } from '../state/state.ts';
import { runActions } from './actions.ts';
import type { Call, Subcommand } from './command.ts';
import { changeState, configOf, enforceChange, findJail, firewallPlanOf, statePathOf } from './context.ts';

/** `f2b unbanip`: lifts bans by hand, in one jail or in all. */
export const unbanip: Subcommand = {
  name: 'unbanip',
  summary: 'lift the bans of addresses, in one jail or in all',
  usage: '[JAIL] IP.. | --all [JAIL]',
  options: [{ name: 'all', help: 'lift every ban' }],
  about: `Prints how many bans were lifted; 0 when there was none. What was counted against the address is forgotten as well, so
that one more failure does not ban it again at once.
A network lifts the bans inside it as well. An IPv6 address lifts the ban of its /64 (the jail's ipv6prefix). An address that the
ban of another network holds, such as one made by rollup, stays banned: that network is named, the exit code is 1.`,
  examples: [
    ['f2b unbanip 192.0.2.7', 'in all jails'],
    ['f2b unbanip sshd 192.0.2.7 192.0.2.8', 'in one'],
    ['f2b unbanip sshd 198.51.100.0/24', 'a network and all addresses in it'],
    ['f2b unbanip --all', 'every ban of every jail'],
  ],
  async run(call) {
    const config = configOf(call);
    const { jail, ids } = readWords(call);
    if (jail !== null) findJail(config, jail);
    const plan = firewallPlanOf(config.blocking);
    const { lifted, missing, covers } = await changeState(call, async (state) => {
      const jails = jailsFor(config, state, jail);
      const lifted = lift(state, ids, jails);
      const missing = await enforceChange(call, plan, state, {
        add: () => false,
        remove: lifted,
        isAlone: runningPid(statePathOf(call.global, call.io)) === null,
      });
      return { lifted, missing, covers: covering(state, ids, jails) };
    });
    const asked = new Set(lifted.map(({ id }) => id));
    const standing = [...missing].filter(([id]) => asked.has(id));
    const answer = {
      lifted,
      standing: standing.map(([id, reason]) => ({ id, reason })),
      held: covers.map(({ id, by }) => ({ id, jail: by.jail, network: by.id })),
    };
    call.io.stdout(`${call.global.json ? JSON.stringify(answer) : lifted.length}\n`);
    await runActions(
      call,
      config,
      lifted.map((one) => ({ kind: 'unban', ...one }) as const),
    );
    for (const [id, reason] of standing)
      call.io.stderr(`f2b: ${id} is unbanned, but still stands in the firewall: ${reason}\n`);
    for (const { id, by } of covers) {
      call.io.stderr(`f2b: ${id} stays banned in ${by.jail}: the ban of the network ${by.id} holds it\n`);
      call.io.stderr(`f2b: hint: f2b unbanip ${by.jail} ${by.id} lets the whole network in\n`);
    }
    return standing.length + covers.length > 0 ? 1 : 0;
  },
};

/** `ids` null = all. */
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
  return { jail: isAddress ? null : first, ids: (isAddress ? words : rest).map(readId) };
}

function looksLikeAddress(word: string): boolean {
  return /^[\d.:/]+$/.test(word);
}

/** Ids that are not addresses (F-ID) are used as they are. */
function readId(word: string): string {
  const id = canonicalNetwork(word);
  if (id === null && looksLikeAddress(word)) throw new UsageError(`"${word}" is not an address or network`);
  return id ?? word;
}

/** The jails to change, with their IPv6 prefixes; jails that are no longer configured may still have bans. */
function jailsFor(config: Config, state: State, only: string | null): ReadonlyMap<string, number> {
  const prefixes = new Map(config.jails.map(({ name, ipv6prefix }) => [name, ipv6prefix]));
  const names = only === null ? [...state.jails.keys()] : [only];
  return new Map(names.map((name) => [name, prefixes.get(name) ?? 128]));
}

type BanPlace = { readonly jail: string; readonly id: string };

/** Lifts bans. An IPv6 address includes the ban of its prefix, and a network the bans inside it. */
function lift(state: State, ids: readonly string[] | null, jails: ReadonlyMap<string, number>): BanPlace[] {
  const lifted: BanPlace[] = [];
  for (const [jail, prefix] of jails) {
    const bans = state.jails.get(jail)?.bans ?? new Map();
    for (const id of bansNamed(bans, ids, prefix)) {
      if (addOrder(state, { kind: 'unban', jail, id }) === 'lifted') lifted.push({ jail, id });
    }
  }
  return lifted;
}

/** The bans of networks that still contain one of the ids. */
function covering(
  state: State,
  ids: readonly string[] | null,
  jails: ReadonlyMap<string, number>,
): readonly { readonly id: string; readonly by: BanPlace }[] {
  return [...jails.keys()].flatMap((jail) => {
    const bans = [...(state.jails.get(jail)?.bans.keys() ?? [])].filter((id) => id.includes('/'));
    return bans.flatMap((id) => {
      const network = parseNetwork(id);
      const held = (ids ?? []).filter((one) => network !== null && contains(network, one));
      return held.map((one) => ({ id: one, by: { jail, id } }));
    });
  });
}
