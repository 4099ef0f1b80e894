import { closeSync, openSync, readSync } from 'node:fs';
import { TextDecoder } from 'node:util';
import { type Dates, findStamp } from '../../filter/date/datepattern.ts';
import { DockerJson, isEntry } from '../../filter/dockerjson.ts';
import { recognise } from '../../filter/wrapping.ts';
import type { InputLine, Plain } from './lines.ts';

/** Lines whose wrapping is looked at, and bytes of a file in which they stand. */
const MOST = 20;
const HEAD = 16 * 1024;
const LONGEST = 4096;
const DOCKER = "Docker's json-file";

/** Tells in which wrappings the first lines of a log came. */
export class WrappingCount {
  readonly #dates: Dates;
  readonly #now: number;
  readonly #docker = new DockerJson();
  readonly #counts = new Map<string, number>();
  #left = MOST;
  #room = HEAD;

  constructor(dates: Dates, now: number) {
    this.#dates = dates;
    this.#now = now;
  }

  /** Counts a line as the source has it. */
  note({ text, time }: InputLine): void {
    this.#room -= Buffer.byteLength(text) + 1;
    if (this.#room < 0 || this.#left === 0 || text === '' || text.length > LONGEST) return;
    if (time === null && text.startsWith('#')) return;
    this.#left--;
    const title = this.#docker.unwrap(text) === null ? this.#titleOf(text, time) : DOCKER;
    this.#counts.set(title, (this.#counts.get(title) ?? 0) + 1);
  }

  /** Counts the first lines of a file. */
  noteFile({ path, encoding }: Plain): void {
    const head = headOf(path);
    const lines = new TextDecoder(encoding).decode(head).split('\n');
    // The last line may be cut off.
    if (head.length === HEAD) lines.pop();
    for (const text of lines) this.note({ text: text.replace(/\r+$/, ''), time: null });
  }

  /** `wrapping: RFC 5424`; with the number of lines where there are several. Empty if no line was seen. */
  report(): readonly string[] {
    const rows = [...this.#counts].sort(([, one], [, other]) => other - one);
    if (rows.length === 0) return [];
    const only = rows.length === 1 ? rows[0] : undefined;
    const told = only?.[0] ?? rows.map(([title, lines]) => `${title} (${lines})`).join(', ');
    return [`wrapping: ${told}`];
  }

  #titleOf(text: string, time: number | null): string {
    const found = time === null ? findStamp(this.#dates, text, this.#now) : null;
    const { start, end } = found ?? { start: 0, end: 0 };
    const cut = text.slice(0, start) + text.slice(end);
    return recognise({ text: cut, date: text.slice(start, end), isBeside: time !== null }).title;
  }
}

/** Whether a file is one of Docker's json-files. */
export function isDockerJson({ path }: Plain): boolean {
  return isEntry(headOf(path));
}

function headOf(path: string): Buffer {
  try {
    const file = openSync(path, 'r');
    try {
      const head = Buffer.alloc(HEAD);
      return head.subarray(0, readSync(file, head, 0, HEAD, 0));
    } finally {
      closeSync(file);
    }
  } catch {
    // Reading the file itself tells why.
    return Buffer.alloc(0);
  }
}
