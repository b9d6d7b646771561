import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BackendConfig, FrontendConfig } from '../config/model/traffic.ts';
import { SERVER, type ServerCounter } from './catalogue.ts';
import { counterLayout, PLANE_COUNTERS, readCounter, SERVER_COUNTERS } from './layout.ts';

const config = {
  frontends: [{ name: 'f' }] as unknown as FrontendConfig[],
  backends: [{ servers: [{}, {}] }, { servers: [{}] }] as unknown as BackendConfig[],
};

describe('counterLayout()', () => {
  it('gives every block its own place', () => {
    const layout = counterLayout(config);
    const starts = [
      layout.plane,
      ...layout.frontends,
      ...layout.backends,
      ...layout.servers.flat(),
    ].sort((a, b) => a - b);
    assert.equal(new Set(starts).size, 7);
    assert.equal(starts[0], 0);
    assert.equal(starts[1], PLANE_COUNTERS.length);
    assert.equal(layout.length, (starts.at(-1) ?? 0) + SERVER_COUNTERS.length);
  });
});

describe('readCounter()', () => {
  const layout = counterLayout(config);
  const block = layout.servers[1]?.[0] ?? -1;
  const relay = (name: ServerCounter, value: number): Float64Array => {
    const counters = new Float64Array(layout.length);
    counters[block + SERVER_COUNTERS.indexOf(name)] = value;
    return counters;
  };

  it('adds the relays up', () => {
    const relays = [relay('bytesIn', 3), relay('bytesIn', 4)];
    assert.equal(readCounter(relays, block, SERVER, 'bytesIn'), 7);
  });

  it('takes the largest of maxima and of last times', () => {
    for (const name of ['sessionsMax', 'connectTimeMaxMs', 'lastSessionMs'] as const) {
      const relays = [relay(name, 3), relay(name, 4)];
      assert.equal(readCounter(relays, block, SERVER, name), 4, name);
    }
  });
});
