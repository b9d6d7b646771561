/** What must hold at all times; docs/simulation.md names each rule and its bound. */

import { LIFETIME_MS_MAX } from '../src/address/rules/lifetime.ts';
import type { MachineEffect, MachineEvent, MachineState } from '../src/vrrp/machine.ts';
import { LAST_RESORT_PRIORITY } from '../src/vrrp/priority.ts';
import { downIntervalMs } from '../src/vrrp/timers.ts';
import { cliques } from './cliques.ts';
import { Conflicts } from './conflicts.ts';
import { isWell } from './network.ts';
import { noCounts, type Rule } from './rules.ts';
import {
  announcementMs,
  convergenceMs,
  handoverMs,
  hopMs,
  lastResortMs,
  reapedMs,
} from './settings.ts';
import type { CheckerView, NodeView, WorldView } from './views.ts';
import { Ways } from './ways.ts';

/** A rule was broken; ends the scenario. */
export class Violation extends Error {
  readonly rule: Rule;

  constructor(rule: Rule, text: string) {
    super(text);
    this.rule = rule;
  }
}

/** Floating point, over the sums of a scenario. */
const ROUNDING_MS = 0.001;

export class Checker implements CheckerView {
  readonly #world: WorldView;
  readonly ways: Ways;
  readonly applied = noCounts();
  readonly #conflicts: Conflicts;
  /** Per node: its last advertisement by its own clock. */
  readonly #sentAt: number[];
  /** Per node: when an address nobody renews must be gone. */
  readonly #mortalAt: number[];
  #disturbances = 0;
  #disturbedAt = 0;
  #wasWell = true;
  /** Until then some link was not well. */
  #unwellAt = 0;
  /** When it is looked at next whether the cluster has converged. */
  #convergenceAt = Number.POSITIVE_INFINITY;
  /** Some node was drained since the last disturbance. */
  #sawDrained = false;
  #disturbancesWhenQuiet = -1;
  #disturbancesWhenSteady = -1;

  constructor(world: WorldView) {
    const count = world.settings.priorities.length;
    this.#world = world;
    this.ways = new Ways(world, this);
    this.#conflicts = new Conflicts(world, this);
    this.#sentAt = new Array(count).fill(Number.NEGATIVE_INFINITY);
    this.#mortalAt = new Array(count).fill(Number.POSITIVE_INFINITY);
  }

  /** When the last thing happened that justifies a move. */
  get disturbedAt(): number {
    return this.#disturbedAt;
  }

  /** Converged since the last disturbance: from now on nothing may move. */
  get isQuiet(): boolean {
    return this.#disturbancesWhenQuiet === this.#disturbances;
  }

  /** How long after it nothing changes any more, even where nodes hear each other in part. */
  get steadyMs(): number {
    const { nodes } = this.#world;
    return nodes.length * this.#convergenceMs();
  }

  /** How long after the last disturbance every rule has been applied. */
  get settleMs(): number {
    const { settings } = this.#world;
    return this.#convergenceMs() + announcementMs(settings);
  }

  /** A rule is applied now, or something began that it watches. */
  count(rule: Rule): void {
    this.applied[rule] += 1;
  }

  fail(rule: Rule, text: string): never {
    this.#world.trace(`VIOLATION of "${rule}": ${text}`);
    throw new Violation(rule, text);
  }

  /**
   * A fault, or its end: what the nodes do next is justified for a while. `changed` decides differently
   * from now on, so that a rival has to hear it anew.
   */
  onDisturbance(what: string, changed: NodeView | null = null): void {
    this.#world.trace(`* ${what}`);
    this.#disturbances += 1;
    this.#disturbedAt = this.#world.now;
    this.#sawDrained = false;
    const { isWell } = this.#world.network;
    if (!isWell || !this.#wasWell) this.#unwellAt = this.#world.now;
    this.#wasWell = isWell;
    this.#planConvergence();
    if (changed !== null) this.#conflicts.forget(changed);
    this.#conflicts.watch();
  }

  onReleased(node: NodeView): void {
    this.count('no stranger');
    this.onDisturbance(`node ${node.index} has ended its probe`);
  }

  onRefused(node: NodeView, by: string): void {
    // Who could not hear the master may take it for a stranger; what else fails is no excuse.
    if (node.startedAt >= this.#unwellAt && this.#world.network.isWell) {
      this.fail('no stranger', `node ${node.index} takes ${by} for a stranger`);
    }
    this.onDisturbance(`node ${node.index} does not start: ${by} answers for the address`);
  }

  onProcess(node: NodeView): void {
    const { index, kernelHolds, online, process } = node;
    this.#world.trace(`node ${index}: process ${process}${online ? '' : ', machine off'}`);
    if (process === 'running' || !online || !kernelHolds) {
      this.#mortalAt[index] = Number.POSITIVE_INFINITY;
    } else if (this.#mortalAt[index] === Number.POSITIVE_INFINITY) {
      this.#watchLifetime(node);
    }
    this.#conflicts.watch();
  }

  /** Its guardian was killed alone. */
  onReaper(node: NodeView): void {
    if (node.isReaped) this.#watchLifetime(node);
  }

  onReaperKilled(node: NodeView): void {
    this.#world.trace(`node ${node.index}: its reaper is gone`);
    this.#watchLifetime(node);
  }

  onAddress(node: NodeView, why: string): void {
    this.#world.trace(
      `node ${node.index} ${node.kernelHolds ? 'has' : 'no longer has'} the address: ${why}`,
    );
    if (this.isQuiet && node.isUp) {
      this.fail('no move without a reason', `the address of node ${node.index}: ${why}`);
    }
    this.#conflicts.watch();
  }

