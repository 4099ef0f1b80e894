import { sha256 } from '../base/digest.ts';

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

/** The jail of a tag: the one of `jails` that has it, else the tag itself (a stray). */
export function jailOf(tag: string, jails: ReadonlyMap<string, string>): string {
  return jails.get(tag) ?? tag;
}

/** tag -> jail, for `jailOf`. */
export function jailTags(jails: Iterable<string>): Map<string, string> {
  return new Map(Array.from(jails, (jail) => [jailTag(jail), jail]));
}
