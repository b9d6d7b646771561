/** The ports of the configuration: free, ours, or whose. */

import type { DoctorCheck } from '../check.ts';
import type { Facts, ProcessFacts, SocketFacts } from '../facts.ts';
import { type Finding, finding } from '../findings.ts';
import { type ConfiguredPort, configuredPorts } from '../ports.ts';

export const PORTS: DoctorCheck = {
  id: 'ports',
  needs: ['configuration'],
  allWell: 'the ports of the configuration are ours, or free for us',
  look: (facts) => configuredPorts(facts.config).flatMap((port) => lookAtPort(port, facts)),
};

function lookAtPort(wanted: ConfiguredPort, facts: Facts): readonly Finding[] {
  const { protocol, port, origin } = wanted;
  const place = `${protocol.toUpperCase()} port ${port} (${origin})`;
  const show = `ss -Hl${protocol === 'udp' ? 'u' : 't'}np 'sport = :${port}'`;
  const there = facts.sockets.filter((socket) => isInTheWay(socket, wanted));
  if (there.length === 0) {
    if (facts.guardian.kind !== 'running') return [];
    const what = `Nobody listens on ${place}, though Evergate runs`;
    return [finding('port-not-open', what, 'evergate reload')];
  }
  const ours = (owner: ProcessFacts) => isOurs(owner, facts);
  if (there.every(({ owners }) => owners.some(ours))) return [];
  const owners = there.flatMap((socket) => (socket.owners.some(ours) ? [] : socket.owners));
  const [owner] = owners;
  if (owner === undefined) {
    // Without root those of every other account are hidden, ours too.
    return [finding('owner-unseen', `Who listens on ${place} cannot be seen`, `sudo ${show}`)];
  }
  const what = `${place} is taken by "${owner.command}" (pid ${owner.pid})`;
  return [finding('port-taken', what, `kill ${owner.pid}  # or its service; see: ${show}`)];
}

/** A wildcard and an address of its family do not go together, nor do two of the same. */
function isInTheWay(socket: SocketFacts, wanted: ConfiguredPort): boolean {
  if (socket.protocol !== wanted.protocol || socket.port !== wanted.port) return false;
  if (socket.address === wanted.address) return true;
  const [there, here] = [socket.address, wanted.address];
  if (there === '::') return true; // It may take IPv4, too.
  if (here === '::') return wanted.families.includes(there.includes(':') ? 'ip6' : 'ip');
  return there.includes(':') === here.includes(':') && [there, here].includes('0.0.0.0');
}

function isOurs({ pid, command }: ProcessFacts, { guardian }: Facts): boolean {
  if (guardian.kind === 'not-running') return false;
  if (guardian.kind !== 'running') return command.startsWith('evergate: ');
  const { balancer, pid: guardianPid } = guardian.report;
  return [guardianPid, balancer?.pid, balancer?.spare.pid, balancer?.retired].includes(pid);
}
