import { formatProblem, type Problem } from '../base/errors.ts';
import type { Level, Log } from '../base/log.ts';
import type { TimeWarning } from '../filter/types.ts';
import type { Say } from '../source/source.ts';

const DAY = 86400;

/** Says in the log, through fail2ban's channels, what the daemon has to tell people. */
export class Messages {
  readonly #log: Log;
  /** When each time warning was last given, by jail, source and kind, epoch seconds. */
  readonly #warned = new Map<string, number>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Of the daemon as a whole. */
  server(level: Level, text: string): void {
    this.#log.write(level, 'fail2ban.server', text);
  }

  /** Of a jail and its configuration. */
  jail(level: Level, text: string): void {
    this.#log.write(level, 'fail2ban.jail', text);
  }

  /** Of reading and matching. */
  filter(level: Level, text: string): void {
    this.#log.write(level, 'fail2ban.filter', text);
  }

  /** What sources say. */
  readonly source: Say = (level, text) => {
    this.filter(level === 'info' ? 'INFO' : level === 'warning' ? 'WARNING' : 'ERROR', text);
  };

  /** What is wrong in the configuration, with its hint. */
  problem(problem: Problem): void {
    const level = problem.severity === 'error' ? 'ERROR' : 'WARNING';
    this.jail(level, formatProblem(problem));
    // A hint of two lines has a caret in the second, which must stay below what it points at.
    const lines = problem.hint?.split('\n') ?? [];
    for (const [i, line] of lines.entries()) this.jail(level, `${i === 0 ? 'hint:' : '     '} ${line}`);
  }

  /** Why the state cannot be saved; null: it can be again. */
  saving(reason: string | null): void {
    if (reason === null) this.server('NOTICE', 'the state can be saved again');
    else this.server('ERROR', `the state cannot be saved, bans go on: ${reason}`);
  }

  /** Odd times in a source's lines: each kind once a day. `now` in epoch seconds. */
  oddTime(jail: string, source: string, warning: TimeWarning, now: number): void {
    if (warning.kind === 'old') return;
    const key = `${jail} ${source} ${warning.kind}`;
    if ((this.#warned.get(key) ?? 0) > now - DAY) return;
    this.#warned.set(key, now);
    this.filter('WARNING', `[${jail}] ${source}: ${timeWarning(warning)}`);
  }
}

function timeWarning({ kind, seconds }: TimeWarning): string {
  if (kind === 'undated')
    return 'lines that match have no date; they are counted as of now (see datepattern)';
  const off = `${Math.abs(Math.round(seconds))} s in the ${seconds < 0 ? 'past' : 'future'}`;
  if (kind === 'latency') return `lines come ${off}; they are counted as of now`;
  return `lines come ${off}: is logtimezone right? They are counted as of now`;
}
