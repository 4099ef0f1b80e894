/**
 * Reads a tree of configuration files into jails that are ready to be compiled.
 *
 * Nothing in a file makes it throw. Each mistake is reported with file and line, and a broken jail does not
 * affect others.
 *
 *     const { jails, problems } = loadConfig(diskTree('/etc/fail2ban'));
 */

import { type Problem, problem } from '../base/errors.ts';
import { readServices } from '../base/ports.ts';
import type { Jail } from './jail.ts';
import { withDefaults } from './options.ts';
import { ownerProblems } from './owners.ts';
import { type JailResult, readJail, referencedNames } from './readjail.ts';
import { type ConfigReader, noSections, openReader, readSections, type Sections } from './sections.ts';
import { readSettings, type Settings } from './settings.ts';
import type { Text } from './text.ts';
import type { ConfigTree } from './tree.ts';

/** How to load: all optional. */
export type LoadOptions = {
  /** The text of /etc/services, for port names; default: a small table. */
  readonly services?: string;
  /**
   * Whether a jail with a journalmatch and `backend = auto` is to read the journal, as it has no log file;
   * default: never.
   */
  readonly usesJournal?: (jail: Jail) => boolean;
  /** Reads every jail as if it were enabled. */
  readonly force?: boolean;
  /** Reads only these jails; an unknown name is an error. */
  readonly only?: readonly string[];
};

/** A whole configuration. */
export type Config = {
  /** The tree's name: a folder, or `embedded`. */
  readonly tree: string;
  /** Jails that are enabled and have no error, in the order of their sections. */
  readonly jails: readonly Jail[];
  /** The enabled jails of which is known where their bans stand, broken ones among them. */
  readonly blocking: readonly Pick<Jail, 'name' | 'actions'>[];
  /** All jails, broken and disabled ones among them. */
  readonly allJails: readonly JailResult[];
  readonly settings: Settings;
  /** The options of [DEFAULT], as they are written. */
  readonly defaults: ReadonlyMap<string, Text>;
  /** All mistakes, each once, in the order of reading. */
  readonly problems: readonly Problem[];
  /** The jail files in the order in which they were merged. */
  readonly files: readonly string[];
};

/** Sections of jail.conf that are not jails. */
const NO_JAILS: readonly string[] = ['INCLUDES', 'Definition', 'Init', 'Thread'];

/**
 * Reads a whole configuration: jail.conf, jail.d, fail2ban.conf, and the filters and actions of the enabled
 * jails. Never throws for mistakes in the files: `jails` does not contain broken jails, and their problems
 * have their name.
 */
export function loadConfig(tree: ConfigTree, options: LoadOptions = {}): Config {
  const reader = openReader(tree);
  const problems: Problem[] = [];
  const settings = readSettings(reader, problems);
  const sections = withDefaults(readSections(reader, 'jail') ?? noSections(), tree.name);
  const names = [...sections.sections.keys()].filter((name) => !NO_JAILS.includes(name));
  const input = {
    reader,
    sections,
    services: readServices(options.services ?? ''),
    referenced: referencedNames(sections),
    usesJournal: options.usesJournal ?? (() => false),
  };
  blameJails(reader, sections, new Set(names));
  const wanted = options.only === undefined ? names : names.filter((name) => options.only?.includes(name));
  const allJails = wanted.map((name) => readJail(input, name, options.force ?? false));
  for (const name of options.only ?? []) {
    if (!names.includes(name)) problems.push(problem(`no jail is called "${name}"`, { jail: name }));
  }
  if (names.length === 0) {
    const hint = `write one into ${tree.show('jail.d/NAME.conf')}`;
    problems.push(
      problem('there are no jails', { severity: 'warning', place: { file: tree.name, line: 0 }, hint }),
    );
  }
  const jails = allJails.flatMap(({ jail, isEnabled }) => (jail !== null && isEnabled ? [jail] : []));
  const blocking = allJails.flatMap(({ name, isEnabled, actions }) =>
    isEnabled && actions !== null ? [{ name, actions }] : [],
  );
  const all = [
    ...reader.problems,
    ...problems,
    ...ownerProblems(reader),
    ...allJails.flatMap((one) => one.problems),
  ];
  const files = sections.files.map(tree.show);
  const defaults = new Map([...sections.defaults].map(([key, { text }]) => [key, text]));
  return { tree: tree.name, jails, blocking, allJails, settings, defaults, problems: all, files };
}

/** A mistake in a jail's section concerns that jail; any other concerns all. */
function blameJails(reader: ConfigReader, sections: Sections, names: ReadonlySet<string>): void {
  const files = new Set(sections.files.map(reader.tree.show));
  for (const [i, one] of reader.problems.entries()) {
    const isJails = one.jail !== null && names.has(one.jail) && files.has(one.place?.file ?? '');
    if (!isJails) reader.problems[i] = { ...one, jail: null };
  }
}
