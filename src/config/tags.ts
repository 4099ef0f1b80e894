import { ConfigError, problem } from '../base/errors.ts';
import { joinPieces, partsOf, placeOf, type Text } from './text.ts';

/** The replacement of `<x>`; null to leave it unchanged. */
export type Lookup = (tag: string) => Text | null;

/** fail2ban 1.0.2's limit for insertions of one tag into one value. */
const MAX_REPEATS = 25;
/** Longer than any real command or regex. */
const MAX_LENGTH = 128 * 1024;
const TAG = /<([^ <>]+)>/g;

/**
 * Replaces `<x>` until none is left, also in names that result from a replacement (`<mdre-<mode>>`). `key` is
 * the option's own name. Throws ConfigError if a value contains itself.
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
  const parts = text.text.split(what).flatMap((part, i) => (i === 0 ? [part] : [what, part]));
  const pieces = partsOf(text, parts).map((part, i) =>
    i % 2 === 0 ? { text: part, isOwn: true } : { text: insert, isOwn: false },
  );
  return joinPieces(pieces, placeOf(text));
}

/** The length of the text after a replacement. */
function lengthAfter(text: string, what: string, insert: string): number {
  return text.length + (text.split(what).length - 1) * (insert.length - what.length);
}
