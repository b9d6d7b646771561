import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusReport } from '../../stats/status.ts';
import { statusLine } from './status-line.ts';

type Shown = Pick<StatusReport, 'verdict' | 'reasons' | 'balancer' | 'vrrp'>;

function report(part: Partial<Shown>): StatusReport {
  const shown: Shown = { verdict: 'healthy', reasons: [], balancer: null, vrrp: [], ...part };
  return shown as StatusReport;
}

const INSTANCE = {
  name: 'vip',
  state: 'master',
  addresses: ['192.168.1.94/24'],
  drained: false,
} as unknown as StatusReport['vrrp'][number];

describe('statusLine()', () => {
  it('says who has the VIP and how many servers there are', () => {
    const balancer = {
      state: 'serving',
      report: { backends: [{ name: 'apiservers', usableServers: 2, servers: [1, 2, 3] }] },
    } as unknown as StatusReport['balancer'];
    assert.equal(
      statusLine(report({ balancer, vrrp: [INSTANCE] })),
      'Healthy: master of 192.168.1.94/24; apiservers: 2 of 3 servers',
    );
  });

  it('says why it is not well, and what a balancer does that does not serve', () => {
    const balancer = { state: 'restarting', report: null } as unknown as StatusReport['balancer'];
    const line = statusLine(report({ verdict: 'down', reasons: ['no balancer serves'], balancer }));
    assert.equal(line, 'Down: balancer restarting; no balancer serves');
  });

  it('stays a line of moderate length', () => {
    const reasons = new Array(1000).fill('again');
    assert.ok(statusLine(report({ verdict: 'degraded', reasons })).length < 310);
  });
});
