/**
 * Servers that are given by names, with a real DNS server, real HAProxy beside it: what a change of DNS did to
 * clients (refused until a reload), and what a failing name server must not do.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { askSocket, whyNoHaproxy } from '../kit/haproxy.ts';
import { NAME_SERVER, type NameFailure, NameServers, type Zone } from '../kit/name-servers.ts';
import { Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const HAPROXY_PORT = 9001;
const PORT = 9002;
const NATIVE_PORT = 9003;
const ONE = '127.0.1.1';
const TWO = '127.0.1.2';
const THREE = '127.0.1.3';

/** Says where it was reached; closes an address, with its connections, that it reads. */
const SERVERS = `
const { createServer } = require('node:net');
const open = new Map();
for (const port of [6443, 7443]) {
  for (const host of ${JSON.stringify([ONE, TWO, THREE])}) {
    const sockets = new Set();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('data', () => socket.write(host + ':' + port + '\\n'));
    });
    server.listen(port, host);
    open.set(host + ':' + port, () => { server.close(); for (const one of sockets) one.destroy(); });
  }
}
process.stdin.on('data', (text) => open.get(String(text).trim())?.());
`;

/** Connects to the port, says where it came out, and again on every line; "end" when it is cut off. */
const CLIENT = `
const socket = require('node:net').connect(Number(process.argv[1]), '127.0.0.1');
socket.on('connect', () => socket.write('x'));
socket.on('data', (text) => process.stdout.write(String(text)));
for (const event of ['error', 'close']) socket.on(event, () => { console.log('end'); process.exit(); });
process.stdin.on('data', () => socket.write('x'));
`;

const ZONE: Zone = {
  hosts: {
    'one.example': [ONE],
    'many.example': [ONE, TWO],
    'cp1.example': [ONE],
    'cp2.example': [TWO],
  },
  services: { '_api._tcp.example': ['cp1.example,6443,0,10', 'cp2.example,7443,0,512'] },
  ttl: 1,
};

const moved = (hosts: Zone['hosts']): Zone => ({ ...ZONE, hosts: { ...ZONE.hosts, ...hosts } });

/** Nobody gives an address up because of these, and of NXDOMAIN after a second. */
const configuration = (port: number, socket: string) => `global
  stats socket ${socket} level admin
resolvers dns
  nameserver ns1 ${NAME_SERVER}:53
  hold nx 1s
  hold refused 1h
  hold timeout 1h
  hold other 1h
  timeout resolve 300ms
  timeout retry 200ms
  resolve_retries 2
  accepted_payload_size 8192
defaults
  mode tcp
  timeout connect 1s
  timeout client 1h
  timeout server 1h
  default-server resolvers dns init-addr last,libc,none
frontend api
  bind 127.0.0.1:${port}
  default_backend api
backend api
  server one one.example:6443 check inter 300ms on-marked-down shutdown-sessions
backend others
  server nowhere nowhere.example:6443 check
  server-template t 3 many.example:6443 init-addr none
  server-template s 2 _api._tcp.example init-addr none
`;

const NATIVE = `listen: 127.0.0.1:${NATIVE_PORT}
nodes: { node: 10.99.0.1 }
servers: { one: "native.example:6443" }
check: { type: tcp }
`;

const skip = whyNoNamespaces() ?? whyNoHaproxy('dnsmasq', 'socat') ?? false;

