/**
 * The haproxy.cfg files found in the field (../shared/corpus), started as they are in a namespace of their
 * own: the addresses and names they speak of exist there, stand-ins answer on the servers' ports, and a
 * request goes through every frontend. docs/haproxy.md tells of each.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApiserverOptions } from '../../src/lab/apiserver/main.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { findCommand } from '../kit/peers.ts';
import { lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const CORPUS = resolve('../shared/corpus/haproxy');
const EVERGATE = resolve('bin/evergate');
const APISERVER = resolve('src/lab/apiserver/main.ts');
/** Guards against hanging. */
const HANG_SECONDS = '30';
const SERVERS = ['192.168.1.92', '192.168.1.93', '192.168.1.95'] as const;
const VIP = '192.168.1.94';
/** What of OpenShift's own machines stands in the file: all of it on the stand-ins' address. */
const NAMES = ['bootstrap', 'master0', 'master1', 'master2', 'compute0', 'compute1'];

/** Answers on the ports beside the apiserver's, each with its number. */
const OTHER_SERVERS = `
const { createServer } = require('node:http');
for (const port of [22623, 443, 80]) {
  createServer((request, response) => response.end('port ' + port)).listen(port, '0.0.0.0');
}
`;

/** Folders and names the files count on exist in the daemon's own mounts only. */
const SET_UP =
  'mount -t tmpfs none /var/lib && mkdir -p /var/lib/haproxy/run && ' +
  'mount -t tmpfs none /run && mkdir -p /run/haproxy && mount --bind "$1/hosts" /etc/hosts && ' +
  'exec "$0" run --haproxy "$2" --run-dir "$1/run" 2>"$1/log"';

type Probe = {
  readonly url: string;
  readonly user?: string;
  /** What curl prints: the status code and the start of the body. */
  readonly expected: RegExp;
};

