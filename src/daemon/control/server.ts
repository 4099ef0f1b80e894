/**
 * The sockets on which the daemon answers words: its own in the runtime folder, and fail2ban's where the configuration names one.
 * A request is a pickled list before `<F2B_END_COMMAND>`, and so is the answer; only root may connect (mode 0600).
 */
import { chmodSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import type { Server, Socket } from 'node:net';
import { dirname } from 'node:path';
import { codeOf, reasonOf } from '../../base/errors.ts';
import { PickleError, type PyValue, readPickle, writePickle } from '../../base/pickle.ts';
import { settledWithin } from '../../base/timeout.ts';

/** Ends a request and an answer. */
export const END: Buffer = Buffer.from('<F2B_END_COMMAND>');
/** In place of a request: the client has done. */
export const CLOSE: Buffer = Buffer.from('<F2B_CLOSE_COMMAND>');

/** Bytes of a request, at most: fail2ban's client sends the whole configuration with `reload`. */
const MOST_BYTES = 8 * 1024 * 1024;
/** So many programs may be connected at a time. */
const MOST_CLIENTS = 32;
/** A client that says nothing for so long is let go, in milliseconds. */
const SILENT_MS = 120_000;
/** How long a socket that is there already may take to answer, in milliseconds. */
const PROBE_MS = 2000;
/** How long the last answers may take, in milliseconds. */
const LAST_MS = 500;

const net = () => process.getBuiltinModule('node:net');

/** Answers a request. */
export type Answering = (request: PyValue) => Promise<PyValue>;

/** An open socket. */
export type ControlSocket = { readonly path: string; close(): Promise<void> };

/** Opens the socket; answers why it cannot be, such as that another program answers there. */
export async function openSocket(path: string, answering: Answering): Promise<ControlSocket | string> {
  try {
    if (await isAnswering(path)) return `another program answers on ${path}`;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path);
    return await listen(path, answering);
  } catch (error) {
    return `cannot open the socket ${path}: ${codeOf(error) || reasonOf(error)}`;
  }
}

/** Whether a process accepts connections there. */
export function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net().connect(path);
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(PROBE_MS, () => end(true));
    socket.once('connect', () => end(true));
    socket.once('error', (error) => end(codeOf(error) === 'EAGAIN'));
  });
}

function listen(path: string, answering: Answering): Promise<ControlSocket> {
  const clients = new Map<Socket, Serving>();
  const server = net().createServer((socket) => {
    clients.set(socket, serve(socket, answering));
    socket.once('close', () => clients.delete(socket));
  });
  server.maxConnections = MOST_CLIENTS;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.removeListener('error', reject);
      server.on('error', () => undefined);
      resolve(opened(path, server, clients));
    });
    // From the first moment nobody else may connect.
    const before = process.umask(0o177);
    try {
      server.listen({ path });
    } finally {
      process.umask(before);
    }
  });
}

function opened(path: string, server: Server, clients: ReadonlyMap<Socket, Serving>): ControlSocket {
  chmodSync(path, 0o600);
  return {
    path,
    async close() {
      // Node removes the path of a server that closes.
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const idle = Promise.all([...clients.values()].map((one) => one.idle()));
      await settledWithin(LAST_MS, idle);
      for (const socket of clients.keys()) socket.destroySoon();
      await settledWithin(LAST_MS, closed);
    },
  };
}

/** The work for one client. */
type Serving = { idle(): Promise<void> };

/** Takes the requests of one client, one after the other. */
function serve(socket: Socket, answering: Answering): Serving {
  let parts: Buffer[] = [];
  let size = 0;
  let working: Promise<void> = Promise.resolve();
  socket.setTimeout(SILENT_MS, () => socket.destroy());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    size += chunk.length;
    if (size > MOST_BYTES) {
      socket.destroy();
      return;
    }
    parts.push(chunk);
    if (!chunk.includes('>')) return;
    let all = Buffer.concat(parts);
    for (let end = all.indexOf(END); end >= 0; end = all.indexOf(END)) {
      const request = all.subarray(0, end);
      all = all.subarray(end + END.length);
      working = working.then(() => respond(socket, request, answering));
    }
    parts = all.length === 0 ? [] : [all];
    size = all.length;
  });
  return { idle: () => working };
}

async function respond(socket: Socket, request: Buffer, answering: Answering): Promise<void> {
  if (request.equals(CLOSE)) {
    socket.end();
    return;
  }
  // The answer may take as long as the work.
  socket.setTimeout(0);
  const answer = await answerOf(request, answering);
  if (socket.destroyed) return;
  socket.setTimeout(SILENT_MS);
  await new Promise<void>((resolve) =>
    socket.write(Buffer.concat([writePickle(answer), END]), () => resolve()),
  );
}

async function answerOf(request: Buffer, answering: Answering): Promise<PyValue> {
  try {
    return await answering(readPickle(request));
  } catch (error) {
    return `ERROR: ${error instanceof PickleError ? error.message : reasonOf(error)}`;
  }
}
