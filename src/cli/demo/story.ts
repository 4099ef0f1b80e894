import { appendFileSync, readFileSync } from 'node:fs';
import { MachineError } from '../../base/errors.ts';
import { command, run } from '../../base/process.ts';
import type { Io } from '../command.ts';
import { type Files, filesIn, ownCommand, type Running, startDaemon, writeConfig } from './daemon.ts';
import { banner } from './flask.ts';
import { ask, type ServerPlace, serve } from './server.ts';
import type { StageFirewall } from './stage.ts';

/** The setting of the demonstration. */
type Scene = {
  readonly folder: string;
  readonly server: ServerPlace;
  readonly attacker: string;
  readonly firewall: StageFirewall;
  /** False: the firewall's commands are only printed. */
  readonly isReal: boolean;
  /** Ends the demonstration early. */
  readonly signal: AbortSignal;
};

/** Longer than findtime of flask-8080, one second, so that the next request is not "too quick". */
const PAUSE_MS = 1200;
/** Longest wait for an event that takes a fraction of a second. */
const PATIENCE_MS = 20_000;

/** The shared state of the demonstration's parts. */
type Play = {
  readonly scene: Scene;
  readonly files: Files;
  readonly place: ServerPlace;
  readonly daemon: Running;
  /** How many lines of the log and of the daemon were shown. */
  readonly shown: { log: number; daemon: number };
  readonly say: (...lines: readonly string[]) => void;
};

/**
 * Runs the demonstration and ends its processes. Throws MachineError if an expected event does not happen.
 */
export async function play(scene: Scene, io: Io): Promise<void> {
  const say = (...lines: readonly string[]): void => io.stdout(`${lines.join('\n')}\n`);
  const files = filesIn(scene.folder);
  const { server, place } = await serve(scene.server, files.log);
  let daemon: Running | null = null;
  try {
    appendFileSync(files.log, banner(place.address, place.port));
    const config = writeConfig(files, scene.firewall, place.port);
    daemon = startDaemon(files, scene.isReal ? [] : ['--dry-run']);
    const shown = { log: 0, daemon: 0 };
    const on: Play = { scene, files, place, daemon, shown, say };
    await opening(on, config);
    if (scene.isReal) await realPart(on);
    else await dryPart(on);
  } finally {
    await daemon?.stop();
    server.close();
    server.closeAllConnections();
  }
}

async function opening(on: Play, config: string): Promise<void> {
  const { place, say } = on;
  heading(on, '1. A web server, and f2b beside it');
  say(
    `A web server on ${place.address}:${place.port} writes its access log as Flask does. f2b follows that log with the`,
  );
  say('two jails for Flask that it brings along; this is all that has to be configured:', '');
  say(...indented(config));
  await until(on, 'f2b started', () => on.daemon.log().includes("Jail 'flask-auth' started"));
  showNews(on);
}

async function realPart(on: Play): Promise<void> {
  const { scene, say } = on;
  heading(on, `2. ${scene.attacker} asks too often: 3 requests within a second are enough (jail flask-8080)`);
  await askUntilRefused(on, '/', null, 150);
  showNews(on);
  say('', ...indented(`$ f2b status flask-8080\n${await statusWithBan(on, 'flask-8080')}`));
  say('', `And this stands in the kernel (${scene.firewall}):`, '');
  say(...indented(await kernelLines(scene)));

  heading(on, `3. f2b unbanip ${scene.attacker}`);
  await showCommand(on, ['unbanip', scene.attacker]);
  await until(on, 'the unban in the log', () =>
    on.daemon.log().includes(`[flask-8080] Unban ${scene.attacker}`),
  );
  await request(on, '/', null, '200');
  showNews(on);

  heading(on, '4. Wrong passwords: 2 within ten seconds are enough (jail flask-auth)');
  await pause(on);
  await request(on, '/restricted/', 'letmein', '401');
  await pause(on);
  await askUntilRefused(on, '/restricted/', '12345', 250);
  showNews(on);
  say('', ...indented(`$ f2b status flask-auth\n${await statusWithBan(on, 'flask-auth')}`));

  heading(on, '5. f2b flush lifts every ban');
  await showCommand(on, ['flush']);
  await request(on, '/', null, '200');
}

