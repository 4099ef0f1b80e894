import { accessSync, constants, statSync } from 'node:fs';
import { planAction } from '../action.ts';
import { timeMatch } from '../clock.ts';
import { WITHOUT_EFFECT } from '../config/settings.ts';
import { type Config, configDump, loadConfig } from '../config.ts';
import { codeOf, formatProblem, type Problem, problem, reasonOf, UsageError } from '../errors.ts';
import { alarmsOf } from '../health.ts';
import type { Jail } from '../jail.ts';
import { journalTrouble } from '../journal.ts';
import { findExplosion } from '../lint/explosion.ts';
import { lintFailregex } from '../lint.ts';
import { expandGlob, hasMagic } from '../logfile/glob.ts';
import { callRoster, type Roster } from '../roster.ts';
import type { Wall } from '../wall.ts';
import type { Call, Command } from './command.ts';
import { findJail, readOnlyState, servicesText, treeOf, wallOf } from './host.ts';

/** `f2b check`: what the configuration amounts to, and everything that is wrong with it. */
export const check: Command = {
  name: 'check',
  summary: 'test the configuration and say what it amounts to',
  usage: '[JAIL..] [--all] [--dump]',
  options: [
    { name: 'all', short: 'a', value: null, help: 'check disabled jails too, as if they were enabled' },
    { name: 'dump', short: null, value: null, help: 'print the resolved configuration as JSON' },
    {
      name: 'verbose',
      short: 'v',
      value: null,
      help: 'also name patterns whose time V8 cannot bound by itself',
    },
  ],
  about: `Prints a line for every enabled jail, then what is wrong with file and line, then warnings: logs that are missing,
settings without effect, patterns through which an attacker could have somebody else banned (with the line that does it).
Changes nothing. Exit code 2 when there are errors; warnings alone are no error.`,
  examples: [
    ['f2b check', 'before a start or a reload'],
    ['f2b check sshd --verbose', 'one jail'],
    ['f2b --config /etc/fail2ban check --all', "all of fail2ban's jails"],
    ['f2b check --dump', 'every option as it was resolved'],
  ],
  async run(call) {
    const { words, options, global, io } = call;
    const force = options['all'] === true;
    const config = loadConfig(treeOf(call), { services: servicesText(), force });
    for (const name of words) if (!config.allJails.some((one) => one.name === name)) findJail(config, name);
    if (options['dump'] === true) {
      if (words.length > 0) throw new UsageError('--dump prints all jails');
      io.stdout(`${JSON.stringify(configDump(config), null, 2)}\n`);
      return hasErrors(config.problems) ? 2 : 0;
    }
    const report = await examine(call, config, words);
    io.stdout(global.json ? `${JSON.stringify(report)}\n` : printReport(report));
    return hasErrors(report.problems) ? 2 : 0;
  },
};

type JailLine = {
  readonly name: string;
  readonly filter: string;
  readonly failregexes: number;
  readonly sources: readonly string[];
  readonly actions: readonly string[];
};

type Report = {
  readonly tree: string;
  readonly jails: readonly JailLine[];
  readonly disabled: number;
  readonly problems: readonly Problem[];
};

async function examine(call: Call, config: Config, only: readonly string[]): Promise<Report> {
  const isMeant = (name: string | null): boolean => only.length === 0 || name === null || only.includes(name);
  const jails = config.jails.filter(({ name }) => isMeant(name));
  const roster = callRoster(jails);
  const wall = await wallOf(jails, call.io);
  const problems = [...config.problems, ...roster.problems].filter(({ jail }) => isMeant(jail));
  for (const jail of jails) {
    if (!roster.jails.has(jail.name)) continue;
    problems.push(...sourceProblems(jail), ...actionProblems(jail, wall), ...lints(jail, roster, call));
  }
  problems.push(...settingProblems(config), ...sourceAlarms(call, jails));
  return {
    tree: config.tree,
    jails: jails.filter(({ name }) => roster.jails.has(name)).map((jail) => lineOf(jail, wall)),
    disabled: config.allJails.filter(({ isEnabled }) => !isEnabled).length,
    problems,
  };
}

function lineOf(jail: Jail, wall: Wall): JailLine {
  const isJournal = jail.backend === 'systemd' && journalTrouble(jail.backendOptions) === null;
  const files = jail.logpath.flatMap(({ glob }) => expandGlob(glob)).filter(exists);
  const kinds = (wall.places.get(jail.name) ?? []).map(({ kind }) => kind);
  const commands = jail.actions
    .filter((action) => planAction(action).kind === 'command')
    .map(({ name }) => name);
  return {
    name: jail.name,
    filter: jail.filter.name,
    failregexes: jail.filter.failregex.length,
    sources: isJournal ? ['journal'] : [...new Set(files)],
    actions: [...kinds, ...commands],
  };
}

const warn = (jail: Jail, key: string, text: string, hint: string | null = null): Problem =>
  problem(text, { severity: 'warning', place: jail.place, jail: jail.name, key, hint });

