import { canonicalIp } from './ip.ts';

/** Answers of the name service: canonical addresses of a name, names of an address; [] when there are none. */
export type Dns = {
  addressesOf(name: string): Promise<readonly string[]>;
  namesOf(address: string): Promise<readonly string[]>;
};

/** How long an answer is waited for, in milliseconds; a server that is silent must not hold up a jail. */
const LIMIT_MS = 5000;
/** How long an answer holds, and how many are kept. */
const FRESH_MS = 300_000;
const MOST = 1000;

/** Loaded when the first name is asked for: most daemons never do. */
const dns = () => process.getBuiltinModule('node:dns/promises');

type DnsAnswer = { readonly until: number; readonly answer: Promise<readonly string[]> };

/** The system's name service (hosts file included), bounded in time, its answers cached; `nowMs` is a clock in milliseconds. */
export function openDns(nowMs: () => number = () => performance.now()): Dns {
  const cache = new Map<string, DnsAnswer>();
  const ask = (key: string, question: () => Promise<readonly string[]>): Promise<readonly string[]> => {
    const known = cache.get(key);
    if (known !== undefined && known.until > nowMs()) return known.answer;
    const answer = within(LIMIT_MS, question());
    const [oldest] = cache.keys();
    if (cache.size >= MOST && oldest !== undefined) cache.delete(oldest);
    cache.delete(key);
    cache.set(key, { until: nowMs() + FRESH_MS, answer });
    return answer;
  };
  return {
    addressesOf: (name) => ask(`a ${name}`, () => addressesOf(name)),
    namesOf: (address) => ask(`n ${address}`, () => dns().reverse(address)),
  };
}

async function addressesOf(name: string): Promise<readonly string[]> {
  const found = await dns().lookup(name, { all: true });
  return [...new Set(found.flatMap(({ address }) => canonicalIp(address.replace(/%.*$/, '')) ?? []))];
}

/** The answer, or none when it does not come in time or is an error. */
async function within(limitMs: number, answer: Promise<readonly string[]>): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve([]), limitMs);
  });
  try {
    return await Promise.race([answer, limit]);
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
  }
}
