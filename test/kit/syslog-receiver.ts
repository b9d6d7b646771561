/** A syslog receiver for lines that two programs should write alike. */

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { TestContext } from 'node:test';

export type SyslogReceiver = { readonly port: number; readonly lines: readonly string[] };

/** Lines lose their time, process and check durations, which differ by nature. */
export async function receiveSyslog(t: TestContext): Promise<SyslogReceiver> {
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const lines: string[] = [];
  socket.on('message', (message) => {
    lines.push(
      String(message)
        .replace(/^(<\d+>)[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d haproxy\[\d+\]: /, '$1')
        .replace(/check duration: \d+ms/, 'check duration: 0ms')
        .trimEnd(),
    );
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, lines };
}
