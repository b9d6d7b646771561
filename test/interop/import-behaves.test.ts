/**
 * What `evergate import` makes of the article's files behaves as they do: the same three nodes run first by haproxy.cfg and
 * keepalived.conf, then by the evergate.yaml. Both say the same of their servers, give each client the same one, have the VIP on the same node, and lose it to the same one when all of the first is killed; what clients miss
 * then is bounded by the same timers. And names in TLS hellos lead to the same servers by real HAProxy, by us with its
 * haproxy.cfg, and by us with the evergate.yaml.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatDiagnostic } from '../../src/config/diagnostics.ts';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import { importFiles } from '../../src/config/import/index.ts';
import type { BalancerConfig } from '../../src/config/model/config.ts';
import { clientHello } from '../../src/planes/relay/fixture/client-hello.ts';
import { dial, readBytes, startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startBalancer } from '../kit/balancer.ts';
import { freePort } from '../kit/free-port.ts';
import { accepts, startHaproxy, whyNoHaproxy } from '../kit/haproxy.ts';
import { Network, type NetworkNode, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { type Attempt, judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const ARTICLE = resolve('examples/article');
const VIP = '192.168.1.94';
const NODES = [
  ['k8s-master', '192.168.1.92'],
  ['k8s-node1', '192.168.1.93'],
  ['k8s-node2', '192.168.1.95'],
] as const;
/** From several addresses: "balance source" gives each of them a server. */
const CLIENT_ADDRESSES = Array.from({ length: 12 }, (_, index) => `192.168.1.${100 + index}`);
/** advert_int 1: three intervals and the skew time, at most a second, of a master that has just spoken; and the rest. */
const OUTAGE_MS_MAX = 5500;

/** Says its node and leaves. */
const SERVER = `require('node:net').createServer((s) => { s.on('error', () => {}); s.end(process.argv[1]); }).listen(6443)`;
/** $1: how many connections, one after the other, $2: from where; an attempt that failed is made again, without end. Each answer is a line. */
const CLIENT = `
const { connect } = require('node:net');
let left = Number(process.argv[1]);
const next = () => {
  let said = '';
  const socket = connect({ port: 8443, host: '${VIP}', localAddress: process.argv[2] });
  socket.setTimeout(200, () => socket.destroy());
  socket.on('data', (text) => { said += text; });
  socket.on('error', () => {});
  socket.on('close', () => {
    if (said !== '') { console.log(said); left -= 1; }
    if (left > 0) setTimeout(next, said === '' ? 20 : 0);
  });
};
next();
`;

type Behaviour = {
  /** Name, address and state of each server, from the owner's status. */
  readonly servers: readonly string[];
  /** By the last part of a client's address: the server it gets, again and again. */
  readonly shares: Readonly<Record<string, string>>;
  /** The nodes that had the VIP, one after the other. */
  readonly owners: readonly string[];
  readonly states: readonly string[];
};

const skip = whyNoNamespaces() ?? false;

test('what import makes behaves as the files that it was made of', {
  skip,
  timeout: 600_000,
}, async (t) => {
  await judged(t, async (attempt) => {
    const old = await behaviour(t, attempt, (folder, name) => [
      ...['--haproxy', join(folder, 'haproxy.cfg')],
      ...['--keepalived', join(ARTICLE, `keepalived.${name}.conf`)],
    ]);
    const imported = await behaviour(t, attempt, (folder) => [
      ...['--config', join(folder, 'evergate.yaml')],
    ]);
    assert.deepEqual(imported, old);
    // Or there was nothing to compare.
    assert.ok(new Set(Object.values(old.shares)).size > 1);
  });
});

