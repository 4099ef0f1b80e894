import { fillTags } from '../../action/shelltext.ts';
import { tagsOf, ticketOf } from '../../action/tags.ts';
import { ignoredBans, ignoredBansText } from '../../ban/ignoredbans.ts';
import type { RunningJail } from '../../ban/jail.ts';
import { type Problem, problem, reasonOf } from '../../base/errors.ts';
import { isOnPath } from '../../base/process.ts';
import { timeMatch } from '../../base/timelimit.ts';
import type { Config } from '../../config/config.ts';
import type { Jail } from '../../config/jail.ts';
import type { JailResult } from '../../config/readjail.ts';
import { isBuiltIn } from '../../config/sections.ts';
import { tagKind } from '../../config/shelldata.ts';
import { placeOf, type Text } from '../../config/text.ts';
import { isEmbedded } from '../../config/tree.ts';
import { compileJails } from '../../daemon/jails.ts';
import { findExplosion } from '../../filter/lint/explosion.ts';
import { lintFilter } from '../../filter/lint/lint.ts';
import type { Filter } from '../../filter/types.ts';
import type { FirewallPlan } from '../../firewall/plan.ts';
import { alarmsOf } from '../../source/health.ts';
import type { Call } from '../command.ts';
import { firewallPlanOf, limitsOfHost, readOnlyState } from '../context.ts';
import { crowdTexts, statusOf } from '../jailstatus.ts';
import { type Sources, sourcesOf } from './sources.ts';

/** One jail of the report. */
export type JailLine = {
  readonly name: string;
  readonly isEnabled: boolean;
  readonly filter: string;
  readonly failregexes: number;
  readonly maxretry: number;
  /** Seconds. */
  readonly findtime: number;
  /** Seconds; null = for ever. */
  readonly bantime: number | null;
  /** Paths that can be read now, or `journal`. */
  readonly sources: readonly string[];
  /** The firewalls of its actions. */
  readonly firewalls: readonly string[];
  /** Its actions that run commands. */
  readonly commands: readonly string[];
};

/** A difference from the text of the configuration that is not a problem. */
export type Note = { readonly jail: string | null; readonly text: string };

/** The full report of `f2b check`. */
export type Report = {
  readonly tree: string;
  readonly enabled: number;
  readonly disabled: number;
  readonly jails: readonly JailLine[];
  readonly problems: readonly Problem[];
  readonly notes: readonly Note[];
};

/** The jails to check ([] = all), and which jails are enabled. */
export type Question = {
  readonly only: readonly string[];
  readonly enabled: ReadonlySet<string>;
};

/** Checks the configuration, the logs, the firewalls and the saved state; changes nothing. */
export async function examine(call: Call, config: Config, question: Question): Promise<Report> {
  const { only, enabled } = question;
  const isMeant = (name: string | null): boolean => only.length === 0 || name === null || only.includes(name);
  const running = compileJails(config.jails.filter(({ name }) => isMeant(name)));
  const ready = [...running.jails.values()];
  const jails = ready.map(({ jail }) => jail);
  const plan = firewallPlanOf(jails);
  const problems = [...config.problems, ...running.problems].filter(({ jail }) => isMeant(jail));
  const notes: Note[] = [...config.settings.notes, ...plan.notes].map((text) => ({ jail: null, text }));
  const lines: JailLine[] = [];
  for (const { jail, filter } of ready) {
    const sources = sourcesOf(jail);
    lines.push(jailLine(jail, plan, { sources, isEnabled: enabled.has(jail.name) }));
    notes.push(...notesOf(jail, config, sources));
    const { written } = config.allJails.find(({ name }) => name === jail.name) ?? {};
    problems.push(...sources.warnings.map(({ key, text }) => warning(jail, key, { text, written })));
    const trouble = plan.troubles.get(jail.name);
    if (trouble !== undefined) problems.push(warning(jail, 'action', { text: trouble, written }));
    problems.push(...commandProblems(jail));
    if (filter === null) continue;
    problems.push(...lints(jail, filter, !sources.reads.includes('journal')));
  }
  const limits = await limitsOfHost(plan, call.io);
  problems.push(...limits.map(({ jail, text, hint }) => problem(text, { severity: 'warning', jail, hint })));
  problems.push(...wallProblems(plan), ...stateProblems(call, ready, notes));
  const disabled = config.allJails.filter(({ name }) => !enabled.has(name)).length;
  const works = lines.filter((line) => line.isEnabled).length;
  return { tree: config.tree, enabled: works, disabled, jails: lines, problems, notes };
}

type Told = { readonly text: string; readonly written: ReadonlyMap<string, Text> | undefined };

/** A warning at the place where the option is set, or else at the jail. */
function warning(jail: Jail, key: string, { text, written }: Told): Problem {
  const set = written?.get(key);
  const at = set === undefined ? jail.place : placeOf(set);
  const place = isBuiltIn(at) ? jail.place : at;
  return problem(text, { severity: 'warning', place, jail: jail.name, key });
}

function jailLine(jail: Jail, plan: FirewallPlan, more: { sources: Sources; isEnabled: boolean }): JailLine {
  return {
    name: jail.name,
    isEnabled: more.isEnabled,
    filter: jail.filter.name,
    failregexes: jail.filter.failregex.length,
    maxretry: jail.maxretry,
    findtime: jail.findtime,
    bantime: jail.bantime,
    sources: more.sources.reads,
    firewalls: [...new Set((plan.rulesByJail.get(jail.name) ?? []).map(({ kind }) => kind))],
    commands: jail.actions.filter((one) => one.kind === 'command').map(({ name }) => name),
  };
}

