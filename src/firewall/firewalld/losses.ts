import { type Command, command, type Output } from '../../base/process.ts';
import type { Firewall } from '../backend.ts';

const LISTS = [['--list-all-zones'], ['--list-all-policies'], ['--direct', '--get-all-rules']] as const;

/** Runtime settings, then the permanent ones, of each kind. */
const COMMANDS: readonly Command[] = LISTS.flatMap((words) =>
  [[], ['--permanent']].map((first) => command(['firewall-cmd', ...first, ...words], { mayFail: true })),
);
/** firewalld keeps these over a reload. */
const KEPT = new Set(['interfaces', 'target', 'ingress-zones', 'egress-zones', 'priority']);
const MOST_NAMED = 10;

/** What a reload of firewalld takes away: settings that somebody changed at runtime without making them permanent. */
export const LOSSES: NonNullable<Firewall['losses']> = {
  commands: COMMANDS,
  read(outputs) {
    const differences = LISTS.flatMap((_, kind) => {
      const [runtime, permanent] = [outputs[2 * kind], outputs[2 * kind + 1]];
      if (runtime?.exitCode !== 0 || permanent?.exitCode !== 0) return [];
      return differencesOf(settingsIn(runtime), settingsIn(permanent));
    });
    if (differences.length === 0) return null;
    const more = differences.length - MOST_NAMED;
    const named = differences.slice(0, MOST_NAMED).join(', ');
    return `a reload of firewalld was needed and dropped what had been changed at runtime only: ${named}${more > 0 ? ` and ${more} more` : ''} (firewall-cmd --runtime-to-permanent keeps such settings)`;
  },
};

function differencesOf(runtime: ReadonlySet<string>, permanent: ReadonlySet<string>): readonly string[] {
  return [
    ...[...runtime].filter((setting) => !permanent.has(setting)).map((setting) => `+ ${setting}`),
    ...[...permanent].filter((setting) => !runtime.has(setting)).map((setting) => `- ${setting}`),
  ];
}

/** `public ports 8080/tcp`, one for each word of a list and for each line below a heading; direct rules are lines as they stand. */
function settingsIn({ stdout }: Output): ReadonlySet<string> {
  const settings = new Set<string>();
  let zone = '';
  let key = '';
  for (const line of stdout.split('\n')) {
    const pair = /^ {2}([\w -]+): ?(.*)$/.exec(line);
    if (line.trim() === '' || /^f2b(?:-forward)?$/.test(zone)) {
      if (line.trim() === '') zone = '';
    } else if (/^\t/.test(line)) settings.add(`${zone} ${key} ${line.trim()}`);
    else if (pair !== null) {
      key = pair[1] ?? '';
      if (KEPT.has(key)) continue;
      for (const word of (pair[2] ?? '').split(' ')) if (word !== '') settings.add(`${zone} ${key} ${word}`);
    } else if (/^(?:ipv[46]|eb) /.test(line)) settings.add(`direct rule ${line.trim()}`);
    else zone = line.split(' ')[0] ?? '';
  }
  return settings;
}
