/**
 * The TCP check: a connection that opens within its time passes (HAProxy: `check` without a protocol).
 *
 * It is closed with a reset: the server's accept queue is freed without the server's program noticing a
 * client that said nothing, which kube-apiserver logs as a failed TLS handshake.
 */

import type { TcpCheckConfig } from '../../health/kinds/tcp.ts';
import type { Check, CheckTarget } from './check.ts';
import { NO_ATTEMPT, openConnection } from './open-connection.ts';

export function createTcpCheck(
  config: Pick<TcpCheckConfig, 'connectTimeoutMs'>,
  target: CheckTarget,
): Check {
  let attempt = NO_ATTEMPT;
  return {
    run: (done) => {
      const startedAt = performance.now();
      attempt = openConnection(target, null, config.connectTimeoutMs, (outcome) => {
        const opened = outcome.kind === 'opened';
        if (opened) outcome.opened.socket.resetAndDestroy();
        const finding = opened
          ? ({ status: 'L4OK', passed: true, info: '' } as const)
          : outcome.finding;
        done({ ...finding, durationMs: performance.now() - startedAt });
      });
    },
    expire: () => attempt.expire(),
    close: () => attempt.cancel(),
  };
}
