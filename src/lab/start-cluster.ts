/**
 * Builds the article's cluster in network namespaces: three nodes with an Evergate and an apiserver
 * each, a switch, and a host with the clients.
 */

import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildApiserver, buildClient, EVERGATE } from './build-node.ts';
import type { Authority } from './certificates.ts';
import { Cluster, type LabUrl } from './cluster.ts';
import { LabClient } from './lab-client.ts';
import { LabError } from './lab-error.ts';
import { LabNode } from './lab-node.ts';
import type { StateFile } from './lab-state.ts';
import { buildNetwork, clientNamespace, namespaceOf } from './network.ts';
import { missingPrerequisites } from './prerequisites.ts';
import { inNamespace, type PrivateDirectory, Service } from './service.ts';
import { articleStack, evergateArticleStack } from './stacks/article.ts';
import { nativeStack } from './stacks/native.ts';
import type { Login, NodePaths, Stack, StackName } from './stacks/stack.ts';
import {
  type LabOptions,
  startLab,
  startLoad,
  writeAuthority,
  writeKubeconfig,
} from './start-lab.ts';
import { openSyslog } from './syslog/sink.ts';
import { ARTICLE, type Topology, type TopologyNode } from './topology.ts';

/** The files as the article has them, one haproxy.cfg and a keepalived.<node>.conf for each node. */
export const ARTICLE_FILES = fileURLToPath(new URL('../../examples/article', import.meta.url));

export type ClusterOptions = LabOptions & {
  /** Absent: evergate.yaml, or, with files of its own or another daemon, the article's files on Evergate. */
  readonly stack?: StackName;
  readonly filesDirectory?: string;
  /** The daemon of a node, when it is not this Evergate; it writes guardian.pid and balancer.pid. */
  readonly nodeCommand?: (paths: NodePaths) => string[];
  /** Try for the same ports on the host every time. */
  readonly steadyPorts?: boolean;
};

const SYSLOG_PORT = 514;
const HOST_PORT_VIP = 18_443;
const HOST_PORT_STATS = 11_080;
const CHECK_SCRIPT = 'check_haproxy.sh';
// Paths that the article's files name, the same on every node; the nodes share one file system.
const HAPROXY_DIRECTORY = '/var/lib/haproxy';
const KEEPALIVED_DIRECTORY = '/etc/keepalived';

