/**
 * Takes what a node sends to syslog at 127.0.0.1:514 and keeps the last lines. The socket is made by a
 * short-lived process inside the node's namespace and handed out, so that a power cut does not end it.
 */

import { spawn } from 'node:child_process';
import { Socket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { LabError } from '../lab-error.ts';
import { inNamespace } from '../service.ts';

const LINES_MAX = 500;
const OPEN_BOUND_MS = 10_000;
const OPENER = fileURLToPath(new URL('open-socket.ts', import.meta.url));

export class SyslogSink {
  readonly #lines: string[] = [];
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message) => {
      this.#lines.push(message.toString('utf8').trimEnd());
      if (this.#lines.length > LINES_MAX) this.#lines.shift();
    });
    socket.on('error', () => undefined);
    // A lab that could not be completed must not wait for log lines.
    socket.unref();
  }

  /** Oldest first. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  close(): void {
    this.#socket.close();
  }
}

/** Opens the node's syslog port; LabError when that does not work within 10 s. */
export function openSyslog(namespace: string, port: number): Promise<SyslogSink> {
  return new Promise((resolve, reject) => {
    const command = inNamespace(namespace, [], [process.execPath, OPENER, String(port)]);
    const [file = '', ...args] = command;
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), OPEN_BOUND_MS);
    let sink: SyslogSink | null = null;
    child.on('message', (_message, handle) => {
      if (handle instanceof Socket) sink = new SyslogSink(handle);
    });
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      if (sink === null) reject(new LabError(`Port ${port} of "${namespace}" cannot be opened`));
      else resolve(sink);
    });
  });
}
