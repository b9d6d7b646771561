import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  REBALANCE_START,
  type RebalanceEffect,
  type RebalanceServer,
  type RebalanceSettings,
  stepRebalance,
} from './rebalance.ts';

const SETTINGS: RebalanceSettings = { afterMs: 30_000, ratePerS: 5 };

function server(sessions: number, changes: Partial<RebalanceServer> = {}): RebalanceServer {
  const base = { usable: true, backup: false, weight: 1, warming: false, sessionsMax: 0 };
  return { ...base, sessions, ...changes };
}

type Move = { readonly at: number; readonly server: number; readonly before: readonly number[] };

/**
 * Runs the decision against servers whose clients come back to the one with the fewest connections for its
 * weight. `quiet`: whether an order finds a connection to end.
 */
function play(
  servers: RebalanceServer[],
  random: () => number,
  quiet: () => boolean = () => true,
  settings = SETTINGS,
) {
  const moves: Move[] = [];
  const effects: RebalanceEffect[] = [];
  const down = servers.map((one, index) => (index === 0 ? { ...one, usable: false } : one));
  const input = { moved: 0, now: 0, random: random() };
  let { state } = stepRebalance(REBALANCE_START, { ...input, servers: down }, settings);
  let now = 1000;
  for (let steps = 0; steps < 20_000; steps++) {
    const moved = moves.length;
    const step = stepRebalance(state, { servers, moved, now, random: random() }, settings);
    state = step.state;
    effects.push(...step.effects);
    for (const effect of step.effects) {
      if (effect.kind !== 'move' || !quiet()) continue;
      const from = servers[effect.server];
      if (from === undefined || from.sessions <= effect.keep) continue;
      moves.push({ at: now, server: effect.server, before: servers.map((one) => one.sessions) });
      servers[effect.server] = { ...from, sessions: from.sessions - 1 };
      comeBack(servers);
    }
    if (step.wakeAt === null) return { moves, effects, now };
    assert.ok(step.wakeAt > now, 'time goes on');
    now = step.wakeAt;
  }
  assert.fail('it ends');
}

function comeBack(servers: RebalanceServer[]): void {
  const load = ({ sessions, weight }: RebalanceServer): number => (sessions + 1) / weight;
  const open = servers.flatMap((one, index) =>
    one.usable &&
    !one.backup &&
    one.weight > 0 &&
    (one.sessionsMax === 0 || one.sessions < one.sessionsMax)
      ? [index]
      : [],
  );
  const [first, ...rest] = open;
  if (first === undefined) return;
  const best = rest.reduce(
    (least, index) =>
      load(servers[index] as RebalanceServer) < load(servers[least] as RebalanceServer)
        ? index
        : least,
    first,
  );
  const chosen = servers[best] as RebalanceServer;
  servers[best] = { ...chosen, sessions: chosen.sessions + 1 };
}

test('after a return the surplus moves, at the rate, and then it is even', () => {
  const servers = [server(0), server(60), server(60)];
  const { moves, effects, now } = play(servers, () => 0.5);
  assert.deepEqual(
    servers.map(({ sessions }) => sessions),
    [40, 40, 40],
  );
  assert.equal(moves[0]?.at, 1000 + 30_000 * 1.25);
  assert.equal((moves[1]?.at ?? 0) - (moves[0]?.at ?? 0), 300, 'half of the pause by chance');
  assert.deepEqual(effects[0], {
    kind: 'begin',
    count: 40,
    sessions: 120,
    returned: [0],
    durationMs: 12_000,
  });
  assert.deepEqual(effects.at(-1), { kind: 'end', count: 40, moved: 40 });
  assert.equal(moves.length, 40);
  assert.ok(now <= 1000 + 45_000 + 40 * 400);
});

test('nothing moves without a return, and nothing where it is even already', () => {
  const uneven = [server(0), server(60)];
  const input = { servers: uneven, moved: 0, now: 0, random: 0 };
  const first = stepRebalance(REBALANCE_START, input, SETTINGS);
  const later = stepRebalance(first.state, { ...input, now: 1e6 }, SETTINGS);
  assert.deepEqual([later.effects, later.wakeAt], [[], null]);
  assert.deepEqual(play([server(10), server(10)], () => 0).effects, []);
  assert.deepEqual(play([server(0), server(9)], () => 0).effects, [], 'four are too few');
});

test('a server that warms up is waited for', () => {
  const cold = [server(0, { warming: true }), server(60)];
  const down = { servers: [server(0, { usable: false }), server(60)], moved: 0, now: 0, random: 0 };
  const { state } = stepRebalance(REBALANCE_START, down, SETTINGS);
  const input = { servers: cold, moved: 0, now: 1, random: 0 };
  const waits = stepRebalance(state, input, SETTINGS);
  const looks = stepRebalance(waits.state, { ...input, now: waits.wakeAt ?? 0 }, SETTINGS);
  assert.deepEqual(looks.effects, []);
  const warm = { ...input, servers: [server(0), server(60)], now: looks.wakeAt ?? 0 };
  assert.equal(stepRebalance(looks.state, warm, SETTINGS).effects[0]?.kind, 'begin');
});

