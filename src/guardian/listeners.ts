/**
 * The listening sockets. The guardian binds them all before anything else is started, and hands them to
 * each balancer in turn: a balancer that dies leaves them open, and the kernel goes on completing
 * handshakes into their queues.
 */

import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { InheritedListener } from '../balancer/data-plane.ts';
import type { BalancerConfig, BindConfig, StatsSocketConfig } from '../config/model.ts';
import { OperationalError } from '../core/errors.ts';
import { SystemError } from '../linux/errno.ts';
import { closeFd } from '../linux/files.ts';
import { groupId, userId } from '../linux/identity.ts';
import { describeAddress, isAddressBusy, openListener } from '../linux/sockets.ts';
import { listenerOwner } from './process-table.ts';

/** The sockets, and how to close them; closing also removes the unix sockets' paths. */
export type Listeners = {
  readonly sockets: readonly InheritedListener[];
  close(): void;
};

/** Opens every socket or none; throws OperationalError naming the address and who holds it. */
export async function openListeners(config: BalancerConfig, relays: number): Promise<Listeners> {
  const sockets: InheritedListener[] = [];
  const paths: string[] = [];
  const close = (): void => {
    for (const { fd } of sockets.splice(0)) closeFd(fd);
    for (const path of paths.splice(0)) if (existsSync(path)) unlinkSync(path);
  };
  try {
    for (const frontend of config.frontends) {
      for (const bind of frontend.binds) {
        await claim(bind, paths);
        const shares = bind.address.kind === 'unix' ? 1 : relays;
        for (let relay = 0; relay < shares; relay++) {
          const fd = open(bind, shares > 1);
          sockets.push({ fd, purpose: { kind: 'frontend', frontend: frontend.name, relay } });
        }
      }
    }
    for (const frontend of config.httpFrontends) {
      for (const bind of frontend.binds) {
        await claim(bind, paths);
        sockets.push({
          fd: open(bind, false),
          purpose: { kind: 'http', frontend: frontend.name },
        });
      }
    }
    for (const socket of config.process.statsSockets) {
      sockets.push(await openStatsSocket(socket, paths));
    }
    return { sockets, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** Makes sure nobody else is there, and notes a unix path for removal. */
async function claim(bind: BindConfig, paths: string[]): Promise<void> {
  if (bind.address.kind === 'unix') {
    await clearSocketPath(bind.address.path, bind.origin);
    paths.push(bind.address.path);
    return;
  }
  const v6only = bind.address.kind === 'ipv6' && bind.address.v6only;
  if (!attempt(bind, () => isAddressBusy(bind.address, v6only))) return;
  const owner = listenerOwner(bind.address.port);
  const holder = owner === null ? 'another process' : `process ${owner.pid} ("${owner.command}")`;
  throw new OperationalError(
    'port-busy',
    `${bind.origin}: Address ${describeAddress(bind.address)} is in use by ${holder}; ` +
      'stop it or bind another address',
  );
}

function open(bind: BindConfig, reusePort: boolean): number {
  const v6only = bind.address.kind === 'ipv6' && bind.address.v6only;
  return attempt(bind, () => openListener(bind.address, { v6only, reusePort }));
}

/** Turns the kernel's refusal into one line that names the place in the file and the fix. */
function attempt<Value>(bind: BindConfig, action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const fix =
      error.code === 'EACCES' ? '; ports below 1024 need root or CAP_NET_BIND_SERVICE' : '';
    throw new OperationalError(
      'cannot-listen',
      `${bind.origin}: Cannot listen on ${describeAddress(bind.address)}: ${error.message}${fix}`,
    );
  }
}

async function openStatsSocket(
  socket: StatsSocketConfig,
  paths: string[],
): Promise<InheritedListener> {
  const origin = `stats socket "${socket.path}"`;
  try {
    // HAProxy's package makes this directory; a machine that never had the package lacks it.
    mkdirSync(dirname(socket.path), { recursive: true, mode: 0o755 });
    await clearSocketPath(socket.path, origin);
    const address = { kind: 'unix', path: socket.path } as const;
    const fd = openListener(address, { v6only: false, reusePort: false });
    paths.push(socket.path);
    if (socket.mode !== null) chmodSync(socket.path, socket.mode);
    if (socket.user !== null || socket.group !== null) {
      const uid = socket.user === null ? -1 : account(userId(socket.user), socket.user, origin);
      const gid = socket.group === null ? -1 : account(groupId(socket.group), socket.group, origin);
      chownSync(socket.path, uid, gid);
    }
    return { fd, purpose: { kind: 'stats-socket', path: socket.path, level: socket.level } };
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperationalError('cannot-listen', `${origin}: Cannot listen: ${reason}`);
  }
}

function account(id: number | null, name: string, origin: string): number {
  if (id !== null) return id;
  throw new OperationalError('cannot-listen', `${origin}: Account "${name}" does not exist`);
}

/** A socket file that nobody serves is left over from a kill and removed; one that answers is an error. */
async function clearSocketPath(path: string, origin: string): Promise<void> {
  if (!existsSync(path)) return;
  if (!lstatSync(path).isSocket()) {
    throw new OperationalError(
      'cannot-listen',
      `${origin}: "${path}" exists and is not a socket; move it away`,
    );
  }
  if (await answers(path)) {
    throw new OperationalError(
      'port-busy',
      `${origin}: Another process serves "${path}"; stop it or choose another path`,
    );
  }
  unlinkSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}
