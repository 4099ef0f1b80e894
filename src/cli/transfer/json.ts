import { reasonOf, UsageError } from '../../base/errors.ts';
import { canonicalNetwork } from '../../base/ip.ts';
import { isRecord } from '../../source/source.ts';
import { type ForeignBan, type ForeignBans, foreignBan } from './foreign.ts';
import { jailOfSet } from './sets.ts';

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');
const numberOf = (value: unknown): number | null =>
  typeof value === 'number' && Number.isFinite(value) ? value : null;

/**
 * Reads bans from JSON: `f2b export`, `nft -j list ruleset`, or a list of objects or of jails with their addresses
 * (`f2b banned --json`). Throws UsageError when it is none of them.
 */
export function bansOfJson(text: string, name: string, now: number): ForeignBans {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${name} is no JSON: ${reasonOf(error)}`);
  }
  if (isRecord(json) && Array.isArray(json['nftables']))
    return { bans: nftables(json['nftables'], now), problems: [] };
  const rows = isRecord(json) ? json['bans'] : json;
  if (!Array.isArray(rows)) throw new UsageError(`${name} holds no bans`, 'f2b export writes {"bans": [..]}');
  const problems: string[] = [];
  const bans = rows.flatMap((row, i) => {
    const found = banRow(row);
    if (found.length === 0 && !isEmptyJail(row)) problems.push(`${name}: entry ${i + 1} is no ban`);
    return found;
  });
  return { bans, problems };
}

const isEmptyJail = (row: unknown): boolean =>
  isRecord(row) && Object.values(row).every((ids) => Array.isArray(ids) && ids.length === 0);

function banRow(row: unknown): readonly ForeignBan[] {
  if (typeof row === 'string') return canonicalNetwork(row) === null ? [] : [foreignBan(row)];
  if (!isRecord(row)) return [];
  const id = textOf(row['ip'] ?? row['id']);
  if (id === '')
    return Object.entries(row).flatMap(([jail, ids]) =>
      listOf(ids).flatMap((one) => (typeof one === 'string' ? [foreignBan(one, { jail })] : [])),
    );
  const { until } = row;
  return [
    foreignBan(id, {
      jail: textOf(row['jail']) || null,
      at: numberOf(row['at']),
      until: until === null ? null : (numberOf(until) ?? undefined),
      count: Math.max(1, Math.trunc(numberOf(row['count']) ?? 1)),
      failures: Math.max(0, Math.trunc(numberOf(row['failures']) ?? 0)),
      matches: listOf(row['matches']).map(textOf),
    }),
  ];
}

function nftables(statements: readonly unknown[], now: number): ForeignBan[] {
  return statements.flatMap((one) => {
    const set = isRecord(one) ? one['set'] : null;
    if (!isRecord(set)) return [];
    const jail = jailOfSet(textOf(set['name']));
    return listOf(set['elem']).flatMap((elem) => {
      const parts = isRecord(elem) && isRecord(elem['elem']) ? elem['elem'] : { val: elem };
      const id = idOf(parts['val']);
      if (canonicalNetwork(id) === null) return [];
      const left = numberOf(parts['expires']) ?? numberOf(parts['timeout']);
      return [foreignBan(id, { jail, until: left === null ? undefined : now + left })];
    });
  });
}

function idOf(value: unknown): string {
  if (!isRecord(value)) return textOf(value);
  const { prefix } = value;
  return isRecord(prefix) ? `${textOf(prefix['addr'])}/${numberOf(prefix['len']) ?? ''}` : '';
}