  onTransition(
    node: NodeView,
    { from, to, why }: Extract<MachineEffect, { kind: 'transition' }>,
  ): void {
    this.#world.trace(`node ${node.index}: ${from} -> ${to} (${why})`);
    if (from !== 'master' && to !== 'master') return;
    if (this.isQuiet) {
      this.fail('no move without a reason', `node ${node.index}: ${from} -> ${to}, ${why}`);
    }
    if (this.#disturbancesWhenSteady === this.#disturbances) {
      this.fail('no endless flapping', `node ${node.index}: ${from} -> ${to}, ${why}`);
    }
  }

  /** The effects of one step, before they are carried out. */
  onStep(
    node: NodeView,
    before: MachineState,
    event: MachineEvent,
    effects: readonly MachineEffect[],
    now: number,
  ): void {
    const kinds = effects.map(({ kind }) => kind);
    if (effects.some((effect) => effect.kind === 'transition' && effect.to === 'master')) {
      this.count('every promotion announces');
      this.count('news first');
      for (const needed of ['send-advert', 'add-addresses', 'garp'] as const) {
        if (kinds.includes(needed)) continue;
        this.fail('every promotion announces', `node ${node.index} is promoted without ${needed}`);
      }
      if (node.waiting.packets > 0) {
        this.fail('news first', `node ${node.index} is promoted with packets unread`);
      }
    }
    if (before.phase !== 'master') return;
    const { version, intervalMs } = node.config;
    const asleepMs = now - (this.#sentAt[node.index] ?? 0);
    if (asleepMs <= downIntervalMs(version, before.effectivePriority, intervalMs)) {
      // A sleeper would be excused: it drops the address in silence, and nobody can know who looks for it.
      if (event.kind === 'advert' && kinds.includes('transition')) this.ways.claim(node);
      return;
    }
    this.count('a sleeper drops the address first');
    const [first] = kinds.filter((kind) => kind !== 'transition');
    if (first === undefined || first === 'remove-addresses') return;
    const text = `node ${node.index} slept ${asleepMs.toFixed(1)} ms and on ${event.kind}: ${first}`;
    this.fail('a sleeper drops the address first', text);
  }

  onAdvert(node: NodeView, priority: number): void {
    this.#sentAt[node.index] = node.clock.read(this.#world.now);
    if (priority !== 0) this.#expectReapers(node);
    if (priority !== 0 || this.#disturbances > this.#disturbancesWhenQuiet + 1) return;
    const count = this.#disturbances;
    const { settings, now } = this.#world;
    const boundMs = handoverMs(settings, this.#lowestPriority());
    this.#world.plan(now + boundMs + ROUNDING_MS, () => {
      if (count !== this.#disturbances) return;
      const group = cliques(this.#world)?.find((members) => members.includes(node));
      if (group === undefined || !group.some((member) => member.isEligible)) return;
      this.count('handover');
      const follows = (member: NodeView) => member.isUp && member.kernelHolds && !member.isLeaving;
      if (group.some(follows)) return;
      this.fail('handover', `node ${node.index} left ${boundMs.toFixed(1)} ms ago, nobody follows`);
    });
  }

  /** An advertisement of a master: who only waits for one gives the address up. */
  #expectReapers(sender: NodeView): void {
    const { network, nodes, now, settings } = this.#world;
    for (const node of nodes) {
      const link = network.link(sender.index, node.index);
      if (node === sender || !node.isReaped || !isWell(link)) continue;
      this.count('the reaper yields');
      this.#world.plan(now + hopMs(settings) + ROUNDING_MS, () => {
        if (!node.isReaped) return;
        this.fail('the reaper yields', `node ${node.index} keeps the address of ${sender.index}`);
      });
    }
  }

