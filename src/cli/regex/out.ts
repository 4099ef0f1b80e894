import { canonicalIp, familyOf, reverseZoneName } from '../../base/ip.ts';
import { type FieldValue, spellValue } from '../../filter/fields.ts';
import { fieldName } from '../../filter/regex/tags.ts';
import type { FilterFailure } from '../../filter/types.ts';
import type { RegexHit } from './report.ts';

/**
 * The output of `--out FORM` for a failure: `id`, `ip`, `msg` (the matched lines), `row` (a Python tuple),
 * the name of a captured group, or a text with tags such as `<ip> <F-USER> <time>`. Like fail2ban-regex(1).
 */
export function formatOut(form: string, hit: RegexHit): readonly string[] {
  if (hit.failure === null) return [];
  const { failure } = hit;
  const id = hit.id ?? '';
  if (form === 'id' || form === 'fid') return [id];
  if (form === 'ip') return [ipOf(failure, id)];
  if (form === 'msg') return failure.matches;
  if (form === 'row') return [rowOf(failure, id)];
  // As Python prints what is not there.
  if (!form.includes('<')) return [spelt(failure.fields.get(fieldName(form))) || 'None'];
  return fill(form, failure, id);
}

function spelt(value: FieldValue | undefined): string {
  return value === undefined ? '' : spellValue(value);
}

function ipOf(failure: FilterFailure, id: string): string {
  const ip = failure.fields.get('ip');
  return ip === undefined ? id : spellValue(ip);
}

/** With `<msg>` and several matched lines: one output line for each. */
function fill(form: string, failure: FilterFailure, id: string): readonly string[] {
  const messages = form.includes('<msg>') ? failure.matches : [''];
  return messages.map((message) =>
    form.replace(/<([\w-]+)>/g, (tag: string, name: string) => {
      if (name === 'msg') return message;
      return tagValue(name, failure, id) ?? tag;
    }),
  );
}

function tagValue(name: string, failure: FilterFailure, id: string): string | null {
  if (name.startsWith('F-')) return spelt(failure.fields.get(fieldName(name.slice(2))));
  return TAGS.get(name)?.(failure, id) ?? null;
}

type TagText = (failure: FilterFailure, id: string) => string;

const TAGS: ReadonlyMap<string, TagText> = new Map<string, TagText>([
  ['ip', ipOf],
  ['id', (_, id) => id],
  ['fid', (_, id) => id],
  ['family', (failure, id) => familyName(ipOf(failure, id))],
  ['time', ({ time }) => pythonTime(time)],
  ['matches', ({ matches }) => matches.join('\n')],
  ['failures', () => '1'],
  ['ip-rev', (failure, id) => reverseZoneName(ipOf(failure, id)) ?? ''],
  ['br', () => '\n'],
  ['sp', () => ' '],
]);

function familyName(ip: string): string {
  const address = canonicalIp(ip.split('/')[0] ?? '');
  return address === null ? 'dns' : `inet${familyOf(address)}`;
}

/** Python prints a float with its fraction. */
function pythonTime(time: number | null): string {
  if (time === null) return 'None';
  return Number.isInteger(time) ? `${time}.0` : String(time);
}

function rowOf(failure: FilterFailure, id: string): string {
  const fields = [...failure.fields].map(([name, value]) => `${quoteText(name)}: ${pythonOf(value)}`);
  const users = failure.users.length === 0 ? [] : [`'users': {${failure.users.map(quoteText).join(', ')}}`];
  return `[${quoteText(id)},\t${pythonTime(failure.time)},\t{${[...fields, ...users].join(', ')}}],`;
}

function pythonOf(value: FieldValue): string {
  return typeof value === 'string' ? quoteText(value) : spellValue(value);
}

function quoteText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\n\r\t]/g, (char) => ESCAPES.get(char) ?? char);
  return quote + (quote === "'" ? escaped.replaceAll("'", "\\'") : escaped) + quote;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ['\\', '\\\\'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
]);
