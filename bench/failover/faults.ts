/** The faults of bench/failover: what each does to whom, and how the cluster is made whole again. */

import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cluster } from '../../src/lab/cluster.ts';
import type { LabNode } from '../../src/lab/lab-node.ts';
import { cutPower, forgetAddresses, restorePower, setNodesApart } from '../../src/lab/network.ts';
import { runCommand } from '../../src/lab/run-command.ts';
import type { Topology } from '../../src/lab/topology.ts';
import {
  eldest,
  isSupervisor,
  killAll,
  type NodeProcess,
  processesOf,
  signalAll,
  waitForEnd,
} from './node-processes.ts';
import type { IsProcess, Stack } from './stacks.ts';

export type FaultContext = {
  readonly cluster: Cluster;
  readonly topology: Topology;
  readonly stack: Stack;
  /** Whom it hits. */
  readonly node: LabNode;
  /** The bench's own processes in the nodes. */
  readonly ignored: ReadonlySet<number>;
};

/** Does it; what takes time to find out is found out before. */
export type Fire = () => void | Promise<void>;

export type Fault = {
  readonly name: string;
  readonly title: string;
  /** The VIP's owner, or a node that does not hold it. */
  readonly target: 'owner' | 'other';
  /** It is watched at least for so long. */
  readonly watchMs: number;
  /** The cluster waits for it, quiet again, before the fault. */
  readonly setUp?: (context: FaultContext) => Promise<void>;
  /** null: this stack cannot do it. */
  readonly prepare: (context: FaultContext) => Promise<Fire | null>;
  readonly repair: (context: FaultContext) => Promise<void>;
};

const BALANCER_ENTRY = fileURLToPath(new URL('../../src/balancer/main.ts', import.meta.url));

const SHORT_MS = 4000;
const LONG_MS = 6500;
/** A node that takes the VIP back needs seconds for it, and a cut watch is known after some more. */
const RETURN_MS = 10_000;

export const FAULTS: readonly Fault[] = [
  {
    name: 'balancer-kill',
    title: 'balancer SIGKILL',
    target: 'owner',
    watchMs: LONG_MS,
    prepare: (context) => signalTo(context, context.stack.isBalancer, 'SIGKILL'),
    repair: restartNode,
  },
  {
    name: 'balancer-gone',
    title: 'balancer SIGKILL, cannot start again',
    target: 'owner',
    watchMs: LONG_MS,
    prepare: async (context) => {
      await breakBalancer(context);
      return signalTo(context, context.stack.isAnyBalancer, 'SIGKILL');
    },
    repair: restartNode,
  },
  {
    name: 'balancer-stop',
    title: 'balancer SIGSTOP',
    target: 'owner',
    watchMs: SHORT_MS,
    prepare: (context) => signalTo(context, context.stack.isBalancer, 'SIGSTOP'),
    repair: restartNode,
  },
  {
    name: 'vrrp-kill',
    title: 'VRRP side SIGKILL',
    target: 'owner',
    watchMs: LONG_MS,
    prepare: (context) => signalTo(context, context.stack.isVrrp, 'SIGKILL'),
    repair: restartNode,
  },
  {
    name: 'all-kill',
    title: 'everything SIGKILL',
    target: 'owner',
    watchMs: LONG_MS,
    prepare: (context) => signalTo(context, (one) => !isSupervisor(one), 'SIGKILL'),
    repair: restartNode,
  },
  {
    name: 'graceful-stop',
    title: 'graceful stop',
    target: 'owner',
    watchMs: SHORT_MS,
    prepare: prepareStop,
    repair: restartNode,
  },
  {
    name: 'power-off',
    title: 'power-off (its apiserver dies too)',
    target: 'owner',
    watchMs: SHORT_MS,
    prepare: async (context) => () => powerOff(context),
    repair: restartNode,
  },
  {
    name: 'node-returns',
    title: 'node returns',
    target: 'owner',
    watchMs: RETURN_MS,
    setUp: powerOff,
    prepare: async (context) => () => powerOn(context),
    repair: async () => undefined,
  },
  {
    name: 'partition',
    title: 'nodes cut from each other, not from clients',
    target: 'owner',
    watchMs: LONG_MS,
    prepare: async (context) => () => setApart(context, true),
    repair: (context) => setApart(context, false),
  },
  {
    name: 'apiserver-kill',
    title: 'apiserver SIGKILL',
    target: 'other',
    watchMs: SHORT_MS,
    prepare: async (context) => () => signalApiserver(context, 'SIGKILL'),
    repair: ({ node }) => node.startMissing(),
  },
  {
    name: 'apiserver-stop',
    title: 'apiserver SIGSTOP',
    target: 'other',
    watchMs: SHORT_MS,
    prepare: async (context) => () => signalApiserver(context, 'SIGSTOP'),
    repair: ({ node }) => node.startMissing(),
  },
  {
    name: 'apiserver-not-ready',
    title: 'apiserver answers 500',
    target: 'other',
    watchMs: SHORT_MS,
    prepare: async (context) => () => signalApiserver(context, 'SIGUSR2'),
    repair: async (context) => signalApiserver(context, 'SIGUSR2'),
  },
  {
    name: 'reload',
    title: 'reload, 100 connections/s',
    target: 'owner',
    watchMs: SHORT_MS,
    prepare: prepareReload,
    repair: async () => undefined,
  },
];

