import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FrontendConfig } from '../../config/model/traffic.ts';
import { testConfig } from '../fixture.ts';
import { CounterMap } from '../fixture-plane.ts';
import { collectTotals } from './collect-totals.ts';
import { fullLimits } from './full-limits.ts';
import { Rates } from './rates.ts';

function stand(frontend: Partial<FrontendConfig> = {}) {
  const base = testConfig();
  const config = {
    ...base,
    frontends: base.frontends.map((each) => ({ ...each, ...frontend })),
  };
  const counters = new CounterMap();
  const plane = { counters, limits: () => ({ connections: 100 }) };
  const rates = new Rates();
  let now = 0;
  const look = (): readonly string[] => {
    now += 1_000;
    rates.update(collectTotals({ config, plane, http: [] }), now);
    return fullLimits({ config, plane, rates });
  };
  return { counters, look };
}

test('fullLimits() says nothing below the limits', () => {
  const { counters, look } = stand({ connectionsMax: 10 });
  counters.setFrontend(0, 'connectionsCurrent', 9);
  assert.deepEqual(look(), []);
});

test('fullLimits() names the frontend and the balancer that have all connections they may have', () => {
  const { counters, look } = stand({ connectionsMax: 10 });
  counters.setFrontend(0, 'connectionsCurrent', 10);
  assert.match(look().join(), /^Frontend "kube-api" has all of its 10 connections: clients wait$/);
  counters.setFrontend(0, 'connectionsCurrent', 100);
  assert.match(look().at(-1) ?? '', /^The balancer has all of its 100 connections/);
});

test('fullLimits() tells of clients that wait for a server, and of those turned away in the last second', () => {
  const { counters, look } = stand({ sourceRate: { connections: 5, periodMs: 1_000 } });
  counters.setBackend(0, 'queueCurrent', 2);
  counters.setServer(0, 0, 'queueCurrent', 1);
  assert.match(
    look().join(),
    /^Backend "kube-master" has 3 clients waiting for a server with room$/,
  );
  counters.setBackend(0, 'queueCurrent', 0);
  counters.setServer(0, 0, 'queueCurrent', 0);
  counters.setFrontend(0, 'connectionsDenied', 4);
  assert.match(look().join(), /^Frontend "kube-api" turned 4 connections of the last second away/);
  assert.deepEqual(look(), []);
  counters.setPlane('acceptPauses', 1);
  assert.match(look().join(), /^File descriptors ran out/);
});
