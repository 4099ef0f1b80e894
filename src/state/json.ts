import type { JailHealth, SourceHealth, StuckHealth } from '../source/health.ts';
import { type Count, Failures } from './failures.ts';
import { Pages } from './pages.ts';
import type { Ban, CommandOrder, JailState, Past, Repairs, State, Waiting } from './state.ts';

/** The number in the state file's `version`; a file with a higher one is refused. */
export const STATE_VERSION = 1;

type StateJson = Record<string, unknown>;

/** The state as the text of its file; docs/STATE.md describes it. `now` is noted as the time of saving. */
export function printState(state: State, now: number): string {
  const decoder = new TextDecoder();
  return printPages(state, now)
    .map((page) => decoder.decode(page, { stream: true }))
    .join('');
}

/**
 * The text of printState() in bytes. Entries are printed by hand, one by one and without what is usual in them: with 100,000 bans
 * that takes less than half of JSON.stringify's time and a fraction of its memory.
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
    sources: Object.fromEntries(sources),
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
  return `{"at":${at},"until":${until},"failures":${failures},"count":${count}${more}${lines}}`;
}

/** What a state file's text turned out to be. */
export type ReadState =
  | { readonly kind: 'ok'; readonly state: State }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'newer'; readonly version: number };

/** Reads a state file's text; never throws. Entries of a wrong shape make the file damaged, not half-read. */
export function readState(text: string): ReadState {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return {
      kind: 'damaged',
      reason: text.trim() === '' ? 'it is empty' : `it is not JSON: ${firstLine(error)}`,
    };
  }
  if (!isObject(json) || typeof json['version'] !== 'number') {
    return { kind: 'damaged', reason: 'it has no version' };
  }
  if (json['version'] > STATE_VERSION) return { kind: 'newer', version: json['version'] };
  try {
    return { kind: 'ok', state: stateOf(json) };
  } catch (error) {
    return { kind: 'damaged', reason: error instanceof Error ? error.message : String(error) };
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

function stateOf(json: StateJson): State {
  const jails = new Map<string, JailState>();
  for (const [name, value] of entriesOf(json['jails'], 'jails')) {
    const jail = objectOf(value, name);
    jails.set(name, {
      totalFailed: numberOf(jail['totalFailed'], 'totalFailed'),
      totalBanned: numberOf(jail['totalBanned'], 'totalBanned'),
      failures: new Failures(mapOf(jail['failures'], 'failures', readCount)),
      bans: mapOf(jail['bans'], 'bans', banOf),
      past: mapOf(jail['past'], 'past', pastOf),
    });
  }
  return {
    jails,
    positions: new Map(entriesOf(json['positions'], 'positions')),
    waiting: listOf(json['waiting'] ?? [], 'waiting').map(waitingOf),
    repairs: mapOf(json['repairs'] ?? {}, 'repairs', repairsOf),
    sources: mapOf(json['sources'] ?? {}, 'sources', sourceOf),
    orders: listOf(json['orders'], 'orders').map(orderOf),
    seq: numberOf(json['seq'], 'seq'),
    saved: numberOf(json['saved'], 'saved'),
  };
}

function waitingOf(value: unknown): Waiting {
  const json = objectOf(value, 'waiting');
  return {
    jail: String(json['jail']),
    id: String(json['id']),
    isName: json['isName'] === true,
    time: numberOf(json['time'], 'time'),
    matches: listOf(json['matches'] ?? [], 'matches').map(String),
    fields: mapOf(json['fields'] ?? {}, 'fields', String),
  };
}

function readCount(value: unknown): Count {
  const json = objectOf(value, 'failure');
  return {
    retry: numberOf(json['retry'], 'retry'),
    first: numberOf(json['first'], 'first'),
    last: numberOf(json['last'], 'last'),
    failures: numberOf(json['failures'], 'failures'),
    matches: listOf(json['matches'] ?? [], 'matches').map(String),
  };
}

function banOf(value: unknown): Ban {
  const json = objectOf(value, 'ban');
  const confirmed =
    json['confirmed'] === undefined ? null : objectOf(json['confirmed'], 'confirmed')['until'];
  return {
    ...(json['confirmed'] === undefined
      ? {}
      : { confirmed: { until: confirmed === null ? null : numberOf(confirmed, 'until') } }),
    at: numberOf(json['at'], 'at'),
    until: json['until'] === null ? null : numberOf(json['until'], 'until'),
    failures: numberOf(json['failures'], 'failures'),
    count: numberOf(json['count'], 'count'),
    origin: json['origin'] === 'hand' ? 'hand' : 'log',
    matches: listOf(json['matches'] ?? [], 'matches').map(String),
    pending: json['pending'] === undefined || json['pending'] === null ? null : String(json['pending']),
  };
}

function pastOf(value: unknown): Past {
  const json = objectOf(value, 'past');
  return {
    count: numberOf(json['count'], 'count'),
    last: numberOf(json['last'], 'last'),
    until: json['until'] === null ? null : numberOf(json['until'], 'until'),
  };
}

/** Only shown to people, and written anew by the next run: numbers that are missing count as none. */
function sourceOf(value: unknown): SourceHealth {
  const json = objectOf(value, 'source');
  const count = (key: string): number => (typeof json[key] === 'number' ? json[key] : 0);
  const orNull = (part: unknown): number | null => (typeof part === 'number' ? part : null);
  return {
    state: String(json['state']),
    trouble: typeof json['trouble'] === 'string' ? json['trouble'] : null,
    openedAt: count('openedAt'),
    lastLine: orNull(json['lastLine']),
    bytes: count('bytes'),
    lag: orNull(json['lag']),
    errors: count('errors'),
    cutLines: count('cutLines'),
    skippedBytes: count('skippedBytes'),
    rotations: count('rotations'),
    truncations: count('truncations'),
    lostFiles: count('lostFiles'),
    jails: Object.fromEntries(mapOf(json['jails'] ?? {}, 'jails', jailHealthOf)),
  };
}

function jailHealthOf(value: unknown): JailHealth {
  const json = objectOf(value, 'jail');
  const orNull = (part: unknown): number | null => (typeof part === 'number' ? part : null);
  return {
    lastMatch: orNull(json['lastMatch']),
    sampled: orNull(json['sampled']) ?? 0,
    dated: orNull(json['dated']) ?? 0,
    prefixed: orNull(json['prefixed']),
    stuck: listOf(json['stuck'] ?? [], 'stuck').map(readStuck),
  };
}

function readStuck(value: unknown): StuckHealth {
  const json = objectOf(value, 'stuck');
  const orNull = (part: unknown): number | null => (typeof part === 'number' ? part : null);
  return {
    regex: orNull(json['regex']),
    text: String(json['text']),
    from: orNull(json['from']),
    strikes: orNull(json['strikes']) ?? 0,
    skipped: orNull(json['skipped']) ?? 0,
    line: String(json['line']),
    last: orNull(json['last']) ?? 0,
  };
}

function repairsOf(value: unknown): Repairs {
  const json = objectOf(value, 'repairs');
  return { count: numberOf(json['count'], 'count'), last: numberOf(json['last'], 'last') };
}

function orderOf(value: unknown): CommandOrder {
  const json = objectOf(value, 'order');
  const base = { seq: numberOf(json['seq'], 'seq'), jail: String(json['jail']), id: String(json['id']) };
  return json['kind'] === 'ban'
    ? { ...base, kind: 'ban', ban: banOf(json['ban']) }
    : { ...base, kind: 'unban' };
}

function isObject(value: unknown): value is StateJson {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown, what: string): StateJson {
  if (!isObject(value)) throw new Error(`${what} is not an object`);
  return value;
}

function entriesOf(value: unknown, what: string): [string, unknown][] {
  return Object.entries(objectOf(value, what));
}

function mapOf<T>(value: unknown, what: string, read: (value: unknown) => T): Map<string, T> {
  return new Map(entriesOf(value, what).map(([key, entry]) => [key, read(entry)]));
}

function listOf(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw new Error(`${what} is not a list`);
  return value;
}

function numberOf(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new Error(`${what} is not a number`);
  return value;
}
