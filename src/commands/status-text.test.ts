import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StatusReport } from '../stats/status.ts';
import { renderStatus } from './status-text.ts';

const server = {
  admin: 'ready',
  check: 'up',
  lastCheck: 'L4OK',
  reason: 'Layer4 check passed',
  weight: 1,
  sessionsCurrent: 2,
  sessionsTotal: 7,
  connectErrors: 0,
  bytesIn: 0,
  bytesOut: 0,
  hedges: 0,
  hedgesWon: 0,
  hedgesRefused: 0,
  warnings: [],
};

const report = {
  node: 'k8s-master',
  version: '0.1.0',
  pid: 10,
  uptimeMs: 93_784_000,
  configuration: { loadedAt: '2026-11-25T08:00:00.000Z', reloads: 2, refused: null },
  verdict: 'degraded',
  reasons: ['Server "kube-master/n" is down: Connection refused'],
  balancer: {
    state: 'serving',
    pid: 11,
    spare: { state: 'ready', pid: 12 },
    restarts: 1,
    lastExit: 'It was killed by SIGKILL',
    report: {
      uptimeMs: 1,
      relays: 1,
      frontends: [
        {
          name: 'kube-api',
          connectionsCurrent: 2,
          connectionsMax: 3,
          connectionsTotal: 7,
          connectionsLimit: 3000,
          bytesIn: 999,
          bytesOut: 1_234_567,
        },
      ],
      backends: [
        {
          name: 'kube-master',
          usableServers: 1,
          connectErrors: 0,
          servers: [
            { ...server, name: 'k8s-master', address: '192.168.1.92:6443', hedgesWon: 4 },
            {
              ...server,
              name: 'n',
              address: '192.168.1.93:6443',
              check: 'down',
              lastCheck: 'L4CON',
              reason: 'Connection refused',
              hedges: 5,
              hedgesRefused: 2,
            },
          ],
        },
      ],
    },
  },
  vrrp: [
    {
      name: 'VI_1',
      interface: 'ens192',
      virtualRouterId: 51,
      version: 2,
      state: 'master',
      drained: false,
      lastResort: false,
      waitsFor: null,
      faults: [],
      priority: 100,
      effectivePriority: 100,
      master: '192.168.1.92',
      addresses: ['192.168.1.94/24'],
      held: true,
      transitions: 2,
      advertsSent: 5,
      advertsReceived: 0,
      dropped: { 'bad-checksum': 3 },
      warnings: [],
    },
  ],
  addresses: ['192.168.1.94/24'],
  scripts: [{ name: 'chk', passing: false, lastExit: 'exit code 1' }],
  notes: ['The certificates of the API servers are not verified'],
} as unknown as StatusReport;

describe('renderStatus()', () => {
  const text = renderStatus(report);

  it('begins with the verdict and its reasons', () => {
    assert.deepEqual(text.split('\n').slice(0, 2), [
      'k8s-master: degraded (Evergate 0.1.0, up 1d 2h)',
      '  ! Server "kube-master/n" is down: Connection refused',
    ]);
  });

  it('aligns the servers', () => {
    const rows = text.split('\n').filter((line) => line.includes(':6443'));
    assert.equal(new Set(rows.map((row) => row.indexOf('192.168'))).size, 1);
    assert.equal(new Set(rows.map((row) => row.indexOf('2 open'))).size, 1);
  });

  it('tells of the hedges of servers that have some', () => {
    assert.match(text, /^ {4}n: hedges: 5 away from it, 2 refused, 0 won$/m);
    assert.match(text, /^ {4}k8s-master: hedges: 0 away from it, 0 refused, 4 won$/m);
    const quiet = structuredClone(report);
    for (const one of quiet.balancer?.report?.backends[0]?.servers ?? []) {
      Object.assign(one, { hedges: 0, hedgesWon: 0, hedgesRefused: 0 });
    }
    assert.doesNotMatch(renderStatus(quiet), /hedges/);
  });

  it('tells one cause of several servers in one line', () => {
    const warned = structuredClone(report);
    for (const one of warned.balancer?.report?.backends[0]?.servers ?? []) {
      Object.assign(one, { warnings: ['The certificate expires in 1 day; renew it'] });
    }
    const lines = renderStatus(warned).match(/^.*warning.*$/gm);
    assert.deepEqual(lines, [
      '    warning: The certificate expires in 1 day; renew it (k8s-master, n)',
    ]);
  });

  it('names the master where the files do', () => {
    const vrrp = report.vrrp.map((each) => ({ ...each, masterName: 'k8s-master' }));
    assert.match(
      renderStatus({ ...report, vrrp }),
      /^ {2}master {4}k8s-master \(192\.168\.1\.92\)$/m,
    );
  });

  it('says which node is drained', () => {
    const vrrp = report.vrrp.map((each) => ({
      ...each,
      state: 'backup' as const,
      drained: true,
      waitsFor: { event: 'ready', inMs: 7605 } as const,
    }));
    const told = renderStatus({ ...report, vrrp });
    assert.match(told, /VRRP VI_1: backup, drained, priority 100/);
    assert.match(told, /^ {2}waits {5}for "evergate ready node", or for 7\.6 s in which no other/m);
  });

  it('says that a drained node has the VIP as the last resort', () => {
    const vrrp = report.vrrp.map((each) => ({ ...each, drained: true, lastResort: true }));
    const told = renderStatus({ ...report, vrrp });
    assert.match(told, /VRRP VI_1: master, drained \(last resort\), priority 100/);
  });

  it('tells nothing of VRRP where another election owns the address', () => {
    const vrrp = report.vrrp.map(({ name, interface: device, state, drained, ...rest }) => {
      const { lastResort, waitsFor, faults, master, addresses, held, transitions } = rest;
      const owner = { lastResort, waitsFor, faults, master, addresses, held, transitions };
      return { name, interface: device, state, drained, ...owner };
    });
    const told = renderStatus({ ...report, vrrp });
    assert.match(told, /^VIP VI_1: master on ens192\n {2}master {4}192\.168\.1\.92$/m);
    assert.doesNotMatch(told, /VRRP|VRID|priority|adverts|dropped|undefined/);
  });

  it('names what a person on call asks for', () => {
    for (const part of [
      'VRRP VI_1: master, priority 100, VRID 51 on ens192',
      '192.168.1.94/24 (held here)',
      'bad-checksum 3',
      'Balancer: serving, pid 11, spare 12 ready, replaced 1 times (last: It was killed by SIGKILL)',
      '2 of 3000 connections, 7 since start, 999 B in, 1.2 MB out',
      '1 of 2 servers usable',
      'Tracked script chk: fails (exit code 1)',
      'Configuration: read 2026-11-25T08:00:00.000Z, 2 reloads',
      'Note: The certificates of the API servers are not verified',
    ]) {
      assert.ok(text.includes(part), `${part}\nis missing in\n${text}`);
    }
  });
});
