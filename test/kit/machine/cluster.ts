/**
 * A control plane of booted machines: on each node an apiserver that stands in, with a certificate that carries the node and the
 * VIP, and what an operator has put into /etc/evergate beside evergate.yaml. Evergate is for the test to start.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ApiserverOptions } from '../../../src/lab/apiserver/main.ts';
import { createAuthority, createServerCertificate } from '../../../src/lab/certificates.ts';
import { Network } from '../network.ts';
import { lookAtStatus } from '../status.ts';
import { waitUntil } from '../wait-until.ts';
import { Machine } from './machine.ts';

const APISERVER = resolve('src/lab/apiserver/main.ts');
const APISERVER_PORT = 6443;
const CONFIG = '/etc/evergate/evergate.yaml';
export const CLUSTER_VIP = '192.168.1.94';

/** The nodes of the pages' evergate.yaml, and the last part of the address of each. */
const CLUSTER_NODES = { 'k8s-master': 92, 'k8s-node1': 93, 'k8s-node2': 95 } as const;

export class MachineCluster {
  readonly network: Network;
  readonly machines: readonly Machine[];
  readonly #folder: string;
  readonly #authorityPem: string;
  readonly #secret = `hex:${randomBytes(32).toString('hex')}\n`;
  readonly #apiservers = new Map<string, ChildProcess>();

  private constructor(
    network: Network,
    machines: readonly Machine[],
    files: { readonly folder: string; readonly authorityPem: string },
  ) {
    this.network = network;
    this.machines = machines;
    this.#folder = files.folder;
    this.#authorityPem = files.authorityPem;
  }

  /** `folder`: for files of its own. `opt`: what /opt of each holds. No apiserver runs yet. Call close() in an after hook. */
  static async boot(folder: string, opt: string): Promise<MachineCluster> {
    const network = await Network.create();
    try {
      const authority = await createAuthority();
      for (const [name, last] of Object.entries(CLUSTER_NODES)) {
        const node = await network.addNode(name, `192.168.1.${last}/24`);
        const made = await createServerCertificate(authority, [node.address, CLUSTER_VIP]);
        writeFileSync(join(folder, `${name}.crt`), made.certificatePem);
        writeFileSync(join(folder, `${name}.key`), made.keyPem, { mode: 0o600 });
      }
      const booting = network.nodes.map((node) => Machine.boot(node, opt));
      const booted = await Promise.allSettled(booting);
      const machines = booted.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
      const files = { folder, authorityPem: authority.pem };
      const cluster = new MachineCluster(network, machines, files);
      const failed = booted.find((one) => one.status === 'rejected');
      if (failed === undefined) return cluster;
      await cluster.close();
      throw failed.reason;
    } catch (error) {
      network.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.close()));
    this.network.close();
  }

  machine(name: string): Machine {
    const found = this.machines.find((each) => each.name === name);
    assert.ok(found !== undefined, name);
    return found;
  }

  /** Runs the same on every machine, side by side. */
  async everywhere(lines: string): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.ran(lines)));
  }

  /** evergate.yaml, and the authority and key that it may name. */
  configure(one: Machine, yaml: string): void {
    mkdirSync(one.path('/etc/evergate'), { recursive: true });
    writeFileSync(one.path(CONFIG), yaml);
    writeFileSync(one.path('/etc/evergate/ca.crt'), this.#authorityPem);
    writeFileSync(one.path('/etc/evergate/vrrp.key'), this.#secret, { mode: 0o600 });
  }

  /** What kubeadm, k3s and RKE2 leave of theirs: for clients that hold an apiserver against it. */
  get authorityPem(): string {
    return this.#authorityPem;
  }

  /** Resolves when it listens. */
  async startApiserver(name: string, port = APISERVER_PORT): Promise<void> {
    const { node } = this.machine(name);
    const files = { certificateFile: `${name}.crt`, keyFile: `${name}.key` };
    const options: ApiserverOptions = {
      ...{ node: name, nodes: Object.keys(CLUSTER_NODES), host: '0.0.0.0', port },
      certificateFile: join(this.#folder, files.certificateFile),
      keyFile: join(this.#folder, files.keyFile),
    };
    const words = [APISERVER, JSON.stringify(options)];
    const server = node.spawn(process.execPath, words);
    if (port === APISERVER_PORT) this.#apiservers.set(name, server);
    await waitUntil(
      `port ${port} of ${name} listens`,
      async () => (await node.run('ss', ['-Hlnt'])).stdout.includes(`:${port} `),
      50,
    );
  }

  async startApiservers(): Promise<void> {
    await Promise.all(Object.keys(CLUSTER_NODES).map((name) => this.startApiserver(name)));
  }

  killApiserver(name: string): void {
    this.#apiservers.get(name)?.kill('SIGKILL');
  }

  /** The only node with the VIP, once there is one. */
  async owner(): Promise<Machine> {
    const name = await waitUntil(
      'one node has the VIP',
      async () => {
        const names = await this.network.owners(CLUSTER_VIP);
        return names.length === 1 ? names[0] : null;
      },
      100,
    );
    return this.machine(name ?? '');
  }

  /** Until `evergate status` of it ends with the exit code of a node on which all is well. */
  async healthy(one: Machine, evergate = 'bin/evergate'): Promise<void> {
    await waitUntil(
      `${one.name} is well`,
      async () => {
        // Asked by the command once it may say so: a process for each look would keep a small machine busy.
        const report = await lookAtStatus(one.path('/run/evergate'));
        if (report?.verdict !== 'healthy') return false;
        return (await one.sh(`${evergate} status >/dev/null`)).code === 0;
      },
      100,
    ).catch(async (error) => {
      const told = await one.sh(`${evergate} status || journalctl --no-pager -u evergate -n 40`);
      throw new Error(`${error}\n${told.stdout}${told.stderr}`);
    });
  }

  async allHealthy(evergate?: string): Promise<void> {
    await Promise.all(this.machines.map((machine) => this.healthy(machine, evergate)));
  }
}

/** What is the same of two outputs of one command: names of nodes, versions, numbers, MAC addresses and columns are not. */
export function shape(line: string): string {
  return line
    .trim()
    .replaceAll(/\bk8s-\w+/g, 'NODE')
    .replaceAll(/\b192\.168\.1\.9[235]\b/g, 'ADDRESS')
    .replaceAll(/\b(?:[\da-f]{2}:){5}[\da-f]{2}\b/g, 'MAC')
    .replace(/Evergate \d+\.\d+\.\d+/, 'Evergate VERSION')
    .replaceAll(/(?<![\d.])\d+(?![\d.])/g, 'N')
    .replaceAll(/ +/g, ' ');
}