const api = (address: string): Probe => ({
  url: `https://${address}/version`,
  expected: /^200 \{/,
});
const page = (address: string, user?: string): Probe => ({
  url: `http://${address}`,
  ...(user === undefined ? {} : { user }),
  expected: /^200 /,
});

/** By file: a request through each frontend and each of its addresses. */
const RUNS: Readonly<Record<string, readonly Probe[]>> = {
  '01-kubeadm-ha-guide.cfg': [api('127.0.0.1:8443')],
  '02-kubespray.cfg': [
    api('127.0.0.1:6443'),
    api('[::1]:6443'),
    page('127.0.0.1:8081/healthz'),
    page('[::1]:8081/healthz'),
  ],
  '03-openshift-mco.cfg': [
    api('127.0.0.1:9445'),
    api('[::1]:9445'),
    page('127.0.0.1:9444/haproxy_ready'),
    page('127.0.0.1:9454/haproxy_monitor'),
    page('127.0.0.1:29445/haproxy_stats', 'Username:Password'),
  ],
  '04-openshift-upi.cfg': [
    api('127.0.0.1:6443'),
    { url: 'http://127.0.0.1:22623/', expected: /^200 port 22623/ },
    { url: 'http://127.0.0.1:443/', expected: /^200 port 443/ },
    { url: 'http://127.0.0.1:80/', expected: /^200 port 80/ },
  ],
  '05-debian-floble.cfg': [api(`${VIP}:6443`)],
  '06-kainstall.cfg': [
    api('127.0.0.1:6443'),
    page('127.0.0.1:19090/haproxy_stats', 'admin:admin123'),
  ],
  '07-zhangjiongdev.cfg': [api(`${VIP}:8443`)],
  '08-forbearing.cfg': [api('127.0.0.1:8443'), api(`${VIP}:8443`)],
};

function whySkip(): string | false {
  if (!existsSync(CORPUS)) return `The corpus is not there: ${CORPUS}`;
  if (findCommand('curl') === null) return 'The program "curl" (Debian: curl) is missing';
  return whyNoNamespaces() ?? false;
}

describe('files found in the field', { skip: whySkip(), timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let balancer: NetworkNode;
  let servers: NetworkNode;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-field-'));
    network = await Network.create();
    balancer = await network.addNode('balancer', '192.168.1.91/24');
    await balancer.ip('addr', 'add', `${VIP}/32`, 'dev', 'lo');
    servers = await network.addNode('servers', `${SERVERS[0]}/24`);
    for (const address of SERVERS.slice(1)) {
      await servers.ip('addr', 'add', `${address}/24`, 'dev', 'ens192');
    }
    const hosts = NAMES.map((name) => `${SERVERS[0]} ${name}.ocp4.example.com\n`);
    writeFileSync(join(folder, 'hosts'), `127.0.0.1 localhost\n${hosts.join('')}`);
    await startServers();
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function startServers(): Promise<void> {
    const made = await createServerCertificate(await createAuthority(), ['apiserver', ...SERVERS]);
    writeFileSync(join(folder, 'apiserver.crt'), made.certificatePem);
    writeFileSync(join(folder, 'apiserver.key'), made.keyPem, { mode: 0o600 });
    const options: ApiserverOptions = {
      node: 'k8s-master',
      nodes: ['k8s-master'],
      host: '0.0.0.0',
      port: 6443,
      certificateFile: join(folder, 'apiserver.crt'),
      keyFile: join(folder, 'apiserver.key'),
    };
    servers.spawn(process.execPath, [APISERVER, JSON.stringify(options)]);
    servers.spawn(process.execPath, ['-e', OTHER_SERVERS]);
    await waitUntil(
      'the stand-ins listen',
      async () => {
        const { stdout } = await servers.run('ss', ['-Hlnt']);
        return [6443, 22623, 443, 80].every((port) => stdout.includes(`:${port} `));
      },
      50,
    );
  }

  async function ask({ url, user }: Probe): Promise<string> {
    const login = user === undefined ? [] : ['-u', user];
    const said = ['-w', '%{http_code} ', '-o', join(folder, 'body'), '-ksS', '-m', HANG_SECONDS];
    const { stdout, stderr } = await balancer.run('curl', [...said, ...login, url]);
    const body = stdout.startsWith('200') ? readFileSync(join(folder, 'body'), 'utf8') : stderr;
    return `${stdout}${body.slice(0, 200)}`;
  }

  /** Returns how to end it. */
  async function start(file: string): Promise<() => Promise<void>> {
    rmSync(join(folder, 'run'), { recursive: true, force: true });
    mkdirSync(join(folder, 'run'));
    const args = ['-c', SET_UP, EVERGATE, folder, join(CORPUS, file)];
    const daemon = balancer.spawn('sh', args);
    const ended = once(daemon, 'exit');
    const end = async (): Promise<void> => {
      daemon.kill('SIGTERM');
      await ended;
    };
    try {
      await waitUntil(`${file} serves`, () => isHealthy(daemon), 100);
    } catch (error) {
      await end();
      throw error;
    }
    return end;
  }

  async function isHealthy(daemon: ChildProcess): Promise<boolean> {
    if (daemon.exitCode !== null) throw new Error(readFileSync(join(folder, 'log'), 'utf8'));
    return (await lookAtStatus(join(folder, 'run')))?.verdict === 'healthy';
  }

  for (const [file, probes] of Object.entries(RUNS)) {
    it(`${file} runs, and a request passes each of its frontends`, async () => {
      const end = await start(file);
      try {
        for (const probe of probes) assert.match(await ask(probe), probe.expected, probe.url);
      } finally {
        await end();
      }
    });
  }

  it('are all here, and docs/haproxy.md says the same of each', () => {
    assert.deepEqual(Object.keys(RUNS), readdirSync(CORPUS).toSorted());
    const table = readFileSync(resolve('docs/haproxy.md'), 'utf8');
    for (const file of Object.keys(RUNS)) {
      assert.match(table, new RegExp(`^\\| ${RegExp.escape(file)} \\| .* \\| runs\\b.* \\|$`, 'm'));
    }
  });
});
