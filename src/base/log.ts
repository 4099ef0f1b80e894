import { formatIp4, writeIp4 } from './ip.ts';
import { LogTarget } from './logtarget.ts';
import { clean } from './visible.ts';

/** fail2ban.conf(5) `loglevel`, most severe first. */
export const LEVELS = ['CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG'] as const;
export type Level = (typeof LEVELS)[number];

/** fail2ban's channel names; recidive jails and log shippers read them. */
export type Channel =
  | 'fail2ban'
  | 'fail2ban.server'
  | 'fail2ban.jail'
  | 'fail2ban.filter'
  | 'fail2ban.actions'
  | 'fail2ban.observer'
  | 'fail2ban.utils';

/** Makes a message about an id in a jail at a time (epoch seconds). */
export type IdText = (jail: string, id: string, time: number) => string;

/** Writes log lines; those below `level` are dropped. */
export type Log = {
  write(level: Level, channel: Channel, text: string): void;
  /**
   * Writes `textOf(jail, address, time)` with the level INFO to the filter's channel, for an IPv4 address as
   * an unsigned number. In a flood of failures most lines are of this kind, so the text around the address is
   * cached by jail and time. Pass the same `textOf` each time.
   */
  writeIp4(jail: string, ip: number, time: number, textOf: IdText): void;
  /** Writes all buffered lines. */
  flush(): void;
  /** Opens the file again, at SIGHUP and SIGUSR1. A file that was moved away is noticed without a call. */
  reopen(): void;
  /** The least grave level that is written, and the file, null = standard error; both change at run time. */
  readonly level: Level;
  readonly target: string | null;
  setLevel(level: Level): void;
  /** False, and nothing is changed: the file cannot be opened. */
  setTarget(path: string | null): boolean;
};

const INFO = LEVELS.indexOf('INFO');

/** Bytes of the write buffer, which collects small lines. */
const BUFFER = 65536;

/**
 * One log line in fail2ban's format: local time with milliseconds, channel, pid, level, text. Control
 * characters, which may come from an attacker's log line, are written as `\x1b` to protect terminals.
 */
export function formatLine(
  nowMs: number,
  entry: { level: Level; channel: Channel; text: string },
  pid: number,
): string {
  const { level, channel, text } = entry;
  if (nowMs !== prefix.nowMs || level !== prefix.level || channel !== prefix.channel || pid !== prefix.pid) {
    const begin = `${formatTime(nowMs)} ${channel.padEnd(24)}[${pid}]: ${level.padEnd(7)} `;
    prefix = { nowMs, level, channel, pid, text: begin };
  }
  return `${prefix.text}${clean(text)}\n`;
}

/** The prefix of the last line; in a flood many lines share it. */
let prefix = { nowMs: Number.NaN, level: '', channel: '', pid: 0, text: '' };

/** `2024-06-23 22:27:27,556` in local time; `nowMs` in milliseconds since the epoch. */
function formatTime(nowMs: number): string {
  return `${formatSecond(nowMs / 1000)},${String(Math.floor(nowMs % 1000)).padStart(3, '0')}`;
}

/** The last second that a Date can hold. */
const LAST_SECOND = 8.64e12;

let lastSecond = Number.NaN;
let lastText = '';
/** The second before that: a log line has the time of its writing and the time it reports. */
let otherSecond = Number.NaN;
let otherText = '';

