import { reasonOf } from '../base/errors.ts';
import { clean } from '../base/visible.ts';
import { type JailHealth, type SourceHealth, type StuckHealth, UNSEEN } from '../source/health.ts';
import { readPosition } from '../source/open.ts';
import { isRecord, type Position } from '../source/source.ts';
import { NO_COUNTS } from '../source/status.ts';
import { type Count, Failures } from './failures.ts';
import { Pages } from './pages.ts';
import type { Ban, CommandOrder, JailState, Past, Repairs, State, Waiting } from './state.ts';

/** `version` of the state file; a file with a higher one is refused. */
export const STATE_VERSION = 1;

type StateJson = Record<string, unknown>;

/**
 * The state as the UTF-8 text of its file; see docs/STATE.md. `now` is stored as the time of saving. Entries
 * are printed one by one, without default values: for 100,000 bans this takes less than half the time of
 * JSON.stringify and a fraction of its memory.
 */
export function printPages(state: State, now: number): readonly Uint8Array<ArrayBuffer>[] {
  const { seq, orders, positions, waiting, repairs, sources } = state;
  const small = JSON.stringify({
    version: STATE_VERSION,
    saved: now,
    seq,
    orders,
    positions: Object.fromEntries(positions),
    waiting: waiting.length === 0 ? undefined : waiting.map(waitingJson),
    repairs: Object.fromEntries(repairs),
    sources: Object.fromEntries([...sources].map(([name, one]) => [name, printedSource(one)])),
  });
  const pages = new Pages();
  pages.text(`${small.slice(0, -1)},"jails":`);
  printMap(pages, state.jails, (jail) => printJail(pages, jail));
  pages.ascii('}\n');
  return pages.all();
}

function printMap<T>(pages: Pages, entries: Iterable<readonly [string, T]>, print: (entry: T) => void): void {
  let before = '{';
  for (const [key, entry] of entries) {
    pages.text(`${before}${JSON.stringify(key)}:`);
    print(entry);
    before = ',';
  }
  pages.ascii(before === '{' ? '{}' : '}');
}

function printJail(pages: Pages, { totalFailed, totalBanned, failures, bans, past }: JailState): void {
  pages.ascii(`{"totalFailed":${totalFailed},"totalBanned":${totalBanned},"failures":`);
  printFailures(pages, failures);
  pages.ascii(',"bans":');
  printMap(pages, bans, (ban) => pages.text(banText(ban)));
  pages.ascii(',"past":');
  printMap(pages, past, (one) => pages.text(JSON.stringify(one)));
  pages.ascii('}');
}

function printFailures(pages: Pages, failures: Failures): void {
  let before = '{';
  for (const [ip, row] of failures.rows()) {
    pages.ascii(before);
    pages.ascii('"');
    pages.ip4(ip);
    pages.ascii('":{"retry":');
    pages.number(row.retry);
    pages.ascii(',"first":');
    pages.number(row.first);
    pages.ascii(',"last":');
    pages.number(row.last);
    pages.ascii(',"failures":');
    pages.number(row.failures);
    pages.ascii('}');
    before = ',';
  }
  for (const [id, count] of failures.others()) {
    pages.text(`${before}${JSON.stringify(id)}:${countText(count)}`);
    before = ',';
  }
  pages.ascii(before === '{' ? '{}' : '}');
}

function waitingJson({ fields, isName, ...one }: Waiting): StateJson {
  return { ...one, ...(isName ? { isName } : {}), fields: Object.fromEntries(fields) };
}

function countText({ retry, first, last, failures, matches }: Count): string {
  const lines = matches.length === 0 ? '' : `,"matches":${JSON.stringify(matches)}`;
  return `{"retry":${retry},"first":${first},"last":${last},"failures":${failures}${lines}}`;
}

