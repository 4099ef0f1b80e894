import { formatDuration } from '../../base/duration.ts';

/** How often the line is written anew, in milliseconds. */
const EVERY_MS = 200;

/** Shows on a terminal how much was read of `total` bytes, how fast, and the time left. Standard error; nothing elsewhere. */
export function showProgress(total: number): { add(bytes: number): void; end(): void } {
  if (process.stderr.isTTY !== true) return { add() {}, end() {} };
  const beganMs = performance.now();
  let [done, shownMs] = [0, beganMs];
  return {
    add(bytes) {
      done += bytes;
      const nowMs = performance.now();
      if (nowMs - shownMs < EVERY_MS) return;
      shownMs = nowMs;
      process.stderr.write(`\r\x1b[K${progressText(done, total, (nowMs - beganMs) / 1000)}`);
    },
    end() {
      if (shownMs > beganMs) process.stderr.write('\r\x1b[K');
    },
  };
}

/** `42 %, 120 MB/s, 3s left`: after so many seconds. */
export function progressText(done: number, total: number, seconds: number): string {
  const rate = done / Math.max(seconds, 0.001);
  const left = formatDuration(Math.max(0, total - done) / Math.max(rate, 1));
  const part = total === 0 ? 100 : Math.min(100, Math.floor((100 * done) / total));
  return `${part} %, ${(rate / 1e6).toFixed(0)} MB/s, ${left} left`;
}
