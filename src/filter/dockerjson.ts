import { type Batch, isRecord, type Position } from '../source/source.ts';
import type { Filter } from './types.ts';

/**
 * Takes lines out of Docker's json-file, one JSON object a line:
 *
 *     {"log":"Failed password for root from 192.0.2.7\n","stream":"stderr","time":"2026-11-20T04:12:09.5Z"}
 *
 * Docker splits a line of more than 16 KB: only the last piece ends in a newline. The later pieces are left
 * out: a client chooses where they begin, so they could pass for lines of their own. Only a state knows of
 * earlier pieces, so each log has one, and it is saved beside the log's position.
 */
export class DockerJson {
  /** The streams whose last piece had no newline. */
  readonly #open: Set<string>;

  /** `saved`: as position() gave it. */
  constructor(saved: Position | null = null) {
    this.#open = new Set(saved === null ? [] : streamsOf(saved));
  }

  /** What must be known to go on after a restart; null if no line is open. */
  position(): Position | null {
    const position = { kind: 'docker-json', open: [...this.#open] };
    return position.open.length === 0 ? null : position;
  }

  /** The line in an entry and its time, epoch seconds; null for a line that is no entry. */
  unwrap(text: string): { readonly text: string; readonly time: number } | null {
    const entry = readEntry(text);
    if (entry === null) return null;
    const { log, stream, time } = entry;
    const isLater = this.#open.has(stream);
    const isWhole = log.endsWith('\n');
    if (isWhole) this.#open.delete(stream);
    else if (this.#open.size < MOST_STREAMS) this.#open.add(stream);
    const line = log.replace(/[\r\n]+$/, '').replaceAll('\n', '\\n');
    return { text: isLater ? '' : line, time };
  }

  /**
   * The batch with the lines of its entries and their times; the same batch if its first line is no entry.
   */
  unwrapBatch(batch: Batch): Batch {
    const { bytes, start, end, times } = batch;
    if (times !== null || !isEntry(bytes, start)) return batch;
    const lines: string[] = [];
    const known: (number | null)[] = [];
    for (let at = start; at < end; ) {
      const stop = bytes.indexOf(10, at);
      const last = stop < 0 || stop > end ? end : stop;
      const text = bytes.toString('utf8', at, last);
      const found = this.unwrap(text);
      lines.push(`${found?.text ?? text}\n`);
      known.push(found?.time ?? null);
      at = last + 1;
    }
    const plain = Buffer.from(lines.join(''));
    return { ...batch, bytes: plain, start: 0, end: plain.length, times: known };
  }
}

const MOST_STREAMS = 8;

function streamsOf(saved: Position): readonly string[] {
  const open: unknown = 'open' in saved ? saved.open : [];
  if (!Array.isArray(open)) return [];
  return open.filter((one) => typeof one === 'string').slice(0, MOST_STREAMS);
}

const BEGINNING = Buffer.from('{"log":');

/** Whether an entry of Docker's json-file begins at `start`. */
export function isEntry(bytes: Uint8Array, start = 0): boolean {
  return BEGINNING.every((byte, i) => bytes[start + i] === byte);
}

type Entry = { readonly log: string; readonly stream: string; readonly time: number };

/** Only an object with Docker's own keys is an entry. */
function readEntry(text: string): Entry | null {
  if (!text.startsWith('{"log":')) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (!isRecord(value) || !Object.keys(value).every((key) => KEYS.includes(key))) return null;
    const { log, stream, time } = value;
    if (typeof log !== 'string' || typeof stream !== 'string' || typeof time !== 'string') return null;
    const ms = Date.parse(time);
    return Number.isFinite(ms) ? { log, stream, time: Math.floor(ms / 1000) } : null;
  } catch {
    return null;
  }
}

const KEYS = ['log', 'stream', 'time', 'attrs'];

/** Whether a filter sees what stands in the entries of Docker's json-file, and not their JSON. */
export function readsDockerJson({ wrapping }: Filter): boolean {
  return wrapping.includes('docker-json');
}
