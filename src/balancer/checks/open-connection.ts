/**
 * Opens a check's connection: TCP, and TLS where the check asks for it, within one time limit. Tells by
 * HAProxy's layers how far it came: L4 for the connect, L6 for the handshake.
 */

import { connect, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { nodeTls } from '../../builtins.ts';
import type { CheckTls } from '../../config/model/checks.ts';
import type { CertificateFacts } from '../../health/certificate-warnings.ts';
import type { CheckTarget, Finding } from './check.ts';
import { connectFailure } from './socket-errors.ts';
import { certificateFacts, connectionOptions, identityProblem, tlsFacts } from './tls-settings.ts';

/** How long a peer may take to end a connection that we ended. */
const CLOSING_MS_MAX = 1000;
/** What it may still send meanwhile; more than any answer to a check that is read (health/http-response.ts). */
const CLOSING_BYTES_MAX = 1 << 20;

export type Opened = {
  readonly socket: Socket;
  /** null: no TLS. */
  readonly certificate: CertificateFacts | null;
};

/** What is under way. Neither does anything once it is over. */
export type Attempt = {
  /** Ends it without an outcome. */
  cancel(): void;
  /** Ends it as if its time were over. */
  expire(): void;
};

export const NO_ATTEMPT: Attempt = { cancel: () => {}, expire: () => {} };

export type OpenOutcome =
  | { readonly kind: 'opened'; readonly opened: Opened }
  | { readonly kind: 'failed'; readonly finding: Finding };

/**
 * `done` is called exactly once, unless it is cancelled before. An opened socket belongs to
 * the caller, who must listen for its errors; after a failure it is gone.
 */
export function openConnection(
  target: CheckTarget,
  tls: CheckTls | null,
  timeoutMs: number,
  done: (outcome: OpenOutcome) => void,
): Attempt {
  if (tls === null) return open(connect({ ...target }), null, timeoutMs, done);
  const options = connectionOptions(tls);
  if (!options.ok) {
    const finding: Finding = { status: 'SOCKERR', passed: false, info: options.reason };
    const turn = setImmediate(() => done({ kind: 'failed', finding }));
    return { cancel: () => clearImmediate(turn), expire: () => {} };
  }
  return open(nodeTls().connect({ ...target, ...options.value }), tls, timeoutMs, done);
}

function open(
  socket: Socket | TLSSocket,
  tls: CheckTls | null,
  timeoutMs: number,
  done: (outcome: OpenOutcome) => void,
): Attempt {
  let connected = false;
  let secured = false;
  let settled = false;
  const settle = (outcome: OpenOutcome | null): void => {
    if (settled) return;
    settled = true;
    clearTimeout(timer);
    // An error after the verdict must not end the process.
    socket.on('error', () => {});
    socket.off('error', onError);
    // After a whole handshake the server has done nothing wrong, and would log a connection cut off.
    if (outcome?.kind === 'failed' && secured) closeGently(socket);
    else if (outcome?.kind !== 'opened') socket.destroy();
    if (outcome !== null) done(outcome);
  };
  const failed = (status: Finding['status'], info: string): void =>
    settle({ kind: 'failed', finding: { status, passed: false, info } });
  const onError = (error: NodeJS.ErrnoException): void => {
    // Only a connection that is there can be reset, whether or not we have been told of it yet.
    const there = connected || (tls !== null && error.code === 'ECONNRESET');
    if (there) failed('L6RSP', 'SSL handshake failure');
    else settle({ kind: 'failed', finding: connectFailure(error) });
  };

  const expire = (): void => failed(connected ? 'L6TOUT' : 'L4TOUT', '');
  const timer = setTimeout(expire, timeoutMs);
  socket.on('error', onError);
  socket.once('connect', () => {
    connected = true;
    if (tls === null) settle({ kind: 'opened', opened: { socket, certificate: null } });
  });
  if (tls !== null) {
    socket.once('secureConnect', () => {
      secured = true;
      settle(verify(socket as TLSSocket, tls));
    });
  }
  return { cancel: () => settle(null), expire };
}

function verify(socket: TLSSocket, tls: CheckTls): OpenOutcome {
  const certificate = socket.getPeerX509Certificate();
  const failed = (info: string, seen: Partial<Finding>): OpenOutcome => ({
    kind: 'failed',
    finding: { status: 'L6RSP', passed: false, info, ...seen },
  });
  if (certificate === undefined) return failed('SSL handshake failure', { warnings: [] });
  const facts = certificateFacts(tls, certificate);
  const seen = tlsFacts(facts, Date.now());
  if (tls.verify === 'required' && !socket.authorized) {
    // The cause in OpenSSL's words (verification codes of openssl-verify(1)), which HAProxy leaves out.
    return failed(`SSL handshake failure (${String(socket.authorizationError)})`, seen);
  }
  const problem = identityProblem(tls, certificate);
  if (problem !== null) return failed(problem, seen);
  return { kind: 'opened', opened: { socket, certificate: facts } };
}

/**
 * Ends a connection in the orderly way (TLS: close_notify, RFC 8446 section 6.1), so that the server logs
 * nothing. It is gone within a second, and at once when the peer goes on sending as if it had not heard.
 */
export function closeGently(socket: Socket): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), CLOSING_MS_MAX);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  let left = CLOSING_BYTES_MAX;
  socket.on('data', ({ length }: Buffer | string) => {
    left -= length;
    if (left < 0) socket.destroy();
  });
  socket.resume();
  socket.end();
}
