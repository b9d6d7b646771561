/**
 * `evergate drain|ready|maint SERVER`: what an operator wants of one server, on this node's balancer; and
 * `evergate drain|ready node`: whether this node may have the VIP.
 */

import { Command } from 'commander';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import type { AdminState } from '../health/server-state.ts';
import type { StatusReport } from '../stats/status.ts';
import { askGuardian, STATUS_PATH } from './admin-client.ts';
import { print } from './printing.ts';

/** What this node is called; a server of that name is BACKEND/node. */
const NODE = 'node';

const SERVER_NAMES = 'its name, or BACKEND/SERVER where the name alone is not unique';
const ARGUMENTS: Readonly<Record<AdminState, string>> = {
  ready: `${SERVER_NAMES}; "${NODE}" is this node, which may take the VIP again`,
  drain: `${SERVER_NAMES}; "${NODE}" is this node, which gives the VIP to another one and takes it only where no other can`,
  maint: SERVER_NAMES,
};

export function serverStateCommand(state: AdminState): Command {
  return new Command(state)
    .argument('<server>', ARGUMENTS[state])
    .option('--run-dir <dir>', 'directory of the instance to ask', DEFAULT_RUN_DIR)
    .action(async (name: string, { runDir }: { readonly runDir: string }) => {
      if (name === NODE) {
        await setNode(runDir, state);
        return;
      }
      const { backend, server } = findServer(
        (await askGuardian(runDir, 'GET', STATUS_PATH)) as StatusReport,
        name,
      );
      const place = [backend, server].map(encodeURIComponent).join('/');
      await askGuardian(runDir, 'POST', `/v1/servers/${place}/${state}`);
      print(`${backend}/${server} is in state ${state}\n`);
    });
}

async function setNode(runDir: string, state: AdminState): Promise<void> {
  if (state === 'maint') {
    throw new OperationalError(
      'refused',
      `A node has no maintenance: "evergate drain ${NODE}" gives its VIP to another one; ` +
        `a server of that name is BACKEND/${NODE}`,
    );
  }
  await askGuardian(runDir, 'POST', `/v1/node/${state}`);
  const done =
    state === 'drain'
      ? 'This node is drained: it does not have the VIP and takes it only where no other node can'
      : 'This node is ready to take the VIP';
  print(`${done}\n`);
}

/** Throws OperationalError 'refused' that lists the servers there are. */
export function findServer(
  report: StatusReport,
  name: string,
): { readonly backend: string; readonly server: string } {
  const all = (report.balancer?.report?.backends ?? []).flatMap((backend) =>
    backend.servers.map((server) => ({ backend: backend.name, server: server.name })),
  );
  const found = all.filter(
    ({ backend, server }) => server === name || `${backend}/${server}` === name,
  );
  const [first, second] = found;
  const listed = (second === undefined ? all : found).map((one) => `${one.backend}/${one.server}`);
  if (first === undefined) {
    throw new OperationalError(
      'refused',
      `No server is called "${name}"; there are: ${listed.join(', ')}`,
    );
  }
  if (second !== undefined) {
    throw new OperationalError(
      'refused',
      `Several servers are called "${name}": ${listed.join(', ')}`,
    );
  }
  return first;
}
