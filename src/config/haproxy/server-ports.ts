/**
 * Servers without a port of their own, or with an offset (`10.0.0.1`, `10.0.0.1:+1000`): HAProxy connects to the
 * port that the client asked for (configuration manual section 4.2, "server"). Here that must be one.
 */

import { backendNameOf, hasFrontend, type ProxyDraft, type ServerDraft } from './draft.ts';
import type { Report } from './report.ts';

const PORT_MAX = 65_535;

/** Ports on which clients come in that end at this proxy's servers. */
function clientPorts(proxies: readonly ProxyDraft[], backend: ProxyDraft): ReadonlySet<number> {
  const ports = proxies
    .filter(
      (each) => hasFrontend(each) && each.omitted === null && backendNameOf(each) === backend.name,
    )
    .flatMap(({ binds }) => binds)
    .flatMap(({ bind: { address } }) => (address.kind === 'unix' ? [] : [address.port]));
  return new Set(ports);
}

function settle(
  report: Report,
  server: ServerDraft,
  ports: ReadonlySet<number>,
): readonly ServerDraft[] {
  if (server.portOffset === null) return [server];
  if (ports.size === 0) {
    const text = `Server "${server.name}" has no fixed port and is left out: no client comes here to ask for one`;
    report.warning(server.place, 'ignored-directive', text);
    return [];
  }
  const [port] = ports;
  const own = (port ?? 0) + server.portOffset;
  if (port !== undefined && ports.size === 1 && own >= 1 && own <= PORT_MAX) {
    return [{ ...server, port: own }];
  }
  const text =
    ports.size === 1
      ? `Server "${server.name}" would be asked on port ${own}, which there is not; write its port out`
      : `Server "${server.name}" has no fixed port, and its clients come in on ${ports.size} ports; write its port out`;
  report.error(server.place, 'bad-value', text);
  return [server];
}

/** Gives every server of the drafts its port. */
export function settleServerPorts(report: Report, proxies: readonly ProxyDraft[]): void {
  for (const draft of proxies) {
    if (draft.servers.every(({ portOffset }) => portOffset === null)) continue;
    const ports = clientPorts(proxies, draft);
    draft.servers = draft.servers.flatMap((server) => settle(report, server, ports));
  }
}
