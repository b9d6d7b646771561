/**
 * The TCP check: a connection that opens within its time passes (HAProxy: `check` without a protocol).
 *
 * It is closed with a reset: the server's accept queue is freed without the server's program noticing a
 * client that said nothing, which kube-apiserver logs as a failed TLS handshake.
 */

import { connect } from 'node:net';
import type { CheckResult } from '../../health/server-state.ts';

export type TcpCheckTarget = {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
};

/** strerror(3)'s words, which HAProxy logs; the runtime's own differ. */
const ERROR_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  ETIMEDOUT: 'Connection timed out',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EMFILE: 'Too many open files',
  ENFILE: 'Too many open files in system',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
};

/** Errors that say something about this machine, not about the server. */
const OWN_ERRORS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * Starts a check. `done` is called exactly once, unless the returned function cancels it before. The socket
 * is gone in every case when `done` is called.
 */
export function startTcpCheck(
  target: TcpCheckTarget,
  done: (result: CheckResult) => void,
): () => void {
  const startedAt = performance.now();
  const socket = connect({ host: target.host, port: target.port });
  let settled = false;

  const settle = (status: CheckResult['status'], info: string): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    if (status === 'L4OK') socket.resetAndDestroy();
    else socket.destroy();
    const durationMs = performance.now() - startedAt;
    done({ status, passed: status === 'L4OK', info, durationMs });
  };

  const timer = setTimeout(() => settle('L4TOUT', ''), target.timeoutMs);
  socket.once('connect', () => settle('L4OK', ''));
  // Stays for the socket's life: an error after the verdict must not end the process.
  socket.on('error', (error: NodeJS.ErrnoException) => {
    const code = error.code ?? '';
    const info = ERROR_TEXTS[code] ?? error.message;
    settle(OWN_ERRORS.has(code) ? 'SOCKERR' : 'L4CON', info);
  });

  return () => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    socket.destroy();
  };
}
