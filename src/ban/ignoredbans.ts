import type { Ban } from '../state/state.ts';
import { type IgnoreList, ignoredBy } from './ignore.ts';

/** Ids that stand banned although they are ignored now: ignoreip changed after the ban. */
export function ignoredBans(
  list: IgnoreList,
  bans: ReadonlyMap<string, Ban>,
  now: number,
): readonly string[] {
  return [...bans].flatMap(([id, { until }]) =>
    (until === null || until > now) && ignoredBy(list, id) !== null ? [id] : [],
  );
}

/** What is said of them, and the command that lifts them. */
export function ignoredBansText(jail: string, ids: readonly string[]): { text: string; hint: string } {
  const some = ids.slice(0, MOST);
  const more = ids.length > MOST ? ` and ${ids.length - MOST} more` : '';
  const are =
    ids.length === 1 ? 'is in ignoreip, but its ban stands' : 'are in ignoreip, but their bans stand';
  return { text: `${some.join(', ')}${more} ${are}`, hint: `f2b unbanip ${jail} ${some.join(' ')}` };
}

/** Most ids that are named. */
const MOST = 5;
