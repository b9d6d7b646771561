import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_CHARACTER } from '../../../test/kit/any-shape.ts';
import { FRONTEND } from '../catalogue.ts';
import { noCounts } from '../counts.ts';
import { TEST_INFO } from '../fixture.ts';
import type { NodeFacts } from '../node-facts.ts';
import type { FrontendRow } from '../rows.ts';
import { expose, type Metric } from './exposition.ts';
import { METRICS, metricsText } from './metrics.ts';

const FRONTEND_ROW: FrontendRow = {
  kind: 'frontend',
  proxy: 'kube-api',
  proxyId: 2,
  mode: 'tcp',
  now: 5000,
  counts: noCounts(FRONTEND),
  rate: 0,
  rateMax: 0,
  connectionRate: 0,
  connectionRateMax: 0,
  limit: 3000,
  http: null,
};

const FACTS: NodeFacts = {
  node: 'k8s-master',
  version: '0.1.0',
  restarts: 2,
  spare: 'ready',
  moves: [
    { instance: 'control-plane', taken: 2, given: 1, lastGapMs: 381 },
    { instance: 'calm', taken: 0, given: 0, lastGapMs: null },
  ],
  vrrp: [
    {
      name: 'control-plane',
      interface: 'eth0',
      virtualRouterId: 94,
      version: 3,
      state: 'master',
      drained: false,
      lastResort: false,
      waitsFor: null,
      faults: [],
      priority: 250,
      effectivePriority: 230,
      master: '192.168.1.92',
      addresses: ['192.168.1.94/24'],
      held: true,
      transitions: 3,
      advertsSent: 10,
      advertsReceived: 1,
      dropped: { 'bad-checksum': 4 },
      warnings: ['x'],
    },
  ],
};

test('what the guardian told is there under evergate_*, and gone when it is old', () => {
  const text = metricsText({ rows: [], info: TEST_INFO, facts: FACTS }, []);
  for (const line of [
    'evergate_guardian_up 1',
    'evergate_balancer_restarts_total 2',
    'evergate_balancer_spare_ready 1',
    'evergate_vrrp_state{instance="control-plane",state="master"} 1',
    'evergate_vrrp_state{instance="control-plane",state="backup"} 0',
    'evergate_vrrp_owner{instance="control-plane"} 1',
    'evergate_vrrp_drained{instance="control-plane"} 0',
    'evergate_vrrp_last_resort{instance="control-plane"} 0',
    'evergate_vrrp_priority{instance="control-plane"} 230',
    'evergate_vrrp_packets_dropped_total{instance="control-plane",reason="bad-checksum"} 4',
    'evergate_vrrp_warnings{instance="control-plane"} 1',
    'evergate_vip_moves_total{instance="control-plane",to="here"} 2',
    'evergate_vip_moves_total{instance="calm",to="away"} 0',
    'evergate_vip_last_gap_seconds{instance="control-plane"} 0.381',
  ]) {
    assert.ok(text.includes(`\n${line}\n`), line);
  }
  const old = metricsText({ rows: [], info: TEST_INFO, facts: null }, []);
  assert.match(old, /\nevergate_guardian_up 0\n/);
  assert.doesNotMatch(text, /vip_last_gap_seconds\{instance="calm"/);
  assert.doesNotMatch(old, /vrrp|vip|restarts|spare/);
});

test('a counter of ours is there for frontends that count it, and not for pages', () => {
  const row = { ...FRONTEND_ROW, counts: { ...noCounts(FRONTEND), clientResets: 3 } };
  const page = { ...row, proxy: 'stats', mode: 'http' } as const;
  const text = metricsText({ rows: [row, page], info: TEST_INFO, facts: null }, []);
  assert.match(text, /^evergate_frontend_client_resets_total\{proxy="kube-api"\} 3$/m);
  assert.doesNotMatch(text, /^evergate_\S+proxy="stats"/m);
  assert.match(text, /^haproxy_frontend_denied_connections_total\{proxy="stats"\} 0$/m);
});

test('a scrape may ask for scopes', () => {
  const sources = { rows: [], info: TEST_INFO, facts: FACTS };
  assert.doesNotMatch(metricsText(sources, ['global']), /^evergate_/m);
  assert.match(metricsText(sources, ['global', 'evergate']), /haproxy_process[\s\S]*evergate_vrrp/);
  assert.equal(metricsText(sources, ['*']), metricsText(sources, []));
});

test('every metric has a name of its own, and a counter is called so', () => {
  const names = METRICS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { name, type } of METRICS) {
    assert.match(name, /^(haproxy|evergate)_[a-z_]+$/);
    assert.equal(name.endsWith('_total'), type === 'counter', name);
  }
});

test('labels of any text are one line that reads back', () => {
  fc.assert(
    fc.property(fc.string({ unit: ANY_CHARACTER }), (text) => {
      const metric: Metric = {
        name: 'm',
        type: 'gauge',
        help: 'h',
        scope: 'global',
        samples: () => [{ labels: [['a', text]], value: null }],
      };
      const out = expose([metric], { rows: [], info: TEST_INFO, facts: null });
      const [, , line = ''] = out.split('\n');
      const [, inner = ''] = /^m\{a="((?:\\[\\n"]|[^\\"\n])*)"\} NaN$/.exec(line) ?? [];
      const back = inner.replace(/\\(.)/g, (_, each: string) => (each === 'n' ? '\n' : each));
      assert.equal(back, text);
    }),
  );
});

test('an election that is not VRRP has no figures of VRRP', () => {
  const [instance] = FACTS.vrrp;
  assert.ok(instance?.virtualRouterId !== undefined);
  const { virtualRouterId, version, priority, effectivePriority, ...rest } = instance;
  const { advertsSent, advertsReceived, dropped, ...owner } = rest;
  const text = metricsText({ rows: [], info: TEST_INFO, facts: { ...FACTS, vrrp: [owner] } }, []);
  assert.match(text, /^evergate_vrrp_owner\{instance="control-plane"\} 1$/m);
  assert.doesNotMatch(text, /^evergate_vrrp_(priority|advertisements|packets)\S*\{/m);
});
