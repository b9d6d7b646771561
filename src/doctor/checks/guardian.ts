/** Whether Evergate runs here, and how it says that it is. */

import type { InstanceStatus } from '../../stats/status.ts';
import { NEVER_SEEN } from '../../vrrp/wire-watch.ts';
import type { DoctorCheck } from '../check.ts';
import { type Finding, finding } from '../findings.ts';

export const GUARDIAN: DoctorCheck = {
  id: 'guardian',
  needs: [],
  allWell: 'Evergate runs, and is healthy',
  look({ guardian }) {
    if (guardian.kind === 'not-running') {
      return [finding('not-running', guardian.why, 'systemctl start evergate')];
    }
    if (guardian.kind === 'not-answering') {
      return [finding('not-answering', guardian.why, 'systemctl restart evergate')];
    }
    if (guardian.kind === 'no-right')
      return [finding('not-asked', guardian.why, 'sudo evergate doctor')];
    const { verdict, reasons, configuration } = guardian.report;
    const code = verdict === 'down' ? 'node-down' : 'node-degraded';
    const found = reasons.map((reason) => finding(code, reason, 'evergate status'));
    const { refused } = configuration;
    if (refused === null) return found;
    const what = `The reload at ${refused.at} was refused: ${refused.reason}`;
    return [...found, finding('reload-refused', what, 'evergate reload')];
  },
};

/** Advertisements that arrive, and those that should not be there. */
export const ADVERTS: DoctorCheck = {
  id: 'advertisements',
  needs: ['guardian'],
  allWell: 'of every VIP there is a master, and nobody else claims it',
  look({ guardian }) {
    return guardian.kind === 'running' ? guardian.report.vrrp.flatMap(lookAtInstance) : [];
  },
};

/** Of an instance's drops: its own packets come back on every bridge. */
const HARMLESS_DROPS = ['own-packet', 'too-short'];

function lookAtInstance(instance: InstanceStatus): readonly Finding[] {
  const { name, state, master, interface: place, warnings = [], dropped = {} } = instance;
  const capture = `tcpdump -ni ${place} ip proto 112 or ip6 proto 112`;
  const found: Finding[] = [];
  if (state === 'backup' && master === null) {
    const received = instance.advertsReceived ?? 0;
    const what = `"${name}" is backup and hears no master (${received} advertisements received since its start)`;
    found.push(finding('no-master-heard', what, capture));
  }
  const silent = warnings.flatMap(
    (each) => new RegExp(`^${NEVER_SEEN} ([^;]*)`).exec(each)?.[1] ?? [],
  );
  if (silent.length > 0) {
    const what = `"${name}" has never heard ${silent.join(', ')}`;
    const filter = silent.map((each) => `src ${each}`).join(' or ');
    const fix = `tcpdump -ni ${place} '(ip proto 112 or ip6 proto 112) and (${filter})'  # while it is master`;
    found.push(finding('peer-never-heard', what, fix));
  }
  const odd = warnings.filter((warning) => !warning.startsWith(NEVER_SEEN));
  found.push(...odd.map((each) => finding('wire-trouble', `"${name}": ${each}`, capture)));
  const drops = Object.entries(dropped).filter(([reason]) => !HARMLESS_DROPS.includes(reason));
  if (drops.length > 0) {
    const counts = drops.map(([reason, count]) => `${reason} ${count}`).join(', ');
    const what = `"${name}" has dropped advertisements: ${counts}`;
    found.push(finding('adverts-dropped', what, 'evergate status --json'));
  }
  return found;
}
