/**
 * The one configuration model. Every front end (evergate.yaml, haproxy.cfg, keepalived.conf)
 * converts to it, and everything behind it reads nothing else. Plain data: it travels between the
 * processes as JSON.
 *
 * Durations are whole milliseconds (`...Ms`), 0 meaning "no limit" where that is allowed. Defaults are
 * filled in by the front ends, so that a reader of the model never asks where a value came from.
 */

import type { RedirectConfig } from './addresses.ts';
import type { SourceTable } from './conditions.ts';
import type { ResolversConfig } from './names.ts';
import type { BalancerProcessConfig } from './process.ts';
import type { BackendConfig, FrontendConfig, HttpFrontendConfig } from './traffic.ts';
import type { VrrpConfig } from './vrrp.ts';

export type Config = {
  readonly balancer: BalancerConfig | null;
  readonly vrrp: VrrpConfig | null;
  /** Ports of virtual addresses that lead to listeners of the balancer on others; absent: none. */
  readonly redirects?: readonly RedirectConfig[];
  /** What the configuration does without and an operator should know, in sentences; absent: nothing. */
  readonly notes?: readonly string[];
  /** Every node of the cluster; absent: the files do not name them. */
  readonly nodes?: readonly NodeConfig[];
  /** How the nodes ask each other; absent: they do not. */
  readonly peers?: PeersConfig;
  /** Group whose members may see the status; absent: root only. */
  readonly statusGroup?: string;
};

export type PeersConfig = {
  /** UDP, on every node. */
  readonly port: number;
  /** How far the nodes' clocks may be apart, ms. */
  readonly toleranceMs: number;
  /** Text of the key file; null: there is none, or it is not read yet. */
  readonly secret: string | null;
};

/** Addresses as the kernel writes them. */
export type NodeConfig = { readonly name: string; readonly addresses: readonly string[] };

export type BalancerConfig = {
  readonly process: BalancerProcessConfig;
  readonly frontends: readonly FrontendConfig[];
  readonly httpFrontends: readonly HttpFrontendConfig[];
  readonly backends: readonly BackendConfig[];
  /** Where rules count connections by their sources; absent: nowhere. */
  readonly tables?: readonly SourceTable[];
  /** Those that servers name; absent: none. */
  readonly resolvers?: readonly ResolversConfig[];
  /**
   * The file's sections in their order, which statistics follow, with those that do not run; absent: that of the
   * lists above.
   */
  readonly order?: readonly SectionName[];
};

/** A section of a haproxy.cfg; a frontend and a backend may share a name. */
export type SectionName = {
  readonly section: 'frontend' | 'listen' | 'backend';
  readonly name: string;
};
