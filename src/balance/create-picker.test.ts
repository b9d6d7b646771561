/** What every balance algorithm must hold, and HAProxy's own order where we promise it. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ServerConfig } from '../config/model/traffic.ts';
import { HASH_TYPES } from './algorithm.ts';
import { ALGORITHM_NAMES, algorithmOf, type BalanceConfig } from './algorithms.ts';
import { createPicker } from './create-picker.ts';
import type { PickContext } from './picker.ts';
import { buildServerMap, gcdOfWeights } from './server-map.ts';
import type { BackendSnapshot } from './snapshot.ts';
import { sourceHash } from './source.ts';

const BALANCES: readonly BalanceConfig[] = ALGORITHM_NAMES.flatMap((name) => {
  const { plain, withHash } = algorithmOf(name);
  return [plain, ...(withHash === undefined ? [] : HASH_TYPES.map((hash) => withHash(hash)))];
});

function server(weight: number, backup = false): ServerConfig {
  const base = { name: 's', host: '127.0.0.1', port: 1, connectionsMax: 0, check: null };
  return { ...base, weight, backup, disabled: false, shutdownSessionsOnDown: false };
}

function context(overrides: Partial<PickContext> = {}): PickContext {
  const base = { sourceHash: 0, now: 0, active: () => 0, excluded: () => false, random: () => 0 };
  return { ...base, ...overrides };
}

const allUsable = (servers: readonly ServerConfig[]) => ({
  servers: servers.map(({ weight }) => ({ usable: true, weight })),
});

const anyServers = fc.array(
  fc.record({
    weight: fc.integer({ min: 0, max: 256 }),
    backup: fc.boolean(),
    usable: fc.boolean(),
    excluded: fc.boolean(),
    active: fc.nat(50),
  }),
  { minLength: 1, maxLength: 8 },
);

test('pick() returns a usable, not excluded server, and -1 only when there is none', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...BALANCES),
      anyServers,
      fc.nat(0xffffffff),
      fc.nat(5),
      (balance, states, hash, phase) => {
        const servers = states.map(({ weight, backup }) => server(weight, backup));
        const snapshot = { servers: states.map(({ usable, weight }) => ({ usable, weight })) };
        const picker = createPicker(balance, servers, snapshot, phase);
        const open = states.flatMap((state, index) =>
          state.usable && state.weight > 0 && !state.excluded ? [index] : [],
        );
        const active = open.filter((index) => states[index]?.backup === false);
        for (let turn = 0; turn < 5; turn++) {
          const picked = picker.pick(
            context({
              sourceHash: hash,
              active: (index) => states[index]?.active ?? 0,
              excluded: (index) => states[index]?.excluded ?? true,
              random: () => hash,
            }),
          );
          if (active.length > 0) assert.ok(active.includes(picked));
          else assert.equal(picked, open[0] ?? -1);
        }
      },
    ),
  );
});

test('the rotating algorithms give each server exactly its weight over one cycle', () => {
  fc.assert(
    fc.property(
      fc.constantFrom<BalanceConfig>({ kind: 'roundrobin' }, { kind: 'static-rr' }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }),
      fc.nat(3),
      (balance, weights, phase) => {
        const servers = weights.map((weight) => server(weight));
        const picker = createPicker(balance, servers, allUsable(servers), phase);
        const shares = weights.map(() => 0);
        const cycle = weights.reduce((sum, weight) => sum + weight, 0);
        for (let turn = 0; turn < cycle; turn++) {
          const picked = picker.pick(context());
          shares[picked] = (shares[picked] ?? 0) + 1;
        }
        assert.deepEqual(shares, weights);
      },
    ),
  );
});

/** The first picks of a fresh picker for one client, while every server has room. */
function firstPicks(
  balance: BalanceConfig,
  servers: readonly ServerConfig[],
  snapshot: BackendSnapshot,
  hash: number,
): readonly number[] {
  const picker = createPicker(balance, servers, snapshot, 0);
  return Array.from({ length: 8 }, () => picker.pick(context({ sourceHash: hash })));
}

test('an algorithm is what its traits say', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...BALANCES),
      fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 6 }),
      fc.nat(0xffffffff),
      (balance, weights, hash) => {
        const servers = weights.map((weight) => server(weight));
        const whole = allUsable(servers);
        const { keepsServer } = algorithmOf(balance.kind);
        const isStatic = algorithmOf(balance.kind).isStatic(balance);
        const picks = firstPicks(balance, servers, whole, hash);
        if (keepsServer) assert.equal(new Set(picks).size, 1);
        const warming = {
          servers: whole.servers.map((each, index) => ({ ...each, throttle: 1 + 7 * index })),
        };
        if (isStatic) assert.deepEqual(firstPicks(balance, servers, warming, hash), picks);
      },
    ),
  );
});

