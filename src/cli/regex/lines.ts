import { spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { ENCODING_EXAMPLES, encodingLabel } from '../../base/encoding.ts';
import { codeOf, MachineError, reasonOf, UsageError } from '../../base/errors.ts';
import { ownPath } from '../../base/programs.ts';
import { splitWords } from '../../base/shellwords.ts';
import { clean } from '../../base/visible.ts';
import { parseNamed } from '../../config/brackets.ts';
import { journalArguments } from '../../source/journal/arguments.ts';
import { readEntry } from '../../source/journal/entry.ts';
import { Pieces } from '../../source/journal/pieces.ts';
import { LINE_CAP } from '../../source/source.ts';

/** A line without its newline; `time` (epoch seconds) if it comes from the journal. */
export type InputLine = { readonly text: string; readonly time: number | null };

/** A regular file, not compressed. */
export type Plain = { readonly path: string; readonly encoding: string };

/** Lines in batches, and their introduction in the report. */
export type Input = {
  readonly intro: readonly string[];
  readonly batches: AsyncIterable<readonly InputLine[]>;
  /** The file to read directly; null if there is none. */
  readonly plain: Plain | null;
};

/** How to read the lines. */
type InputOptions = {
  readonly encoding: string | null;
  /** `journalmatch` lines of the filter or the command line. */
  readonly journalmatch: readonly string[];
  readonly maxlines: number;
  readonly stdin: Readable;
  /** Epoch seconds from which the journal is read; absent: all of it. */
  readonly since?: number;
};

/** The beginning of `systemd-journal[..]`. */
export const JOURNAL = /^systemd-journal(?:\[|$)/;

/**
 * Opens LOG: `-` standard input, `systemd-journal[..]`, a file (also .gz), or a line. Throws UsageError for
 * an unknown encoding, and MachineError, also while reading, if it cannot be read.
 */
export function openInput(log: string, options: InputOptions): Input {
  const encoding = encodingOf(options.encoding ?? 'auto');
  const decoder = new TextDecoder(encoding);
  const using = `Use         encoding : ${encoding.toUpperCase()}`;
  if (log === '-') {
    return {
      intro: ['Use   standard input', using],
      batches: split(() => options.stdin, decoder, 'standard input'),
      plain: null,
    };
  }
  if (JOURNAL.test(log)) return journalInput(log, options, using);
  if (exists(log)) {
    return {
      intro: [`Use         log file : ${log}`, using],
      batches: split(() => streamOf(log), decoder, log),
      plain: isRegular(log) && !isGzip(log) ? { path: log, encoding } : null,
    };
  }
  return literalInput(log, options.maxlines);
}

/** `auto` and ASCII are read as UTF-8. Throws UsageError. */
function encodingOf(name: string): string {
  const label = encodingLabel(name);
  if (label !== null) return label === 'auto' || label === 'ascii' ? 'utf-8' : label;
  throw new UsageError(
    `--encoding: there is no encoding "${name}"`,
    `for example ${ENCODING_EXAMPLES.join(', ')}`,
  );
}

function exists(path: string): boolean {
  // A line of a log can contain characters that a path cannot, or be too long for one.
  if (path.includes('\0') || path.includes('\n') || path.length > 4095) return false;
  try {
    const stat = statSync(path);
    if (stat.isDirectory()) throw new UsageError(`cannot read ${path}: it is a folder`);
    return true;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    if (/^(?:ENOENT|ENOTDIR|ENAMETOOLONG)$/.test(codeOf(error))) return missing(path);
    throw new MachineError(`cannot read ${path}: ${codeOf(error) || reasonOf(error)}`);
  }
}

/** A text that looks like a path and not like a line is a mistyped path. */
function missing(path: string): false {
  if (/^(?:\.{0,2}\/)[^\s]*$/.test(path))
    throw new MachineError(`cannot read ${path}: there is no such file`);
  return false;
}

function streamOf(path: string): Readable {
  const file = createReadStream(path, { highWaterMark: 256 * 1024 });
  if (!isGzip(path)) return file;
  const plain = process.getBuiltinModule('node:zlib').createGunzip();
  file.on('error', (error) => plain.destroy(error));
  return file.pipe(plain);
}

/** Whether the path is a regular file. */
export function isRegular(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isGzip(path: string): boolean {
  if (!isRegular(path)) return false;
  try {
    const file = openSync(path, 'r');
    const head = Buffer.alloc(2);
    readSync(file, head, 0, 2, 0);
    closeSync(file);
    return head[0] === 0x1f && head[1] === 0x8b;
  } catch (error) {
    throw new MachineError(`cannot read ${path}: ${codeOf(error) || reasonOf(error)}`);
  }
}

async function* split(
  open: () => Readable,
  decoder: TextDecoder,
  name: string,
): AsyncGenerator<readonly InputLine[]> {
  try {
    for await (const lines of streamLines(open(), decoder, LINE_CAP)) yield lines.map(inputLine);
  } catch (error) {
    throw new MachineError(`cannot read ${name}: ${codeOf(error) || reasonOf(error)}`);
  }
}

/**
 * Whole lines, without their newlines, in batches by chunk. Only the beginning of an overlong line is kept.
 */
async function* streamLines(
  chunks: Readable,
  decoder: TextDecoder,
  cap: number,
): AsyncGenerator<readonly string[]> {
  let rest = '';
  for await (const chunk of chunks) {
    const bytes: Uint8Array = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    const lines = (rest + decoder.decode(bytes, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > 2 * cap) rest = rest.slice(0, cap) + rest.slice(-1);
    yield lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield [rest];
}

/** A line as the daemon matches it: without carriage returns at its end, and no longer than LINE_CAP. */
export function capLine(text: string): string {
  const end = text.endsWith('\r') ? text.replace(/\r+$/, '') : text;
  return end.length > LINE_CAP ? end.slice(0, LINE_CAP) : end;
}

function inputLine(text: string): InputLine {
  return { text: capLine(text), time: null };
}

/** One or more lines from the command line. */
function literalInput(log: string, maxlines: number): Input {
  const texts = log.split('\n');
  const batches = async function* (): AsyncGenerator<readonly InputLine[]> {
    yield texts.map(inputLine);
  };
  if (texts.length === 1 && maxlines <= 1) {
    return { intro: [`Use      single line : ${shortened(log)}`], batches: batches(), plain: null };
  }
  const shown = texts.slice(0, 5).map((text, i) => `| ${String(i + 1).padStart(2)}: ${shortened(text)}`);
  const more = texts.length > 5 ? ['| ...'] : [];
  return {
    intro: [`Use      multi line : ${texts.length} line(s)`, ...shown, ...more, '`-'],
    batches: batches(),
    plain: null,
  };
}

/** The beginning of a long text, for the introduction. */
export function shortened(text: string): string {
  const shown = clean(text);
  return shown.length > 53 ? `${shown.slice(0, 50)}...` : shown;
}

function journalInput(log: string, options: InputOptions, using: string): Input {
  const named = parseNamed(log);
  if (typeof named === 'string') throw new UsageError(`cannot read "${log}": ${named}`);
  const matches = options.journalmatch;
  const selection = { matches, options: named.options };
  // Read to the current end, and do not wait for more.
  const args = journalArguments(selection, { kind: 'since', realtime: (options.since ?? 0) * 1e6 }).filter(
    (word) => word !== '--follow' && word !== '--no-tail',
  );
  const words = matches.flatMap((line, i) => [...(i > 0 ? ['+'] : []), ...splitWords(line)]);
  const matching = words.length === 0 ? [] : [`Use    journal match : ${words.join(' ')}`];
  return {
    intro: ['Use         systemd journal', using, ...matching],
    batches: journalLines(args),
    plain: null,
  };
}

async function* journalLines(args: readonly string[]): AsyncGenerator<readonly InputLine[]> {
  const child = spawn('journalctl', args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: ownPath() },
  });
  let trouble = '';
  child.stderr.on('data', (chunk: Buffer) => {
    if (trouble.length < 500) trouble += chunk.toString();
  });
  const ended = new Promise<string | null>((resolve) => {
    child.on('error', (error) =>
      resolve(codeOf(error) === 'ENOENT' ? 'journalctl is not installed' : reasonOf(error)),
    );
    child.on('close', (code) =>
      resolve(code === 0 ? null : trouble.trim() || `journalctl ended with ${code}`),
    );
  });
  const pieces = new Pieces();
  for await (const lines of streamLines(child.stdout, new TextDecoder(), Number.POSITIVE_INFINITY)) {
    yield lines.flatMap((json) => {
      const entry = readEntry(json);
      return entry === null || pieces.isLater(entry) ? [] : [{ text: entry.line, time: entry.time }];
    });
  }
  const reason = await ended;
  if (reason !== null) throw new MachineError(`cannot read the journal: ${reason}`);
}
