import { makeEscalation } from '../../ban/escalation.ts';
import { watchLogins } from '../../ban/logins.ts';
import { openDns } from '../../base/dns.ts';
import { UsageError } from '../../base/errors.ts';
import { canonicalNetwork } from '../../base/ip.ts';
import type { Config } from '../../config/config.ts';
import type { Jail } from '../../config/jail.ts';
import { compileJails } from '../../daemon/jails.ts';
import { learnNames } from '../../daemon/lookups.ts';
import type { FirewallPlan } from '../../firewall/plan.ts';
import { askHeld } from '../../firewall/reconcile.ts';
import { alarmsOf } from '../../source/health.ts';
import type { State } from '../../state/state.ts';
import type { Call, Subcommand } from '../command.ts';
import { configOf, findJail, firewallPlanOf, jobsOf, readOnlyState } from '../context.ts';
import { evidenceFor } from './evidence.ts';
import { whyNever } from './never.ts';
import { type Answer, printAnswer } from './print.ts';
import { type Verdict, verdictOn } from './verdict.ts';

/** Lines of the logs that are shown for each jail. */
const SHOWN = 3;

/** `f2b why`: why an address is banned, or why not. */
export const why: Subcommand = {
  name: 'why',
  summary: 'tell why an address is banned, or why not',
  usage: 'IP [JAIL..]',
  options: [
    { name: 'lines', value: 'N', help: `lines of the logs that are shown for each jail (${SHOWN})` },
    { name: 'all', help: 'tell of jails too in which nothing is known of it' },
  ],
  about: `Tells of each jail: since when and until when it is banned, by how many failures, which lines of the logs counted and by which regex, whether the kernel holds
it and in which object, how often it was banned before and how long the next ban would be. Or why it is not banned: a rule of ignoreip with its file and line, the lock-out
guard, too few failures, a log that is not read or has no dates, a ban that is over. The lines are read from the end of the logs (32 MB of each, and the rotated file before
it; a day of the journal). Exit code: 0 when it is banned, 1 when it is not.`,
  examples: [
    ['f2b why 192.0.2.7', 'in all jails'],
    ['f2b why 198.51.100.0/24 sshd', 'a network, in one jail'],
    ['f2b why 192.0.2.7 --json', 'for programs'],
  ],
  async run(call) {
    const [word, ...names] = call.words;
    if (word === undefined) throw new UsageError('why needs an address', 'see: f2b help why');
    const id = canonicalNetwork(word);
    if (id === null) throw new UsageError(`"${word}" is not an address or network`);
    const config = configOf(call);
    const jails = names.length === 0 ? config.jails : names.map((name) => findJail(config, name));
    const answers = await answer(call, config, jails, id);
    const isBanned = answers.some(({ status }) => status === 'banned');
    if (call.global.json) call.io.stdout(`${JSON.stringify(answers.map(jsonOf))}\n`);
    else print(call, id, answers, call.options['all'] === true || names.length > 0);
    return isBanned ? 0 : 1;
  },
};

function print({ io }: Call, id: string, answers: readonly Answer[], isAll: boolean): void {
  const known = answers.filter(({ status, alarms }) => isAll || status !== 'unknown' || alarms.length > 0);
  const shown = known.map((one) => printAnswer(id, one, io.now()));
  if (known.every(({ status }) => status === 'unknown')) {
    const count = answers.length === 1 ? 'the jail' : `any of ${answers.length} jails`;
    shown.unshift(`${id} is not banned, and no failure of it is known in ${count}\n`);
  }
  io.stdout(shown.join('\n'));
}

function jsonOf({ kernel, regexes: _, ...more }: Answer) {
  return { ...more, kernel: Object.fromEntries(kernel) };
}

async function answer(
  call: Call,
  config: Config,
  jails: readonly Jail[],
  id: string,
): Promise<readonly Answer[]> {
  const state = readOnlyState(call);
  const { jails: running } = compileJails(jails);
  const logins = watchLogins()();
  const now = call.io.now();
  const plan = firewallPlanOf(config.blocking);
  const held = await heldNow(call, plan);
  const answers: Answer[] = [];
  for (const jail of jails) {
    const working = running.get(jail.name);
    if (working === undefined) continue;
    await learnNames(working.ignore, openDns());
    const written = config.allJails.find(({ name }) => name === jail.name)?.written ?? new Map();
    const never = whyNever(id, { jail, written }, { ignored: working.ignore, logins });
    const escalate = makeEscalation(jail.increment, () => 0);
    const next = (times: number): number | null => escalate(jail.bantime, times);
    const verdict = verdictOn(id, jail, state.jails.get(jail.name), { never, now, next });
    const search = { id, now, stdin: call.io.stdin, most: linesOf(call) };
    const evidence =
      verdict.status === 'unknown' && call.words.length < 2 ? [] : await evidenceFor(working, search);
    answers.push({
      ...verdict,
      evidence,
      kernel: kernelFacts(verdict, held.get(jail.name)),
      alarms:
        verdict.status === 'banned' || verdict.status === 'never' ? [] : alarmsFor(jail.name, state, now),
      regexes: jail.filter.failregex,
    });
  }
  return answers;
}

function linesOf({ options }: Call): number {
  const text = options['lines'];
  if (typeof text !== 'string') return SHOWN;
  if (!/^\d{1,4}$/.test(text)) throw new UsageError(`--lines: cannot read "${text}" as a number`);
  return Number(text);
}

type Firewalls = readonly { readonly kind: string; readonly entries: ReadonlySet<string> | string }[];

/** By jail what each of its firewalls holds, or why it cannot be asked. */
async function heldNow(call: Call, plan: FirewallPlan): Promise<ReadonlyMap<string, Firewalls>> {
  const byJail = new Map<string, Firewalls>();
  for (const job of jobsOf(plan, call)) {
    const { kind } = job.firewall;
    if (kind === 'dummy') continue;
    const held = await askHeld(job, call.io.now());
    for (const [jail, places] of plan.rulesByJail) {
      const own = places.filter((place) => place.kind === kind);
      if (own.length === 0) continue;
      const entries =
        typeof held === 'string'
          ? held
          : new Set(own.flatMap(({ rule }) => [...(held.entries.get(rule)?.keys() ?? [])]));
      byJail.set(jail, [...(byJail.get(jail) ?? []), { kind, entries }]);
    }
  }
  return byJail;
}

function kernelFacts({ bans }: Verdict, firewalls: Firewalls = []): ReadonlyMap<string, string> {
  const told = bans.map(({ id }): [string, string] => {
    const parts = firewalls.map(({ kind, entries }) => {
      if (typeof entries === 'string') return `${kind} cannot be asked: ${entries}`;
      return entries.has(id) ? `${kind} holds it` : `${kind} does not hold it`;
    });
    return [id, parts.length === 0 ? 'no firewall of f2b is to hold it' : parts.join(', ')];
  });
  return new Map(told);
}

function alarmsFor(jail: string, state: State, now: number): readonly string[] {
  return [...state.sources].flatMap(([name, source]) =>
    jail in source.jails ? alarmsOf(name, source, now) : [],
  );
}
