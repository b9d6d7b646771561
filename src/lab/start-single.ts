/**
 * The lab without root: three apiservers and one balancer on loopback, no VIP. What the balancer does
 * can be seen here; what the VIP does needs the cluster.
 */

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { buildApiserver, buildClient, EVERGATE } from './build-node.ts';
import { Cluster } from './cluster.ts';
import { LabClient } from './lab-client.ts';
import { LabError } from './lab-error.ts';
import { LabNode } from './lab-node.ts';
import type { StateFile } from './lab-state.ts';
import { Service } from './service.ts';
import { NATIVE_LOGIN, type SinglePorts, singleConfig } from './stacks/native.ts';
import {
  type LabOptions,
  startLab,
  startLoad,
  writeAuthority,
  writeKubeconfig,
} from './start-lab.ts';
import { ARTICLE, type Topology } from './topology.ts';

const HOST = '127.0.0.1';
const STACK = { name: 'evergate', title: 'Evergate on loopback', daemon: 'evergate' } as const;

/** As startCluster(), with everything on 127.0.0.1; takes no files of its own. */
export function startSingle(options: LabOptions = {}): Promise<Cluster> {
  return startLab(
    {
      kind: 'single',
      waitingFor: 'the first answers',
      build: (state) => build(state, ARTICLE, options),
    },
    options,
  );
}

async function build(state: StateFile, topology: Topology, options: LabOptions): Promise<Cluster> {
  const { directory } = state;
  options.onProgress?.('Making certificates, starting apiservers, a balancer and a client');
  const { authority, authorityFile } = await writeAuthority(directory);
  const names = topology.nodes.map((node) => node.name);
  const runDir = join(directory, 'run');
  mkdirSync(runDir);
  const configFile = join(directory, 'evergate.yaml');
  const ports: SinglePorts = { api: await freePort(), stats: await freePort() };
  const daemon = new Service({
    name: 'evergate',
    command: [EVERGATE, 'run', '--config', configFile, '--run-dir', runDir],
    logFile: join(directory, 'evergate.log'),
    channel: false,
  });
  const nodes: LabNode[] = [];
  const apiservers: { readonly name: string; readonly port: number }[] = [];
  for (const [index, name] of names.entries()) {
    const port = await freePort();
    const apiserver = await buildApiserver(authority, {
      node: name,
      nodes: names,
      host: HOST,
      port,
      names: [],
      directory: join(directory, name),
      enter: (command) => [...command],
    });
    const node = new LabNode({
      name,
      address: `${HOST}:${port}`,
      namespace: null,
      runDir,
      apiserver,
      // The one balancer is counted to the first node.
      daemon: index === 0 ? daemon : null,
      syslog: null,
      evergate: [EVERGATE],
      programs: null,
      startAgain: null,
    });
    nodes.push(node);
    await node.startApiserver();
    apiservers.push({ name, port });
    record(state, apiserver);
  }
  const config = singleConfig(HOST, ports, apiservers, authorityFile, ARTICLE.statsPath);
  writeFileSync(configFile, config);
  nodes[0]?.startDaemon();
  record(state, daemon);
  const client = new LabClient(buildClient(directory, (command) => [...command]));
  await client.start();
  record(state, client.service);
  const addresses = topology.clientAddresses.map((_address, index) => `127.0.0.${index + 2}`);
  await startLoad(client, { host: HOST, port: ports.api, authorityFile, addresses }, options);
  const endpoint = `${HOST}:${ports.api}`;
  const api = `https://${endpoint}`;
  const kubeconfigFile = writeKubeconfig(directory, authority, { host: api });
  const stats = `http://${HOST}:${ports.stats}${topology.statsPath}`;
  const urls = [
    { what: 'Kubernetes API', url: api },
    { what: 'stats', url: stats, login: NATIVE_LOGIN },
  ];
  return new Cluster({
    ...{ state, topology: null, stack: STACK, nodes, client },
    ...{ urls, kubeconfigFile, endpoint },
  });
}

/** Without namespaces the processes are found again by their pids only. */
function record(state: StateFile, service: Service): void {
  if (service.identity === null) return;
  state.update({ processes: [...state.state.processes, service.identity] });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new LabError(`No port on ${HOST}`);
  return address.port;
}
