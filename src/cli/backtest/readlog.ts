import { spawn } from 'node:child_process';
import { closeSync, createReadStream, fstatSync, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { codeOf, MachineError, reasonOf } from '../../base/errors.ts';
import { ENVIRONMENT } from '../../base/process.ts';
import { lendBytes, type Stretch } from '../../filter/engine.ts';
import { LINE_CAP } from '../../source/source.ts';

/** A log file: its length as it is stored, when it was written last (epoch seconds), and how it is packed. */
export type LogFile = {
  readonly path: string;
  readonly size: number;
  readonly writtenAt: number;
  readonly packed: Packed | null;
};

type Packed = 'gz' | 'xz' | 'bz2' | 'zst';

/** The first bytes of each form. */
const MAGIC: readonly (readonly [Packed, readonly number[]])[] = [
  ['gz', [0x1f, 0x8b]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bz2', [0x42, 0x5a, 0x68]],
  ['zst', [0x28, 0xb5, 0x2f, 0xfd]],
];
const PROGRAMS = { xz: ['xz', '-dc'], bz2: ['bzip2', '-dc'] } as const;
const CHUNK = 512 * 1024;

/** Looks at a log file. Throws MachineError if it cannot be read. */
export function openLogFile(path: string): LogFile {
  try {
    const fd = openSync(path, 'r');
    try {
      const stat = fstatSync(fd);
      if (stat.isDirectory()) throw new MachineError(`cannot read ${path}: it is a folder`);
      const head = Buffer.alloc(5);
      if (stat.isFile()) readSync(fd, head, 0, head.length, 0);
      const packed = MAGIC.find(([, bytes]) => bytes.every((byte, i) => head[i] === byte))?.[0] ?? null;
      return { path, size: stat.size, writtenAt: stat.mtimeMs / 1000, packed };
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw unreadable(path, error);
  }
}

/**
 * Yields the whole lines of a log, each ended by one newline, without carriage returns. The bytes are lent: the next stretch
 * overwrites them. `onRead` gets the bytes that were read of the file as it is stored.
 */
export async function* readLog(
  { path, packed }: LogFile,
  onRead: (bytes: number) => void = () => {},
): AsyncGenerator<Stretch> {
  const lines = new WholeLines();
  try {
    for await (const chunk of unpacked(path, packed, onRead)) yield* lines.take(chunk);
  } catch (error) {
    throw unreadable(path, error);
  }
  yield* lines.end();
}

function unreadable(path: string, error: unknown): MachineError {
  if (error instanceof MachineError) return error;
  const reason = codeOf(error) === 'ENOENT' ? 'there is no such file' : codeOf(error) || reasonOf(error);
  return new MachineError(`cannot read ${path}: ${reason}`);
}

async function* unpacked(
  path: string,
  packed: Packed | null,
  onRead: (bytes: number) => void,
): AsyncGenerator<Buffer> {
  const file = createReadStream(path, { highWaterMark: CHUNK });
  file.on('data', (chunk) => onRead(chunk.length));
  file.pause();
  if (packed === null) yield* file;
  else if (packed === 'gz' || packed === 'zst') {
    const zlib = process.getBuiltinModule('node:zlib');
    const options = { chunkSize: CHUNK };
    const plain = packed === 'gz' ? zlib.createGunzip(options) : zlib.createZstdDecompress(options);
    file.on('error', (error) => plain.destroy(error));
    yield* file.pipe(plain);
  } else yield* throughProgram(PROGRAMS[packed], file);
}

async function* throughProgram(
  [program, arg]: readonly [string, string],
  file: Readable,
): AsyncGenerator<Buffer> {
  const child = spawn(program, [arg], { stdio: ['pipe', 'pipe', 'pipe'], env: { ...ENVIRONMENT } });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (said.length < 500) said += chunk.toString();
  });
  child.stdin.on('error', () => file.destroy());
  const ended = new Promise<string | null>((resolve) => {
    child.on('error', (error) =>
      resolve(codeOf(error) === 'ENOENT' ? `${program} is not installed` : reasonOf(error)),
    );
    child.on('close', (code) => resolve(code === 0 ? null : said.trim() || `${program}: exit code ${code}`));
  });
  file.pipe(child.stdin);
  try {
    yield* child.stdout;
  } finally {
    child.kill();
  }
  const trouble = await ended;
  if (trouble !== null) throw new Error(trouble);
}

/** The one buffer of all logs: the engine searches it without a copy. */
let shared: Buffer | null = null;

/** Puts chunks together to whole lines; only the beginning of an overlong line is kept. */
class WholeLines {
  readonly #bytes = (shared ??= lendBytes(2 * CHUNK));
  /** The length of the unfinished line at the start of the buffer. */
  #rest = 0;
  #isSkipping = false;

  *take(chunk: Buffer): Generator<Stretch> {
    for (let at = 0; at < chunk.length; at += CHUNK) yield* this.#put(chunk.subarray(at, at + CHUNK));
  }

  *end(): Generator<Stretch> {
    if (this.#rest > 0) yield* this.#put(Buffer.from('\n'));
  }

  *#put(piece: Buffer): Generator<Stretch> {
    let chunk = piece;
    if (this.#isSkipping) {
      const newline = chunk.indexOf(10);
      if (newline < 0) return;
      this.#isSkipping = false;
      chunk = chunk.subarray(newline + 1);
    }
    const bytes = this.#bytes;
    chunk.copy(bytes, this.#rest);
    const filled = this.#rest + chunk.length;
    const end = bytes.subarray(0, filled).lastIndexOf(10) + 1;
    if (end > 0) yield { bytes, start: 0, end: withoutReturns(bytes, end) };
    bytes.copyWithin(0, end, filled);
    this.#rest = filled - end;
    if (this.#rest <= LINE_CAP) return;
    bytes[LINE_CAP] = 10;
    yield { bytes, start: 0, end: LINE_CAP + 1 };
    this.#rest = 0;
    this.#isSkipping = true;
  }
}

/** Removes carriage returns before newlines; answers the new end. */
function withoutReturns(bytes: Buffer, end: number): number {
  const first = bytes.subarray(0, end).indexOf('\r\n');
  if (first < 0) return end;
  let to = first;
  for (let at = first; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte !== 13 || bytes[at + 1] !== 10) bytes[to++] = byte;
  }
  return to;
}
