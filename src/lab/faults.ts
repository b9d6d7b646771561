/** The faults of the lab, as one table: what each does, where by default, and what should happen then. */

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
  readonly expected: string;
  /** It makes sense on a single node without a VIP, too. */
  readonly single: boolean;
};

export const FAULTS: Readonly<Record<FaultName, Fault>> = {
  'kill-balancer': {
    key: 'b',
    target: 'owner',
    does: 'SIGKILL to the balancer',
    expected: 'the guardian starts another at once; the listening sockets and the VIP stay',
    single: true,
  },
  'stop-balancer': {
    key: 's',
    target: 'owner',
    does: 'SIGSTOP to the balancer',
    expected: 'no beat for 200 ms: the guardian kills and replaces it; the VIP stays',
    single: true,
  },
  'kill-guardian': {
    key: 'g',
    target: 'owner',
    does: 'SIGKILL to the guardian',
    expected: 'a backup takes the VIP, the old address is gone within 3 s; power-on restarts it',
    single: false,
  },
  'kill-all': {
    key: 'a',
    target: 'owner',
    does: 'SIGKILL to everything of Evergate',
    expected: 'a backup takes the VIP, the old address is gone within 3 s; power-on restarts it',
    single: false,
  },
  'power-off': {
    key: 'o',
    target: 'owner',
    does: 'power cut: everything killed, link down',
    expected: 'a backup takes the VIP; its apiserver is taken out after two checks',
    single: false,
  },
  'power-on': {
    key: 'p',
    target: 'broken',
    does: 'start of whatever does not run, SIGCONT to what was stopped',
    expected: 'the node comes back; the highest priority takes the VIP again',
    single: true,
  },
  'kill-apiserver': {
    key: 'k',
    target: 'apiserver',
    does: 'SIGKILL to the apiserver',
    expected: 'refused connections go to the next server at once; clients notice nothing',
    single: true,
  },
  'hang-apiserver': {
    key: 'h',
    target: 'apiserver',
    does: 'SIGSTOP to the apiserver',
    expected: 'a TCP check still passes: its share of the clients waits, as in the article',
    single: true,
  },
};

export function isFaultName(name: string): name is FaultName {
  return (FAULT_NAMES as readonly string[]).includes(name);
}
