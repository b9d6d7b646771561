/**
 * An apiserver that needs its time for each hello, and takes one after the other. Arguments: port, ms for
 * a hello. Prints a line of figures for each line it reads, and begins to count anew.
 */

import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export type ApiserverFigures = { readonly hellos: number; readonly unansweredMax: number };

const [port = 0, workMs = 0] = process.argv.slice(2).map(Number);
let hellos = 0;
let unanswered = 0;
let unansweredMax = 0;
let freeAt = 0;

createServer((socket) => {
  let open = false;
  socket.on('error', () => {});
  socket.on('close', () => {
    if (open) unanswered--;
    open = false;
  });
  socket.once('data', () => {
    open = true;
    hellos++;
    unanswered++;
    unansweredMax = Math.max(unansweredMax, unanswered);
    const now = performance.now();
    // It does the work for those that have left, too: it learns of that only by writing.
    freeAt = Math.max(now, freeAt) + workMs;
    setTimeout(() => {
      if (open) unanswered--;
      open = false;
      if (!socket.destroyed) socket.write('.');
    }, freeAt - now);
  });
}).listen({ port, host: '127.0.0.1', backlog: 4096 });

createInterface({ input: process.stdin })
  .on('line', () => {
    const figures: ApiserverFigures = { hellos, unansweredMax };
    process.stdout.write(`${JSON.stringify(figures)}\n`);
    hellos = 0;
    unansweredMax = unanswered;
  })
  .on('close', () => process.exit(0));