/** `2024-06-23 22:27:27` in local time; `seconds` since the epoch, fractions dropped. `never` where no Date reaches. */
export function formatSecond(seconds: number): string {
  if (!(Math.abs(seconds) <= LAST_SECOND)) return 'never';
  const whole = Math.floor(seconds);
  if (whole === lastSecond) return lastText;
  [lastSecond, otherSecond] = [otherSecond, lastSecond];
  [lastText, otherText] = [otherText, lastText];
  if (whole === lastSecond) return lastText;
  const d = new Date(whole * 1000);
  const two = (n: number): string => String(n).padStart(2, '0');
  lastSecond = whole;
  lastText =
    `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} ` +
    `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return lastText;
}

/** When a ban ends, in a sentence: `until 2024-06-23 22:27:27`, or `for ever`. */
export function formatEnd(until: number | null): string {
  return until === null || until > LAST_SECOND ? 'for ever' : `until ${formatSecond(until)}`;
}

/**
 * A Log that appends to the file at `path`; null: standard error. If the file cannot be opened, standard
 * error says so and gets the lines until it can be.
 */
export function openLog(path: string | null, level: Level): Log {
  const target = new LogTarget(path);
  // Bytes and not a string: that would have thousands of pieces, which the garbage collector copies again and
  // again.
  const waiting = Buffer.alloc(BUFFER);
  let filled = 0;
  /** Time of the last line, and number of lines of failures. */
  let nowMs = 0;
  let told = 0;
  const { pid } = process;
  let limit = LEVELS.indexOf(level);
  const hears = (wanted: Level): boolean => LEVELS.indexOf(wanted) <= limit;
  const surroundings = new Map<string, MessageParts>();
  let around = aroundOf(surroundings, '');
  const flush = (): void => {
    const length = filled;
    filled = 0;
    if (length > 0) target.write(waiting.subarray(0, length));
  };
  return {
    writeIp4(jail, ip, time, textOf) {
      if (limit < INFO) return;
      // The buffered lines are from this turn of the event loop, so the time can be reused for a few lines.
      if (filled === 0 || (++told & 15) === 0) nowMs = Date.now();
      // Lines alternate between jails that read the same log.
      if (jail !== around.jail) around = aroundOf(surroundings, jail);
      if (nowMs !== around.nowMs || time !== around.time) surround(around, { nowMs, time }, pid, textOf);
      const { before, after } = around;
      const length = before.length + QUAD + after.length;
      if (length > BUFFER - filled) flush();
      if (length > BUFFER) {
        target.write(Buffer.concat([before, Buffer.from(formatIp4(ip)), after]));
        return;
      }
      if (filled === 0) setImmediate(flush);
      waiting.set(before, filled);
      filled = writeIp4(waiting, filled + before.length, ip);
      waiting.set(after, filled);
      filled += after.length;
    },
    write(wanted, channel, text) {
      if (!hears(wanted)) return;
      nowMs = Date.now();
      const line = formatLine(nowMs, { level: wanted, channel, text }, pid);
      // A character is three bytes at most.
      if (line.length * 3 > BUFFER - filled) flush();
      if (line.length * 3 > BUFFER) {
        target.write(Buffer.from(line));
        return;
      }
      if (filled === 0) setImmediate(flush);
      filled += waiting.write(line, filled);
    },
    flush,
    reopen() {
      flush();
      target.reopen();
    },
    get level() {
      return LEVELS[limit] ?? level;
    },
    get target() {
      return target.path;
    },
    setLevel(wanted) {
      limit = LEVELS.indexOf(wanted);
    },
    setTarget(wanted) {
      flush();
      return target.lead(wanted);
    },
  };
}

/** Most bytes of an IPv4 address. */
const QUAD = 15;

/** The parts of a line about a failure around the address. */
type MessageParts = {
  nowMs: number;
  readonly jail: string;
  time: number;
  before: Uint8Array;
  after: Uint8Array;
};

const NOTHING = new Uint8Array(0);
/** Most cached jails, a few kilobytes. */
const MOST_AROUND = 64;

function aroundOf(known: Map<string, MessageParts>, jail: string): MessageParts {
  const found = known.get(jail);
  if (found !== undefined) return found;
  if (known.size >= MOST_AROUND) known.clear();
  const made = { nowMs: Number.NaN, jail, time: Number.NaN, before: NOTHING, after: NOTHING };
  known.set(jail, made);
  return made;
}

function surround(
  around: MessageParts,
  { nowMs, time }: Pick<MessageParts, 'nowMs' | 'time'>,
  pid: number,
  textOf: IdText,
): void {
  const text = textOf(around.jail, '\t', time);
  const line = formatLine(nowMs, { level: 'INFO', channel: 'fail2ban.filter', text }, pid);
  const cut = line.lastIndexOf('\t');
  const [before, after] = [Buffer.from(line.slice(0, cut)), Buffer.from(line.slice(cut + 1))];
  Object.assign(around, { nowMs, time, before, after });
}