async function find(context: FaultContext, is: IsProcess): Promise<NodeProcess[]> {
  const { cluster, node, ignored } = context;
  return (await processesOf(cluster, node, ignored)).filter(is);
}

async function signalTo(
  context: FaultContext,
  is: IsProcess,
  signal: NodeJS.Signals,
): Promise<Fire> {
  const found = await find(context, is);
  if (found.length === 0) throw new Error(`Nothing on "${context.node.name}" takes ${signal}`);
  return () => signalAll(found, signal);
}

async function prepareStop(context: FaultContext): Promise<Fire> {
  const { stack, node } = context;
  for (const unit of stack.units) writeFileSync(flag(context, unit), '');
  const order: NodeProcess[] = [];
  for (const is of stack.stopOrder) {
    const main = eldest(await find(context, is));
    if (main === null) throw new Error(`Nothing on "${node.name}" is there to be stopped`);
    order.push(main);
  }
  return async () => {
    for (const main of order) {
      signalAll([main], 'SIGTERM');
      await waitForEnd([main]);
    }
  };
}

async function prepareReload(context: FaultContext): Promise<Fire | null> {
  const { is, signal, change } = context.stack.reload;
  const main = eldest(await find(context, is));
  if (main === null) throw new Error(`Nothing on "${context.node.name}" takes ${signal}`);
  change(context.node.name);
  return () => signalAll([main], signal);
}

async function breakBalancer(context: FaultContext): Promise<void> {
  const { balancerUnit, isVrrp } = context.stack;
  if (balancerUnit !== null) {
    writeFileSync(flag(context, balancerUnit), '');
    return;
  }
  // An empty program, in the mount namespace that the node's processes share with nobody else.
  const guardian = eldest(await find(context, isVrrp));
  if (guardian === null) throw new Error(`No guardian runs on "${context.node.name}"`);
  const enter = ['--mount', '--target', String(guardian.identity.pid)];
  await runCommand('nsenter', [...enter, 'mount', '--bind', '/dev/null', BALANCER_ENTRY]);
}

/** While it exists supervise.sh does not start the unit. */
function flag({ stack, node }: FaultContext, unit: string): string {
  return join(stack.unitsOf(node.name), `${unit}.off`);
}

async function powerOff(context: FaultContext): Promise<void> {
  const { cluster, topology, node } = context;
  // The link first: a machine without power says no good-bye.
  await cutPower(cluster.id, topology, node.name);
  node.parts.apiserver.signal('SIGKILL', true);
  await killDaemons(context);
  await forgetAddresses(cluster.id, topology, node.name);
}

async function powerOn(context: FaultContext): Promise<void> {
  const { cluster, topology, stack, node } = context;
  for (const unit of stack.units) rmSync(flag(context, unit), { force: true });
  await restorePower(cluster.id, topology, node.name, node.parts.address);
  await node.startMissing();
}

/** Whatever the fault has left of it. */
async function restartNode(context: FaultContext): Promise<void> {
  const { cluster, topology, node } = context;
  await killDaemons(context);
  await cutPower(cluster.id, topology, node.name);
  await forgetAddresses(cluster.id, topology, node.name);
  await powerOn(context);
}

async function killDaemons(context: FaultContext): Promise<void> {
  context.node.parts.daemon?.expectEnd();
  // The service manager first, or it starts anew what has just been killed.
  await killAll(() => find(context, isSupervisor));
  await killAll(() => find(context, () => true));
}

function setApart({ cluster, topology }: FaultContext, apart: boolean): Promise<void> {
  return setNodesApart(cluster.id, topology, apart);
}

function signalApiserver({ node }: FaultContext, signal: NodeJS.Signals): void {
  if (node.parts.apiserver.signal(signal, signal === 'SIGKILL')) return;
  throw new Error(`No apiserver runs on "${node.name}"`);
}
