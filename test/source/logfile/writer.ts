/**
 * A process that writes numbered lines some 150,000 a second: argv is PATH COUNT MODE. MODE `reopen`: opens the path
 * for each burst, as a service does that was told to after rotation, and waits while there is none (creating it
 * would get in logrotate's way, which then moves it to a name of its own, over what stood there); `keep`: holds one descriptor in append
 * mode, as it must be for copytruncate. Ends after COUNT lines or when its standard input ends; prints how
 * many it wrote.
 */
import { closeSync, constants, openSync, writeSync } from 'node:fs';

const [path = '', count = '0', mode = 'keep'] = process.argv.slice(2);
const kept = mode === 'keep' ? openSync(path, 'a') : -1;
let at = 0;
let stopped = false;
process.stdin.on('end', () => {
  stopped = true;
});
process.stdin.resume();

function reopen(): number {
  try {
    return openSync(path, constants.O_WRONLY | constants.O_APPEND);
  } catch {
    return -1;
  }
}

function burst(): void {
  const fd = kept >= 0 ? kept : reopen();
  if (fd < 0) {
    setTimeout(burst, 1);
    return;
  }
  let text = '';
  const end = Math.min(Number(count), at + 200);
  for (; at < end; at++)
    text += `line ${at} Failed password for root from 192.0.2.${at % 256} port 22 ssh2\n`;
  writeSync(fd, text);
  if (kept < 0) closeSync(fd);
  if (at < Number(count) && !stopped) setTimeout(burst, 1);
  else process.stdout.write(`${at}\n`, () => process.exit());
}

burst();
