import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { BackendConfig, FrontendConfig } from '../../../config/model/traffic.ts';
import type { ServerCounter } from '../../../stats/catalogue.ts';
import { counterLayout, SERVER_COUNTERS } from './counter-layout.ts';
import { CounterParts, CounterSums } from './counter-sums.ts';

const layout = counterLayout({
  frontends: [{ name: 'f' }] as unknown as FrontendConfig[],
  backends: [{ servers: [{}, {}] }, { servers: [{}] }] as unknown as BackendConfig[],
});
const block = layout.servers[1]?.[0] ?? -1;

/** Two relays that have counted 3 and 4 of something at the only server of the second backend. */
function counted(name: ServerCounter): CounterParts {
  const relays = [3, 4].map((value) => {
    const counters = new Float64Array(layout.length);
    counters[block + SERVER_COUNTERS.indexOf(name)] = value;
    return counters;
  });
  return new CounterParts(layout, relays);
}

describe('CounterSums', () => {
  it('adds the relays up', () => {
    assert.equal(new CounterSums(counted('bytesIn')).server(1, 0, 'bytesIn'), 7);
  });

  it('takes the largest of maxima and of last times', () => {
    for (const name of ['sessionsMax', 'connectTimeMaxMs', 'lastSessionMs'] as const) {
      assert.equal(new CounterSums(counted(name)).server(1, 0, name), 4, name);
    }
  });

  it('has none of what the configuration has not', () => {
    const sums = new CounterSums(counted('bytesIn'));
    assert.throws(() => sums.server(1, 1, 'bytesIn'));
    assert.throws(() => sums.frontend(1, 'bytesIn'));
  });
});

describe('CounterParts', () => {
  it('takes no counters of another configuration', () => {
    const shorter = new Float64Array(layout.length - 1);
    assert.throws(() => new CounterParts(layout, [shorter]), /laid out alike/);
  });

  it('has what each relay counted', () => {
    const parts = counted('bytesIn');
    assert.deepEqual(parts.server(1, 0, 'bytesIn'), [3, 4]);
    assert.deepEqual(parts.server(0, 0, 'bytesIn'), [0, 0]);
    assert.deepEqual(parts.plane('loops'), [0, 0]);
  });
});
