/** Looks at everything side by side, each look bounded in time, and changes nothing. */

import type { Diagnostic } from '../../config/diagnostics.ts';
import type { Config } from '../../config/model/config.ts';
import { OperationalError } from '../../core/errors.ts';
import { formatIpAddress } from '../../core/ip-address.ts';
import { RouteSocket } from '../../linux/netlink-route.ts';
import type { StatusReport } from '../../stats/status.ts';
import type { Facts, GuardianFacts, HeldAddress } from '../facts.ts';
import { configuredPorts } from '../ports.ts';
import { askApiservers } from './apiservers.ts';
import { capabilitiesOf, namedProcesses, openFilesMaxOf, openSockets } from './processes.ts';
import { kernelSettings } from './settings.ts';
import { askFirewall } from './tools.ts';

/** Of one look. */
const LOOK_LIMIT_MS = 2000;

type ReadFiles = {
  readonly config: Config;
  readonly diagnostics: readonly Diagnostic[];
  /** How the files are named on a command line. */
  readonly files: string;
};

/** `askStatus` rejects with an OperationalError where nobody answers. */
export async function gather(
  { config, diagnostics, files }: ReadFiles,
  askStatus: () => Promise<StatusReport>,
): Promise<Facts> {
  const asked = Promise.all([
    askGuardian(askStatus),
    askFirewall(LOOK_LIMIT_MS),
    askApiservers(config, LOOK_LIMIT_MS),
  ]);
  const [guardian, firewall, apiservers] = await asked;
  const balancer = guardian.kind === 'running' ? (guardian.report.balancer?.pid ?? null) : null;
  const ports = new Set(configuredPorts(config).map(({ port }) => port));
  return {
    config,
    diagnostics,
    files,
    nowMs: Date.now(),
    asker: { capabilities: capabilitiesOf(process.pid) ?? 0n },
    guardian,
    processes: namedProcesses(),
    sockets: openSockets(ports, performance.now() + LOOK_LIMIT_MS),
    addresses: heldAddresses(),
    settings: kernelSettings(),
    openFilesMax: balancer === null ? null : openFilesMaxOf(balancer),
    firewall,
    apiservers,
  };
}

async function askGuardian(askStatus: () => Promise<StatusReport>): Promise<GuardianFacts> {
  try {
    const report = await askStatus();
    return { kind: 'running', report, capabilities: capabilitiesOf(report.pid) };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const { code, message: why } = error;
    return { kind: code === 'no-right' || code === 'not-answering' ? code : 'not-running', why };
  }
}

function heldAddresses(): readonly HeldAddress[] {
  const route = new RouteSocket();
  try {
    const names = new Map(route.links().map(({ index, name }) => [index, name]));
    return route.addresses().map(({ interfaceIndex, address }) => ({
      address: formatIpAddress(address),
      interface: names.get(interfaceIndex) ?? `number ${interfaceIndex}`,
    }));
  } finally {
    route.close();
  }
}
