/**
 * `evergate drain SERVER` for a whole cluster: nodes that share a key ask each other, and believe nobody else; without one
 * the command says where it must be said. `evergate drain node` says who took over.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import {
  encodePeerMessage,
  type FactsQuestion,
  PEER_VERSION,
  peerKey,
  type Question,
  type ServerQuestion,
} from '../../../src/guardian/peers/message.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../../kit/network.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const skip = whyNoNamespaces() ?? false;
const NODES = {
  'k8s-master': '192.168.1.92',
  'k8s-node1': '192.168.1.93',
  'k8s-node2': '192.168.1.95',
};
const PORT = 8445;
const BACKEND = 'kube-apiserver';
const SECRET = `hex:${randomBytes(32).toString('hex')}\n`;

/** Sends the datagrams in its arguments, in base64, to host and port, from the port of guardians where it is free. */
const SEND = `
const [host, port, ...all] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
const sent = all.map((text) => new Promise((done) => {
  socket.send(Buffer.from(text, 'base64'), Number(port), host, done);
}));
Promise.all(sent).then(() => socket.close());
`;

/**
 * The same from the port of guardians, one after the other; those with a "!" again until there is an answer to them. Prints the
 * ids that were answered.
 */
const ASK = `
const [host, port, ...all] = process.argv.slice(1);
const read = (bytes) => JSON.parse(bytes.subarray(4, -32));
const socket = require('node:dgram').createSocket('udp4');
const answered = new Set();
socket.on('message', (bytes) => {
  const { kind, id } = read(bytes);
  if (kind === 'facts-answer') answered.add(id);
});
const bytesOf = (text) => Buffer.from(text.replace('!', ''), 'base64');
const next = () => {
  if (all.length > 0 && answered.has(read(bytesOf(all[0])).id)) all.shift();
  if (all.length === 0) {
    console.log(JSON.stringify([...answered]));
    return socket.close();
  }
  const text = all[0].startsWith('!') ? all[0] : all.shift();
  socket.send(bytesOf(text), Number(port), host, () => setTimeout(next, 250));
};
socket.bind(Number(port), next);
`;

