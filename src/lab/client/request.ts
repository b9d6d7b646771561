/**
 * One request as kubectl makes it when it starts: a new TLS connection and GET. Written on node:tls
 * itself, because the lab makes fifty a second beside everything else.
 */

import { connect, type SecureContext, type TLSSocket } from 'node:tls';

export type RequestTarget = {
  readonly host: string;
  readonly port: number;
  readonly localAddress: string;
  readonly secureContext: SecureContext;
};

export type RequestOutcome =
  | { readonly ok: true; readonly node: string }
  | { readonly ok: false; readonly reason: string };

const ANSWER_BYTES_MAX = 65_536;

/** GET `path`; never rejects. What is not answered within `patienceMs` is given up as "timeout". */
export function request(
  target: RequestTarget,
  path: string,
  patienceMs: number,
): Promise<RequestOutcome> {
  return new Promise((resolve) => {
    const socket = open(target, path, 'close');
    let text = '';
    const settle = (outcome: RequestOutcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => settle({ ok: false, reason: 'timeout' }), patienceMs);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.length > ANSWER_BYTES_MAX) settle({ ok: false, reason: 'answer too long' });
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      settle({ ok: false, reason: error.code ?? error.message });
    });
    socket.on('close', () => settle(readAnswer(text)));
  });
}

/** Connects and sends the head of a request; the caller owns the socket and hears its events. */
export function open(target: RequestTarget, path: string, connection: string): TLSSocket {
  const socket = connect(target, () => {
    const host = `${target.host}:${target.port}`;
    socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: ${connection}\r\n\r\n`);
  });
  return socket;
}

function readAnswer(text: string): RequestOutcome {
  const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
  if (status === undefined) return { ok: false, reason: 'closed without an answer' };
  if (status !== '200') return { ok: false, reason: `HTTP ${status}` };
  const node = /^x-node: (.*)\r$/im.exec(text)?.[1];
  return node === undefined ? { ok: false, reason: 'no x-node' } : { ok: true, node };
}
