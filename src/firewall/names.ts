import { sha256 } from '../base/digest.ts';
import { type Family, familyOf } from '../base/ip.ts';
import type { BanEntry } from './backend.ts';

const ROOM = 24;
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,23}$/;

/**
 * The jail's name as part of a set's or chain's name: itself when it is plain and has at most 24 characters, else its
 * first plain characters, a dot and a hash of the whole. A tag is its own tag, so a stray one can be removed by it.
 */
export function jailTag(jail: string): string {
  if (PLAIN.test(jail)) return jail;
  const hash = sha256(jail).slice(0, 10);
  const readable = jail.replace(/[^A-Za-z0-9_-]/g, '_').replace(/^[_-]+/, '');
  return `${(readable || 'jail').slice(0, ROOM - hash.length - 1)}.${hash}`;
}

/** The jails by their tags. */
export function jailTags(jails: Iterable<string>): Map<string, string> {
  return new Map(Array.from(jails, (jail) => [jailTag(jail), jail]));
}

/** What parse() finds in the name of a `hash:net` set; `isSpare` when it is filled before a swap. */
type HashSet = { readonly tag: string; readonly family: Family; readonly isSpare: boolean };

/** Names of the `hash:net` sets of a backend, one for each jail and family: `f2b.sshd-4` with the prefix `f2b.`. */
export function hashSets(prefix: string) {
  const name = (jail: string, family: Family): string => `${prefix}${jailTag(jail)}-${family}`;
  return {
    name,
    /** The set that an entry belongs into. */
    of: ({ jail, address }: BanEntry): string => name(jail, familyOf(address)),
    /** What name() wrote; null for a foreign name. */
    parse(text: string): HashSet | null {
      const own = text.startsWith(prefix) ? text.slice(prefix.length) : '';
      const found = /^([A-Za-z0-9_.-]{1,24})-([46])(\+?)$/.exec(own);
      if (found === null) return null;
      return { tag: found[1] ?? '', family: found[2] === '4' ? 4 : 6, isSpare: found[3] === '+' };
    },
  };
}
