import { formatDuration } from '../../base/duration.ts';
import { formatEnd, formatSecond } from '../../base/log.ts';
import { clean } from '../../base/visible.ts';
import type { RegexSource } from '../../config/jail.ts';
import { COLUMNS, wrapped } from '../wrap.ts';
import type { Evidence } from './evidence.ts';
import type { BanFacts, Verdict } from './verdict.ts';

/** A verdict with what the kernel and the logs say. */
export type Answer = Verdict & {
  /** By banned id: the firewall object that holds it, or what is wrong. */
  readonly kernel: ReadonlyMap<string, string>;
  readonly evidence: readonly Evidence[];
  /** What is suspicious about the jail's logs. */
  readonly alarms: readonly string[];
  /** The failregexes of the jail's filter. */
  readonly regexes: readonly RegexSource[];
};

/** The answer for a jail, in 80 columns. Lines of logs keep their length up to three lines. */
export function printAnswer(id: string, answer: Answer, now: number): string {
  const lines = [headline(id, answer, now), ...answer.bans.flatMap((ban) => banLines(ban, answer, now))];
  if (answer.count !== null) lines.push(countLine(answer, now));
  if (answer.status !== 'never' && answer.times > 0) lines.push(...historyLines(answer, now));
  if (answer.evidence.length > 0) lines.push(...evidenceLines(answer));
  for (const alarm of answer.alarms) lines.push(`warning: ${clean(alarm)}`);
  const [first = '', ...more] = lines;
  return [first, ...more.flatMap((line) => indented(line))].map((line) => `${line}\n`).join('');
}

const INDENT = '  ';

function indented(line: string): readonly string[] {
  const depth = /^ */.exec(line)?.[0].length ?? 0;
  const space = `${INDENT}${' '.repeat(depth)}`;
  return wrapped(line.trimStart(), COLUMNS - space.length).map((one) => `${space}${one}`);
}

function headline(id: string, { jail, status, bans, never, past, count }: Answer, now: number): string {
  const head = `${clean(jail)}: `;
  if (status === 'banned') {
    const [ban] = bans;
    if (bans.every(({ how }) => how === 'inside'))
      return `${head}${bans.length} ban${bans.length === 1 ? '' : 's'} inside ${clean(id)}`;
    const left = ban?.until == null ? '' : `, ${formatDuration(ban.until - now)} left`;
    return `${head}${clean(id)} is banned${ban === undefined ? '' : ` ${formatEnd(ban.until)}${left}`}`;
  }
  if (status === 'never') return `${head}never banned: ${never}`;
  if (status === 'counting' && count !== null)
    return `${head}not banned: ${count.retry} of ${count.maxretry} failures, ${count.maxretry - count.retry} more ban it`;
  if (status === 'over' && past !== null) {
    const isLifted = past.until === null || past.until > now;
    const end = past.until === null ? 'for ever' : formatSecond(past.until);
    return `${head}not banned: its ban ${isLifted ? `was lifted, it was to last ${past.until === null ? '' : 'until '}${end}` : `ended ${end}`}`;
  }
  return `${head}not banned: no failure is known`;
}

function banLines(ban: BanFacts, { kernel, next }: Answer, now: number): readonly string[] {
  const origin = ban.origin === 'hand' ? 'by hand' : `after ${ban.failures} failures`;
  const held = kernel.get(ban.id);
  return [
    ...(ban.how === 'holds' ? [`by the ban of the network ${ban.id}`] : []),
    ...(ban.how === 'inside' ? [`within it: ${clean(ban.id)} ${formatEnd(ban.until)}`] : []),
    `since ${formatSecond(ban.at)} (${formatDuration(now - ban.at)}), ${origin}, ban number ${ban.count}`,
    ...(ban.pending === null ? [] : [`not enforced yet: ${clean(ban.pending)}`]),
    ...(held === undefined ? [] : [`kernel: ${held}`]),
    `the next ban: ${next === null ? 'for ever' : formatDuration(next)}`,
  ];
}

function countLine({ count }: Answer, now: number): string {
  if (count === null) return '';
  const last = `the last ${formatSecond(count.last)} (${formatDuration(now - count.last)} ago)`;
  return count.isFresh
    ? `counted: ${count.retry} of ${count.maxretry}, ${last}`
    : `counted earlier: ${count.retry} of ${count.maxretry}, ${last}; that is over, findtime is past`;
}

function historyLines({ times, past, bans, next }: Answer, now: number): readonly string[] {
  if (bans.length > 0 || past === null) return [];
  const when = `${formatSecond(past.at)} (${formatDuration(now - past.at)} ago)`;
  return [
    `banned ${times === 1 ? 'once' : `${times} times`} before, the last time ${when}`,
    `the next ban: ${next === null ? 'for ever' : formatDuration(next)}`,
  ];
}

const LONGEST_LINE = 3 * (COLUMNS - 4);

function evidenceLines({ evidence, regexes }: Answer): readonly string[] {
  const lines: string[] = [];
  let head = '';
  for (const { source, regex, line } of evidence) {
    const next = `${clean(source)}, ${regexName(regexes, regex)}:`;
    if (next !== head) lines.push(next);
    head = next;
    const shown = clean(line);
    lines.push(`  ${shown.length > LONGEST_LINE ? `${shown.slice(0, LONGEST_LINE - 3)}...` : shown}`);
  }
  return lines;
}

function regexName(regexes: Answer['regexes'], number: number): string {
  const place = regexes[number - 1]?.place;
  const where = place === undefined ? '' : ` (${place.file}${place.line > 0 ? `:${place.line}` : ''})`;
  return `failregex ${number}${where}`;
}
