import { formatDuration } from '../../base/duration.ts';
import { formatProblem, type Problem } from '../../base/errors.ts';
import { clean } from '../../base/visible.ts';
import type { JailLine, Note, Report } from './examine.ts';

/** Most sources named in a jail's line. */
const MOST_SOURCES = 3;

const OK = 'OK: configuration test is successful';

/** What to write where no jail is enabled. */
function nothing(tree: string): string {
  const file = tree === 'embedded' ? '/etc/f2b/jail.local' : `${tree}/jail.local`;
  return `warning: no jail is enabled\n  write [sshd], and below it enabled = true, into ${file}`;
}

/** The report as text: a line for each jail, then errors, warnings, notes, and the verdict. */
export function printReport({ tree, enabled, disabled, jails, problems, notes }: Report): string {
  const width = Math.max(0, ...jails.map(({ name }) => name.length));
  const errors = problems.filter(({ severity }) => severity === 'error');
  const warnings = problems.filter(({ severity }) => severity === 'warning');
  const blocked = `${errors.length} error${errors.length === 1 ? '' : 's'}: the jails concerned are not started, the others are`;
  return [
    `${tree}: ${enabled} jail${enabled === 1 ? '' : 's'} enabled, ${disabled} disabled`,
    ...jails.flatMap((jail) => [
      `  ${jail.name.padEnd(width)}  ${printJail(jail)}`,
      `  ${' '.repeat(width)}  ${printLimits(jail)}`,
    ]),
    ...errors.map(printProblem),
    ...warnings.map(printProblem),
    ...notes.map(printNote),
    ...(enabled === 0 && jails.length === 0 ? [nothing(tree)] : []),
    errors.length > 0 ? blocked : enabled === 0 ? 'No errors, but nothing is protected' : OK,
    '',
  ].join('\n');
}

function printLimits({ maxretry, findtime, bantime }: JailLine): string {
  const end = bantime === null ? '-1 (for ever)' : formatDuration(bantime);
  return `maxretry ${maxretry}, findtime ${formatDuration(findtime)}, bantime ${end}`;
}

function printJail({ filter, failregexes, sources, firewalls, commands, isEnabled }: JailLine): string {
  const more = sources.length > MOST_SOURCES ? ` and ${sources.length - MOST_SOURCES} more` : '';
  const read =
    sources.length === 0 ? 'no log yet' : `${sources.slice(0, MOST_SOURCES).map(clean).join(', ')}${more}`;
  const done = [...firewalls, ...commands.map((name) => `${name} (commands)`)].join(', ');
  const what = filter === '' ? 'no filter' : `${filter} (${failregexes}) on ${read}`;
  return `${what} -> ${done === '' ? 'nothing' : done}${isEnabled ? '' : ' [disabled]'}`;
}

function printProblem(one: Problem): string {
  const jail = one.jail === null ? '' : `[${one.jail}] `;
  const hint = one.hint === null ? '' : `\n  ${one.hint.replaceAll('\n', '\n  ')}`;
  return `${one.severity}: ${jail}${formatProblem(one)}${hint}`;
}

function printNote({ jail, text }: Note): string {
  return `note: ${jail === null ? '' : `[${jail}] `}${clean(text)}`;
}
