import type { Failregex, Match } from './regex/failregex.ts';
import { fieldName } from './regex/tags.ts';

/** The text of a group. For F-TUPLE_: the texts of several groups, null for an unset one. */
export type FieldValue = string | readonly (string | null)[];

/** Captured values by group name, without unset groups. */
export type Fields = Map<string, FieldValue>;

/** A group name that fills another field: `alt_user_1` fills `user`, `tuple_id` makes the id a tuple. */
type Complex = { readonly key: string; readonly target: string; readonly isTuple: boolean };

const complexOf = new WeakMap<Failregex, readonly Complex[]>();

function findComplex(regex: Failregex): readonly Complex[] {
  const known = complexOf.get(regex);
  if (known !== undefined) return known;
  const found: Complex[] = [];
  for (const key of [...regex.fields.keys()].sort()) {
    const [, kind, name] = /^(alt_|tuple_)(.*?)(?:_\d+)?$/.exec(key) ?? [];
    if (name !== undefined && key.length > 4) {
      found.push({ key, target: fieldName(name), isTuple: kind === 'tuple_' });
    }
  }
  complexOf.set(regex, found);
  return found;
}

/** The groups that name the offender: they count together. */
const ADDRESS: readonly string[] = ['ip4', 'ip6', 'dns', 'cidr'];

/**
 * Reads a match's groups over the inherited ones. A group without a part in the match hides nothing; an
 * address replaces the inherited one (fail2ban 1.1.1 behaviour).
 */
export function readFields(regex: Failregex, match: Match, inherited: Fields | null): Fields {
  const fields = ownFields(regex, match);
  if (inherited === null) return fields;
  const all: Fields = new Map(inherited);
  if (ADDRESS.some((name) => fields.has(name))) {
    for (const name of ADDRESS) if (regex.fields.has(name)) all.delete(name);
  }
  for (const [name, value] of fields) all.set(name, value);
  return all;
}

function ownFields(regex: Failregex, match: Match): Fields {
  const fields: Fields = new Map();
  for (const [name, number] of regex.fields) {
    const value = match.groups[number];
    if (value !== undefined) fields.set(name, value);
  }
  const complex = findComplex(regex);
  for (const { key, target, isTuple } of complex) {
    const value = fields.get(key);
    if (!isTuple && value && !fields.get(target)) fields.set(target, value);
  }
  for (const { key, target, isTuple } of complex) {
    if (!isTuple) continue;
    const before = fields.get(target) ?? null;
    const value = fields.get(key);
    const part = typeof value === 'string' ? value : null;
    fields.set(target, before === null || typeof before === 'string' ? [before, part] : [...before, part]);
  }
  return fields;
}

/** The value as one text. A tuple is written as Python writes it, since logs show it so. */
export function spellValue(value: FieldValue): string {
  return typeof value === 'string' ? value : `(${value.map(spellPart).join(', ')})`;
}

function spellPart(part: string | null): string {
  if (part === null) return 'None';
  const quote = part.includes("'") && !part.includes('"') ? '"' : "'";
  return `${quote}${part.replace(quote === "'" ? /[\\']/g : /\\/g, '\\$&')}${quote}`;
}
