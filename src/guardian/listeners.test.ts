import assert from 'node:assert/strict';
import { existsSync, fstatSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { freePort } from '../../test/kit/free-port.ts';
import type { BalancerConfig } from '../config/model/config.ts';
import type { StatsSocketConfig } from '../config/model/process.ts';
import type { BindConfig } from '../config/model/traffic.ts';
import { OperationalError } from '../core/errors.ts';
import { duplicate } from '../linux/descriptor-channel.ts';
import { closeFd } from '../linux/files.ts';
import { openListener } from '../linux/sockets.ts';
import { type Listeners, openListeners } from './listeners.ts';
import { listenerOwner } from './process-table.ts';
import { LeftSockets } from './takeover/adopted-listeners.ts';

let folder = '';
let other: Server | null = null;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evergate-listeners-'));
});
afterEach(() => {
  other?.close();
  other = null;
  rmSync(folder, { recursive: true, force: true });
});

function configOf(binds: readonly BindConfig[], statsSockets: readonly StatsSocketConfig[] = []) {
  return {
    process: { statsSockets },
    frontends: [{ name: 'kube-api', binds }],
    httpFrontends: [],
    backends: [],
  } as unknown as BalancerConfig;
}

const ipv4 = (port: number): BindConfig => ({
  address: { kind: 'ipv4', host: '127.0.0.1', port },
  origin: 'haproxy.cfg:23',
});

const statsSocket = (path: string): StatsSocketConfig => ({
  path,
  mode: 0o600,
  user: null,
  group: null,
  level: 'admin',
});

/** Another program that listens: its port. */
function occupy(path?: string): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    other = server;
    const listening = (): void => resolve((server.address() as AddressInfo).port);
    if (path === undefined) server.listen(0, '127.0.0.1', listening);
    else server.listen(path, listening);
  });
}

async function refusal(config: BalancerConfig): Promise<OperationalError> {
  try {
    (await openListeners(config, 1)).close();
  } catch (error) {
    assert.ok(error instanceof OperationalError);
    return error;
  }
  assert.fail('it was not refused');
}

