/** How far the clocks of other nodes are from ours: what their guardians say where there is a key, or their apiservers. */

import type { DoctorCheck } from '../check.ts';
import type { Facts } from '../facts.ts';
import { type Finding, finding } from '../findings.ts';

/** More than an answer that is late can feign: a guardian waits for one for two seconds. */
const APART_MS = 3000;
const FIX =
  'timedatectl set-ntp true  # on the node that is wrong; then: timedatectl timesync-status, or chronyc tracking';

type OtherNode = { readonly name: string; readonly addresses: readonly string[] };

export const CLOCKS: DoctorCheck = {
  id: 'clocks',
  needs: ['configuration'],
  allWell: 'no clock of another node is known to be off',
  look(facts) {
    const known = otherNodes(facts).map((node) => ({ node, aheadMs: aheadMs(facts, node) }));
    const apart = known.flatMap(({ node, aheadMs: ms }) => {
      if (ms === null || Math.abs(ms) < APART_MS) return [];
      const seconds = Math.round(Math.abs(ms) / 1000);
      const what = `The clock of "${node.name}" is ${seconds} s ${ms > 0 ? 'ahead of' : 'behind'} the one here`;
      return [finding('clock-differs', what, FIX)];
    });
    const silent = known.filter((each) => each.aheadMs === null).map(({ node }) => node);
    return [...apart, ...(silent.length === 0 ? [] : [unknown(facts, silent)])];
  },
};

function unknown({ config }: Facts, silent: readonly OtherNode[]): Finding {
  const names = silent.map(({ name }) => `"${name}"`).join(', ');
  const way =
    (config.peers?.secret ?? null) === null
      ? 'without a key only their apiservers could tell'
      : 'neither their guardians nor their apiservers tell';
  return finding('clock-unknown', `The time of ${names} is not known: ${way}`, 'date --utc');
}

/** Those of the files but this one; where they name no nodes, those that the servers are on. */
function otherNodes({ config, addresses, apiservers }: Facts): readonly OtherNode[] {
  const own = new Set(addresses.map(({ address }) => address));
  const hosts = [...new Set(apiservers.map(({ host }) => host))];
  const nodes = config.nodes ?? hosts.map((host) => ({ name: host, addresses: [host] }));
  return nodes.filter((node) => !node.addresses.some((address) => own.has(address)));
}

/** null: nobody has told. */
function aheadMs({ guardian, apiservers }: Facts, node: OtherNode): number | null {
  const clocks = guardian.kind === 'running' ? (guardian.report.clocks ?? []) : [];
  const said = clocks.find(({ node: name }) => name === node.name);
  if (said !== undefined) return said.aheadMs;
  const told = apiservers.filter(({ host }) => node.addresses.includes(host));
  return told.find(({ clockAheadMs }) => clockAheadMs !== null)?.clockAheadMs ?? null;
}
