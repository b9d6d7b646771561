/** What failed system calls of a check are called: strerror(3)'s words, which HAProxy logs. */

import type { Finding } from './check.ts';

const ERROR_TEXTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EPIPE: 'Broken pipe',
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
const OWN_ERRORS: ReadonlySet<string> = new Set([
  ...['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM'],
  // All local ports are taken.
  'EADDRNOTAVAIL',
]);

function errorText(error: NodeJS.ErrnoException): string {
  return ERROR_TEXTS[error.code ?? ''] ?? error.message;
}

/** A connect that failed. */
export function connectFailure(error: NodeJS.ErrnoException): Finding {
  const info = errorText(error);
  return OWN_ERRORS.has(error.code ?? '')
    ? { status: 'SOCKERR', passed: false, info, inconclusive: true }
    : { status: 'L4CON', passed: false, info };
}

/** An open connection that failed under an exchange. TLS tells by an alert, RFC 8446 section 6.2. */
export function exchangeFailure(error: NodeJS.ErrnoException): Finding {
  const alert = error.code?.startsWith('ERR_SSL_') === true;
  return { status: 'SOCKERR', passed: false, info: alert ? 'SSL fatal error' : errorText(error) };
}