function banText(ban: Ban): string {
  if (ban.confirmed !== undefined) return JSON.stringify(ban);
  const { at, until, failures, count, origin, matches, pending } = ban;
  const lines = matches.length === 0 ? '' : `,"matches":${JSON.stringify(matches)}`;
  const more = `${origin === 'log' ? '' : `,"origin":"${origin}"`}${pending === null ? '' : `,"pending":${JSON.stringify(pending)}`}`;
  // An infinite ban time, such as one of 400 digits, means for ever; JSON prints null for it.
  const end = JSON.stringify(until);
  return `{"at":${at},"until":${end},"failures":${failures},"count":${count}${more}${lines}}`;
}

/** The result of readState(). */
export type ReadState =
  | { readonly kind: 'ok'; readonly state: State }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'newer'; readonly version: number };

/**
 * Reads the text of a state file; never throws. An entry of a wrong shape makes the file damaged; it is not
 * read in part.
 */
export function readState(text: string): ReadState {
  try {
    const json: unknown = JSON.parse(text);
    if (!isRecord(json) || typeof json['version'] !== 'number') throw new Error('it has no version');
    const { version } = json;
    if (version > STATE_VERSION) return { kind: 'newer', version };
    if (version !== STATE_VERSION) throw new Error(`there is no version ${version}`);
    return { kind: 'ok', state: stateOf(json) };
  } catch (error) {
    if (text.trim() === '') return { kind: 'damaged', reason: 'it is empty' };
    const why = error instanceof SyntaxError ? `it is not JSON: ${error.message}` : reasonOf(error);
    return { kind: 'damaged', reason: clean(why.replace(/\n[\s\S]*/, '')) };
  }
}

function stateOf(json: StateJson): State {
  return {
    jails: mapOf(json, 'jails', jailOf),
    positions: mapOf(json, 'positions', positionOf),
    waiting: listOf(json['waiting'] ?? [], 'waiting').map(waitingOf),
    repairs: mapOf(json, 'repairs', repairsOf, {}),
    sources: mapOf(json, 'sources', sourceOf, {}),
    orders: listOf(json['orders'], 'orders').map(orderOf),
    seq: wholeOf(json, 'seq'),
    saved: numberOf(json, 'saved'),
  };
}

function jailOf(value: unknown): JailState {
  const json = objectOf(value);
  return {
    totalFailed: wholeOf(json, 'totalFailed'),
    totalBanned: wholeOf(json, 'totalBanned'),
    failures: new Failures(mapOf(json, 'failures', countOf)),
    bans: mapOf(json, 'bans', banOf),
    past: mapOf(json, 'past', pastOf),
  };
}

function positionOf(value: unknown): Position {
  const position = readPosition(value);
  if (position === null) throw new Error('it is no position of a log source');
  return position;
}

function waitingOf(value: unknown): Waiting {
  const json = objectOf(value);
  return {
    jail: textOf(json['jail'], 'jail'),
    id: textOf(json['id'], 'id'),
    isName: json['isName'] === true,
    time: numberOf(json, 'time'),
    matches: matchesOf(json),
    fields: mapOf(json, 'fields', (field) => textOf(field, 'it'), {}),
  };
}

function countOf(value: unknown): Count {
  const json = objectOf(value);
  return {
    retry: numberOf(json, 'retry'),
    first: numberOf(json, 'first'),
    last: numberOf(json, 'last'),
    failures: wholeOf(json, 'failures'),
    matches: matchesOf(json),
  };
}

function banOf(value: unknown): Ban {
  const json = objectOf(value);
  const { confirmed, pending = null } = json;
  return {
    ...(confirmed === undefined ? {} : { confirmed: { until: untilOf(objectOf(confirmed)) } }),
    at: numberOf(json, 'at'),
    until: untilOf(json),
    failures: wholeOf(json, 'failures'),
    count: wholeOf(json, 'count'),
    origin: json['origin'] === 'hand' ? 'hand' : 'log',
    matches: matchesOf(json),
    pending: pending === null ? null : textOf(json['pending'], 'pending'),
  };
}

function pastOf(value: unknown): Past {
  const json = objectOf(value);
  return { count: wholeOf(json, 'count'), last: numberOf(json, 'last'), until: untilOf(json) };
}

