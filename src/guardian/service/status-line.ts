/** A node in one line, for `systemctl status`. */

import type { StatusReport } from '../../stats/status.ts';

const LINE_MAX = 300;

/** "Healthy: master of 192.168.1.94/24; apiservers: 3 of 3 servers" */
export function statusLine(report: StatusReport): string {
  const parts = report.vrrp.map(({ state, addresses, name, drained }) => {
    const of = addresses.length === 0 ? name : addresses.join(', ');
    return `${state} of ${of}${drained ? ', drained' : ''}`;
  });
  const { balancer, verdict, reasons } = report;
  if (balancer !== null && balancer.state !== 'serving') parts.push(`balancer ${balancer.state}`);
  for (const { name, usableServers, servers } of balancer?.report?.backends ?? []) {
    parts.push(`${name}: ${usableServers} of ${servers.length} servers`);
  }
  const line = `${verdict[0]?.toUpperCase()}${verdict.slice(1)}: ${[...parts, ...reasons].join('; ')}`;
  return line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}...` : line;
}