describe('openListeners()', () => {
  it('refused a file that binds any address and one of them on a port, for its own sake', async () => {
    const port = await freePort();
    const any = { address: { kind: 'ipv4', host: '0.0.0.0', port }, origin: 'a:1' } as const;
    const six = {
      address: { kind: 'ipv6', host: '::', port, v6only: false },
      origin: 'a:2',
    } as const;
    for (const relays of [1, 2]) {
      for (const binds of [
        [any, ipv4(port), six],
        [six, any, ipv4(port)],
        [ipv4(port), six, any],
      ]) {
        const listeners = await openListeners(configOf(binds), relays);
        assert.equal(listeners.sockets.length, 3 * relays);
        assert.throws(() => openListener(any.address, { v6only: false, reusePort: false }));
        listeners.close();
      }
    }
    const twice = await refusal(configOf([any, { ...any, origin: 'a:9' }]));
    assert.match(twice.message, /^a:9: Address 0\.0\.0\.0:\d+ is in use by process/);
  });

  it('opens one socket for each relay on one port', async () => {
    const port = await freePort();
    const listeners = await openListeners(configOf([ipv4(port)]), 3);
    assert.deepEqual(
      listeners.sockets.map(({ purpose }) => purpose.kind === 'frontend' && purpose.socket),
      [0, 1, 2],
    );
    assert.equal(listenerOwner(port)?.pid, process.pid);
    listeners.close();
    assert.equal(listenerOwner(port), null);
  });

  it('names the process that has the port, and opens nothing', async () => {
    const port = await occupy();
    const socket = join(folder, 'stats');
    const error = await refusal(configOf([ipv4(0), ipv4(port)], [statsSocket(socket)]));
    assert.equal(error.code, 'port-busy');
    assert.match(error.message, new RegExp(`^haproxy.cfg:23: Address 127.0.0.1:${port} is in use`));
    assert.ok(error.message.includes(`process ${process.pid}`), error.message);
    assert.equal(existsSync(socket), false);
  });

  it('gives every relay the one queue of a unix path, whose file is as the line says', async () => {
    const path = join(folder, 'apiserver.sock');
    const file = { mode: 0o620, user: null, group: null };
    const bind: BindConfig = { address: { kind: 'unix', path }, file, origin: 'haproxy.cfg:7' };
    const listeners = await openListeners(configOf([bind]), 2);
    assert.deepEqual(
      listeners.sockets.map(({ purpose }) => purpose.kind === 'frontend' && purpose.socket),
      [0, 1],
    );
    assert.equal(statSync(path).mode & 0o777, 0o620);
    const [one, other] = listeners.sockets.map(({ fd }) => fstatSync(fd).ino);
    assert.equal(one, other);
    listeners.close();
    assert.equal(existsSync(path), false);
  });

  it('binds an address that the machine does not hold, as a backup node must', async () => {
    const address = { kind: 'ipv4', host: '203.0.113.94', port: 8443 } as const;
    const listeners = await openListeners(configOf([{ address, origin: 'haproxy.cfg:7' }]), 2);
    assert.equal(listeners.sockets.length, 2);
    listeners.close();
  });

  it('names the interface that does not exist', async () => {
    const address = { kind: 'ipv4', host: '0.0.0.0', port: 0 } as const;
    const bind: BindConfig = { address, interface: 'nowhere0', origin: 'haproxy.cfg:7' };
    const error = await refusal(configOf([bind]));
    assert.equal(error.code, 'cannot-listen');
    assert.match(error.message, /^haproxy.cfg:7: .* interface "nowhere0": /);
  });

  it('makes the directory of a stats socket, sets its mode, and removes the socket', async () => {
    const path = join(folder, 'haproxy', 'stats');
    const listeners = await openListeners(configOf([], [statsSocket(path)]), 1);
    assert.equal(statSync(path).mode & 0o777, 0o600);
    listeners.close();
    assert.equal(existsSync(path), false);
  });

  it('takes over a socket file nobody serves, and refuses one that answers', async () => {
    const path = join(folder, 'stats');
    // A descriptor that is closed without unlink(2) is what a killed process leaves.
    closeFd(openListener({ kind: 'unix', path }, { v6only: false, reusePort: false }));
    assert.ok(existsSync(path));
    (await openListeners(configOf([], [statsSocket(path)]), 1)).close();

    await occupy(path);
    const error = await refusal(configOf([], [statsSocket(path)]));
    assert.equal(error.code, 'port-busy');
    assert.ok(existsSync(path), 'the other program lost its socket');
  });

  it('leaves the path of a socket to who listens there, where the start that took it over fails', async () => {
    const path = join(folder, 'stats.sock');
    const before = await openListeners(configOf([], [statsSocket(path)]), 1);
    const [{ fd } = { fd: -1 }] = before.sockets;
    const wanted = (port: number) => configOf([ipv4(port)], [statsSocket(path)]);
    const left = () => LeftSockets.among([duplicate(fd)]);
    await assert.rejects(openListeners(wanted(await occupy()), 1, left()), { code: 'port-busy' });
    assert.ok(existsSync(path));
    const failed = await openListeners(wanted(await freePort()), 1, left());
    failed.close();
    assert.ok(existsSync(path));
    const next = await openListeners(wanted(await freePort()), 1, left());
    next.keepIn({ keep: () => {}, forget: () => {} });
    next.close();
    assert.equal(existsSync(path), false);
    before.close();
  });

  it('refuses to replace a file that is no socket', async () => {
    const path = join(folder, 'stats');
    writeFileSync(path, 'precious');
    const error = await refusal(configOf([], [statsSocket(path)]));
    assert.match(error.message, /is not a socket; move it away/);
    assert.ok(existsSync(path));
  });

  it('names an account that does not exist', async () => {
    const socket = { ...statsSocket(join(folder, 'stats')), user: 'no-such-account' };
    const error = await refusal(configOf([], [socket]));
    assert.match(error.message, /Account "no-such-account" does not exist/);
    assert.equal(existsSync(socket.path), false);
  });
});

