/**
 * What a user waits for a command: `f2b status`, `status JAIL` and `--version`, beside `fail2ban-client` where it is installed. Both
 * daemons run meanwhile, with the same bans. Whole commands from start to end, milliseconds, medians of 20; one of either in turn.
 * F2B_BENCH_BANS: how many bans stand (10,1000).
 */
import { spawnSync } from 'node:child_process';
import { attack, f2b, fail2ban, hasOriginal, heard, type Server } from './servers.ts';

const ROUNDS = 20;
const SIZES = (process.env['F2B_BENCH_BANS'] ?? '10,1000').split(',').map(Number);
const rest = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** The state of f2b is on the disk by then, which is what its commands read. */
const SETTLED_MS = 5000;

type Asked = { readonly what: string; readonly words: readonly string[] };
type Time = { readonly median: number; readonly from: number; readonly to: number };

function once(server: Server, { words }: Asked): number {
  const [program, ...args] = server.client(...words);
  const begin = performance.now();
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  const ms = performance.now() - begin;
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${stderr}`);
  return ms;
}

/** In turn, so that what else the machine does meets all of them. */
function times(asked: readonly (readonly [Server, Asked])[]): readonly Time[] {
  const all = asked.map(() => [] as number[]);
  for (let round = -1; round < ROUNDS; round++) {
    asked.forEach(([server, one], i) => {
      const ms = once(server, one);
      // The first of them finds files that are not in the page cache.
      if (round >= 0) all[i]?.push(ms);
    });
  }
  return all.map((some) => {
    const sorted = some.sort((a, b) => a - b);
    return { median: sorted[ROUNDS / 2] ?? Number.NaN, from: sorted[0] ?? 0, to: sorted.at(-1) ?? 0 };
  });
}

const OURS: readonly Asked[] = [
  { what: 'f2b --version', words: ['--version'] },
  { what: 'f2b status', words: ['status'] },
  { what: 'f2b status sshd', words: ['status', 'sshd'] },
];
const THEIRS: readonly Asked[] = [
  { what: 'fail2ban-client --version', words: ['--version'] },
  { what: 'fail2ban-client ping', words: ['ping'] },
  { what: 'fail2ban-client status', words: ['status'] },
  { what: 'fail2ban-client status sshd', words: ['status', 'sshd'] },
];
/** For each of ours, the one of theirs that it stands beside. */
const BESIDE = [0, 2, 3];

async function started(make: typeof f2b, bans: number): Promise<Server> {
  const server = make({ maxretry: 1, backend: 'auto' });
  server.start();
  await heard(server, "Jail 'sshd' started");
  const addresses = Array.from({ length: bans }, (_, i) => `198.18.${i >> 8}.${i & 255}`);
  attack(server, addresses, 1);
  await heard(server, `] Ban ${addresses.at(-1)}`);
  return server;
}

for (const bans of SIZES) {
  const own = await started(f2b, bans);
  const other = hasOriginal ? await started(fail2ban, bans) : null;
  try {
    await rest(SETTLED_MS);
    const asked = [
      ...OURS.map((one) => [own, one] as const),
      ...(other === null ? [] : THEIRS.map((one) => [other, one] as const)),
    ];
    const all = times(asked);
    console.log(`${bans} bans; ms: median, from, to, against fail2ban-client`);
    asked.forEach(([, { what }], i) => {
      const { median, from, to } = all[i] ?? { median: 0, from: 0, to: 0 };
      const beside = i < OURS.length ? all[OURS.length + (BESIDE[i] ?? 0)] : undefined;
      const ratio = beside === undefined ? '' : `${(beside.median / median).toFixed(2)} x`;
      const cells = [median, from, to].map((ms) => ms.toFixed(0).padStart(7)).join('');
      console.log(`  ${what.padEnd(30)}${cells}   ${ratio}`);
    });
  } finally {
    await own.close();
    await other?.close();
  }
}
