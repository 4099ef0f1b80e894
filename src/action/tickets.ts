import type { Ban, JailState } from '../state/state.ts';
import type { Ticket } from './tags.ts';

/** Captures as the filter gives them: a tuple of several is joined. */
type Fields = ReadonlyMap<string, unknown>;

/** What an action is told of a ban; `ban` is null when only its end is known. */
export function ticketOf(
  id: string,
  ban: Ban | null,
  more: { readonly restored?: boolean; readonly fields?: Fields } = {},
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
export function plainFields(fields: Fields): ReadonlyMap<string, string> {
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
