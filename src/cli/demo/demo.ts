import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MachineError, UsageError } from '../../base/errors.ts';
import { ENVIRONMENT, isOnPath } from '../../base/process.ts';
import type { Call, Io, Subcommand } from '../command.ts';
import {
  findDoor,
  findFirewall,
  makeSureOfNamespace,
  networkNamespace,
  ownWords,
  raiseLoopback,
} from './stage.ts';
import { play } from './story.ts';

/** Environment of the inner program: the namespace outside, and the folder to use. */
const OUTSIDE = 'F2B_DEMO_OUTSIDE';
const FOLDER = 'F2B_DEMO_FOLDER';
/** Exit code of the inner program if no firewall works there. */
const NO_FIREWALL = 3;

const SERVER = '10.2.1.10';
const ATTACKER = '10.2.1.99';

/** `f2b demo`: demonstrates a ban. */
export const demo: Subcommand = {
  name: 'demo',
  summary: 'show it: from a line in a log to a refused connection',
  usage: '',
  options: [],
  about: `Starts a small web server and a real "f2b run" with the shipped jails for Flask, sends requests until they are
refused, shows the logs, the status and the unban, and cleans up. Takes about ten seconds and needs no privileges:
everything happens in a user and network namespace of its own, with the real nftables or iptables. The firewall
of this machine is never touched. Where there are no such namespaces, or with --dry-run, the firewall's commands are
printed in place of being executed.`,
  examples: [
    ['f2b demo', ''],
    ['f2b demo --dry-run', 'without any firewall'],
  ],
  async run(call) {
    const { words, io } = call;
    if (words.length > 0) throw new UsageError(`demo takes no arguments: ${words.join(' ')}`);
    const outside = io.env[OUTSIDE];
    const given = io.env[FOLDER];
    if (outside !== undefined && given !== undefined) return inside(io, outside, given);
    const folder = mkdtempSync(join(tmpdir(), 'f2b-demo-'));
    try {
      return await choose(call, folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

async function choose({ global, io }: Call, folder: string): Promise<number> {
  const door = global.dryRun ? 'as asked for' : await findDoor();
  if (typeof door === 'string') return dry(io, folder, door);
  const code = await playInside(door, folder);
  return code === NO_FIREWALL
    ? dry(io, folder, 'neither nft nor iptables works in a network namespace here')
    : code;
}

/** Runs this program again in a namespace. Ctrl-C reaches both processes; the inner one cleans up first. */
function playInside(door: readonly [string, ...string[]], folder: string): Promise<number> {
  const [program, ...words] = [...door, ...ownWords(), 'demo'];
  const env = { ...process.env, PATH: ENVIRONMENT['PATH'], [OUTSIDE]: networkNamespace(), [FOLDER]: folder };
  const child = spawn(program ?? '', words, { env, stdio: 'inherit' });
  const ignore = (): void => undefined;
  const pass = (): void => void child.kill('SIGTERM');
  process.on('SIGINT', ignore).on('SIGTERM', pass).on('SIGHUP', pass);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGINT', ignore).off('SIGTERM', pass).off('SIGHUP', pass);
      resolve(code ?? 1);
    });
  });
}

async function inside(io: Io, outside: string, folder: string): Promise<number> {
  await makeSureOfNamespace(outside);
  await raiseLoopback([SERVER, ATTACKER]);
  const firewall = await findFirewall();
  if (firewall === null) return NO_FIREWALL;
  io.stdout(
    [
      'f2b demo: a web server, a client that asks too often, and a firewall that says no. About ten seconds.',
      '',
      `It plays in a network namespace of its own (unshare -rn), with the real ${firewall} in it. The firewall of this`,
      `machine is not touched. The files are in ${folder}, and go at the end.`,
      '',
    ].join('\n'),
  );
  const server = { address: SERVER, port: 8080 };
  await stoppable((signal) =>
    play({ folder, server, attacker: ATTACKER, firewall, isReal: true, signal }, io),
  );
  io.stdout('\nThat was it: the processes, the network and the files of the demonstration go now.\n');
  return 0;
}

async function dry(io: Io, folder: string, why: string): Promise<number> {
  const firewall = isOnPath('nft') || !isOnPath('iptables') ? 'nftables' : 'iptables';
  io.stdout(
    [
      'f2b demo: a web server, a client that asks too often, and what f2b would do about it. About five seconds.',
      '',
      `Without a firewall (${why}): its commands are printed in place of being executed.`,
      `The files are in ${folder}, and go at the end.`,
      '',
    ].join('\n'),
  );
  const server = { address: '127.0.0.1', port: 0 };
  await stoppable((signal) =>
    play({ folder, server, attacker: '127.0.0.2', firewall, isReal: false, signal }, io),
  );
  io.stdout('\nThat was it: the processes and the files of the demonstration go now.\n');
  return 0;
}

/** Lets `work` clean up on a signal. */
async function stoppable(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const controller = new AbortController();
  const stop = (): void => controller.abort(new MachineError('broken off'));
  process.once('SIGINT', stop).once('SIGTERM', stop).once('SIGHUP', stop);
  try {
    await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop).off('SIGHUP', stop);
  }
}
