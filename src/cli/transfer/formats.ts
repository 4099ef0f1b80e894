import { canonicalNetwork, familyOf } from '../../base/ip.ts';
import type { DatabaseBan } from './database.ts';

/** A ban as it is told to other programs. */
export type ExportedBan = DatabaseBan;

type Around = { readonly version: string; readonly now: number };

/** The forms that are text. */
export const FORMATS = { json, csv, plain, nft, ipset };

export type Format = keyof typeof FORMATS;

export function isFormat(name: string): name is Format {
  return Object.hasOwn(FORMATS, name);
}

/** The bans in a form. Each text ends with a line end. */
export function printBans(format: Format, bans: readonly ExportedBan[], around: Around): string {
  return FORMATS[format](bans, around);
}

function json(bans: readonly ExportedBan[], { version, now }: Around): string {
  const rows = bans.map(({ id, ...more }) => `  ${JSON.stringify({ ip: id, ...more })}`);
  const list = rows.length === 0 ? '' : `\n${rows.join(',\n')}\n`;
  return `{"f2b":${JSON.stringify(version)},"time":${now},"bans":[${list}]}\n`;
}

/** The last second of the year 9999. */
const LAST = 253_402_300_799;
const isoTime = (seconds: number): string => new Date(Math.min(seconds, LAST) * 1000).toISOString();

/** A cell that a spreadsheet takes for text, whatever a log put into it. */
function cell(text: string): string {
  const safe = /^[=+\-@\t]/.test(text) ? `'${text}` : text;
  return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

function csv(bans: readonly ExportedBan[]): string {
  const rows = bans.map(({ jail, id, at, until, count, failures }) =>
    [cell(jail), cell(id), isoTime(at), until === null ? 'never' : isoTime(until), count, failures].join(','),
  );
  return `${['jail,ip,banned,until,count,failures', ...rows].join('\n')}\n`;
}

/** Addresses and networks, each once with its latest end. */
function addresses(bans: readonly ExportedBan[]): ReadonlyMap<string, number | null> {
  const ends = new Map<string, number | null>();
  for (const { id, until } of bans) {
    if (canonicalNetwork(id) === null) continue;
    const known = ends.get(id);
    const isLater = known === undefined || (known !== null && (until === null || until > known));
    if (isLater) ends.set(id, until);
  }
  return ends;
}

function plain(bans: readonly ExportedBan[]): string {
  return [...addresses(bans).keys()].map((id) => `${id}\n`).join('');
}

/** Whole seconds until the end, at least one; null = for ever. */
const secondsLeft = (until: number | null, now: number): number | null =>
  until === null ? null : Math.max(1, Math.ceil(until - now));

const ofFamily = (
  bans: readonly ExportedBan[],
  family: 4 | 6,
): readonly (readonly [string, number | null])[] =>
  [...addresses(bans)].filter(([id]) => familyOf(id) === family);

function nft(bans: readonly ExportedBan[], { now }: Around): string {
  const sets = ([4, 6] as const).map((family) => {
    const elements = ofFamily(bans, family).map(([id, until]) => {
      const left = secondsLeft(until, now);
      return left === null ? id : `${id} timeout ${left}s`;
    });
    const body =
      elements.length === 0
        ? ''
        : `    elements = {\n${elements.map((one) => `      ${one},\n`).join('')}    }\n`;
    return `  set banned${family} {\n    type ipv${family}_addr\n    flags interval,timeout\n    auto-merge\n${body}  }\n`;
  });
  return `table inet f2b-export {\n${sets.join('')}}\n`;
}

function ipset(bans: readonly ExportedBan[], { now }: Around): string {
  return ([4, 6] as const)
    .map((family) => {
      const name = `f2b-export-${family}`;
      const rows = ofFamily(bans, family);
      const room = Math.max(65_536, 2 ** Math.ceil(Math.log2(rows.length + 1)));
      const head = `create ${name} hash:net family inet${family === 6 ? '6' : ''} timeout 0 maxelem ${room}\n`;
      return (
        head +
        rows
          .map(([id, until]) => `add ${name} ${id} timeout ${ipsetTimeout(secondsLeft(until, now))}\n`)
          .join('')
      );
    })
    .join('');
}

/** 0 = for ever; ipset refuses more than 2147483 seconds. */
const ipsetTimeout = (seconds: number | null): number => Math.min(seconds ?? 0, 2_147_483);