function notesOf(jail: Jail, { allJails, defaults }: Config, sources: Sources): Note[] {
  const result = allJails.find(({ name }) => name === jail.name);
  const written = result?.options.get('backend') ?? '';
  const other = /^(?:pyinotify|gamin)\b/i.exec(written)?.[0];
  const backend = other === undefined ? [] : [`backend ${other} is read as auto`];
  const unheard = result === undefined ? [] : unheardDefaults(result, defaults);
  return [...backend, ...unheard, ...sources.notes].map((text) => ({ jail: jail.name, text }));
}

/** Limits of [DEFAULT] that do not reach a jail that f2b brings along, since that sets its own. */
function unheardDefaults({ written }: JailResult, defaults: Config['defaults']): readonly string[] {
  return ['maxretry', 'findtime', 'bantime'].flatMap((key) => {
    const [shared, own] = [defaults.get(key), written.get(key)];
    if (shared === undefined || own === undefined || shared.text === own.text) return [];
    const [{ file, line }, place] = [placeOf(shared), placeOf(own)];
    if (!isEmbedded(place) || isEmbedded({ file }) || isBuiltIn({ file, line })) return [];
    return [`its own ${key} = ${own.text} counts, not ${shared.text} of [DEFAULT] (${file}:${line})`];
  });
}

/** Commands with a tag where a value from a log cannot be inserted safely. */
function commandProblems({ name, place, actions, ignore }: Jail): Problem[] {
  const around = { banned: 0, bannedTotal: 0, found: 0, foundTotal: 0, fqHostname: '', ipHost: '' };
  const known = tagsOf(ticketOf('192.0.2.1', null), around);
  const commands = actions.flatMap((action) =>
    [...action.options, ...action.options6].flatMap(([key, text]) =>
      action.kind === 'command' && key.startsWith('action') ? [{ key, text, place: action.place }] : [],
    ),
  );
  commands.push({ key: 'ignorecommand', text: ignore.command ?? '', place });
  return commands.flatMap(({ text, ...where }) => {
    try {
      // In place of each a value that is not harmless.
      fillTags(text, (tag) => (tagKind(tag, null) === 'log' ? '\n' : known(tag)));
      return [];
    } catch (error) {
      return [problem(reasonOf(error), { severity: 'warning', jail: name, ...where })];
    }
  });
}

/** `isDated`: the lines hold their own date; entries of the journal do not. */
function lints(jail: Jail, filter: Filter, isDated: boolean): Problem[] {
  const told = lintFilter(filter, isDated).map(({ place, key, text, proof }) =>
    problem(text, { severity: 'warning', jail: jail.name, place, key, hint: proof }),
  );
  const { prefregex, failregex } = filter;
  for (const one of prefregex === null ? failregex : [prefregex, ...failregex]) {
    const key = one === prefregex ? 'prefregex' : `failregex ${one.index + 1}`;
    const at = { severity: 'warning', jail: jail.name, place: one.source.place, key } as const;
    const explosion = findExplosion(one.regex, timeMatch);
    if (explosion !== null) {
      const text = `takes over half a second on a line of ${explosion.length} characters; a time limit bounds it`;
      told.push(problem(text, { ...at, hint: `${JSON.stringify(explosion.line)}...` }));
    }
  }
  return told;
}

/** Firewalls that cannot work as things are. */
function wallProblems(plan: FirewallPlan): Problem[] {
  return plan.sections.flatMap(({ firewall }) => {
    const missing = firewall.programs.filter((program) => !isOnPath(program));
    if (missing.length === 0) return [];
    const text = `${firewall.kind} needs ${missing.join(' and ')}`;
    return [problem(text, { severity: 'warning', hint: 'bans wait until it is installed' })];
  });
}

/** The daemon's alarms about its sources, and bans of addresses that are ignored now, and jails without room for bans, if its state can be read. */
function stateProblems(call: Call, ready: readonly RunningJail[], notes: Note[]): Problem[] {
  const names = new Set(ready.map(({ jail }) => jail.name));
  const now = call.io.now();
  try {
    const state = readOnlyState(call);
    const ignored = ready.flatMap(({ jail: { name }, ignore }) => {
      const ids = ignoredBans(ignore, state.jails.get(name)?.bans ?? new Map(), now);
      if (ids.length === 0) return [];
      const { text, hint } = ignoredBansText(name, ids);
      return [problem(text, { severity: 'warning', jail: name, hint })];
    });
    const alarms = [...state.sources].flatMap(([name, source]) =>
      Object.keys(source.jails).some((jail) => names.has(jail)) && source.trouble === null
        ? alarmsOf(name, source, now).map((text) => problem(text, { severity: 'warning' }))
        : [],
    );
    const full = ready.flatMap(({ jail }) =>
      crowdTexts(statusOf(jail, state, [], now)).map(([key, text]) =>
        problem(`${key.toLowerCase()}: ${text}`, {
          severity: 'warning',
          place: jail.place,
          jail: jail.name,
          key: 'maxbans',
        }),
      ),
    );
    return [...ignored, ...alarms, ...full];
  } catch (error) {
    notes.push({ jail: null, text: `nothing is known of the daemon's sources: ${reasonOf(error)}` });
    return [];
  }
}
