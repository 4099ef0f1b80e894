import { countPlain, type FailureContext, handleFailure } from '../../ban/failure.ts';
import type { RunningJail } from '../../ban/jail.ts';
import { formatIp4 } from '../../base/ip.ts';
import { emptyState, expireBans, jailState, purgePast } from '../../state/state.ts';

/** A ban that would have been made; times are epoch seconds, `until` null = for ever. */
export type BacktestBan = { readonly id: string; readonly time: number; readonly until: number | null };

/** What a jail would have done, for one choice of settings. */
export type Outcome = {
  readonly bans: readonly BacktestBan[];
  readonly failures: number;
  /** Most bans that stood at a time, and when that was first so. */
  readonly most: number;
  readonly mostAt: number | null;
  /** By id the failures that a rule of ignoreip spared. */
  readonly spared: ReadonlyMap<string, number>;
};

/** Counts and past bans are looked through this often, in seconds of the logs. */
const SWEEP = 600;

/** Decides on failures as the daemon does, with the time of each failure as the clock. */
export class Replay {
  readonly #running: RunningJail;
  readonly #context: FailureContext;
  readonly #purgeAge: number;
  readonly #bans: BacktestBan[] = [];
  /** By id the place of its last ban. */
  readonly #last = new Map<string, number>();
  readonly #spared = new Map<string, number>();
  #failures = 0;
  #most = 0;
  #mostAt: number | null = null;
  /** When the next ban is over, and the next sweep due. */
  #nextEnd = Number.POSITIVE_INFINITY;
  #nextSweep = Number.NEGATIVE_INFINITY;

  constructor(running: RunningJail, purgeAge: number) {
    this.#running = running;
    this.#purgeAge = purgeAge;
    const protection = { gateways: new Set<string>(), sessions: new Set<string>() };
    this.#context = {
      state: emptyState(),
      protection: () => protection,
      neighbours: new Map(),
      logBans: new Map(),
    };
  }

  /** Counts a failure of which only the IPv4 address, an unsigned number, is known. */
  countIp4(ip: number, time: number): void {
    if (countPlain(this.#context.state, this.#running, ip, time)) this.#failures += 1;
    else this.count(formatIp4(ip), time);
  }

  /** Counts a failure; it may ban. */
  count(id: string, time: number): void {
    const { state } = this.#context;
    if (time >= this.#nextSweep) this.#sweep(time);
    if (time >= this.#nextEnd) this.#expire(time);
    const decision = handleFailure(this.#context, this.#running, { id, time, matches: [] }, time);
    if (decision.kind === 'ignored') {
      this.#spared.set(id, (this.#spared.get(id) ?? 0) + 1);
      return;
    }
    this.#failures += 1;
    if (decision.kind === 'prolonged') this.#prolong(decision.id, decision.until);
    if (!('room' in decision)) return;
    if (decision.kind === 'ban') this.#note(decision.id, time, decision.ban.until);
    for (const { network, ban } of decision.room.rolledUp) this.#note(network, time, ban.until);
    const standing = jailState(state, this.#running.jail.name).bans.size;
    if (standing > this.#most) [this.#most, this.#mostAt] = [standing, time];
  }

  outcome(): Outcome {
    return {
      ...{ bans: this.#bans, failures: this.#failures, spared: this.#spared },
      ...{ most: this.#most, mostAt: this.#mostAt },
    };
  }

  #note(id: string, time: number, until: number | null): void {
    this.#last.set(id, this.#bans.push({ id, time, until }) - 1);
    if (until !== null) this.#nextEnd = Math.min(this.#nextEnd, until);
  }

  /** The log goes on as nothing was refused: such a ban ends later, as in `run --once`. */
  #prolong(id: string, until: number | null): void {
    const at = this.#last.get(id) ?? -1;
    const ban = this.#bans[at];
    if (ban !== undefined) this.#bans[at] = { ...ban, until };
  }

  #sweep(time: number): void {
    const { jail } = this.#running;
    jailState(this.#context.state, jail.name).failures.sweep(time - jail.findtime);
    purgePast(this.#context.state, time, this.#purgeAge);
    this.#nextSweep = time + SWEEP;
  }

  #expire(time: number): void {
    const { state } = this.#context;
    expireBans(state, time);
    const ends = [...jailState(state, this.#running.jail.name).bans.values()].map(({ until }) => until);
    this.#nextEnd = ends.reduce<number>(
      (least, one) => Math.min(least, one ?? least),
      Number.POSITIVE_INFINITY,
    );
  }
}
