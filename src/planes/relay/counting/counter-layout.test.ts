import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BackendConfig, FrontendConfig } from '../../../config/model/traffic.ts';
import { counterLayout, PLANE_COUNTERS, SERVER_COUNTERS } from './counter-layout.ts';

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
