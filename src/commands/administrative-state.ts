/**
 * `evergate drain|ready|maint SERVER`: what an operator wants of one server, on the balancers of all nodes; and
 * `evergate drain|ready node`: whether this node may have the VIP.
 */

import { Command } from 'commander';
import { DEFAULT_RUN_DIR } from '../contracts/run-directory.ts';
import { OperationalError } from '../core/errors.ts';
import type { ClusterAnswer, DrainAnswer } from '../guardian/answers.ts';
import type { AdminState } from '../health/server-state.ts';
import type { StatusReport } from '../stats/status.ts';
import { askGuardian, STATUS_PATH } from './admin-client.ts';
import { knownWords } from './known-words.ts';
import { complain, print } from './printing.ts';

type StateOptions = { readonly runDir: string; readonly onlyHere: boolean };

/** What this node is called; a server of that name is BACKEND/node. */
const NODE = 'node';

const SERVER_NAMES = 'its name, or BACKEND/SERVER where the name alone is not unique';
const ARGUMENTS: Readonly<Record<AdminState, string>> = {
  ready: `${SERVER_NAMES}; "${NODE}" is this node, which may take the VIP again`,
  drain: `${SERVER_NAMES}; "${NODE}" is this node, which gives the VIP to another one and takes it only where no other can`,
  maint: SERVER_NAMES,
};

export function serverStateCommand(state: AdminState): Command {
  const command = new Command(state).argument('<server>', ARGUMENTS[state]);
  return knownWords(command, state === 'maint' ? [] : [NODE])
    .option('--run-dir <dir>', 'directory of the instance to ask', DEFAULT_RUN_DIR)
    .option('--only-here', "only on this node's balancer, without asking the other nodes", false)
    .action(async (name: string, { runDir, onlyHere }: StateOptions) => {
      if (name === NODE) {
        await setNode(runDir, state);
        return;
      }
      const { backend, server } = findServer(
        (await askGuardian(runDir, 'GET', STATUS_PATH)) as StatusReport,
        name,
      );
      const place = [backend, server].map(encodeURIComponent).join('/');
      if (onlyHere) {
        await askGuardian(runDir, 'POST', `/v1/servers/${place}/${state}`);
        print(`${backend}/${server} is in state ${state} on this node\n`);
        return;
      }
      const path = `/v1/cluster/servers/${place}/${state}`;
      const answer = (await askGuardian(runDir, 'POST', path)) as ClusterAnswer;
      const { text, warning } = renderClusterAnswer(`${backend}/${server}`, name, state, answer);
      print(text);
      if (warning !== null) complain(`evergate: warning: ${warning}\n`);
      if (answer.nodes.some(({ error }) => error !== null)) process.exitCode = 1;
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
  const answer = (await askGuardian(runDir, 'POST', `/v1/node/${state}`)) as DrainAnswer;
  print(state === 'drain' ? `${renderDrain(answer)}\n` : 'This node is ready to take the VIP\n');
}

/** Who has the VIP now, and since when. */
export function renderDrain({ tookMs, owners }: DrainAnswer): string {
  const who = owners.length === 0 ? 'another node' : owners.join(', ');
  const taken =
    tookMs === null
      ? owners.length === 0
        ? 'it did not have the VIP'
        : `it did not have the VIP, ${who} has`
      : `${who} took the VIP over after ${tookMs} ms`;
  return `This node is drained: ${taken}; it takes the VIP only where no other node can`;
}

/** A line for each node; and what an operator must still do, where the others were not asked. */
export function renderClusterAnswer(
  place: string,
  name: string,
  state: AdminState,
  { nodes, owners, unasked }: ClusterAnswer,
): { readonly text: string; readonly warning: string | null } {
  const width = Math.max(...nodes.map(({ node }) => node.length));
  const again = `evergate ${state} ${name} --only-here`;
  const lines = nodes.map(({ node, error }) => {
    const outcome = error === null ? 'done' : `${error}; say it there: ${again}`;
    return `  ${node.padEnd(width)}  ${outcome}\n`;
  });
  if (unasked === null)
    return { text: `${place} in state ${state}:\n${lines.join('')}`, warning: null };
  const text = `${place} is in state ${state} on this node\n`;
  // A cluster of one has nobody to ask.
  if (unasked.length === 0 && owners.length === 0) return { text, warning: null };
  const where = unasked.length === 0 ? 'every other node' : unasked.join(', ');
  const vip =
    owners.length === 0
      ? ''
      : `; ${owners.join(', ')} has the VIP, and sends clients there as before`;
  const warning =
    `No other node was asked${vip}. Say it on ${where}, too: ${again}. With evergate.yaml and a "vrrp.key" ` +
    'the command asks all nodes';
  return { text, warning };
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
