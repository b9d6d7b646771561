/**
 * Three nodes run examples/evergate.yaml and a stats page, the same bytes on each: one owner, requests pass,
 * the VIP moves, and a certificate that will hurt is told of everywhere.
 */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { KUBEADM_CA } from '../../src/config/evergate-yaml/defaults.ts';
import type { ApiserverOptions } from '../../src/lab/apiserver/main.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import type { StatusReport } from '../../src/stats/status.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { lookAtStatus } from '../kit/status.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const EXAMPLE = resolve('examples/evergate.yaml');
const APISERVER = resolve('src/lab/apiserver/main.ts');
const VIP = '192.168.1.94';
const NODES: Readonly<Record<string, string>> = {
  'k8s-master': '192.168.1.92',
  'k8s-node1': '192.168.1.93',
  'k8s-node2': '192.168.1.95',
};
const REQUESTS = 12;
const PAGE = 'stats: { listen: "127.0.0.1:1080", users: { operator: secret-of-ours } }\n';
/** Its apiserver's certificate lacks the VIP and ends soon. */
const ILL = 'k8s-node2';
const ILL_UNTIL = new Date(Date.now() + 5.5 * 86_400_000);

const METRICS = 'http://127.0.0.1:1080/metrics';

/** Asks one after another, each over its own connection; prints status and node of each. */
const CLIENT = `
const { get } = require('node:https');
const ask = () => new Promise((resolve) => {
  const asking = get(
    { host: '${VIP}', port: 8443, path: '/version', agent: false, rejectUnauthorized: false, timeout: 30000 },
    (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode + ' ' + answer.headers['x-node']));
    },
  );
  asking.on('timeout', () => asking.destroy(new Error('timeout')));
  asking.on('error', (error) => resolve(error.message));
});
(async () => { for (let i = 0; i < ${REQUESTS}; i++) console.log(await ask()); })();
`;

/** Connects every 10 ms until the file $2 is there; makes the file $1 once that works. Prints a Tally. */
const CONNECTOR = `
const { connect } = require('node:net');
const { existsSync, writeFileSync } = require('node:fs');
const [, begun, end] = process.argv;
const tally = { attempts: 0, failures: [], gapMs: 0 };
let last = performance.now();
const attempt = () => {
  tally.attempts += 1;
  const since = performance.now();
  const socket = connect({ host: '${VIP}', port: 8443 });
  // Before a lost SYN is sent again.
  const timer = setTimeout(() => socket.destroy(new Error('timeout')), 900);
  socket.once('connect', () => {
    clearTimeout(timer);
    tally.gapMs = Math.max(tally.gapMs, Math.round(performance.now() - last));
    last = performance.now();
    socket.destroy();
    if (tally.attempts === 20) writeFileSync(begun, '');
  });
  socket.once('error', (error) => {
    clearTimeout(timer);
    tally.failures.push(Math.round(since) + ' ' + error.message);
  });
};
const timer = setInterval(() => {
  if (!existsSync(end)) return attempt();
  clearInterval(timer);
}, 10);
process.on('exit', () => console.log(JSON.stringify(tally)));
`;
type Tally = {
  readonly attempts: number;
  readonly failures: readonly string[];
  /** Between two successes. */
  readonly gapMs: number;
};

const skip = whyNoNamespaces() ?? false;

