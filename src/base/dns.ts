import { canonicalIp } from './ip.ts';
import { settledWithin } from './timeout.ts';

/** The name service: the canonical addresses of a name, [] if there are none. */
export type Dns = { addressesOf(name: string): Promise<readonly string[]> };

/** Milliseconds to wait for an answer; a silent server must not hold up a jail. */
const ADDRESSES_MS = 5000;
const NAME_MS = 2000;
/** How long an answer is cached, and how many are. */
const FRESH_MS = 300_000;
const MOST = 1000;

/** Loaded on first use: most daemons never look up a name. */
const dns = () => process.getBuiltinModule('node:dns/promises');

/**
 * The system's name service (including the hosts file), with a time limit and a cache. `nowMs`: a clock in
 * milliseconds.
 */
export function openDns(nowMs: () => number = () => performance.now()): Dns {
  const cache = new Map<string, { readonly until: number; readonly answer: Promise<readonly string[]> }>();
  return {
    addressesOf(name) {
      const known = cache.get(name);
      if (known !== undefined && known.until > nowMs()) return known.answer;
      const answer = lookUp(name);
      const [oldest] = cache.keys();
      if (cache.size >= MOST && oldest !== undefined) cache.delete(oldest);
      cache.delete(name);
      cache.set(name, { until: nowMs() + FRESH_MS, answer });
      return answer;
    },
  };
}

async function lookUp(name: string): Promise<readonly string[]> {
  try {
    const found = await settledWithin(ADDRESSES_MS, dns().lookup(name, { all: true }));
    return [...new Set(found?.flatMap(({ address }) => canonicalIp(address.replace(/%.*$/, '')) ?? []))];
  } catch {
    return [];
  }
}

/** The first name of an address; '' if there is none within two seconds. */
export async function nameOf(address: string): Promise<string> {
  try {
    const names = await settledWithin(NAME_MS, dns().reverse(address));
    return names?.[0] ?? '';
  } catch {
    return '';
  }
}
