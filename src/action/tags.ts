import { familyOf, reverseZoneName } from '../base/ip.ts';
import type { Ban, JailState } from '../state/state.ts';
import type { TagValue } from './shelltext.ts';

/** What an action is told of a ban. Times are epoch seconds, `bantime` seconds (null = for ever). */
export type Ticket = {
  readonly id: string;
  readonly failures: number;
  readonly time: number;
  readonly bantime: number | null;
  readonly bancount: number;
  readonly matches: readonly string[];
  /** True for a ban that stood before the start and is made anew. */
  readonly restored: boolean;
  /** Captures of the failregex by name: `user` for <F-USER>. */
  readonly fields: ReadonlyMap<string, string>;
};

/** What an action is told of its jail and of this machine. */
export type TagContext = {
  readonly banned: number;
  readonly bannedTotal: number;
  readonly found: number;
  readonly foundTotal: number;
  readonly fqHostname: string;
  /** The name of the banned address, where an action asks for it; '' when there is none. */
  readonly ipHost: string;
};

/** The values of the dynamic tags for a ticket; a tag that is none of them stays as it stands. */
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

/** Captures as the filter gives them: a tuple of several is joined. */
type TagFields = ReadonlyMap<string, unknown>;

/** What an action is told of a ban; `ban` is null when only its end is known. */
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

/** A jail's numbers for the tags `jail.banned` and the like. */
export function totalsOf({ bans, failures, totalBanned, totalFailed }: JailState) {
  return { banned: bans.size, bannedTotal: totalBanned, found: failures.size, foundTotal: totalFailed };
}
