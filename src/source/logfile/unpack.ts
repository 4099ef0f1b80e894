import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, rmdirSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf, reasonOf } from '../../base/errors.ts';
import { ENVIRONMENT } from '../../base/process.ts';
import { readAt } from './openfile.ts';

/** A compressed file, unpacked into one without a name; or why it cannot be, and its length where that is known. */
export type Unpacked =
  | { readonly fd: number; readonly trouble: null }
  | { readonly fd: null; readonly trouble: string; readonly size: number | null };

/** What is unpacked at the most, in bytes: all of it is in memory for a moment. */
const MOST = 256 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

/** Programs that unpack what Node cannot, from their standard input to their standard output. */
const PROGRAMS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  xz: ['xz', '-dc'],
  lzma: ['xz', '-dc', '--format=lzma'],
  bz2: ['bzip2', '-dc'],
};

/** Unpacks an open compressed file by the ending of its name: .gz and .zst by Node, .xz and .bz2 by their programs. */
export function unpack(fd: number, path: string): Unpacked {
  const ending = path.slice(path.lastIndexOf('.') + 1);
  const size = ending === 'gz' ? unpackedSize(fd) : null;
  if (size !== null && size > MOST) return { fd: null, trouble: 'it is too large to be unpacked', size };
  let target: number | null = null;
  try {
    target = openNameless();
    const program = PROGRAMS[ending];
    if (program === undefined) writeAll(target, inflate(fd, ending));
    else runProgram(program, fd, target);
    return { fd: target, trouble: null };
  } catch (error) {
    if (target !== null) closeSync(target);
    return { fd: null, trouble: `it cannot be unpacked: ${reasonOf(error)}`, size };
  }
}

/** The length of what a gzip file holds, modulo 2^32, as its end says; null when it is too short to have an end. */
function unpackedSize(fd: number): number | null {
  const { size } = fstatSync(fd);
  return size < 18 ? null : readAt(fd, size - 4, 4).readUInt32LE(0);
}

/** A file in the state's folder under systemd, whose temporary folder for us is memory; else in the temporary folder. */
function openNameless(): number {
  const state = process.env['STATE_DIRECTORY']?.split(':')[0] ?? '';
  try {
    return openIn(state === '' ? tmpdir() : state);
  } catch (error) {
    if (state === '') throw error;
    return openIn(tmpdir());
  }
}

function openIn(parent: string): number {
  const folder = mkdtempSync(join(parent, 'f2b-log-'));
  const path = join(folder, 'log');
  try {
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return fd;
  } finally {
    rmdirSync(folder);
  }
}

function inflate(fd: number, ending: string): Buffer {
  const { size } = fstatSync(fd);
  if (size > MOST) throw new Error('it is too large');
  const bytes = readAt(fd, 0, size);
  // Loaded when it is needed: the daemon of a host without such logs is smaller.
  const zlib = process.getBuiltinModule('node:zlib');
  const limit = { maxOutputLength: MOST };
  if (ending === 'gz') return zlib.gunzipSync(bytes, limit);
  if (ending === 'zst') return zlib.zstdDecompressSync(bytes, limit);
  throw new Error(`no program is known for .${ending}`);
}

function runProgram([program, ...args]: readonly [string, ...string[]], from: number, to: number): void {
  // The program reads the descriptor itself, whose place is the file's start as nothing was read without a place.
  const { error, status, stderr } = spawnSync(program, args, {
    stdio: [from, to, 'pipe'],
    env: { ...ENVIRONMENT },
    timeout: TIMEOUT_MS,
    encoding: 'utf8',
  });
  if (error !== undefined && codeOf(error) === 'ENOENT') throw new Error(`${program} is not installed`);
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program}: ${stderr.trim() || `exit code ${status}`}`);
}

function writeAll(fd: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, at);
}
