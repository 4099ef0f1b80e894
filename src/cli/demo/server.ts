import { appendFileSync } from 'node:fs';
import type { Server } from 'node:http';
import { basicPassword, logLine } from './flask.ts';

/** The path of the protected pages, and their password. */
const RESTRICTED = '/restricted/';

/** Loaded on first use: no other command needs it. */
const http = () => process.getBuiltinModule('node:http');

/** Address of the demonstration's web server. */
export type ServerPlace = { readonly address: string; readonly port: number };

/** A small web server that writes Flask's access log to `logPath`; port 0 uses any free one. */
export async function serve(
  place: ServerPlace,
  logPath: string,
): Promise<{ place: ServerPlace; server: Server }> {
  const server = http().createServer((request, response) => {
    const { method = '', url = '', socket } = request;
    const isOpen =
      !url.startsWith(RESTRICTED) || request.headers.authorization === basicPassword('user1', 'password');
    const code = isOpen ? 200 : 401;
    const from = (socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    appendFileSync(logPath, logLine(from, new Date(), { method, url, code }));
    response.writeHead(code, isOpen ? {} : { 'WWW-Authenticate': 'Basic realm="Restricted"' });
    response.end(isOpen ? 'Hello, Fail2ban.\n' : 'Unauthorized Access\n');
  });
  server.keepAliveTimeout = 1;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(place.port, place.address, resolve);
  });
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : place.port;
  return { place: { ...place, port }, server };
}

/** Requests a page from the address `from`: a status code, or why there was no answer. */
export function ask(
  from: string,
  { address, port }: ServerPlace,
  path: string,
  password: string | null,
): Promise<string> {
  const headers = password === null ? {} : { Authorization: basicPassword('user1', password) };
  const options = { host: address, port, path, headers, localAddress: from, agent: false, timeout: 3000 };
  return new Promise((resolve) => {
    const request = http().get(options, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.statusCode)));
    });
    request.once('timeout', () => request.destroy(new Error('no answer')));
    request.once('error', (error: NodeJS.ErrnoException) =>
      resolve(error.code === 'ECONNREFUSED' ? 'Connection refused' : (error.code ?? error.message)),
    );
  });
}