async function behaviour(
  t: TestContext,
  attempt: Attempt,
  filesOf: (folder: string, node: string) => readonly string[],
): Promise<Behaviour> {
  const folder = mkdtempSync(join(tmpdir(), 'evergate-import-'));
  const network = await Network.create();
  try {
    for (const [name, address] of NODES) await network.addNode(name, `${address}/24`);
    const client = await network.addNode('client', `${CLIENT_ADDRESSES[0]}/24`);
    for (const address of CLIENT_ADDRESSES.slice(1)) {
      await client.ip('addr', 'add', `${address}/24`, 'dev', NODE_INTERFACE);
    }
    await writeFiles(folder, client);
    for (const [index, node] of network.nodes.slice(0, NODES.length).entries()) {
      node.spawn(process.execPath, ['-e', SERVER, node.name]);
      const files = filesOf(folder, node.name);
      const runDir = join(folder, node.name);
      mkdirSync(runDir);
      node.spawn(EVERGATE, ['run', ...files, '--run-dir', runDir], { stdio: 'ignore' });
      // The preferred one is master before another one starts.
      await waitUntil(`${node.name} takes part`, async () => {
        const state = (await lookAtStatus(runDir))?.vrrp[0]?.state;
        return state === (index === 0 ? 'master' : 'backup');
      });
    }
    return await observe(t, attempt, { folder, network, client });
  } finally {
    network.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The nodes share one file system, so a stats socket for all would be in the way. */
async function writeFiles(folder: string, client: NetworkNode): Promise<void> {
  const cfg = readFileSync(join(ARTICLE, 'haproxy.cfg'), 'utf8');
  writeFileSync(
    join(folder, 'haproxy.cfg'),
    cfg.replace(/^ +(stats socket|chroot|pidfile|daemon|user|group) .*$/gm, ''),
  );
  const keepalived = NODES.flatMap(([name]) => [
    ...['--keepalived', join(ARTICLE, `keepalived.${name}.conf`)],
  ]);
  const files = ['--haproxy', join(folder, 'haproxy.cfg'), ...keepalived];
  const made = await client.run(EVERGATE, [
    'import',
    ...files,
    '--output',
    join(folder, 'evergate.yaml'),
  ]);
  assert.equal(made.code, 0, made.stderr);
}

async function observe(
  t: TestContext,
  attempt: Attempt,
  {
    folder,
    network,
    client,
  }: { readonly folder: string; readonly network: Network; readonly client: NetworkNode },
): Promise<Behaviour> {
  const first = await owner(network);
  const servers = await waitUntil('all servers are up', async () => {
    const { balancer } = await askStatus(join(folder, first));
    const rows = balancer?.report?.backends.flatMap((backend) => backend.servers) ?? [];
    return rows.every(({ check }) => check === 'up') && rows.length === NODES.length
      ? rows
          .map(({ name, address, check, weight }) => `${name} ${address} ${check} ${weight}`)
          .toSorted()
      : null;
  });
  // Each has just started: it has checked its servers and heard the master, too, before it is compared.
  const states = await Promise.all(
    NODES.map(([name]) =>
      waitUntil(`${name} is healthy`, async () => {
        const { verdict, vrrp } = await askStatus(join(folder, name));
        if (verdict !== 'healthy' || vrrp[0]?.master === null) return null;
        return `${name} ${verdict} ${vrrp[0]?.state} ${vrrp[0]?.addresses.join()} ${vrrp[0]?.master}`;
      }),
    ),
  );
  const shares = Object.fromEntries(
    await Promise.all(
      CLIENT_ADDRESSES.map(async (address) => {
        const { stdout } = await client.run(process.execPath, ['-e', CLIENT, '3', address]);
        return [address, stdout.trim().split('\n').join(' ')] as const;
      }),
    ),
  );
  for (const role of ['reaper', 'guardian', 'balancer', 'spare']) {
    const pid = Number(readFileSync(join(folder, first, `${role}.pid`), 'utf8'));
    process.kill(pid, 'SIGKILL');
  }
  const killedAt = performance.now();
  const served = await client.run(process.execPath, ['-e', CLIENT, '1', client.address]);
  const outageMs = Math.round(performance.now() - killedAt);
  assert.notEqual(served.stdout, '');
  const second = await waitUntil('another one has the VIP alone', async () => {
    const [name, ...more] = await network.owners(VIP);
    return name !== undefined && name !== first && more.length === 0 ? name : null;
  });
  t.diagnostic(`${first} to ${second}: ${outageMs} ms without an answer`);
  attempt.atMost(outageMs, OUTAGE_MS_MAX, 'the outage');
  return { servers, shares, states, owners: [first, second] };
}

const owner = (network: Network): Promise<string> =>
  waitUntil('one node has the VIP', async () => {
    const names = await network.owners(VIP);
    return names.length === 1 ? names[0] : null;
  });

/** By the name in a client's hello, null: without one, the server that it is led to. */
const NAMES: readonly (readonly [string | null, 'A' | 'B' | 'C'])[] = [
  ['api.example.com', 'A'],
  ['API.example.COM', 'A'],
  ['web.example.com', 'B'],
  ['deep.web.example.com', 'B'],
  ['first.apps.example.com', 'C'],
  ['x.first.apps.example.com', 'B'],
  ['example.com', 'A'],
  ['other.test', 'A'],
  [null, 'A'],
];

const NAMED = `defaults
  mode tcp
  timeout connect 10s
  timeout client 60s
  timeout server 60s
frontend tls
  bind 127.0.0.1:%port%
  acl api req_ssl_sni -i api.example.com
  tcp-request inspect-delay 5s
  tcp-request content accept if { req_ssl_hello_type 1 }
  use_backend C if { req_ssl_sni -i first.apps.example.com }
  use_backend A if api
  use_backend B if { req.ssl_sni -i -m end .example.com }
  default_backend A
backend A
  server A 127.0.0.1:%A% check
backend B
  server B 127.0.0.1:%B% check
backend C
  server C 127.0.0.1:%C%
`;

test('what import makes leads names to the servers that HAProxy leads them to', {
  timeout: 300_000,
}, async (t) => {
  const reason = whyNoHaproxy();
  if (reason !== null) return t.skip(reason);
  const port = await freePort();
  let text = NAMED.replace('%port%', String(port));
  for (const name of ['A', 'B', 'C']) {
    // It says who it is once it has heard a hello.
    const server = await startServer(t, (socket) => socket.once('data', () => socket.write(name)));
    text = text.replace(`%${name}%`, String(server.port));
  }
  const folder = mkdtempSync(join(tmpdir(), 'evergate-names-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  startHaproxy(t, folder, text);
  const old = parseHaproxy('haproxy.cfg', text, {}).config;
  assert.ok(old !== null);
  const ours = await startBalancer(t, old);
  const made = await startBalancer(t, readImported(text));
  await waitUntil('HAProxy accepts', () => accepts(port));
  const ports = [port, ours.ports.tls ?? 0, made.ports.tls ?? made.ports['kube-apiserver'] ?? 0];
  for (const [name, expected] of NAMES) {
    const led = await Promise.all(ports.map((each) => askByName(t, each, name)));
    assert.deepEqual(led, [expected, expected, expected], `HAProxy, haproxy.cfg, import: ${name}`);
  }
});

function readImported(text: string): BalancerConfig {
  const imported = importFiles({
    haproxy: { file: 'haproxy.cfg', text, env: {}, leaveOut: [] },
    keepalived: [],
    options: { readInclude: () => [], readScript: () => null, configId: null },
    here: null,
    modern: false,
  });
  const told = imported.remarks.filter(({ kind, key }) => kind === 'left-out' || key === 'names');
  assert.deepEqual(told, []);
  const { config, diagnostics } = parseNative('evergate.yaml', imported.text ?? '', {
    hostName: null,
    localAddresses: [],
    // Servers are taken for nodes, those of the first service.
    node: 'A',
    canRedirect: false,
    fileExists: () => false,
    groupExists: () => true,
    mustBeNode: true,
  });
  const balancer = config?.balancer ?? null;
  assert.ok(balancer !== null, diagnostics.map(formatDiagnostic).join('\n'));
  return balancer;
}

async function askByName(t: TestContext, port: number, name: string | null): Promise<string> {
  const socket = await dial(t, port);
  socket.write(clientHello({ serverName: name }));
  const said = await readBytes(socket, 1);
  socket.destroy();
  return said.toString();
}