/** Resolves when the cluster serves; on failure everything is removed before LabError is thrown. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const missing = await missingPrerequisites();
  if (missing.length > 0) {
    const lines = missing.map(({ what, fix }) => `${what} is missing (${fix})`);
    throw new LabError(`No cluster can be built here: ${lines.join('; ')}`);
  }
  const files = resolve(options.filesDirectory ?? ARTICLE_FILES);
  assertFiles(files, ARTICLE);
  return startLab(
    {
      kind: 'cluster',
      waitingFor: 'one owner of the VIP and the first answers',
      build: (state) => build(state, files, ARTICLE, options),
    },
    options,
  );
}

async function build(
  state: StateFile,
  files: string,
  topology: Topology,
  options: ClusterOptions,
): Promise<Cluster> {
  const { id } = state.state;
  const { directory } = state;
  options.onProgress?.('Making namespaces and certificates');
  makeHostDirectories(state);
  await buildNetwork(id, topology);
  const { authority, authorityFile } = await writeAuthority(directory);
  const stack = makeStack(options, files, directory, authorityFile);
  const nodes: LabNode[] = [];
  for (const node of topology.nodes) {
    nodes.push(await buildNode(state, node, files, topology, authority, stack));
  }
  options.signal?.throwIfAborted();
  options.onProgress?.(`Starting apiservers, clients and ${stack.daemon}`);
  await Promise.all(nodes.map((node) => node.startApiserver()));
  const enterClient = (command: readonly string[]): string[] =>
    inNamespace(clientNamespace(id), [], command);
  const client = new LabClient(buildClient(directory, enterClient));
  await client.start();
  const urls = await forwardPorts(client, topology, options.steadyPorts === true, stack.login);
  const endpoint = `${topology.vip}:${topology.vipPort}`;
  const servers = { host: urls[0]?.url ?? '', vip: `https://${endpoint}` };
  const kubeconfigFile = writeKubeconfig(directory, authority, servers);
  options.signal?.throwIfAborted();
  for (const node of nodes) node.startDaemon();
  const target = { host: topology.vip, port: topology.vipPort, authorityFile };
  await startLoad(client, { ...target, addresses: topology.clientAddresses }, options);
  return new Cluster({ state, topology, stack, nodes, client, urls, kubeconfigFile, endpoint });
}

async function buildNode(
  state: StateFile,
  node: TopologyNode,
  files: string,
  topology: Topology,
  authority: Authority,
  stack: Stack,
): Promise<LabNode> {
  const namespace = namespaceOf(state.state.id, node.name);
  const directory = join(state.directory, node.name);
  const haproxyDirectory = join(directory, 'haproxy');
  const keepalivedDirectory = join(directory, 'keepalived');
  for (const path of [haproxyDirectory, keepalivedDirectory]) mkdirSync(path, { recursive: true });
  if (existsSync(join(files, CHECK_SCRIPT))) {
    copyFileSync(join(files, CHECK_SCRIPT), join(keepalivedDirectory, CHECK_SCRIPT));
  }
  const directories: readonly PrivateDirectory[] = [
    { from: haproxyDirectory, over: HAPROXY_DIRECTORY },
    { from: keepalivedDirectory, over: KEEPALIVED_DIRECTORY },
  ];
  const paths: NodePaths = {
    node,
    haproxy: join(files, 'haproxy.cfg'),
    keepalived: join(files, keepalivedFile(node)),
    runDir: join(directory, 'run'),
    directory,
  };
  const apiserver = await buildApiserver(authority, {
    node: node.name,
    nodes: topology.nodes.map((each) => each.name),
    host: '0.0.0.0',
    port: topology.apiserverPort,
    names: [node.address, topology.vip],
    directory,
    enter: (command) => inNamespace(namespace, [], command),
  });
  const daemon = new Service({
    name: `${stack.daemon} on ${node.name}`,
    command: inNamespace(namespace, directories, stack.nodeCommand(paths)),
    logFile: join(directory, 'evergate.log'),
    channel: false,
  });
  return new LabNode({
    name: node.name,
    address: node.address,
    namespace,
    runDir: paths.runDir,
    apiserver,
    daemon,
    syslog: await openSyslog(namespace, SYSLOG_PORT),
    evergate: stack.programs === null ? [EVERGATE] : null,
    programs: stack.programs,
    startAgain: stack.startAgain === null ? null : (roles) => stack.startAgain?.(paths, roles),
  });
}

/** LabError where this machine cannot run it. */
function makeStack(
  options: ClusterOptions,
  files: string,
  directory: string,
  authorityFile: string,
): Stack {
  const { nodeCommand, filesDirectory, stack } = options;
  const withFiles = nodeCommand !== undefined || filesDirectory !== undefined;
  const name = stack ?? (withFiles ? 'evergate-article' : 'evergate');
  if (name === 'evergate') return nativeStack(directory, ARTICLE, authorityFile);
  if (name === 'article') return articleStack(files);
  const made = evergateArticleStack(files);
  return nodeCommand === undefined ? made : { ...made, nodeCommand };
}

async function forwardPorts(
  client: LabClient,
  topology: Topology,
  steady: boolean,
  login: Login | null,
): Promise<LabUrl[]> {
  const { vip, vipPort, statsPort, statsPath } = topology;
  const vipHostPort = await client.forward(vip, vipPort, steady ? HOST_PORT_VIP : 0);
  const urls: LabUrl[] = [{ what: 'Kubernetes API', url: `https://127.0.0.1:${vipHostPort}` }];
  for (const [index, node] of topology.nodes.entries()) {
    const preferred = steady ? HOST_PORT_STATS + index : 0;
    const port = await client.forward(node.address, statsPort, preferred);
    const url = `http://127.0.0.1:${port}${statsPath}`;
    urls.push({ what: `stats ${node.name}`, url, ...(login === null ? {} : { login }) });
  }
  return urls;
}

function makeHostDirectories(state: StateFile): void {
  const missing = [HAPROXY_DIRECTORY, KEEPALIVED_DIRECTORY].filter((path) => !existsSync(path));
  state.update({ hostDirectories: missing });
  for (const path of missing) mkdirSync(path, { recursive: true });
}

function assertFiles(directory: string, topology: Topology): void {
  for (const file of ['haproxy.cfg', ...topology.nodes.map(keepalivedFile)]) {
    if (existsSync(join(directory, file))) continue;
    throw new LabError(`There is no "${file}" in "${directory}"; name a directory with --seed`);
  }
}

function keepalivedFile(node: TopologyNode): string {
  return `keepalived.${node.name}.conf`;
}
