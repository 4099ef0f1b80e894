import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { LogFile, type LogFileOptions } from '../../../src/source/logfile/logfile.ts';
import { type FilePosition, readFilePosition } from '../../../src/source/logfile/position.ts';
import { FolderWatch } from '../../../src/source/logfile/watchfolder.ts';
import type { LineSource } from '../../../src/source/source.ts';

/** A folder that goes away with the test. */
export function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'f2b-logfile-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Waits until a claim holds, with a generous deadline; names what it waited for. */
export async function until(
  claim: () => boolean,
  what: string | (() => string),
  deadlineMs = 60_000,
): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!claim()) {
    if (performance.now() > end) throw new Error(`never came: ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Everything that can be read now. */
export function drain(source: LineSource, lines: string[] = [], maxBytes = 65536): string[] {
  for (;;) {
    const batch = source.read(maxBytes);
    if (batch === null) return lines;
    if (batch.end > batch.start)
      lines.push(...batch.bytes.toString('utf8', batch.start, batch.end - 1).split('\n'));
  }
}

/** A followed file whose lines pile up. */
export type Following = {
  readonly source: LogFile;
  readonly lines: string[];
  readonly said: string[];
  /** Waits for so many lines and answers them. */
  readonly got: (count: number) => Promise<string[]>;
  readonly position: () => FilePosition;
  readonly close: () => void;
};

/** Follows a path with polling fast enough for a test; `wakeUps` adds the kernel's. */
export function follow(
  t: TestContext,
  path: string,
  options: Partial<LogFileOptions> & { readonly wakeUps?: boolean } = {},
): Following {
  const lines: string[] = [];
  const said: string[] = [];
  const folderWatch = options.wakeUps === true ? new FolderWatch((_level, text) => said.push(text)) : null;
  const source = new LogFile(path, {
    position: null,
    start: 'head',
    since: 0,
    dateOf: () => null,
    encoding: 'auto',
    pollMs: 25,
    folderWatch,
    say: (level, text) => said.push(`${level}: ${text}`),
    onReady: () => drain(source, lines),
    ...options,
  });
  const close = (): void => {
    source.close();
    folderWatch?.close();
  };
  t.after(close);
  const got = async (count: number): Promise<string[]> => {
    await until(
      () => lines.length >= count,
      () => `${count} lines, got ${JSON.stringify(lines.slice(-20))}`,
    );
    return lines;
  };
  const position = (): FilePosition => {
    const now = source.position();
    if (now === null) throw new Error('no position');
    const saved = readFilePosition(JSON.parse(JSON.stringify(now)));
    if (saved === null) throw new Error('a position does not survive JSON');
    return saved;
  };
  return { source, lines, said, got, position, close };
}

/** Lines that can be told apart: `line 00000007`. */
export const numbered = (from: number, to: number, width = 8): string => {
  let text = '';
  for (let at = from; at < to; at++) text += `line ${String(at).padStart(width, '0')}\n`;
  return text;
};
