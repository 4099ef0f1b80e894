import type { Jail } from '../config/jail.ts';
import type { Filter, FilterState } from '../filter/types.ts';
import type { Limits } from './ban.ts';
import type { IgnoreList } from './ignore.ts';

/** A jail that is ready to judge lines. */
export type RunningJail = {
  readonly jail: Jail;
  /** null: the jail has no failregex, bans come by hand only. */
  readonly filter: Filter | null;
  readonly filterState: FilterState | null;
  readonly limits: Limits;
  readonly ignore: IgnoreList;
};
