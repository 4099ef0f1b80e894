import { canonicalNetwork } from '../../base/ip.ts';
import { clean } from '../../base/visible.ts';
import { type ForeignBan, type ForeignBans, foreignBan } from './foreign.ts';
import { bansOfJson } from './json.ts';
import { jailOfSet } from './sets.ts';

/** The longest rule of iptables that is read. */
const LONGEST_RULE = 4096;
/** Most problems of a source that are named one by one. */
const MOST_NAMED = 20;

/**
 * Reads bans from text, in any of these forms: f2b's own export (JSON, CSV), `nft list ruleset` and `nft -j list ruleset`,
 * `ipset save` and `ipset list`, `iptables-save`, and lists with an address or a network at the beginning of each line. `name` precedes the
 * line number in messages; `now` is the time of the dump, epoch seconds.
 */
export function readBanList(text: string, name: string, now: number): ForeignBans {
  const start = text.trimStart();
  if (start.startsWith('{') || start.startsWith('[')) return bansOfJson(start, name, now);
  const lines = text.split(/\r?\n/);
  if (/^jail,ip,/.test(start))
    return rows(lines, name, csvRow(lines.find((line) => line.trim() !== '') ?? ''));
  if (/^[ \t]*(?:table|set) .*\{\s*$/m.test(text)) return { bans: nftBans(text, now), problems: [] };
  if (/^(?:create|add) \S+ |^Name: \S+$/m.test(text)) return { bans: ipsetBans(lines, now), problems: [] };
  if (/^(?:\*filter|-[AP] \S+ )/m.test(text)) return { bans: iptablesBans(lines), problems: [] };
  return rows(lines, name, listRow);
}

type Row = (line: string) => ForeignBan | null | undefined;

/** Null is a line without a ban, undefined one that cannot be read. */
function rows(lines: readonly string[], name: string, read: Row): ForeignBans {
  const bans: ForeignBan[] = [];
  const problems: string[] = [];
  let wrong = 0;
  for (const [i, line] of lines.entries()) {
    const ban = read(line);
    if (ban != null) bans.push(ban);
    if (ban !== undefined) continue;
    wrong += 1;
    const shown = clean(line.trim().slice(0, 80));
    if (wrong <= MOST_NAMED) problems.push(`${name}:${i + 1}: "${shown}" is not an address or network`);
  }
  if (wrong > MOST_NAMED) problems.push(`${name}: ${wrong - MOST_NAMED} more lines cannot be read`);
  return { bans, problems };
}

/** `192.0.2.7`, with anything behind it; a comment begins with # or ;. `fail2ban-client get JAIL banip --with-time` tells the end. */
function listRow(line: string): ForeignBan | null | undefined {
  const text = line.replace(/[#;].*$/s, '').trim();
  if (text === '') return null;
  const [word = '', ...more] = text.split(/[\s,]+/);
  if (canonicalNetwork(word) === null) return undefined;
  return foreignBan(word, timesOf(more.join(' ')));
}

/** `2026-12-01 10:00:00 + 600 = 2026-12-01 10:10:00` in local time; a length of -1 is for ever. */
function timesOf(text: string): Partial<ForeignBan> {
  const found = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) \+ (-?\d+) = /.exec(text);
  if (found === null) return {};
  const [, day, time, length] = found;
  const at = new Date(`${day}T${time}`).getTime() / 1000;
  const seconds = Number(length);
  return Number.isFinite(at) ? { at, until: seconds < 0 ? null : at + seconds } : {};
}

/** Rows of f2b's own CSV, by the names in its first line. */
function csvRow(head: string): Row {
  const names = head.trim().split(',');
  return (line) => {
    if (line.trim() === '' || line === head) return null;
    const cells = line.trim().split(',');
    const cell = (name: string): string => cells[names.indexOf(name)] ?? '';
    const id = cell('ip');
    if (canonicalNetwork(id) === null) return undefined;
    const until = cell('until') === 'never' ? null : secondsOf(cell('until'));
    const known = { at: secondsOf(cell('banned')) ?? null, until };
    return foreignBan(id, {
      ...known,
      jail: cell('jail') || null,
      count: Math.max(1, Number(cell('count')) || 1),
      failures: Number(cell('failures')) || 0,
    });
  };
}

function secondsOf(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}

const ELEMENT =
  /([0-9a-fA-F.:]+(?:\/\d+)?)((?: (?:timeout|expires|counter|packets|bytes|comment) ?(?:"[^"]*"|\S+)?)*)/g;

function nftBans(text: string, now: number): ForeignBan[] {
  const bans: ForeignBan[] = [];
  for (const [, name = '', body = ''] of text.matchAll(/\bset (\S+) \{([^{}]*(?:\{[^{}]*\}[^{}]*)*)\}/g)) {
    const elements = /elements = \{([^{}]*)\}/.exec(body)?.[1] ?? '';
    for (const [, id = '', more = ''] of elements.replace(/\s+/g, ' ').matchAll(ELEMENT)) {
      if (canonicalNetwork(id) === null) continue;
      const left = /\bexpires (\S+)/.exec(more)?.[1] ?? /\btimeout (\S+)/.exec(more)?.[1];
      const until = left === undefined ? undefined : now + nftSeconds(left);
      bans.push(foreignBan(id, { jail: jailOfSet(name), until }));
    }
  }
  return bans;
}

/** `1d2h3m4s567ms` in seconds. */
export function nftSeconds(text: string): number {
  const units: Readonly<Record<string, number>> = { d: 86400, h: 3600, m: 60, s: 1, ms: 0.001 };
  return [...text.matchAll(/(\d+)(ms|[dhms])/g)].reduce(
    (sum, [, n, unit = '']) => sum + Number(n) * (units[unit] ?? 0),
    0,
  );
}

function ipsetBans(lines: readonly string[], now: number): ForeignBan[] {
  let listed: string | null = null;
  return lines.flatMap((line) => {
    const name = /^Name: (\S+)$/.exec(line)?.[1];
    if (name !== undefined) listed = name;
    const [, set = listed, id = '', more = ''] =
      /^(?:add (\S+) )?([0-9a-fA-F.:]+(?:\/\d+)?)((?: .*)?)$/.exec(line) ?? [];
    if (set === null || canonicalNetwork(id) === null) return [];
    const left = Number(/\btimeout (\d+)/.exec(more)?.[1] ?? '0');
    // A set with time-outs keeps for ever what has the time-out 0, one without keeps everything: the jail decides.
    return [foreignBan(id, { jail: jailOfSet(set), until: left === 0 ? undefined : now + left })];
  });
}

function iptablesBans(lines: readonly string[]): ForeignBan[] {
  return lines.flatMap((line) => {
    // The regex takes a time that grows with the square of the line.
    const rule = line.length > LONGEST_RULE ? '' : line;
    const found = /^-A (\S+) (?:.* )?-s (\S+) .*-j (?:REJECT|DROP)\b/.exec(rule);
    const jail = found === null ? null : jailOfSet(found[1] ?? '');
    const id = found?.[2] ?? '';
    return jail === null || canonicalNetwork(id) === null ? [] : [foreignBan(id, { jail })];
  });
}
