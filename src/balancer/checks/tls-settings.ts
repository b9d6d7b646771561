/** Turns a check's TLS settings into what node:tls takes, and reads what the server's certificate says. */

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { nodeTls } from '../../builtins.ts';
import type { CheckTls, FileText } from '../../config/model/checks.ts';
import { fail, ok, type Result } from '../../core/result.ts';
import { type CertificateFacts, certificateWarnings } from '../../health/certificate-warnings.ts';
import type { CheckResult } from '../../health/server-state.ts';

function textOf(file: FileText): string {
  if (file.text === null) throw new Error(`The file "${file.path}" was not read`);
  return file.text;
}

/** Reading certificates is most of a check's work, and they do not change. */
const known = new WeakMap<CheckTls, Result<ConnectionOptions>>();

/** Fails when a certificate or a key cannot be used. */
export function connectionOptions(tls: CheckTls): Result<ConnectionOptions> {
  const options = known.get(tls) ?? buildOptions(tls);
  known.set(tls, options);
  return options;
}

function buildOptions(tls: CheckTls): Result<ConnectionOptions> {
  const { ca, certificate, sni, alpn } = tls;
  const { createSecureContext, getCACertificates } = nodeTls();
  try {
    const secureContext = createSecureContext({
      ...(tls.verify === 'required'
        ? { ca: ca === null ? getCACertificates('system') : textOf(ca) }
        : {}),
      ...(certificate === null
        ? {}
        : { cert: textOf(certificate.cert), key: textOf(certificate.key) }),
    });
    return ok({
      secureContext,
      // The verdict is ours, so that it can be named; the chain is verified all the same.
      rejectUnauthorized: false,
      checkServerIdentity: () => undefined,
      // RFC 6066 section 3: an address is no server name.
      ...(sni === null || isIP(sni) !== 0 ? {} : { servername: sni }),
      ...(alpn.length === 0 ? {} : { ALPNProtocols: [...alpn] }),
    });
  } catch (cause) {
    return fail(cause instanceof Error ? cause.message : String(cause));
  }
}

/** Why the server is not the one that is meant, in HAProxy's words; null: it is. */
export function identityProblem(tls: CheckTls, certificate: X509Certificate): string | null {
  const name = tls.verifyName ?? tls.sni;
  if (tls.verify === 'none' || name === null || carries(certificate, name)) return null;
  const whose = tls.verifyName === null ? 'expected' : 'configured';
  return `Server presented an SSL certificate different from the ${whose} one`;
}

/** What status, log and metrics say about a certificate, at a time in ms since the epoch; null: none was seen. */
export function tlsFacts(
  facts: CertificateFacts | null,
  nowMs: number,
): Pick<CheckResult, 'warnings' | 'certificate'> {
  if (facts === null) return { warnings: [] };
  return { warnings: certificateWarnings(facts, nowMs), certificate: facts };
}

export function certificateFacts(tls: CheckTls, certificate: X509Certificate): CertificateFacts {
  return {
    expiresAtMs: certificate.validToDate.getTime(),
    missingNames: tls.clientNames.filter((name) => !carries(certificate, name)),
  };
}

function carries(certificate: X509Certificate, name: string): boolean {
  const found = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
  return found !== undefined;
}
