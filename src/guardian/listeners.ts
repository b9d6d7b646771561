/**
 * The listening sockets. The guardian binds them all before anything else is started, and hands them to
 * each balancer in turn: a balancer that dies leaves them open, and the kernel goes on completing
 * handshakes into their queues. A reload opens what is new before anything that goes is closed.
 */

import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  unlinkSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { BalancerConfig } from '../config/model/config.ts';
import type { SocketFileConfig } from '../config/model/process.ts';
import type { BindConfig } from '../config/model/traffic.ts';
import type { InheritedListener, ListenerPurpose } from '../contracts/listeners.ts';
import { OperationalError } from '../core/errors.ts';
import { duplicate } from '../linux/descriptor-channel.ts';
import { SystemError } from '../linux/errno.ts';
import { closeFd } from '../linux/files.ts';
import { groupId, userId } from '../linux/identity.ts';
import {
  describeAddress,
  isAddressBusy,
  type ListenerOptions,
  openListener,
  setReusePort,
} from '../linux/sockets.ts';
import { listenerOwner } from './process-table.ts';
import type { DescriptorStore } from './service/descriptor-store.ts';
import { LeftSockets } from './takeover/adopted-listeners.ts';

/** Where sockets outlive this process, if there is such a place. */
export type Keeper = Pick<DescriptorStore, 'keep' | 'forget'>;

/**
 * Opens every socket or none; throws OperationalError naming the address and who holds it. What `left` has is
 * taken from there; the rest of it is closed. Until keepIn() that belongs to somebody else, too.
 */
export async function openListeners(
  config: BalancerConfig,
  socketsEach: number,
  left = LeftSockets.none(),
): Promise<Listeners> {
  const listeners = new Listeners(socketsEach, left);
  try {
    const change = await listeners.change(config);
    change.commit();
    return listeners;
  } finally {
    left.close();
  }
}

/** open(2); Node has no name for it. */
const O_PATH = 0o10000000;

/** New sockets are open, old ones still are: one of the two calls must follow. */
export type ListenersChange = {
  /** What balancers are to have from now on. */
  readonly sockets: readonly InheritedListener[];
  /** Closes what is not wanted any more; unix sockets lose their paths. */
  commit(): void;
  /** Closes what is new. */
  abandon(): void;
};

/** A place to listen at, as a configuration asks for it. */
type Wanted = {
  readonly place: BindConfig;
  readonly purposes: readonly ListenerPurpose[];
  /** Of a unix socket: whose it is to be. */
  readonly file: SocketFileConfig | null;
};

/** One that is open; `ids` and `fds` belong together. */
type Open = Wanted & {
  readonly ids: readonly number[];
  readonly fds: readonly number[];
  /** Somebody else, who listens there, has them, too. */
  readonly adopted: boolean;
};

export class Listeners {
  /** Of a frontend, at each of its places. */
  readonly #socketsEach: number;
  readonly #left: LeftSockets;
  /** null: nothing of what was adopted is ours yet. */
  #keeper: Keeper | null = null;
  #open: readonly Open[] = [];
  #nextId = 1;

  constructor(socketsEach: number, left: LeftSockets) {
    this.#socketsEach = socketsEach;
    this.#left = left;
  }

