/** An attacker's raw connection: `talk.ts HOST PORT WORD..` sends each word as a line; the word `-` waits for the server's answer. */
import { createConnection } from 'node:net';

const [host = '', port = '', ...words] = process.argv.slice(2);
const socket = createConnection({ host, port: Number(port) });
let unread = false;
let isOver = false;
let wake = (): void => {};

socket.on('data', (chunk: Buffer) => {
  process.stdout.write(chunk);
  unread = true;
  wake();
});
socket.on('error', (error) => {
  process.stdout.write(`${error.message}\n`);
});
socket.on('close', () => {
  isOver = true;
  wake();
});

for (const word of words) {
  if (isOver) break;
  if (word !== '-') {
    socket.write(`${word}\r\n`);
    continue;
  }
  if (!unread) {
    await new Promise<void>((resolve) => {
      wake = resolve;
      setTimeout(resolve, 20_000).unref();
    });
  }
  unread = false;
}
socket.end();
