/**
 * Servers that are ourselves: connections would run in a circle until something gives up (k0s#5178); and servers beside
 * us that want the port, too. A
 * haproxy.cfg alone cannot tell, as it does not know the VIP or the machine.
 */

import { parseNetwork } from '../core/network.ts';
import type { Diagnostic, Severity } from './diagnostics.ts';
import type { BalancerConfig } from './model/config.ts';
import type { BindConfig, ServerConfig } from './model/traffic.ts';

/** An address that leads to this machine, and what it is in a sentence. */
export type OwnAddress = {
  readonly address: string;
  readonly what: 'the VIP' | 'an address of this machine';
};

function key(address: string): string {
  const network = parseNetwork(address);
  return network.ok ? network.value.address.join() : address;
}

/** Whether connections to the server arrive at this listener. */
function arrives({ address }: BindConfig, server: ServerConfig): boolean {
  if (address.kind === 'unix' || address.port !== server.port) return false;
  const ipv6 = server.host.includes(':');
  if (address.kind === 'ipv4') {
    return !ipv6 && (address.host === '0.0.0.0' || address.host === server.host);
  }
  if (address.host === '::') return ipv6 || !address.v6only;
  return ipv6 && key(address.host) === key(server.host);
}

function hasPort(address: BindConfig['address'], port: number): boolean {
  return address.kind !== 'unix' && address.port === port;
}

function conflict(file: string, bind: BindConfig, severity: Severity, text: string): Diagnostic {
  const line = Number(bind.origin.split(':').at(-1)) || 0;
  const column = line === 0 ? 0 : 1;
  return { file, line, column, severity, text, code: 'address-conflict' };
}

/** `file`: of the balancer; the line is that of the listener. */
export function lintLoops(
  file: string,
  { frontends, backends }: BalancerConfig,
  own: readonly OwnAddress[],
): readonly Diagnostic[] {
  return frontends.flatMap(({ name, binds, backend: wanted }) => {
    const all = backends.find((backend) => backend.name === wanted)?.servers ?? [];
    const servers = all.map((server) => ({
      ...server,
      host: server.resolution?.initialHost ?? server.host,
    }));
    return servers.flatMap((server): Diagnostic[] => {
      const isMine = ({ address }: OwnAddress) => key(address) === key(server.host);
      const circle = binds.find((each) => arrives(each, server));
      const mine = own.find(isMine);
      if (circle !== undefined && mine !== undefined) {
        const text =
          `Server "${server.name}" is the listener of "${name}" itself, as ${server.host} is ${mine.what}: ` +
          "connections would run in a circle; name the apiserver's own address or port";
        return [conflict(file, circle, 'error', text)];
      }
      const beside = binds.find(({ address }) => hasPort(address, server.port));
      if (beside === undefined || !own.some((each) => isMine(each) && each.what !== 'the VIP'))
        return [];
      const text =
        `Server "${server.name}" is on this machine and has port ${server.port}, as this listener does: an apiserver ` +
        'of kubeadm listens on every address, and whoever comes second does not start; listen on another port, such ' +
        'as 8443';
      return [conflict(file, beside, 'warning', text)];
    });
  });
}