  get sockets(): readonly InheritedListener[] {
    return socketsOf(this.#open);
  }

  /**
   * Opens what another configuration wants beside what there is; throws OperationalError with nothing opened.
   * A place that both have keeps its sockets, whatever they are for, and so what waits in their queues.
   */
  async change(config: BalancerConfig): Promise<ListenersChange> {
    const left = [...this.#open];
    const wanted = wantedBy(config, this.#socketsEach);
    const kept = wanted.map((one) => takeSame(left, one));
    const stays = kept.filter((one) => one !== null);
    const opened: Open[] = [];
    const next: Open[] = [];
    const abandon = (): void => {
      this.#closeAll(opened);
      unshare(this.#open);
    };
    try {
      for (const [index, one] of wanted.entries()) {
        ownerOf(one);
        const before = kept[index] ?? null;
        const entry =
          before === null
            ? await this.#openOne(one, left, [...stays, ...opened])
            : { ...before, ...one };
        if (before === null) opened.push(entry);
        next.push(entry);
      }
    } catch (error) {
      abandon();
      throw error;
    }
    const commit = (): void => {
      this.#open = next;
      this.#close(left);
      for (const { place, fds } of opened) this.#keeper?.keep(keyOf(place), fds);
      for (const one of next) own(one);
    };
    return { sockets: socketsOf(next), commit, abandon };
  }

  /** All that is open is ours alone from now on, and outlives this process there. */
  keepIn(keeper: Keeper): void {
    this.#keeper = keeper;
    for (const { place, fds } of this.#open) keeper.keep(keyOf(place), fds);
  }

  close(): void {
    this.#close(this.#open);
    this.#open = [];
  }

  #close(places: readonly Open[]): void {
    for (const { place } of places) this.#keeper?.forget(keyOf(place));
    this.#closeAll(places);
  }

  #closeAll(places: readonly Open[]): void {
    for (const { place, fds, adopted } of places) {
      for (const fd of fds) closeFd(fd);
      const { address } = place;
      const isOurs = !adopted || this.#keeper !== null;
      if (address.kind === 'unix' && isOurs && existsSync(address.path)) unlinkSync(address.path);
    }
  }

  /**
   * `leaving`: what is closed later, and may hold a part of the address until then. `others` stay: one
   * that listens on any address leaves the connections of a more exact one to that (ip(7)).
   */
  async #openOne(wanted: Wanted, leaving: readonly Open[], others: readonly Open[]): Promise<Open> {
    const { place, purposes } = wanted;
    refuseOtherShape(wanted, leaving);
    const overlapped = [...leaving, ...others].filter((one) => overlaps(one.place, place));
    const twice = others.some((one) => keyOf(one.place) === keyOf(place));
    const shared = overlapped.length > 0 && !twice;
    if (shared) for (const fd of overlapped.flatMap(({ fds }) => fds)) setReusePort(fd, true);
    makeFolder(place);
    const fds = this.#takeLeft(wanted);
    const adopted = fds.length > 0;
    if (!adopted) await claim(place, shared);
    const ids = purposes.map(() => this.#nextId++);
    const entry = { ...wanted, ids, fds, adopted };
    try {
      while (fds.length < purposes.length) {
        const [first] = fds;
        // A path has one queue: those that accept take from it in turn.
        const again = place.address.kind === 'unix' ? first : undefined;
        const several = shared || purposes.length > 1;
        fds.push(again === undefined ? open(place, several) : duplicate(again));
      }
      own(wanted);
      return entry;
    } catch (error) {
      this.#closeAll([entry]);
      throw error;
    }
  }

  /** As many as there are purposes at most; `wanted` may have others than the guardian that left them. */
  #takeLeft({ place, purposes }: Wanted): number[] {
    const { address, interface: interfaceName = null } = place;
    const v6only = address.kind === 'ipv6' && address.v6only;
    const claimed = this.#left.claim({ address, v6only, interfaceName });
    for (const fd of claimed.slice(purposes.length)) closeFd(fd);
    const fds = claimed.slice(0, purposes.length);
    const isShared = address.kind !== 'unix' && purposes.length > fds.length;
    if (isShared) for (const fd of fds) setReusePort(fd, true);
    return fds;
  }
}

/** An address that was offered for sharing and not shared is offered no longer. */
function unshare(places: readonly Open[]): void {
  for (const { place, fds } of places) {
    if (place.address.kind !== 'unix' && fds.length === 1) setReusePort(fds[0] ?? -1, false);
  }
}

function socketsOf(places: readonly Open[]): readonly InheritedListener[] {
  return places.flatMap(({ purposes, ids, fds }) =>
    purposes.map((purpose, index) => ({ id: ids[index] ?? -1, fd: fds[index] ?? -1, purpose })),
  );
}

/** The places a configuration asks for, in its order. */
function wantedBy(config: BalancerConfig, socketsEach: number): readonly Wanted[] {
  const frontends = config.frontends.flatMap(({ name, binds }) =>
    binds.map((place): Wanted => {
      const purposes = Array.from({ length: socketsEach }, (_, socket) => {
        return { kind: 'frontend' as const, frontend: name, socket };
      });
      return { place, purposes, file: place.file ?? null };
    }),
  );
  const pages = config.httpFrontends.flatMap(({ name, binds }) =>
    binds.map((place): Wanted => {
      return { place, purposes: [{ kind: 'http', frontend: name }], file: place.file ?? null };
    }),
  );
  const sockets = config.process.statsSockets.map((file): Wanted => {
    const { path, level } = file;
    const place = { address: { kind: 'unix' as const, path }, origin: `stats socket "${path}"` };
    return { place, purposes: [{ kind: 'stats-socket', path, level }], file };
  });
  return [...frontends, ...pages, ...sockets];
}

function keyOf({ address, interface: name = '' }: BindConfig): string {
  if (address.kind === 'unix') return address.path;
  const only = address.kind === 'ipv6' && address.v6only ? ' v6only' : '';
  return `${address.kind} ${address.host} ${address.port}${only} ${name}`;
}

/** Takes the sockets at the same place out of `left`; null: there are none of this number. */
function takeSame(left: Open[], { place, purposes }: Wanted): Open | null {
  const index = left.findIndex(
    (one) => keyOf(one.place) === keyOf(place) && one.fds.length === purposes.length,
  );
  const [taken = null] = index === -1 ? [] : left.splice(index, 1);
  return taken;
}

/** A page has one socket: it cannot change places with a frontend that has several. */
function refuseOtherShape({ place }: Wanted, leaving: readonly Open[]): void {
  if (!leaving.some((one) => keyOf(one.place) === keyOf(place))) return;
  throw new OperationalError(
    'needs-restart',
    `${place.origin}: Address ${describeAddress(place.address)} cannot change between a frontend and a ` +
      'stats page while Evergate runs; restart it for that',
  );
}

/** Whether two TCP addresses share connections: the same port, and one host or any. */
function overlaps(here: BindConfig, there: BindConfig): boolean {
  const { address: one } = here;
  const { address: other } = there;
  const [name, otherName] = [here.interface, there.interface];
  if (name !== undefined && otherName !== undefined && name !== otherName) return false;
  if (one.kind === 'unix' || other.kind === 'unix' || one.port !== other.port) return false;
  const isAny = ({ host }: typeof one) => host === '0.0.0.0' || host === '::';
  return one.host === other.host || isAny(one) || isAny(other);
}

/** Makes sure nobody else is there. */
async function claim(bind: BindConfig, shared: boolean): Promise<void> {
  if (bind.address.kind === 'unix') {
    await clearSocketPath(bind.address.path, bind.origin);
    return;
  }
  if (!attempt(bind, () => isAddressBusy(bind.address, optionsOf(bind, shared)))) return;
  const owner = listenerOwner(bind.address.port);
  const holder = owner === null ? 'another process' : `process ${owner.pid} ("${owner.command}")`;
  throw new OperationalError(
    'port-busy',
    `${bind.origin}: Address ${describeAddress(bind.address)} is in use by ${holder}; ` +
      'stop it or bind another address',
  );
}

function optionsOf({ address, interface: name }: BindConfig, reusePort: boolean): ListenerOptions {
  const v6only = address.kind === 'ipv6' && address.v6only;
  return { v6only, reusePort, ...(name === undefined ? {} : { interface: name }) };
}

function open(bind: BindConfig, reusePort: boolean): number {
  return attempt(bind, () => openListener(bind.address, optionsOf(bind, reusePort)));
}

/** Turns the kernel's refusal into one line that names the place in the file and the fix. */
function attempt<Value>(bind: BindConfig, action: () => Value): Value {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    const on = bind.interface === undefined ? '' : `, interface "${bind.interface}"`;
    const fix = fixFor(error.code, bind.address);
    throw new OperationalError(
      'cannot-listen',
      `${bind.origin}: Cannot listen on ${describeAddress(bind.address)}${on}: ${error.message}${fix}`,
    );
  }
}

/** As the end of a sentence; empty: the kernel's word says it. */
function fixFor(code: string, { kind }: BindConfig['address']): string {
  if (kind !== 'unix') {
    return code === 'EACCES' ? '; ports below 1024 need root or CAP_NET_BIND_SERVICE' : '';
  }
  // What the packages' unit holds back: docs/install.md has the drop-in that gives it.
  if (code === 'EROFS') return '; under systemd name its folder in "ReadWritePaths" of the unit';
  if (code !== 'EACCES') return '';
  return '; its folder is of another account: give "CAP_DAC_OVERRIDE" in "CapabilityBoundingSet" of the unit';
}

function makeFolder({ address, origin }: BindConfig): void {
  if (address.kind !== 'unix') return;
  // HAProxy's package makes this directory; a machine that never had the package lacks it.
  const folder = dirname(address.path);
  explained(origin, () => mkdirSync(folder, { recursive: true, mode: 0o755 }));
}

/**
 * Gives a unix socket's path the rights it is to have. Its folder may belong to the balancer's own account, as
 * /run/haproxy does on Debian: by what lies there now and not by its name, which may lead to another file by now.
 */
function own(wanted: Wanted): void {
  const { place, file } = wanted;
  const { address, origin } = place;
  if (file === null || address.kind !== 'unix') return;
  explained(origin, () => {
    const fd = openSync(address.path, O_PATH | constants.O_NOFOLLOW);
    try {
      if (!fstatSync(fd).isSocket()) throw new Error(`"${address.path}" was replaced`);
      const path = `/proc/self/fd/${fd}`;
      if (file.mode !== null) chmodSync(path, file.mode);
      const { uid, gid } = ownerOf(wanted);
      if (uid !== -1 || gid !== -1) chownSync(path, uid, gid);
    } finally {
      closeSync(fd);
    }
  });
}

/** -1: as it is. Throws OperationalError when an account does not exist. */
function ownerOf({ file, place: { origin } }: Wanted): { uid: number; gid: number } {
  const { user = null, group = null } = file ?? {};
  return {
    uid: user === null ? -1 : account(userId(user), user, origin),
    gid: group === null ? -1 : account(groupId(group), group, origin),
  };
}

function explained(origin: string, action: () => void): void {
  try {
    action();
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
