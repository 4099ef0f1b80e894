import { formatIp4 } from '../../src/base/ip.ts';
import type { Log } from '../../src/base/log.ts';

/** A Log that adds `LEVEL channel text` to `lines`. */
export function listLog(lines: string[]): Log {
  return {
    write: (level, channel, text) => void lines.push(`${level} ${channel} ${text}`),
    writeIp4: (jail, ip, time, textOf) =>
      void lines.push(`INFO fail2ban.filter ${textOf(jail, formatIp4(ip), time)}`),
    flush: () => undefined,
    reopen: () => undefined,
    level: 'DEBUG',
    target: null,
    setLevel: () => undefined,
    setTarget: () => true,
  };
}
