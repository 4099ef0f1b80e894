import { isRecord } from '../source.ts';

/** One entry of the journal as a line of text. */
export type JournalEntry = {
  readonly cursor: string;
  /** `__REALTIME_TIMESTAMP`, microseconds since the epoch: the journal's own order. */
  readonly realtime: number;
  /** Epoch seconds at which it was logged: the sender's time where journald knows it. */
  readonly time: number;
  /** `host identifier[pid]: message`, without a date and without newlines. */
  readonly line: string;
  /** What wrote it, where its lines may come in pieces; empty where they do not. */
  readonly stream: string;
  /** The line goes on in the next entry of the stream. */
  readonly isOpen: boolean;
};

/** The fields an entry's line and time are made of; `journalctl` adds the cursor and its own times. */
export const FIELDS = [
  '_HOSTNAME',
  'SYSLOG_IDENTIFIER',
  '_COMM',
  'SYSLOG_PID',
  '_PID',
  'MESSAGE',
  '_SOURCE_REALTIME_TIMESTAMP',
  '_SOURCE_MONOTONIC_TIMESTAMP',
  ...['PRIORITY', '_STREAM_ID', '_LINE_BREAK', 'CONTAINER_ID_FULL', 'CONTAINER_PARTIAL_MESSAGE'],
] as const;

/**
 * Reads one line of `journalctl -o json`; null when it is no entry. The line reads as fail2ban 1.0.2 builds it: host,
 * identifier (else the command's name) with the process id in brackets and a colon, the kernel's with its
 * uptime; newlines in the message become `\n` spelt out.
 */
export function readEntry(json: string): JournalEntry | null {
  const fields = parseFields(json);
  if (fields === null) return null;
  const cursor = fieldText(fields['__CURSOR']);
  const realtime = Number(fieldText(fields['__REALTIME_TIMESTAMP']));
  if (cursor === '' || !Number.isFinite(realtime) || realtime <= 0) return null;
  const logged = Number(fieldText(fields['_SOURCE_REALTIME_TIMESTAMP'])) || realtime;
  return { cursor, realtime, time: logged / 1e6, line: lineOf(fields), ...pieceOf(fields) };
}

/**
 * journald splits what a service writes to its standard output after `LineMax` bytes and at a NUL, the log
 * drivers of Docker and Podman after 16 and 8 KB; systemd.journal-fields(7), Docker's "Journald logging driver".
 */
function pieceOf(fields: JournalFields): Pick<JournalEntry, 'stream' | 'isOpen'> {
  const container = fieldText(fields['CONTAINER_ID_FULL']);
  // Standard output and standard error have different priorities.
  if (container !== '') {
    const isOpen = fieldText(fields['CONTAINER_PARTIAL_MESSAGE']) === 'true';
    return { stream: `${container} ${fieldText(fields['PRIORITY'])}`, isOpen };
  }
  const isOpen = ['line-max', 'nul'].includes(fieldText(fields['_LINE_BREAK']));
  return { stream: fieldText(fields['_STREAM_ID']), isOpen };
}

type JournalFields = Readonly<Record<string, unknown>>;

function parseFields(json: string): JournalFields | null {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function lineOf(fields: JournalFields): string {
  const parts: string[] = [];
  const host = fieldText(fields['_HOSTNAME']);
  if (host !== '') parts.push(host);
  const identifier = fieldText(fields['SYSLOG_IDENTIFIER']) || fieldText(fields['_COMM']);
  if (identifier !== '') {
    const tag = `${identifier}${pidOf(fieldText(fields['SYSLOG_PID']) || fieldText(fields['_PID']))}:`;
    parts.push(tag);
    if (tag === 'kernel:') parts.push(uptimeOf(fields));
  }
  parts.push(fieldText(fields['MESSAGE']));
  return parts.join(' ').replaceAll('\n', '\\n');
}

function pidOf(pid: string): string {
  if (pid === '') return '';
  const number = /^(?:0x[0-9a-f]+|[1-9]\d*|0+)$/i.test(pid.trim()) ? String(Number(pid)) : pid;
  return `[${number}]`;
}

/** `[    1.234567]`, seconds since the start of the machine. */
function uptimeOf(fields: JournalFields): string {
  const own = fieldText(fields['_SOURCE_MONOTONIC_TIMESTAMP']);
  const microseconds = Number(own === '' ? fieldText(fields['__MONOTONIC_TIMESTAMP']) : own);
  return `[${((Number.isFinite(microseconds) ? microseconds : 0) / 1e6).toFixed(6).padStart(12)}]`;
}

/** A field's text: a string; bytes where it is no UTF-8 or holds control characters; several where it was given repeatedly. */
function fieldText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  if (!Array.isArray(value)) return '';
  if (value.every((one) => typeof one === 'number')) return Buffer.from(value).toString('utf8');
  return value.map(fieldText).join(' ');
}
