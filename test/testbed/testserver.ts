/** A small HTTP server on the ports given as arguments; /drip sends a few bytes every 50 ms for ever. */
import { createServer } from 'node:http';

const ports = process.argv.slice(2).map(Number);
let waiting = ports.length;
for (const port of ports) {
  const server = createServer((request, response) => {
    if (request.url !== '/drip') {
      response.end('hello\n');
      return;
    }
    const timer = setInterval(() => response.write('drop\n'), 50);
    response.on('close', () => clearInterval(timer));
  });
  server.listen(port, '::', () => {
    if (--waiting === 0) process.stdout.write('ready\n');
  });
}
