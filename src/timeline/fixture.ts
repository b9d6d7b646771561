/** Events for tests. */

import type { NodeEvent, VipDetail } from '../contracts/events.ts';

const HEAD = { node: 'k8s-node1', level: 'info', text: 'x' } as const;

export function serverEvent(n: number, why = 'refused'): NodeEvent {
  const server = { backend: 'kube-api', server: 'cp1', to: 'down', usable: 2, why } as const;
  return { ...HEAD, n, at: n * 1000, kind: 'server', ...server };
}

export function balancerEvent(n: number, at: number): NodeEvent {
  const text = 'Balancer 12 is gone: killed by SIGKILL';
  return { ...HEAD, n, at, text, kind: 'balancer', to: 'gone', pid: 12, why: 'killed' };
}

export function vipEvent(n: number, change: Partial<VipDetail> = {}, at = n * 1000): NodeEvent {
  return {
    ...HEAD,
    n,
    at,
    kind: 'vip',
    instance: 'VI_1',
    addresses: ['192.168.1.94/24'],
    from: 'backup',
    to: 'master',
    why: 'no better master is heard',
    priority: 200,
    serving: true,
    ...change,
  };
}
