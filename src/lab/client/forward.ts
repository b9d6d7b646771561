/**
 * Makes an address inside the lab reachable from the host. A socket belongs to the network namespace
 * it was made in: the listening one comes from the host, the connecting one is made here, inside.
 */

import { connect, type Server, type Socket } from 'node:net';

const CONNECTIONS_MAX = 256;

/** Takes over `server`; a connection that finds nobody inside is closed. */
export function forward(server: Server, host: string, port: number): void {
  let connections = 0;
  server.on('connection', (outer: Socket) => {
    if (connections >= CONNECTIONS_MAX) {
      outer.destroy();
      return;
    }
    connections += 1;
    const inner = connect({ host, port, allowHalfOpen: true });
    outer.allowHalfOpen = true;
    outer.on('error', () => inner.destroy());
    inner.on('error', () => outer.destroy());
    inner.on('close', () => outer.destroy());
    outer.on('close', () => {
      connections -= 1;
      inner.destroy();
    });
    outer.pipe(inner);
    inner.pipe(outer);
  });
}
