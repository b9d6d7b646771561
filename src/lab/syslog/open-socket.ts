/** Binds 127.0.0.1:<first argument> (UDP) where it was started, hands the socket to its parent and ends. */

import { createSocket } from 'node:dgram';

if (process.send === undefined) throw new Error('This process is started by the lab');
const send = process.send.bind(process);
const socket = createSocket('udp4');
socket.bind(Number(process.argv[2]), '127.0.0.1', () => {
  send({ kind: 'socket' }, socket, undefined, () => {
    socket.close();
    process.disconnect?.();
  });
});
