/** The last second of the year 9999: what ends later does not end. */
const LAST = 253_402_300_799;
/** Largest count of a ban. */
const MOST = 1_000_000_000;

/** A ban of another program, or of another host's f2b. Times are epoch seconds. */
export type ForeignBan = {
  /** The jail it was made in; null if the source does not say. */
  readonly jail: string | null;
  /** An address or a network, perhaps not in canonical form; or another id. */
  readonly id: string;
  /** Null if the source does not say. */
  readonly at: number | null;
  /** Its end; null = for ever; undefined if the source does not say. */
  readonly until: number | null | undefined;
  /** Number of this ban of the id, from 1. */
  readonly count: number;
  readonly failures: number;
  readonly matches: readonly string[];
};

/** What was read from a source: the bans, and what could not be read, a message each. */
export type ForeignBans = { readonly bans: readonly ForeignBan[]; readonly problems: readonly string[] };

/** A ban of which only these parts are known; numbers that no ban can have are brought into range. */
export function foreignBan(id: string, known: Partial<Omit<ForeignBan, 'id'>> = {}): ForeignBan {
  const ban: ForeignBan = {
    jail: null,
    at: null,
    until: undefined,
    count: 1,
    failures: 0,
    matches: [],
    ...known,
    id,
  };
  const { at, until, count, failures } = ban;
  return {
    ...ban,
    at: at === null || at < 0 || at > LAST ? null : at,
    until: until == null || until <= LAST ? until : null,
    count: wholeOf(count, 1),
    failures: wholeOf(failures, 0),
  };
}

function wholeOf(value: number, least: number): number {
  return Math.min(MOST, Math.max(least, Math.trunc(value) || least));
}
