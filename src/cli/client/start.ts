import { spawn } from 'node:child_process';
import { isSea } from 'node:sea';
import type { Call } from '../command.ts';
import { run } from '../run.ts';
import type { ClientOptions } from './options.ts';

/** What the daemon is started with. */
export type StartHow = { readonly options: ClientOptions; readonly call: Call };

/** How often a daemon that starts is asked, in milliseconds. */
const ASK_MS = 50;

/** The options of `f2b run` that mean the same. */
export function runOptions({ socket, pidfile, loglevel, logtarget }: ClientOptions): Record<string, string> {
  const all = { socket, pidfile, loglevel, logtarget };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  );
}

/** Is the daemon until it ends; answers its exit code. */
export function startInForeground({ options, call }: StartHow): Promise<number> {
  return run.run({ ...call, options: runOptions(options) });
}

/** Starts a daemon that outlives this process; resolves when it answers: null, or why there is none. */
export async function startInBackground(
  { options, call }: StartHow,
  isAlive: () => Promise<boolean>,
  timeoutMs: number,
): Promise<string | null> {
  const script = process.argv[1];
  const own = isSea() || script === undefined ? [] : [script];
  const given = Object.entries({ ...runOptions(options), config: call.global.config }).flatMap(
    ([name, value]) => (value === null ? [] : [`--${name}=${value}`]),
  );
  const child = spawn(process.execPath, [...own, 'run', ...given], { detached: true, stdio: 'ignore' });
  let ended: string | null = null;
  child.once('error', (error) => (ended = error.message));
  child.once('exit', (code, signal) => (ended = `it ended with ${code ?? signal}`));
  const end = performance.now() + timeoutMs;
  while (ended === null && performance.now() < end) {
    if (await isAlive()) {
      child.unref();
      return null;
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
  child.unref();
  if (ended !== null) return `Could not start fail2ban-server: ${ended}; f2b check or its log say why`;
  return `Could not start fail2ban-server: it has not answered within ${timeoutMs / 1000} s; its log says more`;
}
