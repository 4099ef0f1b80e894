import { ConfigError, problem } from '../base/errors.ts';
import type { Text } from './text.ts';
import { placeOf, splice } from './text.ts';

/** What `<x>` stands for, or null when it is to stay as it is. */
export type Lookup = (tag: string) => Text | null;

/** fail2ban 1.0.2 allows as many insertions of one tag into one value. */
const MAX_REPEATS = 25;
/** Longer than any honest command or regex. */
const MAX_LENGTH = 128 * 1024;
const TAG = /<([^ <>]+)>/g;

/**
 * Replaces `<x>` until nothing is left to replace, also in names that only arise so (`<mdre-<mode>>`). `key` is the
 * option's own name. Throws ConfigError when a value contains itself.
 */
export function expandTags(key: string, value: Text, lookup: Lookup): Text {
  const counts = new Map<string, number>();
  const spell = (text: Text): Text => {
    let now = text;
    let from = 0;
    for (;;) {
      TAG.lastIndex = from;
      const found = TAG.exec(now.text);
      if (found === null) return now;
      const [whole, tag = ''] = found;
      const insert = lookup(tag);
      if (insert === null) {
        from = found.index + whole.length;
        continue;
      }
      const count = (counts.get(tag) ?? 0) + 1;
      counts.set(tag, count);
      const isEndless = count > MAX_REPEATS || lengthAfter(now.text, whole, insert.text) > MAX_LENGTH;
      if (tag === key || isEndless) {
        throw new ConfigError([problem(`"<${tag}>" contains itself`, { place: placeOf(value), key })]);
      }
      now = replaceAll(now, whole, insert);
      from = found.index;
    }
  };
  let text = value;
  for (;;) {
    if (!text.text.includes('<')) return text;
    const next = spell(text);
    if (next.text === text.text) return next;
    text = next;
  }
}

function replaceAll(text: Text, what: string, insert: Text): Text {
  if (insert.places.length === 1) {
    const lines = text.text.split('\n');
    const places = text.places.map((own, i) => (lines[i]?.trim() === what ? placeOf(insert) : own));
    return { text: text.text.replaceAll(what, () => insert.text), places };
  }
  let now = text;
  for (let at = now.text.indexOf(what); at >= 0; at = now.text.indexOf(what, at + insert.text.length)) {
    now = splice(now, at, at + what.length, insert);
  }
  return now;
}

/** How long the text would be. */
function lengthAfter(text: string, what: string, insert: string): number {
  return text.length + (text.split(what).length - 1) * (insert.length - what.length);
}