/** A source without what is usual. */
function printedSource({ waitingSince, ...rest }: SourceHealth): Partial<SourceHealth> {
  return waitingSince === null ? rest : { ...rest, waitingSince };
}

const NO_SOURCE = { ...NO_COUNTS, state: '', openedAt: 0, lastLine: null, lag: null, waitingSince: null };
const NO_STUCK: StuckHealth = {
  ...{ regex: null, from: null, text: '', line: '' },
  strikes: 0,
  skipped: 0,
  last: 0,
};

function sourceOf(value: unknown): SourceHealth {
  const json = objectOf(value);
  const trouble = typeof json['trouble'] === 'string' ? json['trouble'] : null;
  const jails = Object.fromEntries(mapOf(json, 'jails', jailHealthOf, {}));
  return { ...shownOf(json, NO_SOURCE), trouble, jails };
}

function jailHealthOf(value: unknown): JailHealth {
  const json = objectOf(value);
  const stuck = listOf(json['stuck'] ?? [], 'stuck');
  return { ...shownOf(json, UNSEEN), stuck: stuck.map((one) => shownOf(objectOf(one), NO_STUCK)) };
}

/**
 * Reads values that are only shown, and written again by the next run. Missing or invalid ones are as in
 * `usual`, where null is a number that may be missing.
 */
function shownOf<T extends object>(json: StateJson, usual: T): T {
  const parts = Object.entries(usual).map(([key, value]) => {
    const isSame = typeof json[key] === (value === null ? 'number' : typeof value);
    return [key, isSame ? json[key] : value];
  });
  return Object.assign({ ...usual }, Object.fromEntries(parts));
}

function repairsOf(value: unknown): Repairs {
  const json = objectOf(value);
  return { count: wholeOf(json, 'count'), last: numberOf(json, 'last') };
}

function orderOf(value: unknown): CommandOrder {
  const json = objectOf(value);
  const order = {
    seq: wholeOf(json, 'seq'),
    jail: textOf(json['jail'], 'jail'),
    id: textOf(json['id'], 'id'),
  };
  const kind = textOf(json['kind'], 'kind');
  if (kind === 'ban' || kind === 'restore') return { ...order, kind, ban: banOf(json['ban']) };
  if (kind === 'past') return { ...order, kind, past: pastOf(json['past']) };
  if (kind === 'unban') return { ...order, kind };
  throw new Error(`there is no order "${kind}"`);
}

function objectOf(value: unknown): StateJson {
  if (!isRecord(value)) throw new Error('it is not an object');
  return value;
}

/** The entries of the object `key`; errors name the entry. Without `absent` the object must exist. */
function mapOf<T>(
  json: StateJson,
  key: string,
  read: (value: unknown) => T,
  absent?: StateJson,
): Map<string, T> {
  const entries = json[key] ?? absent;
  if (!isRecord(entries)) throw new Error(`${key} is not an object`);
  const map = new Map<string, T>();
  for (const [id, entry] of Object.entries(entries)) {
    try {
      map.set(id, read(entry));
    } catch (error) {
      throw new Error(`${key} ${id}: ${reasonOf(error)}`);
    }
  }
  return map;
}

function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  return value;
}

function matchesOf(json: StateJson): readonly string[] {
  return listOf(json['matches'] ?? [], 'matches').map((line) => textOf(line, 'a line of matches'));
}

function textOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Error(`${what} is not a text`);
  return value;
}

function numberOf(json: StateJson, key: string): number {
  const value = json[key];
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`${key} is not a number`);
  return value;
}

/** A count; other numbers would not be printed as they were read. */
function wholeOf(json: StateJson, key: string): number {
  const value = numberOf(json, key);
  if (!Number.isSafeInteger(value) || value < 0) throw new Error(`${key} is not a count`);
  return value;
}

/** The end of a ban. */
function untilOf(json: StateJson): number | null {
  return json['until'] === null ? null : numberOf(json, 'until');
}
