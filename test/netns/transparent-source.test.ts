/**
 * Servers that see the address of each client (IP_TRANSPARENT): a client, the balancer and a server in networks of
 * their own, with the way back led through the balancer as docs/transparent-source.md says. The same haproxy.cfg runs
 * under HAProxy, and what its server sees is compared.
 */

import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { whyNoHaproxy } from '../kit/haproxy.ts';
import { hasProgram, Network, type NetworkNode, whyNoNamespaces } from '../kit/network.ts';
import { askStatus, lookAtStatus } from '../kit/status.ts';
import { waitUntil } from '../kit/wait-until.ts';

const EVERGATE = resolve('bin/evergate');
const skip = whyNoNamespaces() ?? (hasProgram('nft') ? false : 'nft (Debian: nftables) is missing');

const CLIENT = '10.81.0.2';
const CLIENT6 = 'fd81::2';
/** The balancer, as the client and as the server know it. */
const FRONT = '10.81.0.1';
const FRONT6 = 'fd81::1';
const BACK = '10.82.0.1';
const BACK6 = 'fd82::1';
const SERVER = '10.82.0.2';
const SERVER6 = 'fd82::2';
const STRANGER = '10.9.9.9';

/** What docs/transparent-source.md gives: packets of sockets with a foreign address are this machine's own. */
const MARKS = `table inet transparent {
  chain back {
    type filter hook prerouting priority mangle;
    meta l4proto tcp socket transparent 1 meta mark set 1 accept;
  }
}
`;

/** Says who it sees, to him and on its standard output. */
const SERVER_CODE = `
  const { createServer } = require('node:net');
  createServer((socket) => {
    socket.on('error', () => {});
    const { remoteAddress, remotePort } = socket;
    if (remoteAddress === undefined) return;
    const address = remoteAddress.replace('::ffff:', '');
    console.log(address);
    socket.write(address + ' ' + remotePort + '\\n');
    socket.on('data', (bytes) => socket.write(bytes));
  }).listen(6443, '::');`;

/** Asks at each host and port of its words, one after the other: a line each with its own port and what it is told. */
const CLIENT_CODE = `
  const { connect } = require('node:net');
  const words = process.argv.slice(1);
  const next = () => {
    const [host, port] = words.splice(0, 2);
    if (host === undefined) process.exit();
    const socket = connect({ host, port: Number(port) });
    let text = '';
    const end = () => {
      console.log(socket.localPort ?? 0, text.trim());
      socket.removeAllListeners().on('error', () => {}).destroy();
      next();
    };
    socket.on('data', (bytes) => { text += bytes; if (text.includes('\\n')) end(); });
    socket.on('error', end).on('close', end);
  };
  next();`;

const PORTS = {
  address: 8443,
  port: 8444,
  foreign: 8445,
  mapped: 8446,
  node: 8447,
  ipv6: 8448,
  checked: 8449,
};

const proxies = (global: string): string => `${global}
defaults
    mode tcp
    timeout connect 2s
    timeout client 1h
    timeout server 1h
listen address
    bind 0.0.0.0:${PORTS.address}
    source 0.0.0.0 usesrc clientip
    server s1 ${SERVER}:6443
listen port
    bind 0.0.0.0:${PORTS.port}
    default-server source 0.0.0.0 usesrc client
    server s1 ${SERVER}:6443
listen foreign
    bind 0.0.0.0:${PORTS.foreign}
    server s1 ${SERVER}:6443 source ${BACK} usesrc ${STRANGER}:7777
listen mapped
    bind :::${PORTS.mapped} v4v6
    server s1 ${SERVER}:6443 source 0.0.0.0 usesrc clientip
listen node
    bind 0.0.0.0:${PORTS.node}
    server s1 ${SERVER}:6443 source ${BACK}
listen checked
    bind 127.0.0.1:${PORTS.checked}
    source 0.0.0.0 usesrc clientip
    # A check that says something, so that the server sees whom it is from; what comes of it is no matter.
    option ssl-hello-chk
    server s1 ${SERVER}:6443 check inter 200
listen ipv6
    bind :::${PORTS.ipv6} v6only
    source 0.0.0.0 usesrc clientip
    server s1 [${SERVER6}]:6443
`;

