/** What of a filter's short way can be followed without a word of JavaScript: see filter/fast/wasm/drive.ts. */
import type { FastFilter } from './judge.ts';
import type { Plan, PlannedRegex } from './plan.ts';
import {
  ALT_USER,
  CONTENT,
  IP4,
  type Main,
  MLFFORGET,
  MLFGAINED,
  MLFID,
  NOFAIL,
  type Search,
  type SharedMemory,
  USER,
} from './search.ts';

/** A failregex; the bounds of its groups, or prefregex's in place of its own, stand at these addresses. 0 = it has none. */
export type ProgramStep = {
  /** Null = it is not compiled. */
  readonly main: Main | null;
  readonly ip: number;
  readonly session: number;
  readonly nofail: number;
  readonly gained: number;
  readonly forgotten: number;
  readonly user: number;
  readonly altUser: number;
  /** Who failed, or as whom, is to be judged elsewhere. */
  readonly isOdd: boolean;
};

/** `bounds` are those of the match where `isHead`, else of the content. */
type Prefix = { readonly main: Main; readonly isHead: boolean; readonly bounds: number };

/** A filter's short way on a ground. */
export type Program = {
  readonly prefix: Prefix | null;
  readonly steps: readonly ProgramStep[];
  readonly ignores: readonly (Main | null)[];
  readonly ignoresFirst: boolean;
  readonly hasSessions: boolean;
};

/** The filter's program, null where prefregex is not compiled for the ground. */
export function programOf({ plan }: FastFilter, shared: SharedMemory): Program | null {
  const { searched } = plan;
  const prefix = prefixOf(plan, shared);
  if (searched !== null && prefix === null) return null;
  return {
    prefix,
    hasSessions: plan.hasPrefixSession || plan.regexes.some((one) => one.hasSession),
    steps: plan.regexes.map((planned) => stepOf(planned, plan, shared)),
    ignores: plan.ignores.map((one) => mainOn(one, shared)),
    ignoresFirst: plan.ignoresFirst,
  };
}

function mainOn({ shared, main }: Search, wanted: SharedMemory): Main | null {
  return shared === wanted ? main : null;
}

function prefixOf({ searched: one, head, isContentTail }: Plan, shared: SharedMemory): Prefix | null {
  const main = one === null ? null : mainOn(one, shared);
  if (one === null || main === null) return null;
  if (head !== null) return { main, isHead: true, bounds: one.whole << 2 };
  const bounds = groupAddress(one, CONTENT);
  return isContentTail && bounds !== 0 ? { main, isHead: false, bounds } : null;
}

function groupAddress({ places }: Search, group: number): number {
  return (places[group] ?? 0) << 2;
}

function stepOf(
  { search, hasId, hasSession, isOdd }: PlannedRegex,
  { hasPrefixSession, searched }: Plan,
  shared: SharedMemory,
): ProgramStep {
  const main = mainOn(search, shared);
  const own = (group: number): number => (main === null ? 0 : groupAddress(search, group));
  const inherited = (group: number): number => (searched === null ? 0 : groupAddress(searched, group));
  return {
    main,
    ip: hasId ? own(IP4) : inherited(IP4),
    session: hasSession ? own(MLFID) : hasPrefixSession ? inherited(MLFID) : 0,
    nofail: own(NOFAIL),
    gained: own(MLFGAINED),
    forgotten: own(MLFFORGET),
    user: own(USER),
    altUser: own(ALT_USER),
    isOdd,
  };
}
