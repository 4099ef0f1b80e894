import { canonicalNetwork } from '../../base/ip.ts';
import type { Stretch } from '../../filter/engine.ts';

/** Bans of an address in a jail, the last one at `time` (epoch seconds). */
export type BanEvent = {
  readonly jail: string;
  readonly id: string;
  readonly time: number;
  readonly count: number;
};

/** What every line of a new ban has: a restored one has another word. */
const MARK = '] Ban ';
const LINE =
  /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)\S* +(?:fail2ban|f2b)\.actions\b.*?\[([^[\]]+)\] Ban (\S+)\s*$/;

/** Calls `onBan` with the bans of these lines of a log of f2b or fail2ban, whose times are local. */
export function eachBan({ bytes, start, end }: Stretch, onBan: (ban: BanEvent) => void): void {
  const lines = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  for (let at = lines.indexOf(MARK); at >= 0; ) {
    const lineStart = lines.lastIndexOf(10, at) + 1;
    const lineEnd = lines.indexOf(10, at);
    const found = LINE.exec(lines.toString('utf8', lineStart, lineEnd));
    if (found !== null) {
      const [year = 0, month = 0, ...rest] = found.slice(1, 7).map(Number);
      const [day = 0, hour = 0, minute = 0, second = 0] = rest;
      const time = new Date(year, month - 1, day, hour, minute, second).getTime() / 1000;
      const [, , , , , , , jail = '', id = ''] = found;
      onBan({ jail, id: canonicalNetwork(id) ?? id, time, count: 1 });
    }
    at = lines.indexOf(MARK, lineEnd);
  }
}
