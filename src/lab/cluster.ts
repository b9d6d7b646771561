/**
 * A running lab: what tests, the live view and the control socket work with. It is made by
 * startCluster() (network namespaces) or startSingle() (loopback only).
 */

import type { ClientReport } from './client/messages.ts';
import { type Expectation, expectationOf, type Happening } from './expectations.ts';
import { FAULTS, type FaultName } from './faults.ts';
import type { LabClient } from './lab-client.ts';
import { LabError } from './lab-error.ts';
import type { LabNode } from './lab-node.ts';
import type { StateFile } from './lab-state.ts';
import { addressesOf, cutPower, forgetAddresses, restorePower } from './network.ts';
import { type Removed, removeLab } from './remove-lab.ts';
import type { Service, ServiceExit } from './service.ts';
import type { Login, Stack } from './stacks/stack.ts';
import type { Topology } from './topology.ts';
import { waitUntil } from './wait-until.ts';

export type LabUrl = {
  readonly what: string;
  readonly url: string;
  /** What it asks for; absent: nothing. */
  readonly login?: Login;
};

export type FaultReport = {
  readonly name: FaultName;
  readonly node: string;
  /** In words: what was done. */
  readonly does: string;
  /** What clients should feel now. */
  readonly expected: Expectation;
};

export type LabEvent = { readonly kind: 'surprise'; readonly text: string };

export type ClusterParts = {
  readonly state: StateFile;
  /** null: everything on loopback, no VIP. */
  readonly topology: Topology | null;
  readonly stack: Pick<Stack, 'name' | 'title' | 'daemon'>;
  readonly nodes: readonly LabNode[];
  readonly client: LabClient;
  readonly urls: readonly LabUrl[];
  readonly kubeconfigFile: string;
  /** What clients connect to. */
  readonly endpoint: string;
};

const SERVING_POLL_MS = 50;

export class Cluster {
  readonly parts: ClusterParts;
  readonly id: string;
  readonly nodes: readonly LabNode[];
  onEvent: (event: LabEvent) => void = () => undefined;
  #stopped: Promise<Removed> | null = null;

  constructor(parts: ClusterParts) {
    this.parts = parts;
    this.id = parts.state.state.id;
    this.nodes = parts.nodes;
    for (const service of this.#services()) {
      service.onSurprise = (exit) => {
        const text = `"${service.spec.name}" ended by itself (${describe(exit)})`;
        this.onEvent({ kind: 'surprise', text: `${text}; its log is "${service.spec.logFile}"` });
      };
    }
  }

  get directory(): string {
    return this.parts.state.directory;
  }

  /** The node of that name; LabError names those there are. */
  node(name: string): LabNode {
    const found = this.nodes.find((node) => node.name === name);
    if (found !== undefined) return found;
    const names = this.nodes.map((node) => node.name).join(', ');
    throw new LabError(`There is no node "${name}"; the lab has ${names}`);
  }

  /** Names of the nodes whose kernel has the VIP now. Without a VIP: none. */
  async owners(): Promise<string[]> {
    const { topology } = this.parts;
    if (topology === null) return [];
    const held = await Promise.all(
      this.nodes.map((node) => addressesOf(this.id, topology, node.name)),
    );
    return this.nodes
      .filter((_node, index) => held[index]?.includes(topology.vip))
      .map((node) => node.name);
  }

  /** The client's figures, a quarter of a second old at most. */
  requests(): ClientReport {
    return this.parts.client.report;
  }

  /** Does it now; figures "since the mark" begin with it. LabError when it cannot be done there. */
  async fault(name: FaultName, nodeName: string | null = null): Promise<FaultReport> {
    const fault = FAULTS[name];
    if (this.parts.topology === null && !fault.single) {
      throw new LabError(`"${name}" needs the cluster; this lab has one node without a VIP`);
    }
    const node = nodeName === null ? await this.#defaultNode(name) : this.node(nodeName);
    const happening = await this.#happening(name, node);
    await this.parts.client.mark();
    await this.#apply(name, node);
    this.#record();
    const expected = expectationOf(this.parts.stack.name, happening);
    return { name, node: node.name, does: this.#describe(happening, fault.does), expected };
  }

  /** What a fault is where it strikes: power comes back to a node, or to no more than its apiserver. */
  async #happening(name: FaultName, node: LabNode): Promise<Happening> {
    if (name !== 'power-on') return name;
    return (await node.daemonComplete()) ? 'apiserver-back' : 'node-back';
  }

