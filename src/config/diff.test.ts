import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffConfigs } from './diff.ts';
import { parseHaproxy } from './haproxy/index.ts';
import { parseKeepalived } from './keepalived/index.ts';
import type { Config } from './model/config.ts';

const HAPROXY = `global
    nbthread 2
    stats socket /run/haproxy.sock mode 600 level admin
defaults
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
frontend kube-api
    bind :8443
    default_backend kube-master
backend kube-master
    balance roundrobin
    server m1 10.0.0.1:6443 check
    server m2 10.0.0.2:6443 check
listen stats
    mode http
    bind :1080
    stats uri /stats
    stats auth admin:secret
`;

const KEEPALIVED = `vrrp_instance VI_1 {
    interface ens192
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.168.1.94/24
    }
}
`;

function configOf(haproxy: string, keepalived: string): Config {
  const balancer = parseHaproxy('haproxy.cfg', haproxy, {}).config;
  const vrrp = parseKeepalived('keepalived.conf', keepalived, {
    readInclude: () => [],
    readScript: () => null,
    configId: '',
    keepScripts: false,
    balancerHere: true,
  }).config;
  assert.ok(balancer !== null && vrrp !== null);
  return { balancer, vrrp };
}

test('diffConfigs() names nodes and the group that may look', () => {
  const config = configOf(HAPROXY, KEEPALIVED);
  const before = { ...config, nodes: [{ name: 'a', addresses: ['10.0.0.1'] }] };
  const nodes = [
    { name: 'a', addresses: ['10.0.0.9'] },
    { name: 'b', addresses: ['10.0.0.2'] },
  ];
  assert.deepEqual(diffConfigs(before, { ...config, nodes, statusGroup: 'adm' }).changes, [
    'node a: address 10.0.0.1 -> 10.0.0.9',
    'node b added',
    'status: group none -> adm',
  ]);
});

/** What the edits, each a text and what takes its place, change. */
function diff(...edits: readonly (readonly [string, string])[]) {
  let [haproxy, keepalived] = [HAPROXY, KEEPALIVED];
  for (const [from, to] of edits) {
    assert.ok(haproxy.includes(from) || keepalived.includes(from), from);
    haproxy = haproxy.replace(from, to);
    keepalived = keepalived.replace(from, to);
  }
  return diffConfigs(configOf(HAPROXY, KEEPALIVED), configOf(haproxy, keepalived));
}

test('a file that only looks different is no difference', () => {
  const edit = ['frontend kube-api\n', '\n# moved down a line\nfrontend kube-api\n'] as const;
  assert.deepEqual(diff(edit), { changes: [], waiting: [], refusal: null });
});

test('each change is a sentence that names its place', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['timeout client 1m', 'timeout client 4h', 'frontend kube-api: timeout client 1m -> 4h'],
    ['bind :8443', 'bind :9443', 'frontend kube-api: bind 0.0.0.0:9443 added'],
    [
      '10.0.0.2:6443',
      '10.0.0.9:6443',
      'server kube-master/m2: address 10.0.0.2:6443 -> 10.0.0.9:6443',
    ],
    [
      'm2 10.0.0.2:6443 check',
      'm2 10.0.0.2:6443 check weight 5',
      'server kube-master/m2: weight 1 -> 5',
    ],
    ['m2 10.0.0.2:6443 check', 'm3 10.0.0.2:6443 check', 'server kube-master/m3 added'],
    ['m2 10.0.0.2:6443 check', 'm2 10.0.0.2:6443', 'server kube-master/m2: check changed'],
    [
      'balance roundrobin',
      'balance leastconn',
      'backend kube-master: balance roundrobin -> leastconn',
    ],
    ['admin:secret', 'admin:other', 'page stats: settings of the stats page changed'],
    ['level admin', 'level user', 'stats socket /run/haproxy.sock: level admin -> user'],
    [
      '192.168.1.94/24',
      '192.168.1.94/24\n192.168.1.95/24',
      'VRRP instance VI_1: address 192.168.1.95/24 added',
    ],
    ['priority 100', 'priority 90', 'VRRP instance VI_1: priority 100 -> 90'],
    ['advert_int 1', 'advert_int 2', 'VRRP instance VI_1: advert_int 1s -> 2s'],
    ['auth_pass 1111', 'auth_pass 2222', 'VRRP instance VI_1: password changed'],
  ];
  for (const [from, to, sentence] of cases) {
    const { changes } = diff([from, to]);
    assert.ok(changes.includes(sentence), `${sentence}\nis not in\n${changes.join('\n')}`);
    assert.doesNotMatch(changes.join(), /secret|1111|2222/);
  }
});

test('servers in another order are a change: maps of clients to servers hang on it', () => {
  const swap = diff(
    ['server m1 10.0.0.1', 'server m9 10.0.0.9'],
    ['server m2', 'server m1 10.0.0.1:6443 check\n    server m2'],
  );
  assert.ok(swap.changes.includes('server kube-master/m9 added'));
  const order = diffConfigs(
    configOf(HAPROXY, KEEPALIVED),
    configOf(HAPROXY.replace(/( +server m1.*\n)( +server m2.*\n)/, '$2$1'), KEEPALIVED),
  );
  assert.deepEqual(order.changes, ['servers in another order']);
});

test('threads and accounts wait for a restart', () => {
  assert.deepEqual(diff(['nbthread 2', 'nbthread 3']), {
    changes: [],
    waiting: ['process: relay threads 2 -> 3'],
    refusal: null,
  });
  const { waiting } = diff(['global\n', 'global\n    user haproxy\n']);
  assert.deepEqual(waiting, ['process: user none -> haproxy']);
});

test('a part that appears or goes is refused', () => {
  const whole = configOf(HAPROXY, KEEPALIVED);
  const { refusal } = diffConfigs(whole, { ...whole, vrrp: null });
  assert.equal(refusal, 'The new configuration is without VRRP; restart Evergate for that');
  assert.match(
    diffConfigs({ ...whole, balancer: null }, whole).refusal ?? '',
    /asks for a balancer/,
  );
});
