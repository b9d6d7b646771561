/**
 * Checks that need a key, a token or a password are run in a process of their own, which reads nothing from clients:
 * whoever gets into the balancer finds no secret there. Here is what goes where.
 */

import type { BalancerConfig } from '../config/model/config.ts';
import type { ServerConfig } from '../config/model/traffic.ts';
import { type CheckConfig, checkKindOf } from './kinds/check-kinds.ts';

/** All that is needed to run one. */
export type ApartCheck = {
  readonly backend: string;
  readonly server: string;
  readonly config: CheckConfig;
  readonly host: string;
  readonly port: number;
  /** The address of ours that it comes from; absent: the kernel's choice. */
  readonly source?: string;
};

export type SplitConfig = {
  /** For balancers. */
  readonly config: BalancerConfig;
  /** For the process that runs them; empty: there need be none. */
  readonly apart: readonly ApartCheck[];
};

export function splitChecks(config: BalancerConfig): SplitConfig {
  const apart: ApartCheck[] = [];
  const backends = config.backends.map((backend) => ({
    ...backend,
    servers: backend.servers.map((server): ServerConfig => {
      const { check } = server;
      if (check === null) return server;
      const kind = checkKindOf(check.kind);
      if (!kind.needsSecret(check)) return server;
      const target = { host: check.host ?? server.host, port: check.port ?? server.port };
      const { name, source } = server;
      const from = source === undefined ? {} : { source };
      apart.push({ backend: backend.name, server: name, config: check, ...target, ...from });
      return { ...server, check: { ...kind.withoutSecrets(check), apart: true } };
    }),
  }));
  return { config: { ...config, backends }, apart };
}