async function dryPart(on: Play): Promise<void> {
  const { scene, say, daemon } = on;
  const asked = (jail: string) => () => daemon.log().includes(`[${jail}] Ban ${scene.attacker}`);
  heading(on, `2. ${scene.attacker} asks too often: 3 requests within a second are enough (jail flask-8080)`);
  await nextSecond(on);
  await Promise.all([1, 2, 3].map(() => request(on, '/', null, '200')));
  await until(on, 'the ban', asked('flask-8080'));
  showNews(on);
  await pause(on);
  heading(on, '3. Wrong passwords: 2 within ten seconds are enough (jail flask-auth)');
  await request(on, '/restricted/', 'letmein', '401');
  await pause(on);
  await request(on, '/restricted/', '12345', '401');
  await until(on, 'the ban', asked('flask-auth'));
  showNews(on);
  await daemon.stop();
  heading(on, `4. These commands would have been executed (${scene.firewall})`);
  say(...indented(daemon.commands()));
}

function heading({ say }: Play, title: string): void {
  say('', `== ${title}`, '');
}

/** Runs a command of f2b and shows it with its output. */
async function showCommand({ files, say }: Play, words: readonly string[]): Promise<void> {
  say(...indented(`$ f2b ${words.join(' ')}\n${await ownCommand(files, words)}`));
}

/** Sends a request and shows the result. Throws MachineError if it is not the expected one. */
async function request(on: Play, path: string, password: string | null, expected: string): Promise<void> {
  const answer = await ask(on.scene.attacker, on.place, path, password);
  tell(on, path, password, answer);
  if (answer !== expected)
    throw new MachineError(`the demonstration failed: ${answer} in place of ${expected}`);
}

async function askUntilRefused(
  on: Play,
  path: string,
  password: string | null,
  restMs: number,
): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask(on.scene.attacker, on.place, path, password);
    tell(on, path, password, answer);
    if (answer === 'Connection refused') return;
    if (performance.now() > end) throw new MachineError('the demonstration failed: nobody was refused');
    await pause(on, restMs);
  }
}

function tell({ scene, say }: Play, path: string, password: string | null, answer: string): void {
  const how = password === null ? '' : ` with the password "${password}"`;
  say(`    ${scene.attacker} asks for ${path}${how}: ${answer}`);
}

/** The output of `f2b status` once the ban is saved, which happens in parallel to its enforcement. */
async function statusWithBan(on: Play, jail: string): Promise<string> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ownCommand(on.files, ['status', jail]);
    if (answer.includes(`\t${on.scene.attacker}\n`)) return answer;
    if (performance.now() > end)
      throw new MachineError(`the demonstration failed: no ban in ${jail}\n${answer}`);
    await pause(on, 100);
  }
}

/** Shows the new lines of the server's log and of f2b. */
function showNews(on: Play): void {
  const { files, daemon, shown, say } = on;
  const lines = readFileSync(files.log, 'utf8').slice(shown.log);
  shown.log += lines.length;
  if (lines !== '') say('', 'The web server logged:', '', ...indented(lines));
  const log = daemon.log();
  const news = log.slice(shown.daemon, log.lastIndexOf('\n') + 1);
  shown.daemon += news.length;
  if (news !== '') say('', 'f2b logged:', '', ...indented(news));
}

/** The lines of the firewall that concern the ban. */
async function kernelLines({ firewall, attacker }: Scene): Promise<string> {
  const list =
    firewall === 'nftables'
      ? command(['nft', 'list', 'table', 'inet', 'f2b'])
      : command(['iptables', '-w', '-S']);
  const { stdout } = await run(list, 10);
  const wanted = stdout
    .split('\n')
    .filter((line) => line.includes(attacker) || /flask-8080.*reject.*|dport.*flask-8080/i.test(line));
  const short = wanted.map((line) => line.trim().replace(/ comment ".*"$/, ''));
  const four = short.filter((line) => !line.includes('ip6'));
  if (!four.some((line) => line.includes(attacker)))
    throw new MachineError('the demonstration failed: no ban stands');
  return four.join('\n');
}

async function until(on: Play, what: string, check: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!check()) {
    const ended = on.daemon.ended();
    if (ended !== null || performance.now() > end) {
      const why = ended === null ? 'it took too long' : `f2b ended: ${ended}`;
      throw new MachineError(`the demonstration failed, waiting for: ${what}: ${why}\n${on.daemon.log()}`);
    }
    await pause(on, 20);
  }
}

/**
 * Waits until the next request is not too quick for flask-8080; rejects if the demonstration is ended early.
 */
async function pause({ scene }: Play, ms: number = PAUSE_MS): Promise<void> {
  const { setTimeout: sleep } = process.getBuiltinModule('node:timers/promises');
  await sleep(ms, undefined, { signal: scene.signal }).catch(() => scene.signal.throwIfAborted());
}

/** Waits for a new second of the log's clock: requests sent together then have one date. */
async function nextSecond(on: Play): Promise<void> {
  await pause(on, 1000 - (Date.now() % 1000));
}

function indented(text: string): string[] {
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => (line === '' ? '' : `    ${line}`));
}
