/**
 * Takes what a node sends to syslog at 127.0.0.1:514 and keeps the last lines. The socket is made by a
 * short-lived process inside the node's namespace and handed out, so that a power cut does not end it.
 */

import { spawn } from 'node:child_process';
import { Socket } from 'node:dgram';
import { fileURLToPath } from 'node:url';
import { LabError } from '../lab-error.ts';
import { inNamespace } from '../service.ts';

/** Of each kind: connections come so often that events would be gone within seconds. */
const LINES_MAX = 500;
/** A line about a connection, in the form of `option tcplog` or the default one: client and time, or the ways. */
const CONNECTION = / [\da-f.:]+:\d+ \[\d\d\/\w{3}\/\d{4}:|\bConnect from [\da-f.:]+:\d+ to /;

export const LOG_KINDS = ['events', 'connections', 'all'] as const;
export type LogKind = (typeof LOG_KINDS)[number];
const OPEN_BOUND_MS = 10_000;
const OPENER = fileURLToPath(new URL('open-socket.ts', import.meta.url));

/** Lines are taken one after the other. */
type Line = { readonly text: string; readonly order: number };

export class SyslogSink {
  readonly #lines: { readonly events: Line[]; readonly connections: Line[] } = {
    events: [],
    connections: [],
  };
  #taken = 0;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message) => {
      const text = message.toString('utf8').trimEnd();
      const kind = this.#lines[CONNECTION.test(text) ? 'connections' : 'events'];
      this.#taken += 1;
      kind.push({ text, order: this.#taken });
      if (kind.length > LINES_MAX) kind.shift();
    });
    socket.on('error', () => undefined);
    // A lab that could not be completed must not wait for log lines.
    socket.unref();
  }

  /** Oldest first. */
  lines(only: LogKind): readonly string[] {
    const { events, connections } = this.#lines;
    if (only !== 'all') return this.#lines[only].map(({ text }) => text);
    const all = [...events, ...connections].sort((one, other) => one.order - other.order);
    return all.map(({ text }) => text);
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
