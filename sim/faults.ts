/** The faults a scenario draws from: what breaks, and how it is broken. */

import type { Random } from '../src/core/random.ts';
import type { Link } from './network.ts';
import type { Node } from './node.ts';
import type { World } from './world.ts';

/** Does one fault; false: there was nothing to break in this way. */
type Fault = (world: World, node: Node, random: Random) => boolean;

const LINK_FAULTS: readonly ((link: Link, random: Random, intervalMs: number) => string)[] = [
  (link, random) => {
    link.loss = random.pick([0.05, 0.3, 0.6, 0.9]);
    return `loses ${link.loss}`;
  },
  (link, random, intervalMs) => {
    link.extraDelayMs = intervalMs * random.pick([0.1, 0.5, 1, 4]);
    return `delays up to ${link.extraDelayMs} ms`;
  },
  (link, random) => {
    link.duplicate = random.pick([0.1, 0.5, 1]);
    return `duplicates ${link.duplicate}`;
  },
  (link, random) => {
    link.flip = random.pick([0.1, 0.5, 1]);
    return `flips bits in ${link.flip}`;
  },
];

const FAULTS: readonly Fault[] = [
  cutBothWays,
  cutOneWay,
  blockAdvertisements,
  split,
  healLinks,
  spoilLink,
  spoilAll,
  freeze,
  freeze,
  suspend,
  kill,
  kill,
  killGuardian,
  killGuardian,
  powerOff,
  stop,
  startAgain,
  startAgain,
  startAgain,
  reload,
  stopServing,
  stopServing,
  serveAgain,
  serveAgain,
  drain,
  makeReady,
  makeReady,
  weigh,
  changeClock,
  deleteAddress,
];

/** Draws until a fault finds something to break. */
const DRAWS_MAX = 20;

/** One fault; returns how many were done, 0 or 1. */
export function breakSomething(world: World): number {
  const { random, nodes } = world;
  for (let draw = 0; draw < DRAWS_MAX; draw += 1) {
    const fault = random.pick(FAULTS);
    // The owner is where it hurts.
    const owner = nodes.find(({ kernelHolds }) => kernelHolds);
    const node = owner !== undefined && random.chance(0.4) ? owner : random.pick(nodes);
    if (fault(world, node, random)) return 1;
  }
  return 0;
}

/** Ends every fault of the network and every sleep; some machines and processes stay as they are. */
export function endFaults(world: World): void {
  const { network, nodes, random, checker } = world;
  network.heal();
  checker.onDisturbance('the network is healed');
  for (const node of nodes) {
    if (node.process === 'frozen') wake(world, node);
    if (node.process === 'none' && random.chance(0.8)) start(world, node);
    if (node.verdict.faults.length > 0 && random.chance(0.8)) serveAgain(world, node);
    if (random.chance(0.8)) makeReady(world, node);
  }
}

function other(world: World, node: Node): Node {
  return world.random.pick(world.nodes.filter((candidate) => candidate !== node));
}

function setLink(link: Link, open: boolean): void {
  link.open = open;
  link.arpOpen = open;
}

function cutBothWays(world: World, node: Node): boolean {
  const { index } = other(world, node);
  setLink(world.network.link(node.index, index), false);
  setLink(world.network.link(index, node.index), false);
  world.checker.onDisturbance(`nodes ${node.index} and ${index} are cut from each other`);
  return true;
}

function cutOneWay(world: World, node: Node, random: Random): boolean {
  const targets = random.chance(0.5) ? [other(world, node)] : world.nodes;
  for (const { index } of targets) setLink(world.network.link(node.index, index), false);
  const names = targets.map(({ index }) => index);
  world.checker.onDisturbance(`nothing of node ${node.index} reaches ${names}`);
  return true;
}

function blockAdvertisements(world: World, node: Node, random: Random): boolean {
  const bothWays = random.chance(0.5);
  for (const { index } of world.nodes) {
    world.network.link(node.index, index).open = false;
    if (bothWays) world.network.link(index, node.index).open = false;
  }
  const direction = bothWays ? 'of and to' : 'of';
  world.checker.onDisturbance(`advertisements ${direction} node ${node.index} are blocked`);
  return true;
}

function split(world: World, _node: Node, random: Random): boolean {
  const sides = world.nodes.map(() => random.chance(0.5));
  for (const { index: from } of world.nodes) {
    for (const { index: to } of world.nodes) {
      const link = world.network.link(from, to);
      link.loss = 0;
      link.duplicate = 0;
      link.flip = 0;
      link.extraDelayMs = 0;
      setLink(link, sides[from] === sides[to]);
    }
  }
  const names = world.nodes.map(({ index }) => index).filter((index) => sides[index]);
  world.checker.onDisturbance(`the network is split, one side is [${names}]`);
  return true;
}

function healLinks(world: World): boolean {
  world.network.heal();
  world.checker.onDisturbance('the network is healed');
  return true;
}

function spoilLink(world: World, node: Node, random: Random): boolean {
  const { index } = other(world, node);
  const link = world.network.link(node.index, index);
  const what = random.pick(LINK_FAULTS)(link, random, world.settings.intervalMs);
  world.checker.onDisturbance(`the link from ${node.index} to ${index} ${what}`);
  return true;
}

function spoilAll(world: World, node: Node, random: Random): boolean {
  const fault = random.pick(LINK_FAULTS);
  for (const { index } of world.nodes) {
    const what = fault(world.network.link(node.index, index), random, world.settings.intervalMs);
    world.checker.onDisturbance(`the link from ${node.index} to ${index} ${what}`);
  }
  return true;
}

