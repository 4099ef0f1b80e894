/**
 * A process that follows a log and counts, to be killed: argv is PATH STATE. After every batch it saves position and
 * counts together, in one atomic replace of STATE; begins with what STATE says.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { LogFile } from '../../../src/source/logfile/logfile.ts';
import { readFilePosition } from '../../../src/source/logfile/position.ts';
import { FolderWatch } from '../../../src/source/logfile/watchfolder.ts';

const [path = '', state = ''] = process.argv.slice(2);

/** Lines seen, and the sum of their numbers and of their squares: doubles and losses cannot cancel out unseen. */
type Saved = { position: unknown; lines: number; sum: number; squares: number };

function load(): Saved {
  try {
    return JSON.parse(readFileSync(state, 'utf8')) as Saved;
  } catch {
    return { position: null, lines: 0, sum: 0, squares: 0 };
  }
}

const counted = load();
const position = readFilePosition(counted.position);
const source = new LogFile(path, {
  position: position?.kind === 'file' ? position : null,
  start: 'head',
  since: 0,
  dateOf: () => null,
  encoding: 'auto',
  pollMs: 20,
  folderWatch: new FolderWatch(() => {}),
  say: (_level, text) => process.stderr.write(`${text}\n`),
  onReady: pump,
});

function pump(): void {
  for (let batch = source.read(8192); batch !== null; batch = source.read(8192)) {
    if (batch.end === batch.start) continue;
    for (const line of batch.bytes.toString('latin1', batch.start, batch.end - 1).split('\n')) {
      const number = Number(line.split(' ')[1]);
      counted.lines++;
      counted.sum += number;
      counted.squares = (counted.squares + number * number) % 2 ** 40;
    }
    writeFileSync(`${state}.new`, JSON.stringify({ ...counted, position: source.position() }));
    renameSync(`${state}.new`, state);
  }
}
