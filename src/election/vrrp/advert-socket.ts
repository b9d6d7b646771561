/**
 * The sockets under an instance's advertisements: of both families, with and without the authentication
 * header, and where there is a virtual MAC address, one to send from it and one to listen.
 */

import { assert } from '../../core/assert.ts';
import { type IpAddress, isIpv6Address } from '../../core/ip-address.ts';
import { bootMs } from '../../linux/clock.ts';
import type { Link } from '../../linux/netlink-route.ts';
import { Raw4Socket } from '../../linux/raw4-socket.ts';
import { Raw6Socket } from '../../linux/raw6-socket.ts';
import { type Expectation, IPPROTO_VRRP, type ReceivedPacket } from '../../vrrp/packet.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';
import { AuthenticatedSocket } from './authenticated-socket.ts';
import type { ResolvedInstance } from './resolve.ts';

export type AdvertSocket = {
  /** Readable when a packet waits. */
  readonly fd: number;
  readonly outgoing: Uint8Array;
  sendTo(destination: IpAddress, length: number): number;
  receive(): ReceivedPacket | null;
  /** Before another one is opened on an interface that was made anew; it hears nobody then. */
  leaveGroup(): void;
  close(): void;
};

/** The instance's own interface, and the one with the virtual MAC address; null: none. */
export type Interfaces = { readonly base: Link; readonly virtual: Link | null };

type Transport = Expectation['transport'];

/** Throws SystemError with nothing left open. The owner closes it. */
export function openAdvertSocket(
  instance: ResolvedInstance,
  transport: Transport,
  { base, virtual }: Interfaces,
): AdvertSocket {
  const listening = openOn(base, instance, transport, true);
  if (virtual === null || instance.config.virtualMac?.sendsFromBase === true) return listening;
  try {
    const sending = openOn(virtual, instance, transport, false);
    return {
      fd: listening.fd,
      outgoing: sending.outgoing,
      sendTo: (destination, length) => sending.sendTo(destination, length),
      receive: () => listening.receive(),
      leaveGroup: () => listening.leaveGroup(),
      close: () => {
        sending.close();
        listening.close();
      },
    };
  } catch (error) {
    listening.close();
    throw error;
  }
}

function openOn(
  link: Link,
  { config, sourceAddress: source }: ResolvedInstance,
  transport: Transport,
  listens: boolean,
): AdvertSocket {
  const group = transport.kind === 'multicast' ? transport.group : null;
  const common = {
    protocol: IPPROTO_VRRP,
    interfaceName: link.name,
    interfaceIndex: link.index,
    listens,
    ...(config.unicastTtl !== undefined && { ttl: config.unicastTtl }),
  };
  if (isIpv6Address(source)) return new Raw6Socket({ ...common, source, group });
  assert(group === null || !isIpv6Address(group), 'source and group are of one family');
  const { password, authenticationHeader, version, priority, advertIntervalMs } = config;
  const downMs = downIntervalMs(version, priority, advertIntervalMs);
  const socket =
    password !== null && authenticationHeader === true
      ? new AuthenticatedSocket(
          { ...common, source, group },
          { password, downIntervalMs: downMs, now: bootMs },
        )
      : new Raw4Socket({ ...common, source, group });
  return {
    fd: socket.fd,
    outgoing: socket.outgoing,
    sendTo: (destination, length) => {
      assert(!isIpv6Address(destination), 'source and destination are of one family');
      return socket.sendTo(destination, length);
    },
    receive: () => socket.receive(),
    leaveGroup: () => socket.leaveGroup(),
    close: () => socket.close(),
  };
}
