import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { codeOf, reasonOf } from '../../base/errors.ts';
import type { PyValue } from '../../base/pickle.ts';
import type { Messages } from '../messages.ts';
import type { ControlHost } from './host.ts';
import { answer } from './interpreter.ts';
import { type ControlSocket, openSocket } from './server.ts';

/** The open sockets, and the file with the process id. */
export type Control = {
  /** Opens the sockets that could not be had before. */
  retry(): Promise<void>;
  close(): Promise<void>;
};

/** Where commands reach the daemon: sockets, and the file that names its process; null = none. */
export type ControlPaths = { readonly sockets: readonly string[]; readonly pidfile: string | null };

/** How often a socket that could not be had is tried again, in milliseconds. */
const RETRY_MS = 10_000;

/** Opens the sockets and writes the pidfile. What cannot be had is told; the daemon works without it. */
export async function openControl(
  { sockets, pidfile }: ControlPaths,
  host: ControlHost,
  messages: Messages,
): Promise<Control> {
  const open = new Map<string, ControlSocket>();
  const told = new Map<string, string>();
  const answering = async (request: PyValue): Promise<PyValue> => {
    const value = await answer(host, request);
    messages.asked(request, value.tuple[0] === 0);
    return value;
  };
  const pid = `${process.pid}\n`;
  let isPidWritten = pidfile === null;
  const tryAll = async (): Promise<void> => {
    // A fail2ban that is about to end closes its socket first, and its unit is not to find us behind these names.
    const other = pidfile === null ? null : fail2banOf(pidfile);
    if (pidfile !== null && !isPidWritten && other === null) {
      isPidWritten = true;
      const trouble = write(pidfile, pid);
      if (trouble !== null) messages.server('WARNING', trouble);
    }
    for (const path of sockets.filter((one) => !open.has(one))) {
      const socket =
        other === null || dirname(path) !== dirname(pidfile ?? '')
          ? await openSocket(path, answering)
          : `another program answers on ${path}`;
      if (typeof socket !== 'string') {
        open.set(path, socket);
        if (told.delete(path)) messages.server('NOTICE', `answering on ${path} now`);
      } else if (told.get(path) !== socket) {
        told.set(path, socket);
        messages.server('WARNING', socket);
      }
    }
  };
  let trying = tryAll();
  const retry = (): Promise<void> => (trying = trying.then(tryAll));
  await trying;
  // A fail2ban that ends leaves its socket to us.
  const timer = setInterval(() => void retry(), RETRY_MS);
  timer.unref();
  return {
    retry,
    async close() {
      clearInterval(timer);
      await trying;
      for (const socket of open.values()) await socket.close();
      if (pidfile !== null) remove(pidfile, pid);
    },
  };
}

/** The running fail2ban that the pidfile names, null when there is none. */
function fail2banOf(pidfile: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(pidfile, 'utf8'), 10);
    const words = pid > 0 && pid !== process.pid ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : '';
    return words.includes('fail2ban-server') ? pid : null;
  } catch {
    return null;
  }
}

function write(path: string, text: string): string | null {
  try {
    writeFileSync(path, text, { mode: 0o644 });
    return null;
  } catch (error) {
    return `cannot write the pidfile ${path}: ${codeOf(error) || reasonOf(error)}`;
  }
}

/** Removes the pidfile unless another process has written its own. */
function remove(path: string, text: string): void {
  try {
    if (readFileSync(path, 'utf8') === text) rmSync(path);
  } catch {
    // It is gone already.
  }
}
