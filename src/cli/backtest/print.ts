import { formatDuration } from '../../base/duration.ts';
import { clean } from '../../base/visible.ts';
import { COLUMNS, wrapped } from '../wrap.ts';
import { type Backtest, differenceOf, type Suspect, type Trial } from './trial.ts';

/** Entries of a list that are shown without --all. */
const SHOWN = 20;

/** The answer of `f2b backtest` for people, in 80 columns. */
export function printBacktest(answer: Backtest, isAll: boolean): string {
  const { jail, lines, from, to, names, configured, changed } = answer;
  const most = isAll ? Number.POSITIVE_INFINITY : SHOWN;
  const when =
    from === null || to === null ? 'no failure' : `failures from ${dateText(from)} to ${dateText(to)}`;
  const out = [...wrapped(`${jail}: ${lines} ${lines === 1 ? 'line' : 'lines'}, ${when}`, COLUMNS), ''];
  out.push(...table(configured, changed));
  if (names > 0) out.push('', `${names} failures name a host; they were left out`);
  const shown = changed ?? configured;
  if (changed !== null) out.push(...differenceLines(configured, changed, most));
  out.push(...list(changed === null ? 'bans' : 'bans, changed', shown.bans.map(banLine), most));
  out.push(...list('suspects', shown.suspects.flatMap(suspectLines), most));
  return `${out.join('\n')}\n`;
}

function table(configured: Trial, changed: Trial | null): readonly string[] {
  const rows: readonly (readonly [string, (trial: Trial) => string])[] = [
    ['maxretry', ({ settings }) => String(settings.maxretry)],
    ['findtime', ({ settings }) => formatDuration(settings.findtime)],
    [
      'bantime',
      ({ settings }) => (settings.bantime === null ? 'for ever' : formatDuration(settings.bantime)),
    ],
    ['failures counted', ({ failures }) => String(failures)],
    ['bans', ({ bans }) => String(bans.length)],
    ['addresses banned', ({ bans }) => String(new Set(bans.map(({ id }) => id)).size)],
    ['most bans at a time', ({ most }) => String(most)],
    ['suspects banned', ({ suspects }) => String(suspects.filter(({ isBanned }) => isBanned).length)],
  ];
  const trials = changed === null ? [configured] : [configured, changed];
  const heads = changed === null ? [] : [`${''.padEnd(22)}${['configured', 'changed'].map(right).join('')}`];
  return [
    ...heads,
    ...rows.map(([name, of]) => `${name.padEnd(22)}${trials.map((one) => right(of(one))).join('')}`),
  ];
}

function right(text: string): string {
  return text.padStart(14);
}

function differenceLines(configured: Trial, changed: Trial, most: number): readonly string[] {
  const { gained, lost, suspectsGained, suspectsLost } = differenceOf(configured, changed);
  const sorted = (ids: readonly string[]) => ids.map((id) => `  ${clean(id)}`);
  return [
    ...list('attackers gained', sorted(gained), most),
    ...list('attackers lost', sorted(lost), most),
    ...list('suspects gained', sorted(suspectsGained), most),
    ...list('suspects lost', sorted(suspectsLost), most),
  ];
}

function list(title: string, lines: readonly string[], most: number): readonly string[] {
  if (lines.length === 0) return ['', `${title}: none`];
  const more = lines.length > most ? [`  and ${lines.length - most} more: --all shows them`] : [];
  return ['', `${title}:`, ...lines.slice(0, most), ...more];
}

function banLine({ id, time, until }: Trial['bans'][number]): string {
  const end = until === null ? 'for ever' : `until ${dateText(until)}`;
  const line = `  ${dateText(time)}  ${clean(id)}`;
  return line.length + end.length + 2 > COLUMNS ? line : `${line.padEnd(COLUMNS - 26)}${end}`;
}

function suspectLines({ id, isBanned, why }: Suspect): string[] {
  const text = `${clean(id)}, ${isBanned ? 'banned' : 'not banned'}: ${clean(why.join('; '))}`;
  return wrapped(text, COLUMNS - 4).map((line, i) => (i === 0 ? `  ${line}` : `    ${line}`));
}

/** Local time, as in the daemon's log. */
function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = [date.getFullYear(), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day} ${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
