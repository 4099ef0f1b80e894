import { ignoresFirst } from '../match.ts';
import type { Failregex } from '../regex/failregex.ts';
import { print, printAsciiSet } from '../regex/print.ts';
import type { Tree } from '../regex/tree.ts';
import type { Filter } from '../types.ts';
import { MLFID, makeSearch, type Search } from './search.ts';

/** A failregex of the fast matcher. */
export type PlannedRegex = {
  readonly regex: Failregex;
  readonly search: Search;
  /** It has an address group of its own. */
  readonly hasId: boolean;
  readonly hasSession: boolean;
  /** The id or the user may come from prefregex, or from other groups than ip4, user and alt_user. */
  readonly isOdd: boolean;
};

/** Constant facts about a filter for the fast matcher. */
export type Plan = {
  readonly prefix: { readonly regex: Failregex; readonly search: Search } | null;
  readonly hasPrefixSession: boolean;
  /** Prefregex or a failregex has one. */
  readonly hasSessions: boolean;
  /** Prefregex has an address group. */
  readonly hasPrefixId: boolean;
  /** The content reaches to the end of the line. */
  readonly isContentTail: boolean;
  /** The part of prefregex before the content, if that part decides the match; see headOf(). */
  readonly head: Search | null;
  /** The first search for prefregex: the head if there is one, else the whole. */
  readonly searched: Search | null;
  readonly regexes: readonly PlannedRegex[];
  readonly ignores: readonly Search[];
  /** See ignoresFirst() in match.ts. */
  readonly ignoresFirst: boolean;
  /** Prefregex begins with the session's id. */
  readonly isIdFirst: boolean;
  /** All of the above. */
  readonly searches: readonly Search[];
};

const PREFIX_GROUPS = new Set(['content', 'mlfid', 'ip4', 'ip6', 'dns']);
/** Groups that affect the id in other ways than a plain address does. */
const OTHER_IDS = /^(?:fid|cidr|tuple_.*|alt_(?!user).*)$/;

const OTHER_USERS = /^alt_user./;

/** The plan of a filter; null if it has none, see makeFastFilter(). */
export function planOf(filter: Filter): Plan | null {
  const { maxlines, prefregex, failregex, ignoreregex } = filter;
  if (maxlines > 1) return null;
  const all = [...(prefregex === null ? [] : [prefregex]), ...failregex, ...ignoreregex];
  if (all.some(({ regex }) => regex.agreement !== 'all')) return null;
  const prefix = prefregex?.regex ?? null;
  if (prefix !== null && [...prefix.fields.keys()].some((name) => !PREFIX_GROUPS.has(name))) return null;
  if (failregex.some(({ regex }) => [...regex.fields.keys()].some((name) => OTHER_IDS.test(name))))
    return null;
  const hasPrefixId = prefix !== null && saysWho(prefix);
  const hasOwnSession = failregex.some(({ regex }) => regex.fields.has('mlfid'));
  if (hasOwnSession && prefix?.fields.has('mlfid') === true) return null;
  const regexes = failregex.map(({ regex, index }): PlannedRegex => {
    // All failregexes need their bounds at the same time; ignoreregexes need none.
    const search = searchOf(regex, 2 + index);
    const hasId = saysWho(regex);
    const hasOtherUser = [...regex.fields.keys()].some((name) => OTHER_USERS.test(name));
    const isOdd = hasOtherUser || (hasId && (hasPrefixId || !regex.fields.has('ip4')));
    return { regex, search, hasId, hasSession: (search.numbers[MLFID] ?? 0) > 0, isOdd };
  });
  const ignores = ignoreregex.map(({ regex }) => searchOf(regex, 1));
  const isTail = prefix !== null && isContentTail(prefix);
  const head = prefix !== null && isTail ? headOf(prefix) : null;
  const prefixSearch = prefix === null ? null : searchOf(prefix, 0);
  const hasPrefixSession = (prefixSearch?.numbers[MLFID] ?? 0) > 0;
  return {
    prefix: prefix === null || prefixSearch === null ? null : { regex: prefix, search: prefixSearch },
    hasPrefixSession,
    hasSessions: hasPrefixSession || regexes.some(({ hasSession }) => hasSession),
    hasPrefixId,
    isContentTail: isTail,
    head,
    searched: head ?? prefixSearch,
    regexes,
    ignores,
    ignoresFirst: ignoresFirst(filter),
    isIdFirst: hasPrefixSession && prefix !== null && isIdFirst(prefix),
    searches: [prefixSearch, head, ...regexes.map((one) => one.search), ...ignores].filter(
      (one) => one !== null,
    ),
  };
}

function saysWho({ fields }: Failregex): boolean {
  return ['ip4', 'ip6', 'dns'].some((name) => fields.has(name));
}

function searchOf(regex: Failregex, region: number): Search {
  return makeSearch(regex.ascii, regex.fields, { tree: () => regex.tree, region });
}

/** Whether the group `content` ends the pattern, so that its text can be used in place. */
function isContentTail({ tree }: Failregex): boolean {
  if (tree.root.kind !== 'seq') return false;
  const [group, end] = tree.root.items.slice(-2);
  const isEnd = end?.kind === 'anchor' && end.anchor === 'finalEnd';
  return isEnd && group?.kind === 'group' && group.index === tree.names.get('content');
}

/**
 * A prefregex `HEAD<F-CONTENT>.+</F-CONTENT>$` matches wherever HEAD does, unless nothing follows. HEAD alone
 * gives an offset and captures no content.
 */
function headOf(regex: Failregex): Search | null {
  const head = headTree(regex);
  if (head === null) return null;
  const printed = print(head, 'ascii');
  const numbers = new Map([['mlfid', regex.fields.get('mlfid') ?? 0]]);
  const native = new RegExp(printed.source, `${printed.flags}g`);
  return makeSearch(native, numbers, { tree: () => headTree(regex) ?? regex.tree, region: 0 });
}

function headTree({ tree, fields }: Failregex): Tree | null {
  if (tree.root.kind !== 'seq' || [...fields.keys()].some((name) => name !== 'content' && name !== 'mlfid'))
    return null;
  const { items } = tree.root;
  const group = items.at(-2);
  if (group?.kind !== 'group' || group.body.kind !== 'repeat') return null;
  const { body, min, max, greed } = group.body;
  const isAll = body.kind === 'set' && printAsciiSet(body.set) === '[^\\x0a]';
  if (!isAll || min !== 1 || max !== Number.POSITIVE_INFINITY || greed !== 'greedy') return null;
  return { ...tree, root: { ...tree.root, items: items.slice(0, -2) } };
}

function isIdFirst({ tree }: Failregex): boolean {
  if (tree.root.kind !== 'seq') return false;
  const [begin, group] = tree.root.items;
  const isBegin = begin?.kind === 'anchor' && begin.anchor === 'start';
  return isBegin && group?.kind === 'group' && group.index === tree.names.get('mlfid');
}