test('a server that warms up gets its part of the circle of points, in bounds', () => {
  const servers = [server(200), server(200)];
  const snapshot = {
    servers: [
      { usable: true, weight: 200 },
      { usable: true, weight: 200, throttle: 25 },
    ],
  };
  const picker = createPicker({ kind: 'source', hash: 'consistent' }, servers, snapshot, 0);
  const shares = [0, 0];
  for (let source = 0; source < 4_000; source++) {
    const chosen = picker.pick(context({ sourceHash: Math.imul(source, 0x9e3779b1) >>> 0 }));
    shares[chosen] = (shares[chosen] ?? 0) + 1;
  }
  assert.ok((shares[1] ?? 0) > 500 && (shares[1] ?? 0) < 1_100, String(shares));
});

test('a server that warms up gets its part of its weight', () => {
  const servers = [server(1), server(1)];
  const snapshot = {
    servers: [
      { usable: true, weight: 1 },
      { usable: true, weight: 1, throttle: 25 },
    ],
  };
  const picker = createPicker({ kind: 'roundrobin' }, servers, snapshot, 0);
  const shares = [0, 0];
  for (let turn = 0; turn < 125; turn++) {
    const picked = picker.pick(context());
    shares[picked] = (shares[picked] ?? 0) + 1;
  }
  assert.deepEqual(shares, [100, 25]);
});

test('equal weights rotate in the order of the file, beginning at the phase', () => {
  for (const kind of ['roundrobin', 'static-rr', 'leastconn'] as const) {
    const servers = [server(1), server(1), server(1)];
    const picker = createPicker({ kind }, servers, allUsable(servers), 1);
    const picks = Array.from({ length: 4 }, () => picker.pick(context()));
    assert.deepEqual(picks, [1, 2, 0, 1], kind);
  }
});

test('the server map spreads weights as HAProxy does', () => {
  const map = (...weights: number[]) => [
    ...buildServerMap(
      weights.map((weight, index) => ({ server: index, weight })),
      gcdOfWeights(weights),
    ),
  ];
  assert.deepEqual(map(1, 1, 1), [0, 1, 2]);
  assert.deepEqual(map(10, 10), [0, 1]);
  assert.deepEqual(map(100, 50, 50), [0, 0, 1, 2]);
});

test('backups stand in one at a time, or all together as active servers do', () => {
  const servers = [server(1), server(2, true), server(1, true)];
  const snapshot = {
    servers: [
      { usable: false, weight: 1 },
      { usable: true, weight: 2 },
      { usable: true, weight: 1 },
    ],
  };
  const sharesOf = (allBackups: boolean, of: BackendSnapshot): readonly number[] => {
    const picker = createPicker({ kind: 'roundrobin' }, servers, of, 0, allBackups);
    const shares = [0, 0, 0];
    for (let turn = 0; turn < 30; turn++) {
      const picked = picker.pick(context());
      shares[picked] = (shares[picked] ?? 0) + 1;
    }
    return shares;
  };
  assert.deepEqual(sharesOf(false, snapshot), [0, 30, 0]);
  assert.deepEqual(sharesOf(true, snapshot), [0, 20, 10]);
  assert.deepEqual(sharesOf(true, allUsable(servers)), [30, 0, 0]);
  const picker = createPicker({ kind: 'roundrobin' }, servers, allUsable(servers), 0, true);
  const full = context({ excluded: (index) => index < 2 });
  assert.equal(picker.pick(full), 2, 'also where every active server is full');
});

test('source keeps a client at its server, and moves only on exclusion', () => {
  const servers = [server(1), server(1), server(1)];
  const picker = createPicker({ kind: 'source' }, servers, allUsable(servers), 0);
  const address = Uint8Array.of(192, 168, 1, 93);
  const hash = sourceHash(address, 0, 4);
  assert.equal(hash, 0xc0a8015d);
  assert.equal(picker.pick(context({ sourceHash: hash })), hash % 3);
  const excluded = (index: number) => index === hash % 3;
  assert.equal(picker.pick(context({ sourceHash: hash, excluded })), ((hash % 3) + 1) % 3);
});

test('sourceHash() of an IPv4 client on an IPv6 socket is its address xor 0xffff', () => {
  const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1);
  assert.equal(sourceHash(mapped, 0, 16), (0x0a000001 ^ 0xffff) >>> 0);
});

test('leastconn weighs sessions: twice the weight carries twice the sessions', () => {
  const servers = [server(2), server(1)];
  const picker = createPicker({ kind: 'leastconn' }, servers, allUsable(servers), 0);
  const active = [0, 0];
  for (let turn = 0; turn < 300; turn++) {
    const picked = picker.pick(context({ active: (index) => active[index] ?? 0 }));
    active[picked] = (active[picked] ?? 0) + 1;
  }
  assert.ok(Math.abs((active[0] ?? 0) - 200) <= 2, `${active}`);
});