test('a server that goes away again ends it, in the middle', () => {
  const down = { servers: [server(0, { usable: false }), server(60)], moved: 0, now: 0, random: 0 };
  let { state } = stepRebalance(REBALANCE_START, down, SETTINGS);
  const up = { ...down, servers: [server(0), server(60)] };
  ({ state } = stepRebalance(state, { ...up, now: 1 }, SETTINGS));
  const begun = stepRebalance(state, { ...up, now: 50_000 }, SETTINGS);
  assert.equal(begun.effects.length, 2);
  const gone = stepRebalance(begun.state, { ...down, now: 60_000, moved: 1 }, SETTINGS);
  assert.deepEqual(gone.effects, [{ kind: 'end', count: 30, moved: 1 }]);
  assert.equal(gone.state.run, null);
});

test('connections that never pause do not keep it going for ever', () => {
  const { moves, effects, now } = play(
    [server(0), server(19)],
    () => 0,
    () => false,
  );
  assert.equal(moves.length, 0);
  assert.deepEqual(effects.at(-1), { kind: 'end', count: 9, moved: 0 });
  assert.ok(now <= 1000 + 45_000 + 3_600_000 + 1000);
});

const anyServer = fc.record({
  usable: fc.boolean(),
  backup: fc.boolean(),
  weight: fc.integer({ min: 0, max: 10 }),
  warming: fc.constant(false),
  sessionsMax: fc.constantFrom(0, 0, 5, 50),
  sessions: fc.nat(60),
});

const anyCluster = fc
  .array(anyServer, { minLength: 1, maxLength: 6 })
  .map((others): RebalanceServer[] => [server(0), ...others]);

function share(sessions: readonly number[], servers: readonly RebalanceServer[], index: number) {
  const counted = servers.map((one) => one.usable && !one.backup && one.weight > 0);
  const total = sessions.reduce((sum, count, at) => sum + (counted[at] ? count : 0), 0);
  const weights = servers.reduce((sum, one, at) => sum + (counted[at] ? one.weight : 0), 0);
  return (total * (servers[index]?.weight ?? 0)) / weights;
}

test('no server falls below its fair share, and only those that take part are touched', () => {
  fc.assert(
    fc.property(anyCluster, fc.double({ min: 0, max: 0.999, noNaN: true }), (servers, random) => {
      const given = servers.map((one) => one.sessions);
      const { moves } = play(servers, () => random);
      for (const { server: from, before } of moves) {
        const one = servers[from] as RebalanceServer;
        assert.ok(one.usable && !one.backup && one.weight > 0);
        assert.ok((before[from] ?? 0) - 1 >= share(before, servers, from));
      }
      for (const [index, one] of servers.entries()) {
        if (!one.usable || one.backup || one.weight === 0)
          assert.equal(one.sessions, given[index], 'draining and backup servers keep theirs');
      }
    }),
  );
});

test('servers of one weight end even, to the connection', () => {
  const counts = fc.array(fc.nat(200), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(counts, (sessions) => {
      const servers = [server(0), ...sessions.map((count) => server(count))];
      const total = sessions.reduce((sum, count) => sum + count, 0);
      const share = Math.ceil(total / servers.length);
      const above = sessions.reduce((sum, count) => sum + Math.max(0, count - share), 0);
      const { moves } = play(servers, () => 0.3);
      if (moves.length === 0) assert.ok(above < 5, 'too few to move');
      else assert.equal(Math.max(...servers.map((one) => one.sessions)), share);
    }),
  );
});

test('the plan bounds the moves, whatever the weights and limits', () => {
  fc.assert(
    fc.property(anyCluster, (servers) => {
      const { moves, effects } = play(servers, () => 0.3);
      const [first] = effects;
      assert.ok(moves.length <= (first?.kind === 'begin' ? first.count : 0));
      assert.equal(effects.at(-1)?.kind ?? 'end', 'end');
    }),
  );
});

test('never faster than the rate, never all at once', () => {
  fc.assert(
    fc.property(fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })), (stream) => {
      const random = (): number => stream.next().value ?? 0;
      const { moves } = play([server(0), server(50)], random);
      assert.equal(moves.length, 25);
      assert.ok((moves[0]?.at ?? 0) >= 31_000);
      for (const [index, { at }] of moves.slice(1).entries()) {
        const pause = at - (moves[index]?.at ?? 0);
        assert.ok(pause >= 199.999 && pause <= 400.001, String(pause));
      }
    }),
  );
});
