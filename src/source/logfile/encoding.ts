import { isAscii } from 'node:buffer';
import { TextDecoder } from 'node:util';
import { encodingLabel } from '../../base/encoding.ts';

/** How a file's bytes become UTF-8 lines. */
export type Codec = {
  readonly name: string;
  /** Bytes of a code unit: a newline is looked for at multiples of it. */
  readonly unit: 1 | 2;
  readonly newline: Buffer;
  /** Null: the bytes are handed out as they are. */
  readonly decoder: TextDecoder | null;
};

/** Bytes are handed out as they are. */
export const RAW: Codec = { name: 'raw', unit: 1, newline: Buffer.from('\n'), decoder: null };
const NEWLINE_LE = Buffer.from([10, 0]);
const NEWLINE_BE = Buffer.from([0, 10]);

/**
 * The codec of a `logencoding`; null if there is none. `auto`, `utf-8` and `ascii` leave the bytes alone, so
 * that bytes that are no UTF-8 lose nothing.
 */
export function codecOf(logencoding: string): Codec | null {
  const label = encodingLabel(logencoding);
  if (label === null) return null;
  if (label === 'auto' || label === 'utf-8' || label === 'ascii') return RAW;
  const decoder = new TextDecoder(label, { ignoreBOM: true });
  if (decoder.encoding === 'utf-16le') return { name: label, unit: 2, newline: NEWLINE_LE, decoder };
  if (decoder.encoding === 'utf-16be') return { name: label, unit: 2, newline: NEWLINE_BE, decoder };
  return { ...RAW, name: label, decoder };
}

/** The byte-order mark at a file's start: its length, and the codec it speaks for when it is UTF-16's. */
export function readByteOrderMark(bytes: Buffer): { readonly length: number; readonly codec: Codec | null } {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return { length: 3, codec: null };
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { length: 2, codec: codecOf('utf-16le') };
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { length: 2, codec: codecOf('utf-16be') };
  return { length: 0, codec: null };
}

/** Where a line ends at or after `from`: the index behind its newline, or -1. `start` is a unit's first byte. */
export function firstLineEnd(codec: Codec, bytes: Buffer, start: number, end: number): number {
  if (codec.unit === 1) {
    const at = bytes.indexOf(10, start);
    return at < 0 || at >= end ? -1 : at + 1;
  }
  for (let at = start; ; at++) {
    at = bytes.indexOf(codec.newline, at);
    if (at < 0 || at + 2 > end) return -1;
    if ((at - start) % 2 === 0) return at + 2;
  }
}

/** Where the last whole line of `bytes[start..end)` ends: the index behind its newline, or -1. */
export function lastLineEnd(codec: Codec, bytes: Buffer, start: number, end: number): number {
  if (codec.unit === 1) {
    const at = bytes.lastIndexOf(10, end - 1);
    return at < start ? -1 : at + 1;
  }
  for (let at = end - 2; ; at--) {
    at = at < start ? -1 : bytes.lastIndexOf(codec.newline, at);
    if (at < start) return -1;
    if ((at - start) % 2 === 0) return at + 2;
  }
}

/** The bytes as UTF-8; the same buffer when nothing is to be done. */
export function toUtf8(codec: Codec, bytes: Buffer): Buffer {
  if (codec.decoder === null || (codec.unit === 1 && isAscii(bytes))) return bytes;
  return Buffer.from(codec.decoder.decode(bytes));
}

/**
 * Takes a CR before a newline and NULs at a line's start out of `bytes[start..end)`, in place, and answers the
 * new end. Costs two searches where there is neither. NULs at a line's start are what a crash or an emptied
 * file leaves; elsewhere they are somebody's text and stay.
 */
export function cleanLines(bytes: Buffer, start: number, end: number): number {
  const view = bytes.subarray(start, end);
  if (!view.includes('\r\n') && !view.includes(0)) return end;
  let to = start;
  let atLineStart = true;
  for (let from = start; from < end; from++) {
    const byte = bytes[from] ?? 0;
    if (byte === 0 && atLineStart) continue;
    if (byte === 13 && bytes[from + 1] === 10 && from + 1 < end) continue;
    bytes[to++] = byte;
    atLineStart = byte === 10;
  }
  return to;
}
