/** From the write of a log line to the ban in the kernel's set (seen with `nft monitor`): 20 bans, by how the log is followed. */
import { spawn } from 'node:child_process';
import { unlessFound } from '../test/testbed/need.ts';
import { makeRunning } from '../test/testbed/running.ts';
import { eventually, makeTestbed } from '../test/testbed/testbed.ts';

const ROUNDS = 20;

async function measure(backend: 'auto' | 'polling'): Promise<readonly number[]> {
  const bed = await makeTestbed([]);
  const jail = ['maxretry = 1', 'bantime = 1h', 'action = nftables', `backend = ${backend}`];
  const running = makeRunning(bed, { jail });
  const monitor = spawn('ip', ['netns', 'exec', bed.victim, 'nft', 'monitor'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const seen = new Map<string, number>();
  let said = '';
  monitor.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
    for (const [, address = ''] of said.matchAll(/add element .* \{ ([\d.]+) timeout/g)) {
      if (!seen.has(address)) seen.set(address, performance.now());
    }
  });
  try {
    await running.start();
    await eventually(
      'the rules stand',
      () =>
        seen.size > 0 ||
        bed.sh('nft', 'list', 'table', 'inet', 'f2b').then(
          () => true,
          () => false,
        ),
    );
    const times: number[] = [];
    for (let i = 1; i <= ROUNDS; i++) {
      const address = `192.0.2.${i}`;
      // Writers do not keep to the rhythm of whoever reads.
      await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 800));
      const begin = performance.now();
      running.fail(address);
      await eventually(`${address} is banned`, () => seen.has(address));
      times.push((seen.get(address) ?? Number.NaN) - begin);
    }
    return times.sort((a, b) => a - b);
  } finally {
    monitor.kill();
    await running.close();
    await bed.close();
  }
}

const missing = process.getuid?.() !== 0 ? 'root' : unlessFound('ip', 'nft');
if (missing !== false) {
  console.log(`latency: left out (${missing})`);
} else {
  console.log('latency: ms from the log line to the ban in the kernel (nftables)');
  for (const backend of ['auto', 'polling'] as const) {
    const times = await measure(backend);
    const [first, middle, last] = [times[0], times[ROUNDS / 2], times.at(-1)].map((ms) =>
      (ms ?? 0).toFixed(1),
    );
    console.log(`  ${backend.padEnd(8)} median ${middle}   from ${first} to ${last}`);
  }
}
