/**
 * The wrappings of a log line: what syslog, the journal or a container's log writes around a service's message.
 *
 * A filter names the wrappings that its service can have, and its regexes see the message:
 *
 *     wrapping = syslog journal container docker-json
 *     program = sshd(?:-session|-auth)?
 *     failregex = ^Failed password for .* from <ADDR>$
 *
 * The rows of the table become one regex (prefixOf()) that stands in place of the `^` of a filter's regexes, so
 * that a wrapping costs no step of its own. Only `docker-json` is taken off before (dockerjson.ts). No word
 * before the program's name may end in a colon, and the program must be named: the text of a client, or a message
 * of another program, cannot pass for a wrapping.
 */

const NAMES: readonly string[] = [
  ...['file', 'syslog', 'journal', 'container', 'docker-json', 'stderr', 'virtual-host', 'colour'],
];

/** A form of a wrapping; its parts are regexes in Python's syntax, for what is left once the date is cut out. */
type Row = {
  /** As filters name it. Rows of one name are its versions. */
  readonly name: string;
  /** As `f2b regex` tells it. */
  readonly title: string;
  /** The source knows the time, and the line has no date ahead. */
  readonly isBeside?: true;
  /** How a date ahead begins, where that tells two rows apart. */
  readonly dated?: RegExp;
  /** Up to the host: the priority. */
  readonly start?: string;
  /** Names of the program beside the filter's own. */
  readonly program?: string;
  /** From the program's name up to the message: the process id. */
  readonly close?: string;
  /** What the service, or a server in front of it, adds to the message. */
  readonly inner?: string;
};

const PID = '(?:\\[\\d+\\])?: ';
const COLOUR = '\\x1b\\[[\\d;]*m';
const PRIORITY = '<\\d{1,3}>';
/** A pid, or a date with a clock, as services write them to their standard error. */
const OWN_DATE =
  '(?:\\[\\d+\\] (?=[A-Z\\d]))?(?:\\[?(?:(?:\\d{4}[-/.]\\d\\d[-/.]\\d\\d|\\d\\d-[A-Z][a-z]{2}-\\d{4})[T ][\\d:.,]+(?: ?(?:Z|[A-Z]{3,4}|[+-]\\d\\d:?\\d\\d))?|(?:[A-Z][A-Za-z]{2,3} )?[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d+)?(?: \\d{4})?)\\]? )?';
/** The date of syslog where the service's own was cut out. */
const OUTER_DATE = '(?:(?:[A-Z][a-z]{2} [ \\d]\\d [\\d:]{8}|\\d{4}-\\d\\d-\\d\\dT\\S+) )?';
/**
 * Before the program's name; the facility stands on either side. No more than one word is free: in a service's
 * own log a client's text may be among the first words of a message, and must not begin a header there.
 */
const HOST = '[\\w.:@%/-]*[\\w.@%/-] ';
const FACILITY = '[a-z\\d]+\\.[a-z]+';
const HOSTS = `(?:<${FACILITY}> )?(?:${HOST})?(?:${FACILITY} )?`;

/** In the order in which they are recognised. */
const ROWS: readonly Row[] = [
  { name: 'docker-json', title: "Docker's json-file", isBeside: true },
  {
    ...{ name: 'container', title: 'a container in syslog or the journal' },
    ...{ program: '[0-9a-f]{12}(?:[0-9a-f]{52})?', close: PID },
  },
  {
    ...{ name: 'syslog', title: 'RFC 5424', start: `${PRIORITY}1 {0,2}` },
    close: `(?:${PRIORITY})? (?:\\d+|-) [\\w.-]+ (?:-|(?:\\[(?:[^\\]\\\\]|\\\\.)*\\])+) ?\\ufeff? ?`,
  },
  {
    ...{ name: 'syslog', title: 'ISO-dated syslog', dated: /^\d{4}-\d\d-\d\dT/ },
    ...{ start: `${PRIORITY} ?`, close: PID },
  },
  {
    ...{ name: 'syslog', title: 'RFC 3164', dated: /^[A-Z]/ },
    // Solaris numbers its messages.
    ...{ start: `${PRIORITY} ?`, close: PID, inner: '(?:\\[ID \\d+ \\S+\\] )?' },
  },
  { name: 'journal', title: 'the journal', isBeside: true, close: PID },
  { name: 'stderr', title: "the service's own date", inner: OWN_DATE },
  {
    ...{ name: 'virtual-host', title: 'a virtual host' },
    // The client may name it: without a port it counts only where no further word could be one.
    inner: '(?:[\\w.-]+:\\d+ |[\\w.-]*[A-Za-z][\\w.-]* (?=\\S+ \\S+ \\S+ \\[))?',
  },
];

