import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MachineError } from '../../base/errors.ts';
import { command, ENVIRONMENT, run } from '../../base/process.ts';
import { ownWords, type StageFirewall } from './stage.ts';

/** Paths of the demonstration's files in a temporary folder. */
export type Files = {
  readonly folder: string;
  readonly log: string;
  readonly config: string;
  readonly state: string;
};

/** The paths below `folder`. */
export function filesIn(folder: string): Files {
  const at = (name: string): string => join(folder, name);
  return { folder, log: at('access_log'), config: at('config'), state: at('state.json') };
}

/** Writes the jail.local that enables the embedded jails; returns its text. */
export function writeConfig(files: Files, firewall: StageFirewall, port: number): string {
  const jail = (name: string): string[] => [
    '',
    `[${name}]`,
    'enabled = true',
    `port = ${port}`,
    `logpath = ${files.log}`,
  ];
  const text = [
    '[DEFAULT]',
    `banaction = ${firewall}`,
    '; both addresses are this machine here, which f2b would never ban otherwise',
    'ignoreself = false',
    ...jail('flask-8080'),
    ...jail('flask-auth'),
    '',
  ].join('\n');
  mkdirSync(files.config);
  writeFileSync(join(files.config, 'jail.local'), text);
  return text;
}

/** A running `f2b run`: its log lines and, in a dry run, its commands. */
export type Running = {
  readonly log: () => string;
  readonly commands: () => string;
  /** Why it ended; null while it runs. */
  readonly ended: () => string | null;
  stop(): Promise<void>;
};

/** Starts the real daemon on the demonstration's files. */
export function startDaemon(files: Files, more: readonly string[]): Running {
  const [program, ...words] = ownWords();
  const child = spawn(program, [...words, 'run', '--poll', '0.1', ...more], {
    env: environment(files),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { log: '', commands: '' };
  child.stderr.on('data', (chunk: Buffer) => (said.log += chunk));
  child.stdout.on('data', (chunk: Buffer) => (said.commands += chunk));
  let ended: string | null = null;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = signal ?? `exit code ${code}`));
  return { log: () => said.log, commands: () => said.commands, ended: () => ended, stop: () => end(child) };
}

/** Runs another command of this program on the demonstration's files; returns its output. */
export async function ownCommand(files: Files, words: readonly string[]): Promise<string> {
  const [program, ...own] = ownWords();
  const env = environment(files);
  const { exitCode, stdout, stderr } = await run(command([program, ...own, ...words]), 20, { env });
  if (exitCode !== 0) throw new MachineError(`f2b ${words.join(' ')}: ${stderr.trim()}`);
  return stdout;
}

/** Without a bus: firewalld, if any, belongs to the host. */
function environment(files: Files): Record<string, string> {
  const zone = process.env['TZ'];
  return {
    ...ENVIRONMENT,
    ...(zone === undefined ? {} : { TZ: zone }),
    F2B_CONFIG: files.config,
    F2B_STATE: files.state,
    DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${files.folder}/no-bus`,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await gone;
  clearTimeout(timer);
}