  #describe(happening: Happening, does: string): string {
    const { daemon } = this.parts.stack;
    if (happening === 'apiserver-back') return 'start of the apiserver, or SIGCONT to it';
    if (happening === 'node-back') return `power, link, and start of ${daemon} and the apiserver`;
    return does;
  }

  /** Resolves when there is one owner (with a VIP) and requests succeed; LabError after `boundMs`. */
  async waitUntilServing(boundMs: number, signal?: AbortSignal): Promise<void> {
    const before = this.requests().ok;
    let owners: readonly string[] = [];
    await waitUntil(
      async () => {
        signal?.throwIfAborted();
        for (const node of this.nodes) node.assertDaemonRuns();
        owners = await this.owners();
        const single = this.parts.topology === null || owners.length === 1;
        return single && this.requests().ok > before;
      },
      {
        what: 'one owner of the VIP and answered requests',
        boundMs,
        everyMs: SERVING_POLL_MS,
        seen: () => `owners [${owners}], ${JSON.stringify(this.requests().failures)}`,
      },
    );
  }

  /** Ends and removes everything; resolves with what that was. Safe to repeat. */
  stop(): Promise<Removed> {
    this.#stopped ??= this.#remove();
    return this.#stopped;
  }

  async #remove(): Promise<Removed> {
    for (const node of this.nodes) {
      node.parts.daemon?.expectEnd();
      node.parts.apiserver.expectEnd();
      node.parts.syslog?.close();
    }
    this.parts.client.service.expectEnd();
    this.#record();
    return removeLab({ directory: this.directory, state: this.parts.state.state, running: true });
  }

  #services(): Service[] {
    const { nodes, client } = this.parts;
    const services = nodes.flatMap(({ parts }) => [parts.apiserver, parts.daemon]);
    return [...services, client.service].filter((service) => service !== null);
  }

  /** Without namespaces whoever removes the lab finds its processes by what is written here only. */
  #record(): void {
    if (this.parts.topology !== null) return;
    const identities = this.#services().map((service) => service.identity);
    this.parts.state.update({ processes: identities.filter((identity) => identity !== null) });
  }

  async #defaultNode(name: FaultName): Promise<LabNode> {
    const node = await this.#findTarget(name);
    if (node === undefined) {
      throw new LabError(`Nothing to do "${name}" to: ${TARGET_MISSING[FAULTS[name].target]}`);
    }
    return node;
  }

  async #findTarget(name: FaultName): Promise<LabNode | undefined> {
    switch (FAULTS[name].target) {
      case 'apiserver':
        return this.nodes.find((node) => node.parts.apiserver.working);
      case 'broken':
        return this.#firstBroken();
      case 'owner': {
        if (this.parts.topology === null) return this.nodes.find((node) => node.parts.daemon);
        const [owner] = await this.owners();
        return owner === undefined ? undefined : this.node(owner);
      }
    }
  }

  async #firstBroken(): Promise<LabNode | undefined> {
    for (const node of this.nodes) if (!(await node.complete())) return node;
    return undefined;
  }

  async #apply(name: FaultName, node: LabNode): Promise<void> {
    const { topology } = this.parts;
    switch (name) {
      case 'kill-balancer':
        return node.signalDaemon('balancer', 'SIGKILL');
      case 'stop-balancer':
        return node.signalDaemon('balancer', 'SIGSTOP');
      case 'kill-guardian':
        return node.signalDaemon('guardian', 'SIGKILL');
      case 'kill-all':
        return node.killDaemon();
      case 'power-off':
        // The link first: a machine without power says no good-bye.
        if (topology !== null) await cutPower(this.id, topology, node.name);
        await node.killEverything();
        if (topology !== null) await forgetAddresses(this.id, topology, node.name);
        return;
      case 'power-on':
        if (topology !== null) {
          await restorePower(this.id, topology, node.name, node.parts.address);
        }
        return node.startMissing();
      case 'kill-apiserver':
      case 'hang-apiserver': {
        const kill = name === 'kill-apiserver';
        if (node.parts.apiserver.signal(kill ? 'SIGKILL' : 'SIGSTOP', kill)) return;
        throw new LabError(`No apiserver runs on "${node.name}"`);
      }
    }
  }
}

const TARGET_MISSING = {
  owner: 'no node holds the VIP',
  apiserver: 'no apiserver runs',
  broken: 'everything runs',
} as const;

function describe(exit: ServiceExit): string {
  return exit.signal ?? `exit code ${exit.code}`;
}