describe('names of servers', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let node: NetworkNode;
  let names: NameServers;
  let servers: ChildProcess;
  const path = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-names-'));
    network = await Network.create();
    node = await network.addNode('node', '10.99.0.1/24');
    names = new NameServers(node, folder);
    servers = node.spawn(process.execPath, ['-e', SERVERS], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    await names.serve(moved({ 'native.example': [ONE] }));
    writeFileSync(path('haproxy.cfg'), configuration(HAPROXY_PORT, path('haproxy.sock')));
    node.spawn('haproxy', ['-db', '-f', path('haproxy.cfg')], { stdio: 'ignore' });
    writeFileSync(path('evergate.cfg'), configuration(PORT, path('evergate.sock')));
    writeFileSync(path('evergate.yaml'), NATIVE);
    start('carried', '--haproxy', 'evergate.cfg');
    start('native', '--config', 'evergate.yaml');
    for (const port of [HAPROXY_PORT, PORT, NATIVE_PORT]) await comesOut(port, `${ONE}:6443`);
  });
  after(async () => {
    await names?.close();
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function start(name: string, ...[option = '', file = '']: readonly string[]): void {
    const command = 'exec "$0" run "$1" "$2" --run-dir "$3" 2>"$4"';
    node.spawn('sh', [
      ...['-c', command, EVERGATE, option, path(file), path(name), path(`${name}.log`)],
    ]);
  }

  /** One connection through `port`, which `says` what came, and can be asked again. */
  function dial(port: number): { says: () => string; ask: () => void; end: () => void } {
    const child = node.spawn(process.execPath, ['-e', CLIENT, String(port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout?.on('data', (bytes) => {
      text += String(bytes);
    });
    return {
      says: () => text.trim(),
      ask: () => child.stdin?.write('x'),
      end: () => child.kill('SIGKILL'),
    };
  }

  /** New connections end up there. */
  async function comesOut(port: number, place: string): Promise<void> {
    await waitUntil(`port ${port} leads to ${place}`, async () => {
      const client = dial(port);
      const said = await waitUntil('something is said', () => client.says() || null);
      client.end();
      return said === place;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${readFileSync(path('carried.log'), 'utf8')}`);
    });
  }

  /** What both say of each server: status, address, weight, administrative state, name, record. */
  async function shown(socket: string): Promise<readonly string[]> {
    const [stat, state] = await Promise.all([
      askSocket(path(socket), 'show stat'),
      askSocket(path(socket), 'show servers state'),
    ]);
    const [header = '', ...rows] = stat.split('\n');
    const columns = header.replace(/^# /, '').split(',');
    const cells = rows.map((row) => row.split(','));
    const cell = (row: readonly string[], name: string) => row[columns.indexOf(name)] ?? '';
    return state
      .split('\n')
      .slice(2)
      .filter((line) => line !== '')
      .map((line) => {
        const word = line.split(' ');
        const [backend, server] = [word[1] ?? '', word[3] ?? ''];
        const row = cells.find((one) => one[0] === backend && one[1] === server) ?? [];
        const where = `${word[4]}:${word[4] === '-' ? '-' : word[18]}`;
        const status = cell(row, 'status').replace(/^UP .*/, 'UP');
        // Which server of a name gets which of its addresses is nobody's promise.
        const name = /^[ts]\d$/.test(server) ? server[0] : server;
        return `${name} ${status} ${where} weight ${word[7]} admin ${word[6]} ${word[17]} ${word[19]}`;
      })
      .toSorted();
  }

  /** HAProxy shows this, and so do we. */
  async function bothShow(what: string, expected: readonly string[]): Promise<void> {
    for (const socket of ['haproxy.sock', 'evergate.sock']) {
      let last: readonly string[] = [];
      await waitUntil(`${socket} shows ${what}`, async () => {
        last = await shown(socket).catch(() => []);
        return last.join() === expected.join();
      }).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${last.join('\n')}\ninstead of\n${expected.join('\n')}`);
      });
    }
  }

  const NOWHERE = 'nowhere MAINT (resolution) -:- weight 1 admin 32 nowhere.example -';
  const SERVICE = [
    `s no check ${ONE}:6443 weight 1 admin 64 cp1.example _api._tcp.example`,
    `s no check ${TWO}:7443 weight 2 admin 64 cp2.example _api._tcp.example`,
  ];
  const MANY = [
    't MAINT (resolution) -:- weight 1 admin 32 many.example -',
    `t no check ${ONE}:6443 weight 1 admin 0 many.example -`,
    `t no check ${TWO}:6443 weight 1 admin 0 many.example -`,
  ];
  /** It is written a moment after what it tells of. */
  const tells = (line: RegExp) =>
    waitUntil(`the log tells ${line}`, () => line.test(readFileSync(path('carried.log'), 'utf8')));
  const at = (place: string) => `one UP ${place}:6443 weight 1 admin 0 one.example -`;

  it('has servers where their names lead, as HAProxy has', async () => {
    await bothShow('the zone', [NOWHERE, at(ONE), ...SERVICE, ...MANY]);
    const why =
      'Server "others/nowhere" is in maintenance: The name "nowhere.example" has no address';
    let status = await askStatus(path('carried'));
    const saysSo = async (): Promise<boolean> => {
      status = await askStatus(path('carried'));
      return status.reasons.join() === why;
    };
    await waitUntil('status says why, and nothing else', saysSo).catch(() => {});
    assert.deepEqual(status.reasons, [why]);
    assert.equal(status.verdict, 'degraded');
  });

  it('follows a name that moves, and ends connections to where it was', async () => {
    const client = dial(PORT);
    await waitUntil('it is connected', () => client.says() === `${ONE}:6443`);
    await names.serve(moved({ 'one.example': [TWO], 'many.example': [THREE, TWO] }));
    const many = MANY.map((line) => line.replace(ONE, THREE)).toSorted();
    await bothShow('the moves', [NOWHERE, at(TWO), ...SERVICE, ...many]);
    await comesOut(PORT, `${TWO}:6443`);
    await waitUntil('the old connection is cut', () => client.says().endsWith('end'));
    await tells(/api\/one changed its IP from 127\.0\.1\.1 to 127\.0\.1\.2 by dns\/ns1\./);
    await names.serve(ZONE);
    await bothShow('the zone again', [NOWHERE, at(ONE), ...SERVICE, ...MANY]);
  });

  for (const failure of ['servfail', 'refused', 'silence'] satisfies NameFailure[]) {
    it(`goes on as before while name servers answer with ${failure}`, async () => {
      const client = dial(PORT);
      await waitUntil('it is connected', () => client.says() === `${ONE}:6443`);
      const questions = await names.fail(failure);
      await waitUntil('many questions have failed', () => questions('one.example') > 20);
      await comesOut(PORT, `${ONE}:6443`);
      client.ask();
      await waitUntil('it still talks', () => client.says() === `${ONE}:6443\n${ONE}:6443`);
      client.end();
      const expected = [NOWHERE, at(ONE), ...SERVICE, ...MANY];
      assert.deepEqual(await shown('haproxy.sock'), expected);
      assert.deepEqual(await shown('evergate.sock'), expected);
    });
  }

  it('gives a name up that does not exist for as long as "hold nx", and takes it back', async () => {
    await names.fail('nxdomain');
    const gone = 'one MAINT (resolution) -:- weight 1 admin 32 one.example -';
    for (const socket of ['haproxy.sock', 'evergate.sock']) {
      await waitUntil(`${socket} gives it up`, async () => (await shown(socket)).includes(gone));
    }
    const { reasons } = await askStatus(path('carried'));
    const why =
      'Server "api/one" is in maintenance: The name "one.example" has no address (DNS NX status)';
    assert.ok(reasons.includes(why), reasons.join('\n'));
    await names.serve(ZONE);
    await bothShow('it back', [NOWHERE, at(ONE), ...SERVICE, ...MANY]);
    await comesOut(PORT, `${ONE}:6443`);
    await tells(/Server api\/one is going DOWN for maintenance \(DNS NX status\)\. 0 active/);
    await tells(/Server api\/one \('one\.example'\) is UP\/READY \(resolves again\)\./);
  });

  it("follows a service's records", async () => {
    const record = 'cp2.example,7443,0,512';
    await names.serve({ ...ZONE, services: { '_api._tcp.example': [record] } });
    await bothShow('one record', [
      NOWHERE,
      at(ONE),
      's MAINT (resolution) -:- weight 1 admin 96 - _api._tcp.example',
      `s no check ${TWO}:7443 weight 2 admin 64 cp2.example _api._tcp.example`,
      ...MANY,
    ]);
  });

  it('evergate.yaml: follows the TTL, and asks at once when a server goes down', async () => {
    await names.serve({ ttl: 1, hosts: { 'native.example': [TWO] } });
    await comesOut(NATIVE_PORT, `${TWO}:6443`);
    // From now on nobody would ask for an hour.
    await names.serve({ ttl: 3600, hosts: { 'native.example': [THREE] } });
    await comesOut(NATIVE_PORT, `${THREE}:6443`);
    await names.serve({ ttl: 3600, hosts: { 'native.example': [TWO] } });
    servers.stdin?.write(`${THREE}:6443\n`);
    await comesOut(NATIVE_PORT, `${TWO}:6443`);
  });

  it('evergate.yaml: keeps an address whose name does not exist any more', async () => {
    const questions = await names.fail('nxdomain');
    servers.stdin?.write(`${TWO}:6443\n`);
    await waitUntil('it has asked more than once', () => questions('native.example') > 4);
    const status = await askStatus(path('native'));
    const [server] = status.balancer?.report?.backends[0]?.servers ?? [];
    assert.deepEqual([server?.address, server?.host], [`${TWO}:6443`, 'native.example']);
    await names.serve({ ttl: 1, hosts: { 'native.example': [ONE] } });
    await comesOut(NATIVE_PORT, `${ONE}:6443`);
    await waitUntil('it is well', async () => {
      return (await lookAtStatus(path('native')))?.verdict === 'healthy';
    });
  });
});
