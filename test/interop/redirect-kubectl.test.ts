/**
 * A stacked control plane whose endpoint is VIP:6443, as kube-vip and clouds have it: apiservers listen on port 6443 of
 * every address of every node, and kubectl calls the VIP on that port. It moves to Evergate, keeps its endpoint,
 * and has its calls balanced; the table behind it comes back when it is flushed and goes when it has no use.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { redirectTable } from '../../src/guardian/redirects/redirects.ts';
import type { ApiserverOptions } from '../../src/lab/apiserver/main.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import { kubeconfig } from '../../src/lab/kubeconfig.ts';
import {
  hasProgram,
  Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../kit/network.ts';
import { lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const APISERVER = resolve('src/lab/apiserver/main.ts');
const VIP = '192.168.1.94';
const VIP6 = 'fd00::94';
const NODES: Readonly<Record<string, string>> = { m1: '92', m2: '93', m3: '95' };
/** Writes the words that it is given into the file it is given. */
const TELL = `/usr/local/sbin/evergate-test-tell-${process.pid}`;
const TELLER = `#!/bin/sh\nfile=$1; shift\necho "$EVERGATE_TEST_NODE $*" >> "$file"\n`;
/** Enough for least connections to go round. */
const CALLS = 4;

const missing = [
  whyNoNamespaces(),
  ...['nft', 'kubectl', 'curl'].map((name) => (hasProgram(name) ? null : `No program "${name}"`)),
].filter((each) => each !== null);
const skip = missing.length === 0 ? false : missing.join('; ');

