/** The TLS check: a handshake that completes passes (HAProxy: `check-ssl`); nothing is asked over it. */

import type { TlsCheckConfig } from '../../health/kinds/tls.ts';
import type { Check, CheckTarget, Finding } from './check.ts';
import { closeGently, NO_ATTEMPT, openConnection } from './open-connection.ts';
import { tlsFacts } from './tls-settings.ts';

export function createTlsCheck(
  config: Pick<TlsCheckConfig, 'connectTimeoutMs' | 'tls'>,
  target: CheckTarget,
): Check {
  const { tls, connectTimeoutMs } = config;
  let attempt = NO_ATTEMPT;
  return {
    run: (done) => {
      const startedAt = performance.now();
      attempt = openConnection(target, tls, connectTimeoutMs, (outcome) => {
        const durationMs = performance.now() - startedAt;
        if (outcome.kind === 'failed') {
          done({ ...outcome.finding, durationMs });
          return;
        }
        const { socket, certificate } = outcome.opened;
        closeGently(socket);
        const finding: Finding = { status: 'L6OK', passed: true, info: '' };
        done({ ...finding, ...tlsFacts(certificate, Date.now()), durationMs });
      });
    },
    expire: () => attempt.expire(),
    close: () => attempt.cancel(),
  };
}
