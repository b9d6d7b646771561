import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type BalancerStatus, type InstanceStatus, judge, type ServerStatus } from './status.ts';

const server: ServerStatus = {
  name: 'k8s-master',
  address: '192.168.1.92:6443',
  admin: 'ready',
  check: 'up',
  lastCheck: 'L4OK',
  reason: '',
  warnings: [],
  weight: 1,
  sessionsCurrent: 0,
  sessionsTotal: 0,
  connectErrors: 0,
  bytesIn: 0,
  bytesOut: 0,
  hedges: 0,
  hedgesWon: 0,
  hedgesRefused: 0,
};

const instance: InstanceStatus = {
  name: 'VI_1',
  interface: 'ens192',
  virtualRouterId: 51,
  version: 2,
  state: 'backup',
  drained: false,
  lastResort: false,
  waitsFor: { event: 'master-silence', inMs: 3600 },
  faults: [],
  priority: 90,
  effectivePriority: 90,
  master: '192.168.1.92',
  addresses: ['192.168.1.94/24'],
  held: false,
  transitions: 1,
  advertsSent: 0,
  advertsReceived: 7,
  dropped: {},
};

function balancer(servers: readonly ServerStatus[], usableServers: number): BalancerStatus {
  const backends = [{ name: 'kube-master', usableServers, connectErrors: 0, servers }];
  const report = { uptimeMs: 1, relays: 1, frontends: [], backends };
  return {
    state: 'serving',
    pid: 2,
    spare: { state: 'none', pid: null },
    restarts: 0,
    lastExit: null,
    report,
  };
}

function verdictOf(
  balancerStatus: BalancerStatus | null,
  vrrp: readonly InstanceStatus[] = [],
): ReturnType<typeof judge> {
  return judge({
    node: 'n',
    version: '0',
    pid: 1,
    uptimeMs: 1,
    balancer: balancerStatus,
    vrrp,
    addresses: [],
    scripts: [],
  });
}

describe('judge()', () => {
  it('is healthy when every server is up and the instance is backup', () => {
    assert.deepEqual(verdictOf(balancer([server], 1), [instance]), {
      verdict: 'healthy',
      reasons: [],
    });
  });

  it('is degraded, with its reason, when one server of two is down', () => {
    const down: ServerStatus = {
      ...server,
      name: 'b',
      check: 'down',
      reason: 'Connection refused',
    };
    assert.deepEqual(verdictOf(balancer([server, down], 1)), {
      verdict: 'degraded',
      reasons: ['Server "kube-master/b" is down: Connection refused'],
    });
  });

  it('is degraded when an operator took a server out', () => {
    const { verdict } = verdictOf(balancer([server, { ...server, admin: 'drain' }], 1));
    assert.equal(verdict, 'degraded');
  });

  it('is degraded while the node is drained, and says how that ends', () => {
    const { verdict, reasons } = verdictOf(null, [{ ...instance, drained: true }]);
    assert.equal(verdict, 'degraded');
    assert.match(reasons.join(), /drained .* "evergate ready node"/);
  });

  it('is degraded while a drained node has the VIP, because no other does', () => {
    const resort = { ...instance, drained: true, lastResort: true, state: 'master' as const };
    const { verdict, reasons } = verdictOf(null, [{ ...resort, waitsFor: null }]);
    assert.equal(verdict, 'degraded');
    assert.match(reasons.join(), /last resort .* no other node .* "evergate ready node"/);
  });

  it('is degraded while nobody has the VIP, and says what the backup waits for', () => {
    const { verdict, reasons } = verdictOf(null, [
      { ...instance, master: null, waitsFor: { event: 'takeover', inMs: 3609 } },
    ]);
    assert.equal(verdict, 'degraded');
    assert.deepEqual(reasons, [
      'VRRP instance "VI_1" hears no master and waits 3.6 s for a better master, then takes the addresses',
    ]);
  });

  it('is degraded while a master may not be the only one, and says why', () => {
    const doubts = ['10.0.0.2 advertises, too', 'no other node answers'];
    assert.deepEqual(verdictOf(null, [{ ...instance, state: 'master', waitsFor: null, doubts }]), {
      verdict: 'degraded',
      reasons: doubts.map((doubt) => `VRRP instance "VI_1" is master, but ${doubt}`),
    });
  });

  it('is down when no server is usable', () => {
    assert.equal(verdictOf(balancer([{ ...server, check: 'down' }], 0)).verdict, 'down');
  });

  it('is degraded in the last week of a certificate, and down when clients get one that has ended', () => {
    const ending = (
      name: string,
      certificateDaysLeft: number,
      admin: 'ready' | 'drain' = 'ready',
    ) => ({
      ...server,
      name,
      certificateDaysLeft,
      admin,
    });
    assert.equal(verdictOf(balancer([ending('a', 7)], 1)).verdict, 'healthy');
    assert.deepEqual(verdictOf(balancer([ending('a', 6), ending('b', 1), ending('c', 6)], 3)), {
      verdict: 'degraded',
      reasons: [
        'The certificate expires in 1 day; renew it: server "kube-master/b"',
        'The certificate expires in 6 days; renew it: servers "kube-master/a", "kube-master/c"',
      ],
    });
    assert.deepEqual(verdictOf(balancer([ending('a', -1), ending('b', -40)], 2)), {
      verdict: 'down',
      reasons: ['The certificate has expired; renew it: servers "kube-master/a", "kube-master/b"'],
    });
    assert.equal(verdictOf(balancer([ending('a', -1, 'drain'), server], 1)).verdict, 'degraded');
  });

  it('is down when no balancer serves', () => {
    const restarting: BalancerStatus = { ...balancer([server], 1), state: 'restarting' };
    assert.equal(verdictOf(restarting).verdict, 'down');
  });

  it('is degraded when the balancer serves but does not answer', () => {
    assert.equal(verdictOf({ ...balancer([server], 1), report: null }).verdict, 'degraded');
  });

  it('is degraded while a limit of connections is reached', () => {
    const { report, ...rest } = balancer([server], 1);
    assert.ok(report !== null);
    const full = ['Frontend "api" has all of its 2 connections: clients wait'];
    assert.deepEqual(verdictOf({ ...rest, report: { ...report, full } }), {
      verdict: 'degraded',
      reasons: full,
    });
  });

  it('is degraded when the data plane is in trouble', () => {
    const { report, ...rest } = balancer([server], 1);
    assert.ok(report !== null);
    assert.deepEqual(verdictOf({ ...rest, report: { ...report, trouble: 'a program is gone' } }), {
      verdict: 'degraded',
      reasons: ['The data plane is in trouble: a program is gone'],
    });
  });

  it('is degraded when an instance is in fault', () => {
    const fault: InstanceStatus = { ...instance, state: 'fault', faults: ['ens192 is down'] };
    assert.deepEqual(verdictOf(null, [fault]), {
      verdict: 'degraded',
      reasons: ['VRRP instance "VI_1" is in fault: ens192 is down'],
    });
  });
});