/** From a hiccup to far longer than a down interval and an address's lifetime. */
function drawSleepMs(world: World, random: Random): number {
  const { intervalMs } = world.settings;
  const longest = random.pick([0.5 * intervalMs, 5 * intervalMs, 12 * intervalMs, 4000]);
  return random.between(0, longest);
}

function planWake(world: World, node: Node, sleepMs: number): void {
  const { sleeps } = node;
  world.plan(world.now + sleepMs, () => {
    if (node.sleeps === sleeps && node.process === 'frozen') wake(world, node);
  });
}

function wake(world: World, node: Node): void {
  world.checker.onDisturbance(`node ${node.index} wakes`, node);
  node.wake();
}

function freeze(world: World, node: Node, random: Random): boolean {
  if (!node.isUp) return false;
  const sleepMs = drawSleepMs(world, random);
  world.checker.onDisturbance(`node ${node.index} is frozen for ${sleepMs.toFixed(1)} ms`, node);
  node.freeze();
  planWake(world, node, sleepMs);
  return true;
}

function suspend(world: World, node: Node, random: Random): boolean {
  if (!node.isUp) return false;
  const sleepMs = drawSleepMs(world, random);
  const clockRuns = random.chance(0.5);
  const how = clockRuns ? 'suspended' : 'paused with its clock';
  world.checker.onDisturbance(`node ${node.index} is ${how} for ${sleepMs.toFixed(1)} ms`, node);
  node.suspend(clockRuns);
  planWake(world, node, sleepMs);
  return true;
}

function kill(world: World, node: Node): boolean {
  if (!node.online) return false;
  if (node.isReaped) world.checker.onDisturbance(`the reaper of node ${node.index} is killed`);
  if (node.process === 'none') return node.killReaper();
  world.checker.onDisturbance(`node ${node.index} is killed`, node);
  node.end();
  return true;
}

/** Alone, so that its reaper sees to the address; mostly it is started again soon. */
function killGuardian(world: World, node: Node, random: Random): boolean {
  if (!node.online || node.process === 'none') return false;
  world.checker.onDisturbance(`the guardian of node ${node.index} is killed`, node);
  node.endAlone();
  if (random.chance(0.3)) return true;
  const { intervalMs } = world.settings;
  world.plan(world.now + random.between(0, random.pick([0.5, 2, 5]) * intervalMs), () => {
    if (node.online && node.process === 'none') start(world, node);
  });
  return true;
}

function powerOff(world: World, node: Node): boolean {
  if (!node.online) return false;
  world.checker.onDisturbance(`node ${node.index} loses power`, node);
  node.powerOff();
  return true;
}

function stop(world: World, node: Node): boolean {
  if (!node.isUp) return false;
  world.checker.onDisturbance(`node ${node.index} is stopped`, node);
  node.stop();
  return true;
}

function startAgain(world: World, node: Node): boolean {
  if (node.process !== 'none') return false;
  start(world, node);
  return true;
}

function start(world: World, node: Node): void {
  world.checker.onDisturbance(`node ${node.index} is started`, node);
  node.online = true;
  node.start();
}

function reload(world: World, node: Node, random: Random): boolean {
  if (!node.isUp) return false;
  const priority = random.chance(0.1) ? 255 : 1 + random.below(254);
  const preempt = random.chance(0.8) ? node.config.preempt : !node.config.preempt;
  const text = `node ${node.index} reloads: priority ${priority}, preempt ${preempt}`;
  world.checker.onDisturbance(text, node);
  node.reload({ priority, preempt });
  return true;
}

function stopServing(world: World, node: Node): boolean {
  if (!node.isUp || node.verdict.faults.length > 0) return false;
  world.checker.onDisturbance(`the balancer of node ${node.index} does not serve`, node);
  node.setVerdict({ ...node.verdict, faults: ['the balancer does not serve'] });
  return true;
}

function serveAgain(world: World, node: Node): boolean {
  if (node.verdict.faults.length === 0) return false;
  world.checker.onDisturbance(`the balancer of node ${node.index} serves again`, node);
  node.setVerdict({ ...node.verdict, faults: [] });
  return true;
}

function drain(world: World, node: Node): boolean {
  if (!node.isUp || node.state.drained) return false;
  world.checker.onDisturbance(`node ${node.index} is drained`, node);
  node.setDrained(true);
  return true;
}

function makeReady(world: World, node: Node): boolean {
  if (!node.isUp || !node.state.drained) return false;
  world.checker.onDisturbance(`node ${node.index} is made ready`, node);
  node.setDrained(false);
  return true;
}

function weigh(world: World, node: Node, random: Random): boolean {
  if (!node.isUp) return false;
  const priorityDelta = random.pick([0, -2, -20, -60, 2, 20, 60]);
  world.checker.onDisturbance(`node ${node.index} is weighed by ${priorityDelta}`, node);
  node.setVerdict({ ...node.verdict, priorityDelta });
  return true;
}

function changeClock(world: World, node: Node): boolean {
  const rate = world.drawRate();
  if (world.settings.drift === 0) return false;
  world.checker.onDisturbance(`the clock of node ${node.index} now runs at ${rate}`, node);
  node.clock.setRate(rate, world.now);
  if (node.isUp) node.requestRound(world.soon());
  return true;
}

function deleteAddress(world: World, node: Node): boolean {
  if (!node.isUp || !node.kernelHolds) return false;
  world.checker.onDisturbance(`the address of node ${node.index} is deleted by hand`, node);
  node.deleteAddress();
  world.checker.expectBack(node);
  return true;
}