describe('evergate drain in a cluster', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let stranger: NetworkNode;
  let nodes: readonly NetworkNode[] = [];
  const children = new Map<string, ReturnType<NetworkNode['spawn']>>();
  const runDir = (node: NetworkNode): string => join(folder, node.name, 'run');

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-peers-'));
    network = await Network.create();
    writeFileSync(join(folder, 'vrrp.key'), SECRET, { mode: 0o600 });
    writeConfig(`vrrp: { interval: 500ms, key: ${join(folder, 'vrrp.key')} }\n`);
    for (const [name, address] of Object.entries(NODES)) {
      await network.addNode(name, `${address}/24`);
      mkdirSync(join(folder, name));
    }
    nodes = [...network.nodes];
    stranger = await network.addNode('stranger', '192.168.1.200/24');
    for (const node of nodes) {
      const files = ['--config', join(folder, 'evergate.yaml'), '--run-dir', runDir(node)];
      // None is killed here, and a busy machine has three processes less to start.
      const args = ['run', ...files, '--no-spare'];
      children.set(node.name, node.spawn(EVERGATE, args, { stdio: 'ignore' }));
    }
  });
  after(async () => {
    for (const child of children.values()) child.kill('SIGTERM');
    const ended = () =>
      [...children.values()].every(({ exitCode, signalCode }) => {
        return exitCode !== null || signalCode !== null;
      });
    await waitUntil('they stop', ended, 50);
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Its interval is no matter of time here: a busy machine must not make the VIP move. */
  function writeConfig(more: string): void {
    const list = Object.entries(NODES).map(([name, address]) => `  ${name}: ${address}\n`);
    const base = `vip: 192.168.1.94/24\nlisten: 8443\ncheck: { type: tcp }\nnodes:\n${list.join('')}`;
    writeFileSync(join(folder, 'evergate.yaml'), base + more);
  }

  /** Where the VIP is, and the other nodes. */
  async function settle(among: readonly NetworkNode[]) {
    const states = await waitUntil(
      'one node is master, the others backup',
      async () => {
        const reports = await Promise.all(among.map((node) => lookAtStatus(runDir(node))));
        const found = reports.map((report) => report?.vrrp[0]?.state ?? 'silent');
        const masters = found.filter((state) => state === 'master').length;
        return masters === 1 && found.every((state) => /master|backup/.test(state)) ? found : null;
      },
      100,
    );
    const master = among[states.indexOf('master')];
    assert.ok(master !== undefined);
    return { master, backups: among.filter((node) => node !== master) };
  }

  const evergate = (node: NetworkNode, ...args: readonly string[]) =>
    node.run(EVERGATE, [...args, '--run-dir', runDir(node)]);

  async function adminOf(node: NetworkNode, server: string): Promise<string | undefined> {
    const report = await lookAtStatus(runDir(node));
    const servers = report?.balancer?.report?.backends[0]?.servers ?? [];
    return servers.find(({ name }) => name === server)?.admin;
  }

  function question(
    to: NetworkNode,
    server: string,
    changes: Partial<ServerQuestion> = {},
  ): ServerQuestion {
    return {
      version: PEER_VERSION,
      id: randomBytes(16).toString('hex'),
      from: 'k8s-node1',
      to: to.name,
      sentAtMs: Date.now(),
      kind: 'set-server',
      backend: BACKEND,
      server,
      state: 'ready',
      ...changes,
    };
  }

  function signed(asked: Question, secret = SECRET): string {
    const encoded = encodePeerMessage(peerKey(secret), asked);
    assert.ok(encoded.ok);
    return encoded.value.toString('base64');
  }

  it('drains a server on all nodes, whichever is asked', async (t) => {
    const { backups } = await settle(nodes);
    const [backup] = backups;
    assert.ok(backup !== undefined);
    // The others have two seconds to answer.
    await judged(t, async ({ holds }) => {
      const { code, stdout, stderr } = await evergate(backup, 'drain', 'k8s-node2');
      holds(code === 0, stdout + stderr);
      assert.match(stdout, new RegExp(`^${BACKEND}/k8s-node2 in state drain:\n`));
      for (const { name } of nodes) assert.match(stdout, new RegExp(`^ {2}${name} +done$`, 'm'));
    });
    for (const node of nodes) assert.equal(await adminOf(node, 'k8s-node2'), 'drain', node.name);
  });

  it('keeps to this node where that is asked for', async () => {
    const [first, ...others] = nodes;
    assert.ok(first !== undefined);
    const { stdout } = await evergate(first, 'ready', 'k8s-node2', '--only-here');
    assert.match(stdout, /is in state ready on this node\n$/);
    assert.equal(await adminOf(first, 'k8s-node2'), 'ready');
    for (const node of others) assert.equal(await adminOf(node, 'k8s-node2'), 'drain', node.name);
    await evergate(first, 'drain', 'k8s-node2', '--only-here');
  });

  it('believes no other key, no stranger, nothing old and nothing twice', async () => {
    const [target, peer] = nodes;
    assert.ok(target !== undefined && peer !== undefined);
    const send = (from: NetworkNode, ...all: readonly string[]) =>
      from.run(process.execPath, ['-e', SEND, target.address, String(PORT), ...all]);
    const reaches = async (what: string, server: string, state: string): Promise<void> => {
      await waitUntil(what, async () => (await adminOf(target, server)) === state, 50);
    };
    const good = signed(question(target, 'k8s-node2'));
    await send(peer, good);
    await reaches('a question of a peer counts', 'k8s-node2', 'ready');
    await evergate(target, 'drain', 'k8s-node2', '--only-here');
    await send(stranger, signed(question(target, 'k8s-node2')));
    await send(
      peer,
      good,
      signed(question(target, 'k8s-node2'), `hex:${'00'.repeat(32)}`),
      signed(question(target, 'k8s-node2', { sentAtMs: Date.now() - 60_000 })),
      signed(question(target, 'k8s-node2', { to: 'k8s-node2' })),
      signed(question(target, 'k8s-node2', { from: 'stranger' })),
      signed(question(target, 'k8s-node2', { version: 2 })),
      Buffer.alloc(2000, 1).toString('base64'),
      // What came before it was looked at by then.
      signed(question(target, 'k8s-node1', { state: 'drain' })),
    );
    await reaches('the last one counts', 'k8s-node1', 'drain');
    assert.equal(await adminOf(target, 'k8s-node2'), 'drain');
    await evergate(target, 'ready', 'k8s-node1', '--only-here');
  });

  it('told whoever had a recorded question what its file says', async () => {
    const [target] = nodes;
    assert.ok(target !== undefined);
    const facts = (from: string, sentAtMs: number): FactsQuestion => {
      const { version, id, to } = question(target, '');
      return { version, id, from, to, sentAtMs, kind: 'facts', digest: '' };
    };
    const now = Date.now();
    const old = facts('stranger', now - 60_000);
    const first = facts('stranger', now - 20);
    const second = facts('stranger', now - 10);
    const late = facts('stranger', now - 30);
    // Of a node that has asked since, from elsewhere.
    const recorded = facts('k8s-node1', now - 25_000);
    const last = facts('stranger', now);
    const { stdout, stderr } = await stranger.run(process.execPath, [
      ...['-e', ASK, target.address, String(PORT), signed(old), `!${signed(first)}`],
      ...[`!${signed(second)}`, signed(late), signed(recorded), `!${signed(last)}`],
    ]);
    const answered = JSON.parse(stdout || '[]');
    assert.deepEqual(answered, [first.id, second.id, last.id], stderr);
  });

  it('says who took the VIP over, and after how long', async (t) => {
    // A successor has a second for it.
    const { master, stdout } = await judgedDrain(t);
    const said = /^This node is drained: (\S+) \([\d.]+\) took the VIP over after \d+ ms;/.exec(
      stdout,
    );
    const { master: next } = await settle(nodes);
    assert.equal(said?.[1], next.name, stdout);
    const again = await evergate(master, 'drain', 'node');
    assert.match(again.stdout, new RegExp(`did not have the VIP, ${next.name} \\(.*\\) has;`));
    await evergate(master, 'ready', 'node');
  });

  async function judgedDrain(t: TestContext) {
    let drained = { master: stranger, stdout: '' };
    await judged(t, async ({ holds }) => {
      const { master } = await settle(nodes);
      const { code, stdout, stderr } = await evergate(master, 'drain', 'node');
      holds(code === 0, stderr);
      drained = { master, stdout };
    });
    return drained;
  }

  it('says without a key who has the VIP, and where it must be said', async () => {
    writeConfig('vrrp: { interval: 500ms }\n');
    await Promise.all(nodes.map((node) => evergate(node, 'reload')));
    const { master, backups } = await settle(nodes);
    const [asked, other] = backups;
    assert.ok(asked !== undefined && other !== undefined);
    const { code, stdout, stderr } = await evergate(asked, 'ready', 'k8s-node2');
    assert.equal(code, 0, stderr);
    assert.match(stdout, /is in state ready on this node\n$/);
    const where = nodes.filter((node) => node !== asked).map(({ name }) => name);
    assert.match(
      stderr,
      new RegExp(`^evergate: warning: .*; ${master.name} \\([\\d.]+\\) has the VIP`),
    );
    assert.match(
      stderr,
      new RegExp(`Say it on ${where.join(', ')}, too: evergate ready k8s-node2 --only-here`),
    );
    assert.equal(await adminOf(other, 'k8s-node2'), 'drain');
  });

  it('tells of a node that does not answer, with exit code 1', async () => {
    writeConfig(`vrrp: { interval: 500ms, key: ${join(folder, 'vrrp.key')} }\n`);
    await Promise.all(nodes.map((node) => evergate(node, 'reload')));
    const { backups } = await settle(nodes);
    const [asked, gone] = backups;
    assert.ok(asked !== undefined && gone !== undefined);
    const child = children.get(gone.name);
    child?.kill('SIGTERM');
    await waitUntil('it stops', () => child?.exitCode !== null, 50);
    const { code, stdout } = await evergate(asked, 'maint', 'k8s-node2');
    assert.equal(code, 1);
    assert.match(stdout, new RegExp(`^ {2}${asked.name} +done$`, 'm'));
    const silence = `^ {2}${gone.name} +no answer within 2 s; say it there: evergate maint k8s-node2 --only-here$`;
    assert.match(stdout, new RegExp(silence, 'm'));
  });
});
