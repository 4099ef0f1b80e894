import { familyOf, reverseZoneName } from '../base/ip.ts';
import type { Ban, JailState } from '../state/state.ts';
import type { TagValue } from './shelltext.ts';

/** A ban as actions see it. Times are epoch seconds, `bantime` seconds (null = for ever). */
export type Ticket = {
  readonly id: string;
  readonly failures: number;
  readonly time: number;
  readonly bantime: number | null;
  readonly bancount: number;
  readonly matches: readonly string[];
  /** True for a ban from before the start that is made again. */
  readonly restored: boolean;
  /** Captures of the failregex by name: `user` for <F-USER>. */
  readonly fields: ReadonlyMap<string, string>;
};

/** The jail and the host as actions see them. */
export type TagContext = {
  readonly banned: number;
  readonly bannedTotal: number;
  readonly found: number;
  readonly foundTotal: number;
  readonly fqHostname: string;
  /** The host name of the banned address; '' if there is none, or the action does not need it. */
  readonly ipHost: string;
};

/** The values of the dynamic tags for a ticket; other tags stay unchanged. */
export function tagsOf(ticket: Ticket | null, around: TagContext): TagValue {
  const values = new Map<string, string>([
    ['fq-hostname', around.fqHostname],
    ['sh-hostname', around.fqHostname.split('.')[0] ?? ''],
    ['br', '\n'],
    ['sp', ' '],
    ['jail.banned', String(around.banned)],
    ['jail.banned_total', String(around.bannedTotal)],
    ['jail.found', String(around.found)],
    ['jail.found_total', String(around.foundTotal)],
  ]);
  if (ticket !== null) for (const [tag, value] of ticketTags(ticket, around)) values.set(tag, value);
  return (tag) => {
    const known = values.get(tag);
    if (known !== undefined) return known;
    if (ticket === null || !tag.startsWith('F-')) return null;
    return ticket.fields.get(tag.slice(2).toLowerCase()) ?? '';
  };
}

function ticketTags(ticket: Ticket, { ipHost }: TagContext): [string, string][] {
  const { id, failures, time, bantime, bancount, matches, restored } = ticket;
  const lines = matches.join('\n');
  return [
    ['ip', id],
    ['fid', id],
    ['family', `inet${familyOf(id)}`],
    ['ip-rev', reverseZoneName(id) ?? id],
    ['ip-host', ipHost],
    ['failures', String(failures)],
    ['ipfailures', String(failures)],
    ['ipjailfailures', String(failures)],
    ['time', String(time)],
    ['bantime', String(bantime ?? -1)],
    ['bancount', String(bancount)],
    ['restored', restored ? '1' : '0'],
    ['matches', lines],
    ['ipmatches', lines],
    ['ipjailmatches', lines],
  ];
}

/** Captures from the filter; a tuple has several values. */
type TagFields = ReadonlyMap<string, unknown>;

/** The ticket of a ban; `ban` is null if only its end is known. */
export function ticketOf(
  id: string,
  ban: Ban | null,
  more: { readonly restored?: boolean; readonly fields?: TagFields } = {},
): Ticket {
  return {
    id,
    failures: ban?.failures ?? 0,
    time: ban?.at ?? 0,
    bantime: ban === null || ban.until === null ? null : ban.until - ban.at,
    bancount: ban?.count ?? 0,
    matches: ban?.matches ?? [],
    restored: more.restored ?? false,
    fields: plainFields(more.fields ?? new Map()),
  };
}

/** Captures as text. */
export function plainFields(fields: TagFields): ReadonlyMap<string, string> {
  const texts = [...fields].map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(' ') : String(value ?? ''),
  ]);
  return new Map(texts);
}

/** A jail's numbers for tags such as `jail.banned`. */
export function totalsOf({ bans, failures, totalBanned, totalFailed }: JailState) {
  return { banned: bans.size, bannedTotal: totalBanned, found: failures.size, foundTotal: totalFailed };
}
