import { existsSync } from 'node:fs';
import { MachineError } from '../../base/errors.ts';
import { command, formatCommand, type Output, run } from '../../base/process.ts';
import { busEnvironment } from '../../firewall/plan.ts';
import type { Call } from '../command.ts';
import { planOf } from '../context.ts';

/** Seconds for a command of systemd: fail2ban takes its time to stop with many bans. */
const LONG = 180;

/** Runs the programs that an installation needs; a dry run prints those that change something. */
export class Host {
  readonly #call: Pick<Call, 'global' | 'io'>;
  /** The f2b that is called for its own commands. */
  readonly #binary: string;

  constructor(call: Pick<Call, 'global' | 'io'>, binary: string) {
    this.#call = call;
    this.#binary = binary;
  }

  /** Whether systemd runs this host. */
  get hasSystemd(): boolean {
    return existsSync('/run/systemd/system');
  }

  /** Tells what is done next. */
  say(text: string): void {
    this.#call.io.stderr(`f2b: ${text}\n`);
  }

  /** Asks without changing anything; whether it exited with 0. */
  async isTrue(program: string, ...words: readonly string[]): Promise<boolean> {
    return (await this.#run([program, ...words])).exitCode === 0;
  }

  /** Runs a program that changes the host. Throws MachineError when it fails. */
  async change(program: string, ...words: readonly string[]): Promise<void> {
    const line = command([program, ...words]);
    if (this.#call.global.dryRun) return planOf(this.#call)(`${formatCommand(line)}\n`);
    const output = await this.#run([program, ...words]);
    if (output.exitCode === 0) return;
    throw new MachineError(`${formatCommand(line)}: ${failureOf(output)}`);
  }

  /** Runs a command of f2b itself, with the same configuration and state. */
  f2b(...words: readonly string[]): Promise<Output> {
    const { config, state } = this.#call.global;
    const shared = [
      ...(config === null ? [] : ['--config', config]),
      ...(state === null ? [] : ['--state', state]),
    ];
    return this.#run([this.#binary, ...shared, ...words]);
  }

  #run([program, ...words]: readonly [string, ...string[]]): Promise<Output> {
    return run(command([program, ...words]), LONG, { env: busEnvironment(this.#call.io.env) });
  }
}

/** What a program that failed said. */
export function failureOf({ trouble, stderr, stdout, exitCode }: Output): string {
  return trouble ?? (stderr.trim() || stdout.trim() || `exit code ${exitCode}`);
}
