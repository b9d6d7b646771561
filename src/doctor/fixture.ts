/** A node on which all is well, to which tests do what they look for. */

import type { Config } from '../config/model/config.ts';
import type { StatusReport } from '../stats/status.ts';
import type { Facts } from './facts.ts';

export const VIP = '192.168.1.94';
const GUARDIAN_PID = 100;
const BALANCER_PID = 101;
const ALL_RIGHTS = (1n << 41n) - 1n;
/** 2026-01-01 */
export const NOW_MS = 1_767_225_600_000;

/** As `nft -j list ruleset` prints a chain that lets in what its rules say. */
export function nftRuleset(policy: 'accept' | 'drop', ...rules: readonly object[][]): string {
  const place = { family: 'inet', table: 'filter' };
  const chain = {
    ...place,
    name: 'input',
    handle: 1,
    type: 'filter',
    hook: 'input',
    prio: 0,
    policy,
  };
  const entries = rules.map((expr) => ({ rule: { ...place, chain: 'input', expr } }));
  return JSON.stringify({ nftables: [{ chain }, ...entries] });
}

/** `config` comes from files, so that it is what the front ends make. */
export function healthyFacts(config: Config): Facts {
  return {
    config,
    diagnostics: [],
    files: '--config /etc/evergate/evergate.yaml',
    nowMs: NOW_MS,
    asker: { capabilities: ALL_RIGHTS },
    guardian: { kind: 'running', report: healthyReport(config), capabilities: ALL_RIGHTS },
    processes: [],
    sockets: [
      {
        protocol: 'tcp',
        address: '0.0.0.0',
        port: 8443,
        owners: [{ pid: GUARDIAN_PID, name: 'node', command: 'evergate: guardian' }],
      },
      {
        protocol: 'tcp',
        address: '::',
        port: 8443,
        owners: [{ pid: BALANCER_PID, name: 'node', command: 'evergate: balancer' }],
      },
      {
        protocol: 'udp',
        address: '0.0.0.0',
        port: 8445,
        owners: [{ pid: GUARDIAN_PID, name: 'node', command: 'evergate: guardian' }],
      },
    ],
    addresses: [
      { address: '192.168.1.92', interface: 'ens192' },
      { address: '127.0.0.1', interface: 'lo' },
    ],
    settings: { arpIgnore: 0, strictReversePath: [], defaultInterfaces: ['ens192'] },
    openFilesMax: 1_048_576,
    firewall: {
      nft: { kind: 'said', text: nftRuleset('accept') },
      iptables: { kind: 'missing' },
      ip6tables: { kind: 'missing' },
    },
    apiservers: [
      {
        name: 'kube-apiserver/k8s-master',
        address: '192.168.1.92:6443',
        host: '192.168.1.92',
        problem: null,
        path: '/readyz',
        status: 200,
        clockAheadMs: 0,
        certificate: { expiresAtMs: NOW_MS + 200 * 86_400_000, missingNames: [] },
      },
    ],
  };
}

function healthyReport(config: Config): StatusReport {
  return {
    node: 'k8s-master',
    version: '0.1.0',
    pid: GUARDIAN_PID,
    uptimeMs: 60_000,
    verdict: 'healthy',
    reasons: [],
    balancer: {
      state: 'serving',
      pid: BALANCER_PID,
      spare: { state: 'none', pid: null },
      restarts: 0,
      lastExit: null,
      report: null,
    },
    vrrp: (config.vrrp?.instances ?? []).map(({ name, interface: place, addresses }) => ({
      name,
      interface: place,
      state: 'backup',
      drained: false,
      lastResort: false,
      waitsFor: null,
      faults: [],
      master: '192.168.1.93',
      addresses: addresses.map(({ address }) => address),
      held: false,
      transitions: 0,
      warnings: [],
      virtualRouterId: 94,
      version: 3,
      priority: 100,
      effectivePriority: 100,
      advertsSent: 0,
      advertsReceived: 60,
      dropped: {},
    })),
    addresses: [],
    scripts: [],
    configuration: { loadedAt: '2026-01-01T00:00:00Z', reloads: 0, refused: null },
    notes: [],
  };
}
