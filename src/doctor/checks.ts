/** The checks there are, in the order in which they are told of. */

import type { DoctorCheck } from './check.ts';
import { APISERVERS } from './checks/apiservers.ts';
import { CLOCKS } from './checks/clocks.ts';
import { CONFIGURATION } from './checks/configuration.ts';
import { DAEMONS } from './checks/daemons.ts';
import { FIREWALL } from './checks/firewall.ts';
import { ADVERTS, GUARDIAN } from './checks/guardian.ts';
import { KUBERNETES } from './checks/kubernetes.ts';
import { LIMITS } from './checks/limits.ts';
import { PORTS } from './checks/ports.ts';
import { RIGHTS, SIGHT } from './checks/rights.ts';
import type { Facts } from './facts.ts';
import { type Outcome, worst } from './findings.ts';

const CHECKS: readonly DoctorCheck[] = [
  CONFIGURATION,
  GUARDIAN,
  SIGHT,
  RIGHTS,
  PORTS,
  DAEMONS,
  FIREWALL,
  ADVERTS,
  APISERVERS,
  CLOCKS,
  LIMITS,
  KUBERNETES,
];

export function examine(facts: Facts): readonly Outcome[] {
  const { config, guardian } = facts;
  const has = {
    guardian: guardian.kind === 'running',
    configuration: config.balancer !== null || config.vrrp !== null,
  };
  const able = CHECKS.filter(({ needs }) => needs.every((each) => has[each]));
  return able.map(({ id, allWell, look }) => {
    const findings = look(facts);
    return { id, severity: worst(findings.map(({ severity }) => severity)), allWell, findings };
  });
}
