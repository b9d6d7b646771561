/**
 * What `evergate doctor` can say: one vocabulary. Codes are stable; the table is their only source, and
 * docs/doctor.md is tested against it.
 */

export type Severity = 'ok' | 'note' | 'warning' | 'error';

export type Finding = {
  readonly code: FindingCode;
  readonly severity: Exclude<Severity, 'ok'>;
  /** What is so here, values quoted, no full stop. */
  readonly what: string;
  /** Why it matters. */
  readonly why: string;
  /** The command that mends it, or shows more where nobody can know. */
  readonly fix: string;
};

type CodeEntry = Pick<Finding, 'severity' | 'why'>;

export const FINDING_CODES = {
  'bad-configuration': {
    severity: 'error',
    why: '"evergate run" refuses these files, and a reload does',
  },
  'not-running': {
    severity: 'warning',
    why: 'this node neither balances nor can it take the VIP; what only a running guardian knows is left out',
  },
  'not-answering': {
    severity: 'error',
    why: 'a guardian that hangs keeps no VIP and replaces no balancer; what only it knows is left out',
  },
  'not-asked': {
    severity: 'note',
    why: 'what only the running guardian knows is left out: its state, peers, clocks',
  },
  'node-degraded': { severity: 'warning', why: 'the node works with less than it should have' },
  'node-down': { severity: 'error', why: 'nothing works through this node' },
  'reload-refused': {
    severity: 'warning',
    why: 'what runs is not what the files say, and the next start goes by the files',
  },
  'asks-without-rights': {
    severity: 'note',
    why: 'what is hidden may be what is wrong; it is left out',
  },
  'lacks-rights': {
    severity: 'error',
    why: 'without it the kernel refuses what the guardian has to do when it counts',
  },
  'port-taken': {
    severity: 'error',
    why: 'only one program can listen there: Evergate does not start, or clients reach the other one',
  },
  'port-not-open': {
    severity: 'error',
    why: 'clients are refused on that port',
  },
  'owner-unseen': {
    severity: 'note',
    why: 'it may be Evergate or another program, which would be in the way',
  },
  'vip-held-by-other': {
    severity: 'error',
    why: 'nobody announces or withdraws it by the election: two nodes may answer for it',
  },
  'other-vip-daemon': {
    severity: 'warning',
    why: 'two programs that each decide where an address is take it from each other',
  },
  'firewall-stops-vrrp': {
    severity: 'warning',
    why: 'a node that hears no advertisements becomes a second owner of the VIP',
  },
  'firewall-stops-peers': {
    severity: 'warning',
    why: 'other nodes cannot tell this one of their clients, which hang then when the VIP comes here, nor ask it: "drain" does not reach it, and its clock is not known',
  },
  'firewall-stops-clients': {
    severity: 'warning',
    why: 'clients hang when the VIP is on this node',
  },
  'firewall-unread': { severity: 'note', why: 'rules may be in the way that nobody has looked at' },
  'apiserver-unreachable': {
    severity: 'error',
    why: 'no connection can be given to it',
  },
  'apiserver-not-ready': {
    severity: 'warning',
    why: 'it gets no new connections until it says that it is ready',
  },
  'certificate-lacks-name': {
    severity: 'error',
    why: 'clients that call by it refuse the apiserver, whichever node has the VIP',
  },
  'certificate-ends': { severity: 'warning', why: 'clients refuse the apiserver from then on' },
  'certificate-ended': { severity: 'error', why: 'clients refuse the apiserver' },
  'clock-differs': {
    severity: 'warning',
    why: 'certificates and tokens are refused as not yet valid or over, etcd complains, and two logs do not match',
  },
  'clock-unknown': { severity: 'note', why: 'a clock that is off is not found; ask it there' },
  'no-master-heard': {
    severity: 'error',
    why: 'either nobody has the VIP, or advertisements do not arrive here, and this node becomes a second owner',
  },
  'peer-never-heard': {
    severity: 'note',
    why: 'that is well while it was never master; whether its advertisements would arrive here, nobody knows',
  },
  'adverts-dropped': {
    severity: 'note',
    why: 'dropped advertisements count as never sent: where they come from a peer it is as good as silent',
  },
  'wire-trouble': {
    severity: 'warning',
    why: 'somebody else on this network claims the address, or speaks for its router',
  },
  'few-open-files': {
    severity: 'warning',
    why: 'clients wait before the limit of the configuration is reached',
  },
  'arp-never-answered': {
    severity: 'error',
    why: 'nobody on the network finds this node, nor the VIP when it is here, once caches are cold',
  },
  'reverse-path-strict': {
    severity: 'warning',
    why: 'the kernel drops what clients of other networks send to the VIP, as their answers would leave another way',
  },
  'kubelet-chooses-address': {
    severity: 'warning',
    why: "started again while the VIP is here, it may take that for this node's address, and tell the whole cluster",
  },
  'kubelet-takes-vip': {
    severity: 'error',
    why: 'the node moves with the VIP: its address is that of another node as soon as that has it',
  },
  'strict-arp-off': {
    severity: 'warning',
    why: 'each node answers for the address of every service on every interface; for one that is also the VIP all do',
  },
} as const satisfies Record<string, CodeEntry>;

export type FindingCode = keyof typeof FINDING_CODES;

export function finding(code: FindingCode, what: string, fix: string): Finding {
  return { code, ...FINDING_CODES[code], what, fix };
}

/** What one check has found; without findings `allWell` is true of the node. */
export type Outcome = {
  readonly id: string;
  readonly severity: Severity;
  readonly allWell: string;
  readonly findings: readonly Finding[];
};

const ORDER: readonly Severity[] = ['ok', 'note', 'warning', 'error'];

/** Of none: ok. */
export function worst(severities: readonly Severity[]): Severity {
  return severities.reduce<Severity>(
    (before, one) => (ORDER.indexOf(one) > ORDER.indexOf(before) ? one : before),
    'ok',
  );
}

/** As those of `evergate status`: a note is nothing to act on. */
export const EXIT_CODES: Readonly<Record<Severity, number>> = {
  ok: 0,
  note: 0,
  warning: 1,
  error: 2,
};