describe('VIP:6443 on a stacked control plane', { skip, timeout: 480_000 }, () => {
  let folder = '';
  let network: Network;
  let client: NetworkNode;
  let nodes: readonly NetworkNode[] = [];
  const apiservers = new Map<NetworkNode, ChildProcess>();

  const path = (node: NetworkNode, name: string): string => join(folder, node.name, name);
  const tableOf = (node: NetworkNode): string => redirectTable(path(node, 'run'));

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-redirect-'));
    network = await Network.create();
    // Where nobody but root can write, or it would not be run.
    writeFileSync(TELL, TELLER, { mode: 0o755 });
    const authority = await createAuthority();
    const lines = Object.entries(NODES).map(
      ([name, last]) => `  ${name}: { address: [192.168.1.${last}, "fd00::${last}"] }\n`,
    );
    writeFileSync(
      join(folder, 'evergate.yaml'),
      `vip: [${VIP}/24, "${VIP6}/64"]\nlisten: 6443\nnodes:\n${lines.join('')}` +
        'services: { supervisor: { listen: 9345, check: kube-apiserver } }\n' +
        `notify: { any: [${TELL}, ${join(folder, 'told')}] }\n` +
        'balancer: { spare: false, threads: 1 }\n',
    );
    writeFileSync(
      join(folder, 'kubeconfig'),
      kubeconfig(authority.pem, { ipv4: `https://${VIP}:6443`, ipv6: `https://[${VIP6}]:6443` }),
    );
    for (const [name, last] of Object.entries(NODES)) {
      const node = await network.addNode(name, `192.168.1.${last}/24`);
      await node.ip('addr', 'add', `fd00::${last}/64`, 'dev', NODE_INTERFACE, 'nodad');
      mkdirSync(join(folder, name));
      const names = [node.address, VIP, VIP6];
      const made = await createServerCertificate(authority, names);
      writeFileSync(path(node, 'apiserver.crt'), made.certificatePem);
      writeFileSync(path(node, 'apiserver.key'), made.keyPem, { mode: 0o600 });
      await startApiserver(node);
      await startApiserver(node, 9345);
    }
    nodes = [...network.nodes];
    client = await network.addNode('client', '192.168.1.200/24');
    await client.ip('addr', 'add', 'fd00::200/64', 'dev', NODE_INTERFACE, 'nodad');
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
    rmSync(TELL, { force: true });
  });

  /** On port 9345 it stands in for another service of the node. */
  async function startApiserver(node: NetworkNode, port = 6443): Promise<void> {
    const options: ApiserverOptions = {
      node: node.name,
      nodes: Object.keys(NODES),
      host: '::',
      port,
      certificateFile: path(node, 'apiserver.crt'),
      keyFile: path(node, 'apiserver.key'),
    };
    const child = node.spawn(process.execPath, [APISERVER, JSON.stringify(options)]);
    if (port === 6443) apiservers.set(node, child);
    await waitUntil(
      `port ${port} of ${node.name} listens on every address`,
      async () => (await node.run('ss', ['-Hlnt'])).stdout.includes(`*:${port}`),
      50,
    );
  }

  function start(node: NetworkNode): ChildProcess {
    const command = 'exec "$0" run --config "$1" --run-dir "$2" 2>>"$3"';
    const config = join(folder, 'evergate.yaml');
    const args = [EVERGATE, config, path(node, 'run'), path(node, 'log')];
    const env = { ...process.env, EVERGATE_TEST_NODE: node.name };
    return node.spawn('sh', ['-c', command, ...args], { env });
  }

  const log = (node: NetworkNode): string => readFileSync(path(node, 'log'), 'utf8');

  /** Waits until each VIP has one master among them, and the others know; returns that of IPv4. */
  async function settle(among: readonly NetworkNode[]): Promise<NetworkNode> {
    const wanted = [...among.slice(1).map(() => 'backup'), 'master'].join();
    return await waitUntil(
      'each VIP has a master',
      async () => {
        const reports = await Promise.all(among.map((node) => lookAtStatus(path(node, 'run'))));
        const states = [0, 1].map((index) =>
          reports.map((report) => report?.vrrp[index]?.state ?? 'silent'),
        );
        if (states.some((each) => each.toSorted().join() !== wanted)) return null;
        return among[states[0]?.indexOf('master') ?? -1] ?? null;
      },
      100,
    ).catch((error: unknown) => {
      const logs = among.map((node) => `--- ${node.name}\n${log(node)}`).join('\n');
      throw new Error(`${String(error)}\n${logs}`);
    });
  }

  /** Which nodes answer kubectl. */
  async function kubectl(context: 'ipv4' | 'ipv6', calls = CALLS): Promise<readonly string[]> {
    const config = ['--kubeconfig', join(folder, 'kubeconfig'), '--context', context];
    const answers: string[] = [];
    for (let call = 0; call < calls; call += 1) {
      const args = [...config, '--request-timeout=10s', 'get', '--raw', '/version'];
      const { code, stdout, stderr } = await client.run('kubectl', args);
      assert.equal(code, 0, stderr);
      answers.push(JSON.parse(stdout).node);
    }
    return answers;
  }

  /** Which nodes answer calls from a node to a port of `host`. */
  async function curl(
    from: NetworkNode,
    host: string,
    calls = CALLS,
    port = 6443,
  ): Promise<readonly string[]> {
    const answers: string[] = [];
    for (let call = 0; call < calls; call += 1) {
      const args = ['-sk', '--max-time', '10', `https://${host}:${port}/version`];
      const { stdout } = await from.run('curl', args);
      answers.push(stdout === '' ? 'nobody' : JSON.parse(stdout).node);
    }
    return answers;
  }

  async function tables(node: NetworkNode): Promise<string> {
    return (await node.run('nft', ['list', 'tables'])).stdout;
  }

  async function isBalanced(node: NetworkNode): Promise<void> {
    for (const host of [VIP, `[${VIP6}]`]) {
      const answers = await curl(node, host);
      assert.ok(new Set(answers).size > 1, `${host} from ${node.name}: ${answers.join()}`);
      assert.ok(!answers.includes('nobody'), answers.join());
    }
  }

  it('takes the endpoint over from what only moved the address', async () => {
    const [first] = nodes;
    assert.ok(first !== undefined);
    for (const [vip, bits] of [
      [VIP, 32],
      [VIP6, 128],
    ]) {
      await first.ip('addr', 'add', `${vip}/${bits}`, 'dev', NODE_INTERFACE);
    }
    await waitUntil('the VIP is reached', async () => (await curl(client, VIP, 1))[0] === 'm1');
    assert.deepEqual(new Set(await kubectl('ipv4', 2)), new Set(['m1']), 'its leader serves alone');

    const config = join(folder, 'evergate.yaml');
    const check = await first.run(EVERGATE, ['check', '--config', config]);
    assert.equal(check.code, 0, check.stdout);
    assert.match(check.stdout, /192\.168\.1\.94:6443 redirected to port 8443/);
    for (const [vip, bits] of [
      [VIP, 32],
      [VIP6, 128],
    ]) {
      await first.ip('addr', 'del', `${vip}/${bits}`, 'dev', NODE_INTERFACE);
    }
    for (const node of nodes) start(node);
    const owner = await settle(nodes);
    for (const context of ['ipv4', 'ipv6'] as const) {
      const answers = await kubectl(context);
      assert.ok(new Set(answers).size > 1, `${context}: ${answers.join()}`);
    }
    const status = await owner.run(EVERGATE, ['status', '--run-dir', path(owner, 'run')]);
    assert.match(
      status.stdout,
      /Redirect: 192.168.1.94:6443 to port 8443 here \(nft table inet evergate_/,
    );
    assert.match(status.stdout, /Redirect: \[fd00::94\]:6443 to port 8443 here/);
  });

  it('leads calls of the nodes themselves there, and leaves their own addresses alone', async () => {
    const owner = await settle(nodes);
    const backup = nodes.find((node) => node !== owner) ?? owner;
    await isBalanced(owner);
    await isBalanced(backup);
    const supervisors = await curl(client, VIP, CALLS, 9345);
    assert.ok(new Set(supervisors).size > 1, supervisors.join());
    for (const node of nodes) {
      const own = [node.address, `[fd00::${NODES[node.name]}]`, '127.0.0.1', '[::1]'];
      for (const host of own) assert.deepEqual(await curl(node, host, 2), [node.name, node.name]);
    }
  });

  it("serves when the owner's apiserver is down, which starts again on its port", async () => {
    const owner = await settle(nodes);
    apiservers.get(owner)?.kill('SIGKILL');
    const answers = [...(await kubectl('ipv4')), ...(await kubectl('ipv6', 2))];
    assert.ok(!answers.includes(owner.name), answers.join());
    const report = await waitUntil('the supervisor follows', async () => {
      const found = (await lookAtStatus(path(owner, 'run')))?.balancer?.report?.backends[1];
      const server = found?.servers.find(({ name }) => name === owner.name);
      return server?.check === 'down' ? { name: found?.name, reason: server.reason } : null;
    });
    assert.equal(report.name, 'supervisor');
    assert.match(report.reason, new RegExp(`^As kube-apiserver/${owner.name}: `));
    const supervisors = await curl(client, VIP, CALLS, 9345);
    assert.ok(!supervisors.includes(owner.name), supervisors.join());
    await startApiserver(owner);
  });

  it('puts the table back, and leaves others alone', async () => {
    const owner = await settle(nodes);
    const table = tableOf(owner);
    await owner.run('nft', ['add', 'table', 'inet', 'others']);
    await owner.run('nft', ['delete', 'table', 'inet', table]);
    await waitUntil('it is back', async () => (await tables(owner)).includes(table));
    const tells = (line: RegExp) => waitUntil(`the log tells ${line}`, () => line.test(log(owner)));
    await tells(/Somebody has removed the nft table ".*"; it is put back/);
    await owner.run('nft', ['flush', 'chain', 'inet', table, 'prerouting']);
    await waitUntil('so are its rules', async () => {
      const { stdout } = await owner.run('nft', ['list', 'table', 'inet', table]);
      return stdout.split('8443').length === 5 && stdout.includes(':11345');
    });
    await tells(/Somebody has changed the nft table ".*"; it is put back/);
    await waitUntil('status is content', async () => {
      const report = await lookAtStatus(path(owner, 'run'));
      return report?.redirects?.problem === null;
    });
    assert.match(await tables(owner), /table inet others/);
    await isBalanced(client);
  });

  it('follows a reload', async () => {
    const node = await settle(nodes);
    const config = join(folder, 'evergate.yaml');
    const text = readFileSync(config, 'utf8');
    const reload = async (listen: string): Promise<string> => {
      writeFileSync(config, text.replace('listen: 6443', `listen: ${listen}`));
      const { code, stdout, stderr } = await node.run(EVERGATE, [
        ...['reload', '--run-dir', path(node, 'run')],
      ]);
      assert.equal(code, 0, stderr);
      return stdout;
    };
    const rules = async () =>
      (await node.run('nft', ['list', 'table', 'inet', tableOf(node)])).stdout;
    assert.match(await reload('[6443, 9443]'), /redirect 192\.168\.1\.94:6443: port 8443 -> 9443/);
    assert.match(await rules(), /dport 6443 .*:9443/);
    assert.match(await reload('8443'), /redirect 192\.168\.1\.94:6443 removed/);
    assert.doesNotMatch(await rules(), /dport 6443/);
    assert.match(await reload('6443'), /redirect 192\.168\.1\.94:6443 added/);
    await isBalanced(client);
  });

  it('leaves no table behind when it stops', async () => {
    const owner = await settle(nodes);
    process.kill(Number(readFileSync(path(owner, 'run/guardian.pid'), 'utf8')), 'SIGTERM');
    await waitUntil('the table is gone', async () => !(await tables(owner)).includes('evergate'));
    const next = await settle(nodes.filter((node) => node !== owner));
    await isBalanced(client);
    await waitUntil('programs were told', () => {
      const told = readFileSync(join(folder, 'told'), 'utf8');
      const states = [
        `${owner.name} INSTANCE control-plane STOP`,
        `${next.name} INSTANCE control-plane MASTER`,
      ];
      return states.every((state) => told.includes(state));
    });
    start(owner);
    await settle(nodes);
  });

  it('removes it after a kill of the guardian, once the VIP is gone', async () => {
    const owner = await settle(nodes);
    process.kill(Number(readFileSync(path(owner, 'run/guardian.pid'), 'utf8')), 'SIGKILL');
    const others = nodes.filter((node) => node !== owner);
    await settle(others);
    await waitUntil('the table is gone', async () => !(await tables(owner)).includes('evergate'));
    assert.ok(!(await owner.holds(VIP)), 'the VIP went first');
    start(owner);
    await settle(nodes);
    assert.match(await tables(owner), new RegExp(`table inet ${tableOf(owner)}\n`));
  });

  it('has no effect where the VIP is not, after a kill of everything', async () => {
    const owner = await settle(nodes);
    for (const role of ['reaper', 'guardian', 'balancer']) {
      const pid = Number(readFileSync(path(owner, `run/${role}.pid`), 'utf8'));
      process.kill(pid, 'SIGKILL');
    }
    await settle(nodes.filter((node) => node !== owner));
    await waitUntil('the VIP has ended', async () => !(await owner.holds(VIP)));
    assert.match(await tables(owner), new RegExp(`table inet ${tableOf(owner)}\n`));
    await isBalanced(owner);
    assert.deepEqual(await curl(owner, owner.address, 2), [owner.name, owner.name]);
    start(owner);
    await settle(nodes);
    const found = (await tables(owner)).match(/evergate/g) ?? [];
    assert.equal(found.length, 1, 'the next start takes its place');
  });
});
