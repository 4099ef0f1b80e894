import type { Fields, FieldValue } from '../../filter/fields.ts';
import type { LineReport } from './report.ts';

/** Captures that are already in `id`. */
const SAID = new Set(['ip4', 'ip6', 'dns', 'content']);

/**
 * One line of `--json`: number of the input line, result, number of the regex from 1 (for `ignored` that of
 * the ignoreregex; null for `missed`), the id, the time (epoch seconds), the captured fields, and `also`,
 * other regexes that matched, from the report and from `others`.
 */
export function formatJson(line: number, report: LineReport, others: readonly number[] = []): string {
  const { hits, result, ignoredBy, time } = report;
  const hit = hits.find(({ isHelper }) => !isHelper) ?? hits[0];
  const regexes = [...new Set([...hits.map((one) => one.regex), ...others])];
  const regex = ignoredBy ?? hit?.regex ?? null;
  const also = regexes.filter((each) => each !== regex).map((each) => each + 1);
  const ids = [...new Set(hits.flatMap(({ id }) => (id === null ? [] : [id])))];
  // The failure has no address yet: a later line of the session may have one.
  const isPending = result === 'matched' && ids.length === 0;
  return JSON.stringify({
    line,
    result: isPending ? 'helper' : result,
    regex: regex === null ? null : regex + 1,
    id: hit?.id ?? null,
    time: hit?.time ?? time,
    fields: hit === undefined ? {} : fieldsOf(hit.fields),
    ...(also.length > 0 ? { also } : {}),
    ...(ids.length > 1 ? { ids } : {}),
  });
}

function fieldsOf(fields: Fields): Readonly<Record<string, FieldValue>> {
  return Object.fromEntries([...fields].filter(([name]) => !SAID.has(name)));
}
