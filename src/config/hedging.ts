/**
 * How long a slow server is waited for before a second one is asked. The native file does it by default;
 * haproxy.cfg has no words for it, so there it is asked for beside the file (`evergate run --hedge`).
 */

import type { BalancerConfig } from './model/config.ts';

/** ms. In one network a handshake takes well under a millisecond; 60 ms is not the network any more. */
export const HEDGE_CONNECT_MS = 60;
/** ms. An apiserver answers a TLS hello in a few; a loaded one is given more (relay/opening.ts). */
export const HEDGE_AFTER_MS = 150;

/** The same balancer, whose backends race slow servers as evergate.yaml does by default. */
export function withHedging(config: BalancerConfig): BalancerConfig {
  const backends = config.backends.map((backend) => ({
    ...backend,
    hedgeConnectMs: HEDGE_CONNECT_MS,
    hedgeAfterMs: HEDGE_AFTER_MS,
  }));
  return { ...config, backends };
}
