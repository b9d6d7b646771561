/** The state of a running lab, gathered for `evergate lab status`. */

import type { Cluster } from '../cluster.ts';
import type { LabStatus, NodeSummary } from '../control.ts';
import type { LabNode } from '../lab-node.ts';

/** Asks every daemon; one that does not answer has no verdict. */
export async function labStatus(cluster: Cluster): Promise<LabStatus> {
  const owners = await cluster.owners();
  return {
    id: cluster.id,
    stack: cluster.parts.stack.name,
    endpoint: cluster.parts.endpoint,
    owners,
    nodes: await Promise.all(cluster.nodes.map((node) => summarise(node, owners))),
    requests: cluster.requests(),
  };
}

async function summarise(node: LabNode, owners: readonly string[]): Promise<NodeSummary> {
  const status = node.parts.daemon?.running === true ? node.status() : Promise.resolve(null);
  const report = await status.catch(() => null);
  return {
    name: node.name,
    address: node.parts.address,
    owner: owners.includes(node.name),
    apiserver: node.parts.apiserver.running,
    daemon: await node.daemonComplete(),
    verdict: report?.verdict ?? null,
    reasons: report?.reasons ?? [],
  };
}

/** The status as lines for people. */
export function renderLabStatus(status: LabStatus): string {
  const { requests } = status;
  const width = Math.max(...status.nodes.map((node) => node.name.length));
  const nodes = status.nodes.flatMap((node) => {
    const apiserver = node.apiserver ? 'apiserver runs' : 'no apiserver';
    const vip = node.owner ? ', holds the VIP' : '';
    const daemon =
      status.stack === 'article'
        ? `HAProxy and keepalived ${node.daemon ? 'run' : 'do not both run'}`
        : `evergate ${node.verdict ?? 'does not answer'}`;
    return [
      `  ${node.name.padEnd(width)}  ${node.address}  ${daemon}, ${apiserver}${vip}`,
      ...node.reasons.map((reason) => `    ! ${reason}`),
    ];
  });
  return [
    `Lab ${status.id}, clients call ${status.endpoint}`,
    ...nodes,
    `  ${requests.ok} requests answered, ${requests.failed} failed, ` +
      `longest gap ${requests.longestGapMs} ms`,
    '',
  ].join('\n');
}
