import type { Jail } from '../config/jail.ts';
import type { Filter, FilterState } from '../filter/types.ts';
import type { Limits } from './ban.ts';
import type { IgnoreList } from './ignore.ts';

/** A jail that is ready to process lines. */
export type RunningJail = {
  readonly jail: Jail;
  /** Null: the jail has no failregex and only bans by hand. */
  readonly filter: Filter | null;
  readonly filterState: FilterState | null;
  readonly limits: Limits;
  readonly ignore: IgnoreList;
};