/** What a filter says of its wrappings. `program`: a regex of the service's names in them. */
export type Wrapping = { readonly names: readonly string[]; readonly program: string };

/** The names in a filter's `wrapping`; throws a RangeError for one that there is not. */
export function wrappingNames(text: string): readonly string[] {
  const names = text.split(/[\s,]+/).filter((name) => name !== '');
  for (const name of names) {
    if (!NAMES.includes(name)) throw new RangeError(`there is no wrapping "${name}": ${NAMES.join(', ')}`);
  }
  return names;
}

/** The regex, in Python's syntax, of the beginning of a line up to the message. */
export function prefixOf({ names, program }: Wrapping): string {
  const rows = ROWS.filter(({ name }) => names.includes(name));
  const isPlain = names.includes('file');
  const gap = names.includes('colour') ? `(?: |${COLOUR}){0,4}` : ' {0,9}';
  const inner = new Map(rows.map((row) => [row.name, row.inner ?? '']));
  const own = inner.get('stderr') ?? '';
  const host = inner.get('virtual-host') ?? '';
  const ids = inner.get('syslog') ?? '';
  const header = headerOf(rows, program, isPlain || names.includes('docker-json') ? own || OUTER_DATE : '');
  if (!isPlain) return `^ {0,9}${header}${ids}${own}${host}`;
  const isGapped = own !== '' || names.includes('colour');
  const before = header === '' ? '' : `(?:${header}${ids})?${isGapped ? gap : ''}`;
  return `^${gap}${before}${own === '' ? '' : `(?:\\[\\] )?${own}${gap}`}${host}`;
}

function headerOf(rows: readonly Row[], program: string, date: string): string {
  const headers = rows.filter(({ close }) => close !== undefined);
  if (headers.length === 0) return '';
  const parts = (part: 'start' | 'program' | 'close') =>
    [...new Set(headers.toReversed().flatMap((row) => row[part] ?? []))].join('|');
  const start = parts('start');
  const named = [program, parts('program')].filter((one) => one !== '').join('|');
  const priority = start === '' ? '' : `(?:${start})?`;
  return `${priority}${date}${HOSTS}(?:${named})(?:${parts('close')})`;
}

/** A line as a source has it, its date cut out; `isBeside`: the source knows its time. */
export type Wrapped = { readonly text: string; readonly date: string; readonly isBeside: boolean };

/** What a line came in (`RFC 5424`), and where in the text its message begins. */
export type Recognised = { readonly title: string; readonly at: number };

/** Recognises the wrapping of a line, whatever program wrote it. */
export function recognise(line: Wrapped): Recognised {
  for (const one of RECOGNISERS()) {
    const [match, date] = findHeader(one, line);
    if (match === null || one.row.dated?.test(date) === false) continue;
    if (one.row.isBeside === true && date !== '') continue;
    return { title: one.row.title, at: match.length };
  }
  const [match = '', host = ''] = VIRTUAL_HOST().exec(line.text) ?? [];
  return host === '' ? { title: SERVICE_LOG, at: 0 } : { title: 'a virtual host', at: match.length };
}

const SERVICE_LOG = "the service's own log";

type Recogniser = { readonly row: Row; readonly header: RegExp };

/** The header of a line, and its date; that of syslog may still be there where the service's was cut out. */
function findHeader({ header }: Recogniser, { text, date, isBeside }: Wrapped): [string | null, string] {
  const [match, ahead] = header.exec(text) ?? [null];
  return [match, ahead ?? (isBeside ? '' : date)];
}

/** Made when first needed: only reports need them. */
const RECOGNISERS = once(() =>
  ROWS.flatMap((row): Recogniser[] => {
    const { close, start, program = '[^\\s:\\[\\]<>"]+', inner = '' } = row;
    if (close === undefined) return [];
    // Without its version RFC 5424 is no certain thing.
    const priority = start === undefined ? '' : `(?:${start})${row.title === 'RFC 5424' ? '' : '?'}`;
    const date = '(?:([A-Z][a-z]{2} [ \\d]\\d [\\d:]{8}|\\d{4}-\\d\\d-\\d\\dT\\S+) )?';
    const host = `(?:<${FACILITY}> )?${HOST}(?:${FACILITY} )?`;
    return [{ row, header: new RegExp(`^ *${priority}${date}${host}(?:${program})(?:${close})${inner}`) }];
  }),
);
const VIRTUAL_HOST = once(
  () => new RegExp(`^ *(${ROWS.find(({ name }) => name === 'virtual-host')?.inner ?? ''})`),
);

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
