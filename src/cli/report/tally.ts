import { canonicalIp, familyOf, masked } from '../../base/ip.ts';
import type { BanEvent } from './banlines.ts';

/** The rankings, by name; each row is a name and its bans. */
export type Rankings = Readonly<Record<string, readonly (readonly [name: string, bans: number])[]>>;

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const RANKED = ['addresses', 'networks /16', 'networks /24', 'networks /48', 'jails'] as const;

/** Counts bans. */
export class BanTally {
  bans = 0;
  from: number | null = null;
  to: number | null = null;
  readonly #counts = new Map<string, Map<string, number>>(RANKED.map((name) => [name, new Map()]));
  readonly #hours = Array.from({ length: 24 }, () => 0);
  readonly #days = DAYS.map(() => 0);

  add({ jail, id, time, count }: BanEvent): void {
    this.bans += count;
    this.from = Math.min(this.from ?? time, time);
    this.to = Math.max(this.to ?? time, time);
    this.#count('addresses', id, count);
    this.#count('jails', jail, count);
    if (canonicalIp(id) === id) {
      for (const prefix of familyOf(id) === 4 ? [16, 24] : [48])
        this.#count(`networks /${prefix}`, `${masked(id, prefix)}/${prefix}`, count);
    }
    // Of earlier bans only their number is known.
    const date = new Date(time * 1000);
    this.#hours[date.getHours()] = (this.#hours[date.getHours()] ?? 0) + 1;
    this.#days[date.getDay()] = (this.#days[date.getDay()] ?? 0) + 1;
  }

  /** All rows, those with most bans first; hours and weekdays in their own order. */
  rankings(): Rankings {
    const ranked = [...this.#counts].map(([name, counts]) => {
      const rows = [...counts].sort(([a, one], [b, other]) => other - one || (a < b ? -1 : 1));
      return [name, rows] as const;
    });
    const addresses = ranked.find(([name]) => name === 'addresses')?.[1] ?? [];
    return {
      ...Object.fromEntries(ranked),
      'repeat offenders': addresses.filter(([, bans]) => bans > 1),
      hours: this.#hours.map((bans, hour) => [`${String(hour).padStart(2, '0')}:00`, bans]),
      weekdays: [1, 2, 3, 4, 5, 6, 0].map((day) => [DAYS[day] ?? '', this.#days[day] ?? 0]),
    };
  }

  #count(ranking: string, name: string, count: number): void {
    const counts = this.#counts.get(ranking);
    counts?.set(name, (counts.get(name) ?? 0) + count);
  }
}