describe('evergate run --config', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let client: NetworkNode;
  let nodes: readonly NetworkNode[] = [];

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-native-'));
    network = await Network.create();
    const authority = await createAuthority();
    writeFileSync(join(folder, 'evergate.yaml'), readFileSync(EXAMPLE, 'utf8') + PAGE);
    writeFileSync(join(folder, 'ca.crt'), authority.pem);
    writeFileSync(join(folder, 'other-ca.crt'), (await createAuthority()).pem);
    for (const [name, address] of Object.entries(NODES)) {
      const node = await network.addNode(name, `${address}/24`);
      await startApiserver(node, authority);
    }
    nodes = [...network.nodes];
    client = await network.addNode('client', '192.168.1.200/24');
    for (const node of nodes) start(node);
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const path = (node: NetworkNode, name: string): string => join(folder, node.name, name);
  const log = (node: NetworkNode): string =>
    existsSync(path(node, 'log')) ? readFileSync(path(node, 'log'), 'utf8') : '';

  async function startApiserver(
    node: NetworkNode,
    authority: Awaited<ReturnType<typeof createAuthority>>,
  ): Promise<void> {
    mkdirSync(join(folder, node.name));
    const ill = node.name === ILL;
    const names = [node.name, node.address, ...(ill ? [] : [VIP])];
    const until = ill ? [ILL_UNTIL] : [];
    const made = await createServerCertificate(authority, names, ...until);
    const { certificatePem, keyPem } = made;
    writeFileSync(path(node, 'apiserver.crt'), certificatePem);
    writeFileSync(path(node, 'apiserver.key'), keyPem, { mode: 0o600 });
    const options: ApiserverOptions = {
      node: node.name,
      nodes: Object.keys(NODES),
      host: '0.0.0.0',
      port: 6443,
      certificateFile: path(node, 'apiserver.crt'),
      keyFile: path(node, 'apiserver.key'),
    };
    node.spawn(process.execPath, [APISERVER, JSON.stringify(options)]);
    await waitUntil(
      `the apiserver of ${node.name} listens`,
      async () => (await node.run('ss', ['-Hlnt'])).stdout.includes(':6443'),
      50,
    );
  }

  function start(node: NetworkNode): void {
    const command = 'exec "$0" run --config "$1" --run-dir "$2" 2>>"$3"';
    const config = join(folder, 'evergate.yaml');
    node.spawn('sh', ['-c', command, EVERGATE, config, path(node, 'run'), path(node, 'log')]);
  }

  /** null while the node does not answer. */
  async function statusOf(node: NetworkNode): Promise<StatusReport | null> {
    return lookAtStatus(path(node, 'run'));
  }

  const statesOf = async (among: readonly NetworkNode[]): Promise<readonly string[]> => {
    const reports = await Promise.all(among.map(statusOf));
    return reports.map((report) => report?.vrrp[0]?.state ?? 'silent');
  };

  /** Waits for one master and backups; returns the master. */
  async function settle(among: readonly NetworkNode[]): Promise<NetworkNode> {
    let states: readonly string[] = [];
    await waitUntil(
      'one node is master, the others backup',
      async () => {
        states = await statesOf(among);
        return (
          states.toSorted().join() === ['backup', 'backup', 'master'].slice(-among.length).join()
        );
      },
      100,
    ).catch((error: unknown) => {
      const logs = among.map((node) => `--- ${node.name}\n${log(node)}`).join('\n');
      throw new Error(`${String(error)}: ${states.join()}\n${logs}`);
    });
    const master = among[states.indexOf('master')];
    assert.ok(master !== undefined);
    return master;
  }

  async function metricsOf(node: NetworkNode): Promise<string> {
    const args = ['-s', '-u', 'operator:secret-of-ours', METRICS];
    return (await node.run('curl', args)).stdout;
  }

  async function askThroughVip(): Promise<readonly string[]> {
    const { stdout } = await client.run(process.execPath, ['-e', CLIENT]);
    return stdout.trim().split('\n');
  }

  it('gives the VIP one owner and carries requests to the apiservers', async () => {
    const master = await settle(nodes);
    assert.deepEqual(await network.owners(VIP), [master.name]);
    const answers = await askThroughVip();
    assert.equal(answers.length, REQUESTS);
    for (const answer of answers) assert.match(answer, /^200 k8s-/);
    assert.ok(new Set(answers).size > 1, `several apiservers answer: ${answers.join(', ')}`);
  });

  it('verifies the apiservers where it has their authority', async () => {
    mkdirSync(join(folder, client.name));
    const checksOf = async (authority: string): Promise<readonly string[]> => {
      const config = path(client, 'evergate.yaml');
      const nodeLines = Object.entries(NODES).map(([name, address]) => `  ${name}: ${address}\n`);
      writeFileSync(
        config,
        `listen: 127.0.0.1:8443\nnodes:\n${nodeLines.join('')}` +
          `check: { ca: ${join(folder, authority)}, passive: false }\nbalancer: { spare: false }\n`,
      );
      const args = ['run', '--config', config, '--node', 'k8s-master'];
      const daemon = client.spawn(EVERGATE, [...args, '--run-dir', path(client, 'run')]);
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      const checks = await waitUntil(
        `every apiserver is checked with ${authority}`,
        async () => {
          const servers = (await statusOf(client))?.balancer?.report?.backends[0]?.servers ?? [];
          const settled = servers.every(({ check }) => check === 'up' || check === 'down');
          const checked = servers.every(({ lastCheck }) => !['UNK', 'INI'].includes(lastCheck));
          if (servers.length === 0 || !settled || !checked) return null;
          assert.equal((await statusOf(client))?.balancer?.spare.state, 'none');
          return servers.map(({ check, lastCheck }) => `${check} ${lastCheck}`);
        },
        100,
      );
      daemon.kill('SIGTERM');
      await ended;
      return checks;
    };
    assert.deepEqual(await checksOf('ca.crt'), Array(3).fill('up L7OK'));
    assert.deepEqual(await checksOf('other-ca.crt'), Array(3).fill('down L6RSP'));
  });

  it('knows which node it is, and notes what is not verified', async () => {
    for (const node of nodes) {
      const report = await statusOf(node);
      assert.equal(report?.node, node.name);
      const noted = report?.notes.some((note) => note.includes(KUBEADM_CA));
      assert.equal(noted, !existsSync(KUBEADM_CA));
      assert.equal(report?.vrrp[0]?.virtualRouterId, 94);
    }
    const priorities = await Promise.all(nodes.map(statusOf));
    assert.deepEqual(
      priorities.map((report) => report?.vrrp[0]?.priority),
      [250, 230, 210],
    );
  });

  it('warns of a certificate in status, log and metrics', async () => {
    const master = await settle(nodes);
    const lacks =
      `The certificate does not carry "${VIP}", by which clients call; ` +
      'renew it with that name';
    const warnings = await waitUntil(
      'the certificate is seen',
      async () => {
        const servers = (await statusOf(master))?.balancer?.report?.backends[0]?.servers ?? [];
        const ill = servers.find(({ name }) => name === ILL)?.warnings ?? [];
        return ill.includes(lacks) ? ill : null;
      },
      100,
    );
    const ends = 'The certificate expires in 5 days; renew it';
    assert.ok(warnings.includes(ends), warnings.join('\n'));
    for (const text of [lacks, ends]) {
      const line = `Server kube-apiserver/${ILL}: ${text}`;
      await waitUntil(`the log says "${line}"`, () => log(master).includes(line), 100);
    }
    const { verdict, reasons = [] } = (await statusOf(master)) ?? {};
    assert.equal(verdict, 'degraded');
    assert.ok(reasons.includes(`${ends}: server "kube-apiserver/${ILL}"`), reasons.join('\n'));
    const metrics = await metricsOf(master);
    const labels = `proxy="kube-apiserver",server="${ILL}"`;
    const until = Math.floor(ILL_UNTIL.getTime() / 1000);
    assert.match(
      metrics,
      new RegExp(`\nevergate_server_certificate_missing_name{${labels},name="${VIP}"} 1\n`),
    );
    assert.match(
      metrics,
      new RegExp(`\nevergate_server_certificate_expiry_timestamp_seconds{${labels}} ${until}\n`),
    );
    assert.equal(metrics.match(/certificate_missing_name\{/g)?.length, 1);
  });

  it('tells in its metrics who holds the VIP', async () => {
    const master = await settle(nodes);
    for (const node of nodes) {
      const owner = `evergate_vrrp_owner{instance="control-plane"} ${node === master ? 1 : 0}\n`;
      await waitUntil(
        `the metrics of ${node.name} say ${owner}`,
        async () => (await metricsOf(node)).includes(owner),
        100,
      );
    }
    const asked = await master.run('curl', [
      '-s',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code}',
      METRICS,
    ]);
    assert.equal(asked.stdout, '401', 'the users of the page are those of the metrics');
  });

  it('drains its owner unnoticed, and never the last one', async (t) => {
    await judged(t, async (attempt) => {
      const evergate = (node: NetworkNode, ...args: readonly string[]) =>
        node.run(EVERGATE, [...args, '--run-dir', path(node, 'run')]);
      const [begun, end] = [join(folder, 'begun'), join(folder, 'end')];
      for (const file of [begun, end]) rmSync(file, { force: true });
      for (const node of nodes) await evergate(node, 'ready', 'node');
      const first = await settle(nodes);
      const connecting = client.run(process.execPath, ['-e', CONNECTOR, begun, end], 60_000);
      await waitUntil('the client connects', async () => existsSync(begun), 20);

      const drained = await evergate(first, 'drain', 'node');
      // Who takes over has a second for it.
      attempt.holds(drained.code === 0, drained.stderr);
      assert.match(drained.stdout, /^This node is drained: /);
      const second = await settle(nodes);
      assert.notEqual(second, first);
      assert.deepEqual(await network.owners(VIP), [second.name]);
      assert.match(
        (await evergate(first, 'status')).stdout,
        /VRRP control-plane: backup, drained, /,
      );
      await evergate(first, 'reload');
      const report = await statusOf(first);
      assert.equal(report?.vrrp[0]?.drained, true, 'a reload does not end it');
      assert.equal(report?.balancer?.state, 'serving');
      assert.match(report?.reasons.join() ?? '', /"evergate ready node" ends that/);

      const alike = await evergate(second, 'drain', 'node');
      attempt.holds(alike.code === 0, alike.stderr);
      const third = await settle(nodes);
      assert.equal(new Set([first, second, third]).size, 3);
      const refused = await evergate(third, 'drain', 'node');
      assert.equal(refused.code, 1);
      assert.match(
        refused.stderr,
        /No other node took over VRRP instance "control-plane": .*refused/,
      );
      assert.equal((await statusOf(third))?.vrrp[0]?.drained, false);
      assert.deepEqual(await network.owners(VIP), [third.name]);
      assert.match((await evergate(third, 'maint', 'node')).stderr, /"evergate drain node"/);

      writeFileSync(end, '');
      const tally = JSON.parse((await connecting).stdout) as Tally;
      assert.ok(tally.attempts > 100, JSON.stringify(tally));
      t.diagnostic(`longest time between two connections: ${tally.gapMs} ms`);
      for (const node of [first, second]) {
        assert.equal((await evergate(node, 'ready', 'node')).code, 0);
        assert.equal((await statusOf(node))?.vrrp[0]?.drained, false);
      }
      assert.equal(await settle(nodes), third, 'nopreempt');
      attempt.holds(
        tally.failures.length === 0,
        `connections failed: ${tally.failures.join(', ')}`,
      );
    });
  });

  it('moves the VIP when its owner stops, and does not take it back', async (t) => {
    await judged(t, async ({ holds }) => {
      const first = await settle(nodes);
      process.kill(Number(readFileSync(path(first, 'run/guardian.pid'), 'utf8')), 'SIGTERM');
      const others = nodes.filter((node) => node !== first);
      const second = await settle(others);
      assert.deepEqual(await network.owners(VIP), [second.name]);
      for (const answer of await askThroughVip()) assert.match(answer, /^200 k8s-/);
      start(first);
      const again = await settle(nodes);
      holds(again.name === second.name, `${again.name} has it again in spite of nopreempt`);
    });
  });
});
