/**
 * A process that holds idle connections: each asks once, reads the answer and stays. Arguments: port,
 * how many. Prints "ready" when all are there, and ends with its standard input.
 */

import { connect } from 'node:net';

/** Connects on their way at once. */
const PACE = 64;

const [port = 0, wanted = 0] = process.argv.slice(2).map(Number);
let begun = 0;
let ready = 0;

function open(): void {
  if (begun === wanted) return;
  begun++;
  const socket = connect({ port, host: '127.0.0.1' }, () => {
    socket.write('GET /short HTTP/1.1\r\nHost: bench\r\n\r\n');
  });
  socket.once('data', () => {
    ready++;
    if (ready === wanted) process.stdout.write('ready\n');
    else open();
  });
  socket.on('error', (error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  socket.on('end', () => {
    process.stderr.write('An idle connection was ended\n');
    process.exit(1);
  });
}

for (let count = 0; count < PACE; count++) open();
process.stdin.on('end', () => process.exit(0)).resume();
