/**
 * Three machines on a virtual clock and a virtual network that loses, delays and partitions. Every failure
 * is replayed by the seed and path that fast-check prints.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import {
  downIntervalMs,
  type MachineConfig,
  type MachineEvent,
  type MachineState,
  newMachine,
  nextTickAt,
  step,
} from './machine.ts';

const INTERVAL_MS = 100;
const DELAY_MS = 1;

type Packet = { at: number; to: number; event: MachineEvent };

/** A node: its machine, whether it is frozen, and in which part of a split network it is. */
class Node {
  readonly config: MachineConfig;
  state: MachineState;
  held = false;
  frozen = false;
  side = 0;

  constructor(priority: number, address: number) {
    this.config = {
      version: 3,
      priority,
      initialState: 'backup',
      intervalMs: INTERVAL_MS,
      preempt: true,
      preemptDelayMs: 0,
      address,
      garp: { repeat: 5, delayMs: 5000, refreshMs: 0 },
    };
    this.state = newMachine(this.config);
  }
}

class World {
  readonly nodes = [new Node(100, 1), new Node(90, 2), new Node(80, 3)];
  readonly #packets: Packet[] = [];
  readonly #random: () => number;
  now = 0;
  loss = 0;
  /** Who announced the addresses last: the way the switches have learned. */
  announcer = -1;

  constructor(random: () => number) {
    this.#random = random;
    for (const index of this.nodes.keys()) this.deliver(index, { kind: 'start', held: false });
  }

  deliver(index: number, event: MachineEvent): void {
    const node = this.nodes[index];
    assert.ok(node);
    const { state, effects } = step(node.config, node.state, event, this.now);
    node.state = state;
    for (const effect of effects) {
      if (effect.kind === 'add-addresses') node.held = true;
      if (effect.kind === 'remove-addresses') node.held = false;
      if (effect.kind === 'garp') this.announcer = index;
      if (effect.kind === 'send-advert') this.#send(index, effect.priority);
    }
  }

  /** Runs every timer and packet up to `until`. */
  run(until: number): void {
    for (let turns = 0; this.now < until; turns += 1) {
      assert.ok(turns < 100_000, 'the simulation makes progress');
      // What is on its way to a node that froze meanwhile waits with it.
      const arriving = this.#packets.filter(({ to }) => !this.#isFrozen(to));
      this.now = Math.min(until, ...arriving.map(({ at }) => at), ...this.#ticks());
      const due = this.#packets.filter(({ at, to }) => at <= this.now && !this.#isFrozen(to));
      for (const packet of due) this.#packets.splice(this.#packets.indexOf(packet), 1);
      // Packets first: the shell drains its sockets before it looks at its timers.
      for (const { to, event } of due) this.deliver(to, event);
      for (const [index, node] of this.nodes.entries()) {
        if (!node.frozen && nextTickAt(node.config, node.state) <= this.now) {
          this.deliver(index, { kind: 'tick' });
        }
      }
    }
  }

  masters(): readonly number[] {
    return [...this.nodes.keys()].filter((index) => this.nodes[index]?.held);
  }

  thaw(index: number): void {
    const node = this.nodes[index];
    assert.ok(node);
    node.frozen = false;
    for (const packet of this.#packets) if (packet.to === index) packet.at = this.now;
  }

  #isFrozen(index: number): boolean {
    return this.nodes[index]?.frozen ?? false;
  }

  #ticks(): readonly number[] {
    return this.nodes
      .filter(({ frozen }) => !frozen)
      .map(({ config, state }) => Math.max(this.now, nextTickAt(config, state)));
  }

  #send(from: number, priority: number): void {
    const sender = this.nodes[from];
    assert.ok(sender);
    for (const [to, receiver] of this.nodes.entries()) {
      if (to === from || receiver.side !== sender.side || this.#random() < this.loss) continue;
      // What waits for a frozen node is bounded, as a socket's buffer is.
      if (receiver.frozen && this.#packets.filter((packet) => packet.to === to).length > 50)
        continue;
      const at = receiver.frozen ? Number.POSITIVE_INFINITY : this.now + DELAY_MS;
      const event: MachineEvent = {
        kind: 'advert',
        source: sender.config.address,
        priority,
        intervalMs: INTERVAL_MS,
      };
      this.#packets.push({ at, to, event });
    }
  }
}

/** Long enough for any timer of any node to run out, twice. */
const SETTLE_MS = 2 * downIntervalMs(3, 1, INTERVAL_MS) + 10;

const faults = fc.array(
  fc.record({
    kind: fc.constantFrom('split', 'heal', 'freeze', 'thaw', 'loss', 'fault', 'clear', 'restart'),
    node: fc.integer({ min: 0, max: 2 }),
    afterMs: fc.integer({ min: 0, max: 900 }),
  }),
  { maxLength: 25 },
);

function apply(world: World, kind: string, index: number): void {
  const node = world.nodes[index];
  assert.ok(node);
  if (kind === 'split') node.side = 1;
  else if (kind === 'heal') node.side = 0;
  else if (kind === 'freeze') node.frozen = true;
  else if (kind === 'thaw') world.thaw(index);
  else if (kind === 'loss') world.loss = 0.3;
  else if (node.frozen) return;
  else if (kind === 'fault') {
    world.deliver(index, { kind: 'track', priorityDelta: 0, faults: ['a fault'] });
  } else if (kind === 'clear') {
    world.deliver(index, { kind: 'track', priorityDelta: 0, faults: [] });
  } else {
    world.deliver(index, { kind: 'stop' });
    world.deliver(index, { kind: 'start', held: false });
  }
}

test('three machines have one master, the best one, once the faults are over', () => {
  fc.assert(
    fc.property(faults, fc.infiniteStream(fc.double({ min: 0, max: 1 })), (sequence, stream) => {
      const world = new World(() => stream.next().value ?? 0);
      for (const { kind, node, afterMs } of sequence) {
        world.run(world.now + afterMs);
        apply(world, kind, node);
      }
      world.loss = 0;
      for (const index of world.nodes.keys()) {
        apply(world, 'heal', index);
        apply(world, 'thaw', index);
        apply(world, 'clear', index);
      }
      world.run(world.now + SETTLE_MS);
      assert.deepEqual(world.masters(), [0]);
    }),
    { numRuns: 300 },
  );
});

test('after a healed partition the master announces itself, at whatever phase it heals', () => {
  for (let phaseMs = 0; phaseMs < 120; phaseMs += 1) {
    const world = new World(() => 1);
    world.run(1000);
    apply(world, 'split', 2);
    world.run(2000 + phaseMs);
    assert.deepEqual(world.masters(), [0, 2]);
    world.announcer = 2;
    apply(world, 'heal', 2);
    world.run(world.now + INTERVAL_MS + RIVAL_GAP_MS);
    assert.deepEqual(world.masters(), [0]);
    assert.equal(world.announcer, 0);
  }
});

/** Announcements because of a rival come at most once a second. */
const RIVAL_GAP_MS = 1010;

test('a frozen master that wakes up never holds the addresses beside another', () => {
  const world = new World(() => 1);
  world.run(1000);
  const [best] = world.nodes;
  assert.ok(best);
  best.frozen = true;
  world.run(2000);
  assert.deepEqual(world.masters(), [0, 1]);
  world.thaw(0);
  world.run(2000.5);
  world.deliver(0, { kind: 'tick' });
  assert.deepEqual(world.masters(), [1]);
  world.run(2000 + SETTLE_MS);
  assert.deepEqual(world.masters(), [0]);
});
