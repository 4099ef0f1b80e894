import { isRecord } from '../source.ts';

/** Where reading stands in one file; `offset` bytes are done with. Dev and inode are decimal strings. */
export type FileMark = {
  readonly dev: string;
  readonly ino: string;
  readonly offset: number;
  /** Where its text begins, behind NULs; 0 when it is missing. */
  readonly base?: number;
  /** Fingerprint of the text's first bytes: the first 256, or as many as lie before the offset. */
  readonly head: string;
  /** Fingerprint of the first line of that beginning: what a shorter copy of the file can be known by. */
  readonly first: string;
  /** Fingerprint of the last 64 bytes before the offset, or as many as there are. */
  readonly tail: string;
  /** The bytes from the offset to the next newline belong to a line that was already handed out. */
  readonly skip: boolean;
  /** Read to its end and closed; kept so that the file is known again when it comes back. */
  readonly done: boolean;
};

/** What was read of a file: its mark, and where this process read it, the first and the last line and the bytes before the offset. */
export type ReadPart = {
  readonly mark: FileMark;
  /** As latin1, without the newline, the first 256 bytes. */
  readonly first: string | null;
  readonly last: string | null;
  readonly tail: Buffer | null;
};

/** Position in a log file: the files to go on with, oldest first; the last one stood at the path. */
export type FilePosition = {
  readonly kind: 'file';
  /** Epoch seconds at which the last of the files was last seen at the path. */
  readonly seen: number;
  readonly files: readonly FileMark[];
};

/** Reads a FilePosition out of parsed JSON; null when it is none. */
export function readFilePosition(json: unknown): FilePosition | null {
  if (!isRecord(json)) return null;
  const { kind, seen, files } = json;
  if (kind !== 'file' || typeof seen !== 'number' || !Number.isFinite(seen)) return null;
  if (!Array.isArray(files)) return null;
  const marks = files.map(readMark);
  return marks.every((one) => one !== null) ? { kind: 'file', seen, files: marks } : null;
}

function readMark(json: unknown): FileMark | null {
  if (!isRecord(json)) return null;
  const { dev, ino, offset, head, first, tail, skip, done } = json;
  if (typeof dev !== 'string' || typeof ino !== 'string' || typeof head !== 'string') return null;
  if (typeof first !== 'string') return null;
  if (typeof tail !== 'string' || typeof skip !== 'boolean' || typeof done !== 'boolean') return null;
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) return null;
  const { base } = json;
  if (base === undefined) return { dev, ino, offset, head, first, tail, skip, done };
  if (typeof base !== 'number' || !Number.isSafeInteger(base) || base < 0 || base > offset) return null;
  return { dev, ino, offset, base, head, first, tail, skip, done };
}
