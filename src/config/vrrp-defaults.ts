/** What a VRRP configuration holds where nothing is said about it, for all front ends and tests. */

import type { GarpConfig } from './model/addresses.ts';
import type { NotifyConfig } from './model/election.ts';
import type { VrrpConfig, VrrpInstanceConfig } from './model/vrrp.ts';

export const NO_NOTIFY: NotifyConfig = {
  master: null,
  backup: null,
  fault: null,
  stop: null,
  any: null,
  rival: null,
};

/** Everything beside the instances. */
export const VRRP_DEFAULTS: Omit<VrrpConfig, 'instances'> = {
  routerId: null,
  scripts: [],
  processes: [],
  files: [],
  syncGroups: [],
  notifyFifos: [],
};

/** keepalived's. */
export const GARP_DEFAULTS: GarpConfig = {
  repeat: 5,
  delayMs: 5000,
  refreshMs: 0,
  refreshRepeat: 1,
  rivalRepeat: 5,
  rivalDelayMs: 5000,
  arpPaceMs: 0,
  neighbourPaceMs: 0,
};

/** All of an instance that has a sensible value without the cluster being known. */
export const VRRP_INSTANCE_DEFAULTS: Omit<
  VrrpInstanceConfig,
  'name' | 'interface' | 'virtualRouterId' | 'priority' | 'addresses'
> = {
  version: 3,
  initialState: 'backup',
  advertIntervalMs: 1000,
  password: null,
  preempt: true,
  preemptDelayMs: 0,
  excludedAddresses: [],
  routes: [],
  sourceAddress: null,
  // RFC 9568 section 5.1.1.2.
  transport: { kind: 'multicast', group: '224.0.0.18' },
  garp: GARP_DEFAULTS,
  answersLower: true,
  saysFarewell: true,
  trackScripts: [],
  trackInterfaces: [],
  trackProcesses: [],
  trackFiles: [],
  trackBalancer: null,
  notify: NO_NOTIFY,
};

export const ADDRESS_DEFAULTS = {
  interface: null,
  label: null,
  scope: 0,
  broadcast: null,
} as const;
