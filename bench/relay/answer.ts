/** `answer.ts HOST...`: a server on port 6443 of each address that says something to whoever says something. */

import { createServer } from 'node:net';

for (const host of process.argv.slice(2)) {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('ok\n'));
  });
  server.listen(6443, host, () => process.stdout.write('ready\n'));
}
