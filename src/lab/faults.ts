/** The faults of the lab, as one table: what each does, and where by default. What is felt then: expectations.ts. */

export const FAULT_NAMES = [
  'kill-balancer',
  'stop-balancer',
  'kill-guardian',
  'kill-all',
  'power-off',
  'power-on',
  'kill-apiserver',
  'hang-apiserver',
] as const;

export type FaultName = (typeof FAULT_NAMES)[number];

/** The node that is meant when none is named. */
export type DefaultTarget =
  /** The one that holds the VIP. */
  | 'owner'
  /** The first whose apiserver runs. */
  | 'apiserver'
  /** The first on which something does not run. */
  | 'broken';

export type Fault = {
  readonly key: string;
  readonly target: DefaultTarget;
  /** "SIGKILL to the balancer of k8s-master" without the node. */
  readonly does: string;
  /** It makes sense on a single node without a VIP, too. */
  readonly single: boolean;
};

export const FAULTS: Readonly<Record<FaultName, Fault>> = {
  'kill-balancer': {
    key: 'b',
    target: 'owner',
    does: 'SIGKILL to the balancer',
    single: true,
  },
  'stop-balancer': {
    key: 's',
    target: 'owner',
    does: 'SIGSTOP to the balancer',
    single: true,
  },
  'kill-guardian': {
    key: 'g',
    target: 'owner',
    does: 'SIGKILL to the guardian, or keepalived',
    single: false,
  },
  'kill-all': {
    key: 'a',
    target: 'owner',
    does: 'SIGKILL to the daemons and all they have started',
    single: false,
  },
  'power-off': {
    key: 'o',
    target: 'owner',
    does: 'power cut: everything killed, link down',
    single: false,
  },
  'power-on': {
    key: 'p',
    target: 'broken',
    does: 'start of whatever does not run there, SIGCONT to what was stopped',
    single: true,
  },
  'kill-apiserver': {
    key: 'k',
    target: 'apiserver',
    does: 'SIGKILL to the apiserver',
    single: true,
  },
  'hang-apiserver': {
    key: 'h',
    target: 'apiserver',
    does: 'SIGSTOP to the apiserver',
    single: true,
  },
};

export function isFaultName(name: string): name is FaultName {
  return (FAULT_NAMES as readonly string[]).includes(name);
}