  onAnnounce(node: NodeView): void {
    this.count('only the owner announces');
    if (!node.kernelHolds) {
      this.fail('only the owner announces', `node ${node.index} announces what it does not have`);
    }
    this.ways.claim(node);
    this.ways.learn(node.index, node.index);
  }

  /** Deleted by hand: the process must put it back within 100 ms. */
  expectBack(node: NodeView): void {
    const count = this.#disturbances;
    this.#world.plan(this.#world.now + 100, () => {
      if (count !== this.#disturbances || !node.isUp || !node.held) return;
      this.count('back within 100 ms');
      if (!node.kernelHolds) {
        this.fail('back within 100 ms', `node ${node.index} did not put the address back`);
      }
    });
  }

  #lowestPriority(): number {
    return Math.min(...this.#world.nodes.map(({ state }) => state.effectivePriority));
  }

  #convergenceMs(): number {
    const { nodes, settings } = this.#world;
    this.#sawDrained ||= nodes.some(({ state }) => state.drained);
    const lastMs = this.#sawDrained ? lastResortMs(settings) : 0;
    return convergenceMs(settings, this.#lowestPriority()) + lastMs;
  }

  #planConvergence(): void {
    const at = this.#disturbedAt + this.#convergenceMs() + ROUNDING_MS;
    if (this.#convergenceAt <= at) return;
    this.#convergenceAt = at;
    this.#world.plan(at, () => {
      if (this.#convergenceAt !== at) return;
      this.#convergenceAt = Number.POSITIVE_INFINITY;
      if (this.#world.now <= this.#disturbedAt + this.#convergenceMs()) this.#planConvergence();
      else this.#checkConvergence();
    });
  }

  #checkConvergence(): void {
    const groups = cliques(this.#world);
    if (groups === null) {
      this.#watchFlapping();
      return;
    }
    for (const group of groups) this.#checkOwner(group);
    this.count('no move without a reason');
    this.#disturbancesWhenQuiet = this.#disturbances;
    const count = this.#disturbances;
    for (const group of groups) this.ways.watch(group, () => count === this.#disturbances);
  }

  /** Nodes that hear each other in part may have several owners, but these must not change for ever. */
  #watchFlapping(): void {
    if (!this.#world.network.isSteady) return;
    const count = this.#disturbances;
    this.#world.plan(this.#disturbedAt + this.steadyMs, () => {
      if (count !== this.#disturbances) return;
      this.count('no endless flapping');
      this.#disturbancesWhenSteady = count;
    });
  }

  #checkOwner(group: readonly NodeView[]): void {
    const owners = group.filter((node) => node.isUp && node.kernelHolds);
    const isCalled = group.some((node) => node.isCandidate);
    const eligible = group.filter((node) => node.isEligible);
    const names = owners.map(({ index }) => index).join(' and ') || 'nobody';
    this.count('one owner');
    const expected = isCalled ? 1 : 0;
    if (owners.length !== expected) {
      this.fail('one owner', `of nodes ${group.map(({ index }) => index)}, ${names} owns`);
    }
    const [owner] = owners;
    if (owner === undefined || eligible.length === 0) return;
    const allPreempt = eligible.every(
      ({ config }) => config.preempt || config.initialState === 'master' || config.priority === 255,
    );
    if (!allPreempt) return;
    this.count('the best owns');
    const best = Math.max(...eligible.map(({ state }) => state.effectivePriority));
    this.count('the drained come last');
    // Whose priority is the lowest anyway lets it be.
    if (owner.state.drained && best > LAST_RESORT_PRIORITY) {
      this.fail('the drained come last', `node ${owner.index} owns, but another is not drained`);
    }
    if (!owner.state.drained && owner.state.effectivePriority < best) {
      this.fail('the best owns', `node ${owner.index} owns, but another has priority ${best}`);
    }
  }

  #watchLifetime(node: NodeView): void {
    const { settings } = this.#world;
    // Until a reaper stands in for one that hangs, it is the lifetime that ends.
    const standsIn = node.isReaped || (node.process === 'frozen' && node.online);
    const mostMs = node.isReaped ? 0 : LIFETIME_MS_MAX;
    const lifetimeMs = standsIn ? Math.max(reapedMs(settings), mostMs) : mostMs;
    const at = this.#world.now + lifetimeMs + ROUNDING_MS;
    this.count('no address outlives its owner');
    this.#mortalAt[node.index] = at;
    this.#world.plan(at, () => {
      if (this.#mortalAt[node.index] !== at || !node.kernelHolds) return;
      this.fail('no address outlives its owner', `node ${node.index} still has it`);
    });
  }
}