describe('Listeners', () => {
  const ids = (sockets: Listeners['sockets']) => sockets.map(({ id, fd }) => `${id}/${fd}`);

  it('keeps the sockets of a place, also when it goes to another frontend', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const listeners = await openListeners(configOf([ipv4(one)]), 2);
    const before = ids(listeners.sockets);
    const { frontends, ...rest } = configOf([ipv4(one), ipv4(two)]);
    const renamed = { ...rest, frontends: frontends.map((each) => ({ ...each, name: 'other' })) };
    const change = await listeners.change(renamed);
    assert.deepEqual(ids(change.sockets).slice(0, 2), before);
    assert.equal(change.sockets.length, 4);
    const [{ purpose } = assert.fail()] = change.sockets;
    assert.deepEqual(purpose, { kind: 'frontend', frontend: 'other', socket: 0 });
    change.commit();
    assert.equal(listenerOwner(two)?.pid, process.pid);
    (await listeners.change(configOf([ipv4(two)]))).commit();
    assert.equal(listenerOwner(one), null);
    listeners.close();
    assert.equal(listenerOwner(two), null);
  });

  it('leaves everything as it is when a new place cannot be had, or the change is abandoned', async () => {
    const [one, two] = [await freePort(), await freePort()];
    const busy = await occupy();
    const listeners = await openListeners(configOf([ipv4(one)]), 1);
    const before = ids(listeners.sockets);
    const wanted = configOf([ipv4(two), ipv4(busy)], [statsSocket(join(folder, 'stats'))]);
    await assert.rejects(listeners.change(wanted), { code: 'port-busy' });
    assert.equal(listenerOwner(two), null);
    const change = await listeners.change(configOf([ipv4(two)], [statsSocket(join(folder, 's'))]));
    change.abandon();
    assert.equal(listenerOwner(two), null);
    assert.equal(existsSync(join(folder, 's')), false);
    assert.deepEqual(ids(listeners.sockets), before);
    listeners.close();
  });

  it('goes from one address of a port to all of them and back', async () => {
    const port = await freePort();
    const any: BindConfig = { ...ipv4(port), address: { kind: 'ipv4', host: '0.0.0.0', port } };
    const listeners = await openListeners(configOf([ipv4(port)]), 1);
    for (const bind of [any, ipv4(port), any]) {
      (await listeners.change(configOf([bind]))).commit();
      assert.equal(listeners.sockets.length, 1);
      await new Promise<void>((resolve, reject) => {
        const probe = connect(port, '127.0.0.1', () => resolve());
        probe.on('error', reject).on('connect', () => probe.destroy());
      });
    }
    // Both at once as well, in any order; twice the same is a mistake.
    for (const binds of [[any, ipv4(port)], [ipv4(port)], [any, ipv4(port)], [any]]) {
      (await listeners.change(configOf(binds))).commit();
      assert.equal(listeners.sockets.length, binds.length);
    }
    await assert.rejects(listeners.change(configOf([any, any])), { code: 'port-busy' });
    listeners.close();
  });

  it('refuses to make a page of a frontend that several relays have', async () => {
    const port = await freePort();
    const listeners = await openListeners(configOf([ipv4(port)]), 2);
    const { frontends, ...rest } = configOf([ipv4(port)]);
    const page = { ...rest, frontends: [], httpFrontends: frontends } as unknown as BalancerConfig;
    await assert.rejects(listeners.change(page), { code: 'needs-restart' });
    listeners.close();
  });
});