function sourceProblems(jail: Jail): Problem[] {
  if (jail.filter.failregex.length === 0) return [];
  if (jail.backend === 'systemd') {
    const trouble = journalTrouble(jail.backendOptions);
    if (trouble === null) return [];
    const files = jail.logpath.length > 0;
    return [
      warn(
        jail,
        'backend',
        `${trouble}: ${files ? 'the log files are read instead' : 'the jail sees nothing'}`,
      ),
    ];
  }
  return jail.logpath.flatMap(({ glob }) => {
    if (hasMagic(glob))
      return expandGlob(glob).length > 0 ? [] : [warn(jail, 'logpath', `no file is called ${glob} yet`)];
    const trouble = fileTrouble(glob);
    return trouble === null ? [] : [warn(jail, 'logpath', trouble)];
  });
}

function fileTrouble(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return `${path} is not a plain file and is not read`;
    accessSync(path, constants.R_OK);
    return null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return `${path} does not exist; the jail waits for it`;
    return `${path} cannot be read: ${codeOf(error) || reasonOf(error)}`;
  }
}

function exists(path: string): boolean {
  return fileTrouble(path) === null;
}

function actionProblems(jail: Jail, wall: Wall): Problem[] {
  const trouble = wall.troubles.get(jail.name);
  const found = trouble === undefined ? [] : [warn(jail, 'action', trouble)];
  if (jail.actions.length === 0)
    found.push(warn(jail, 'action', 'no action: failures are counted and nobody is blocked'));
  return found;
}

function lints(jail: Jail, roster: Roster, call: Call): Problem[] {
  const filter = roster.jails.get(jail.name)?.filter;
  if (filter === null || filter === undefined) return [];
  return filter.failregex.flatMap(({ regex, source, index }) => {
    const at = {
      severity: 'warning',
      place: source.place,
      jail: jail.name,
      key: `failregex ${index + 1}`,
    } as const;
    // A prefregex has looked at the line's beginning already.
    const findings = lintFailregex(regex).filter(
      ({ kind }) => kind !== 'unanchored' || filter.prefregex === null,
    );
    const told = findings.map(({ text, proof }) => problem(text, { ...at, hint: proof }));
    const explosion = findExplosion(regex, timeMatch);
    if (explosion !== null) {
      const text = `takes over half a second on a line of ${explosion.length} characters; a time limit bounds it`;
      told.push(problem(text, { ...at, hint: `${JSON.stringify(explosion.line)}...` }));
    }
    const isUnbounded = call.options['verbose'] === true && !regex.isLinear;
    return isUnbounded
      ? [...told, problem("V8's linear engine does not take it; a time limit bounds it", at)]
      : told;
  });
}

function settingProblems(config: Config): Problem[] {
  const usual = new Set(['socket', 'pidfile', 'dbfile']);
  return [...config.settings.options.keys()].flatMap((key) => {
    const why = WITHOUT_EFFECT.get(key);
    return why === undefined || usual.has(key)
      ? []
      : [problem(`has no effect: ${why}`, { severity: 'warning', key })];
  });
}

/** What the daemon noticed about its sources, where its state can be read. */
function sourceAlarms(call: Call, jails: readonly Jail[]): Problem[] {
  const names = new Set(jails.map(({ name }) => name));
  try {
    const state = readOnlyState(call);
    return [...state.sources].flatMap(([name, source]) =>
      Object.keys(source.jails).some((jail) => names.has(jail)) && source.trouble === null
        ? alarmsOf(name, source, call.io.now()).map((text) => problem(text, { severity: 'warning' }))
        : [],
    );
  } catch {
    return [];
  }
}

function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some(({ severity }) => severity === 'error');
}

function printReport({ tree, jails, disabled, problems }: Report): string {
  const width = Math.max(0, ...jails.map(({ name }) => name.length));
  const rows = jails.map(({ name, filter, failregexes, sources, actions }) => {
    const reads =
      sources.length === 0
        ? 'no log yet'
        : sources.slice(0, 3).join(', ') + (sources.length > 3 ? ', ..' : '');
    return `  ${name.padEnd(width)}  ${filter} (${failregexes}) on ${reads} -> ${actions.join(', ') || 'nothing'}`;
  });
  const errors = problems.filter(({ severity }) => severity === 'error');
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const said = (kind: string) => (one: Problem) =>
    `${kind}: ${one.jail === null ? '' : `[${one.jail}] `}${formatProblem(one)}\n${one.hint === null ? '' : `  ${one.hint.replaceAll('\n', '\n  ')}\n`}`;
  const verdict =
    errors.length === 0
      ? 'OK: configuration test is successful'
      : `${errors.length} error${errors.length === 1 ? '' : 's'}: the jails concerned are not started, the others are`;
  return [
    `${tree}: ${jails.length} jail${jails.length === 1 ? '' : 's'} enabled, ${disabled} disabled\n`,
    ...rows.map((row) => `${row}\n`),
    ...errors.map(said('error')),
    ...warnings.map(said('warning')),
    `${verdict}\n`,
  ].join('');
}