const withClients = (): string => proxies('global\n    user eg-no-such-account');
const withoutClients = (): string => withClients().replace(/ usesrc \S+/g, '');

describe('Servers see their clients', { skip, timeout: 300_000 }, () => {
  let folder = '';
  let network: Network;
  let client: NetworkNode;
  let balancer: NetworkNode;
  let server: NetworkNode;
  const seen: string[] = [];
  /** Whom a test has started. */
  let running: ChildProcess | null = null;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evergate-transparent-'));
    network = await Network.create();
    client = await network.addNode('client', `${CLIENT}/24`);
    balancer = await network.addNode('balancer', `${FRONT}/24`);
    server = await network.addNode('server', `${SERVER}/24`);
    await layOut();
    const answers = server.spawn(process.execPath, ['-e', SERVER_CODE], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    answers.stdout?.on('data', (lines) => seen.push(...String(lines).trim().split('\n')));
    await waitUntil('the server answers', async () => {
      const code = `require('node:net').connect(6443, '${SERVER}')
        .on('connect', () => process.exit(0)).on('error', () => process.exit(1))`;
      return (await balancer.run(process.execPath, ['-e', code])).code === 0;
    });
  });
  after(() => {
    network?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Addresses, the way back, and the mark that leads answers to the balancer's sockets. */
  async function layOut(): Promise<void> {
    const device = ['dev', 'ens192'];
    await balancer.ip('addr', 'add', `${BACK}/24`, ...device);
    const addresses6: readonly (readonly [NetworkNode, string])[] = [
      [client, CLIENT6],
      [balancer, FRONT6],
      [balancer, BACK6],
      [server, SERVER6],
    ];
    for (const [node, address] of addresses6) {
      await node.ip('-6', 'addr', 'add', `${address}/64`, ...device, 'nodad');
    }
    await server.ip('route', 'add', 'default', 'via', BACK);
    await server.ip('-6', 'route', 'add', 'default', 'via', BACK6);
    for (const family of ['-4', '-6']) {
      await balancer.ip(family, 'rule', 'add', 'fwmark', '1', 'lookup', '100');
      await balancer.ip(family, 'route', 'add', 'local', 'default', 'dev', 'lo', 'table', '100');
    }
    await balancer.run('sysctl', ['-qw', 'net.ipv4.conf.all.rp_filter=1']);
    const { code, stderr } = await balancer.run('nft', ['-f', file('marks.nft', MARKS)]);
    assert.equal(code, 0, stderr);
  }

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  }

  /** "<address> same port", "<address> own port", "<address> <port>" of a stranger, or "nothing", for each; "silence" where there is no end. */
  async function askEach(
    ...places: readonly (readonly [host: string, port: number])[]
  ): Promise<readonly string[]> {
    const words = places.flat().map(String);
    const { stdout } = await client.run(process.execPath, ['-e', CLIENT_CODE, ...words]);
    return stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [own = '', address = '', told = ''] = line.trim().split(' ');
        if (own === '') return 'silence';
        if (address === '') return 'nothing';
        if (address === STRANGER) return `${address} ${told}`;
        return `${address} ${own === told ? 'same port' : 'own port'}`;
      });
  }

  async function ask(port: number): Promise<string> {
    return (await askEach([FRONT, port]))[0] ?? '';
  }

  async function askAll(): Promise<Readonly<Record<string, string | undefined>>> {
    const [address, port, foreign, mapped, node, ipv6] = await askEach(
      [FRONT, PORTS.address],
      [FRONT, PORTS.port],
      [FRONT, PORTS.foreign],
      [FRONT, PORTS.mapped],
      [FRONT, PORTS.node],
      [FRONT6, PORTS.ipv6],
    );
    return { address, port, foreign, mapped, node, ipv6 };
  }

  async function isServed(port: number): Promise<boolean> {
    return (await ask(port)) !== 'nothing';
  }

  /** Whom checks alone come from: nobody else connects meanwhile. */
  async function seenOfChecks(): Promise<readonly string[]> {
    const from = seen.length;
    await waitUntil('a check comes', () => seen.length > from + 1);
    return [...new Set(seen.slice(from))];
  }

  afterEach(async () => {
    const child = running;
    running = null;
    child?.kill('SIGTERM');
    await waitUntil('it ends', () => child?.exitCode !== null || child.signalCode !== null);
  });

  const TOLD = {
    address: `${CLIENT} own port`,
    port: `${CLIENT} same port`,
    foreign: `${STRANGER} 7777`,
    node: `${BACK} own port`,
    ipv6: `${CLIENT6} own port`,
  };

  it('as under HAProxy, and HAProxy has no IPv4 client of an IPv6 address served', async (t) => {
    const why = whyNoHaproxy();
    if (why !== null) return t.skip(why);
    running = balancer.spawn('haproxy', ['-db', '-f', file('haproxy.cfg', proxies(''))], {
      stdio: 'ignore',
    });
    await waitUntil('HAProxy serves', () => isServed(PORTS.node));
    assert.deepEqual(await askAll(), { ...TOLD, mapped: 'nothing' });
    assert.deepEqual(await seenOfChecks(), [BACK]);
    running?.kill('SIGKILL');
    const { code, stderr } = await balancer.run('haproxy', [
      ...['-db', '-f', file('haproxy.cfg', proxies('global\n    user nobody'))],
    ]);
    assert.equal(code, 1);
    assert.match(stderr, /require full privileges, so global.uid cannot be changed/);
  });

  const runDir = () => join(folder, 'run');
  const pidOf = (role: string): number =>
    Number.parseInt(readFileSync(join(runDir(), `${role}.pid`), 'utf8'), 10);

  function start(...files: readonly string[]): void {
    running = balancer.spawn(EVERGATE, ['run', ...files, '--run-dir', runDir()], {
      stdio: 'ignore',
    });
  }

  async function isReady(): Promise<void> {
    await waitUntil('its spare is ready', async () => {
      return (await lookAtStatus(runDir()))?.balancer?.spare.state === 'ready';
    });
  }

  it('and as root: a haproxy.cfg without "user"', async () => {
    start('--haproxy', file('haproxy.cfg', proxies('')));
    await isReady();
    assert.deepEqual(await askAll(), { ...TOLD, mapped: `${CLIENT} own port` });
    assert.deepEqual(await seenOfChecks(), [BACK]);
  });

  it('with one right, in the threads that need it', async () => {
    start('--haproxy', file('haproxy.cfg', withClients()));
    await isReady();
    assert.deepEqual(await askAll(), { ...TOLD, mapped: `${CLIENT} own port` });
    for (const role of ['balancer', 'spare']) assertRights(pidOf(role));
    process.kill(pidOf('balancer'), 'SIGKILL');
    await isReady();
    assert.equal(await ask(PORTS.address), TOLD.address);
  });

  it('with evergate.yaml, each by a server of his own family', async () => {
    start('--config', file('evergate.yaml', NATIVE));
    await isReady();
    const [four, six] = [
      [FRONT, PORTS.address],
      [FRONT6, PORTS.address],
    ] as const;
    const { address, ipv6 } = TOLD;
    const expected = [address, ipv6, address, ipv6, ipv6, address];
    assert.deepEqual(await askEach(four, six, four, six, six, four), expected);
    for (const role of ['balancer', 'spare']) assertRights(pidOf(role));
    const { balancer: told } = await askStatus(runDir());
    const servers = told?.report?.backends[0]?.servers ?? [];
    assert.deepEqual(
      servers.map(({ check }) => check),
      ['up', 'up'],
      'a client of the other family says nothing about a server',
    );
  });

  it('or nothing starts, where the right is missing', async () => {
    const path = file('haproxy.cfg', withClients());
    const lacking = '--bounding-set=-net_raw,-net_admin';
    const args = ['run', '--haproxy', path, '--run-dir', runDir()];
    const { code, stdout, stderr } = await balancer.run('setpriv', [lacking, EVERGATE, ...args]);
    assert.equal(code, 1);
    assert.match(`${stdout}${stderr}`, /CAP_NET_RAW.* \[no-foreign-sources\]/);
    assert.equal(await ask(PORTS.address), 'nothing');
    assert.equal(existsSync(runDir()), false);

    writeFileSync(path, withoutClients());
    running = balancer.spawn('setpriv', [lacking, EVERGATE, ...args], { stdio: 'ignore' });
    await isReady();
    writeFileSync(path, withClients());
    const refused = await balancer.run(EVERGATE, ['reload', '--run-dir', runDir()]);
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /CAP_NET_RAW/);
    assert.equal(await ask(PORTS.address), `${BACK} own port`);
  });

  it('from a reload on, by a new balancer, while the one before finishes its connections', async () => {
    const plain = withoutClients();
    const gone = plain.replace(
      'listen address',
      'listen removed\n    bind 0.0.0.0:8450\nlisten address',
    );
    start('--haproxy', file('haproxy.cfg', gone));
    await isReady();
    const before = pidOf('balancer');
    const code = `const socket = require('node:net').connect(${PORTS.node}, '${FRONT}');
      process.stdin.pipe(socket).pipe(process.stdout);`;
    const talk = client.spawn(process.execPath, ['-e', code], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let heard = '';
    talk.stdout?.on('data', (bytes) => {
      heard += bytes;
    });
    await waitUntil('it is open', () => heard.includes(BACK));
    assert.equal(await ask(PORTS.address), `${BACK} own port`);

    file('haproxy.cfg', withClients());
    await reload();
    assert.deepEqual(await askAll(), { ...TOLD, mapped: `${CLIENT} own port` });
    assert.equal(await ask(8450), 'nothing', 'what is not listened to any more is let go of');
    await isReady();
    for (const role of ['balancer', 'spare']) assertRights(pidOf(role));
    assert.equal((await askStatus(runDir())).balancer?.retired, before);
    talk.stdin?.write('still there');
    await waitUntil('the old connection lives', () => heard.includes('still there'));
    talk.stdin?.end();
    await waitUntil('then the balancer of before ends', () => !existsSync(`/proc/${before}`));
    assert.equal((await askStatus(runDir())).balancer?.restarts, 0);

    // And back: nobody needs another balancer to have fewer rights.
    const now = pidOf('balancer');
    file('haproxy.cfg', plain);
    await reload();
    assert.equal(await ask(PORTS.address), `${BACK} own port`);
    assert.equal(pidOf('balancer'), now);
    assertRights(now, NONE);
  });

  async function reload(): Promise<void> {
    const { code, stdout, stderr } = await balancer.run(EVERGATE, [
      'reload',
      '--run-dir',
      runDir(),
    ]);
    assert.equal(code, 0, `${stdout}${stderr}`);
  }
});

const NATIVE = `listen: [${PORTS.address}]
nodes:
  here: { address: ['${FRONT}', '${FRONT6}'] }
servers:
  s1: ${SERVER}:6443
  s2: '[${SERVER6}]:6443'
check: { type: tcp }
source: client
`;

const NONE = '0'.repeat(16);
/** CAP_NET_RAW, bit 13 of linux/capability.h. */
const NET_RAW = '0000000000002000';

/** `held`: by relay threads. */
function assertRights(pid: number, held = NET_RAW): void {
  const tasks = `/proc/${pid}/task`;
  let relays = 0;
  for (const task of readdirSync(tasks)) {
    const status = readFileSync(`${tasks}/${task}/status`, 'utf8');
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1] ?? '?';
    const isRelay = field('Name').startsWith('relay');
    if (isRelay) relays += 1;
    const rights = ['CapPrm', 'CapEff', 'CapInh', 'CapAmb', 'NoNewPrivs', 'Seccomp'].map(field);
    const own = isRelay ? held : NONE;
    assert.deepEqual(rights, [own, own, NONE, NONE, '1', '2'], field('Name'));
    if (isRelay) assert.equal(field('CapBnd'), NONE);
  }
  assert.ok(relays > 0, 'relay threads are seen');
}
