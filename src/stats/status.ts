/**
 * `evergate status`: what a node reports, and the verdict drawn from it. The JSON form is this type,
 * word for word; tests and scripts read it instead of logs.
 */

import { EXPIRY_URGENT_DAYS, expiryText } from '../health/certificate-warnings.ts';
import type { AdminState, CheckState, CheckStatus } from '../health/server-state.ts';
import type { BACKEND, Counts, FRONTEND, SERVER, StatusCounter } from './catalogue.ts';
import { explainWait, type WaitsFor } from './waits-for.ts';

/**
 * The field `format` of `evergate status --json`, which has this type beside it: changed by a field that goes or comes to
 * mean another thing, not by one that is added.
 */
export const STATUS_FORMAT = 1;

export type StatusReport = {
  readonly node: string;
  readonly version: string;
  readonly pid: number;
  readonly uptimeMs: number;
  readonly verdict: Verdict;
  /** Why the verdict is not "healthy"; empty when it is. */
  readonly reasons: readonly string[];
  readonly balancer: BalancerStatus | null;
  readonly vrrp: readonly InstanceStatus[];
  /** In what the files of other nodes differ from the one here, though they must agree, in sentences. Absent: nothing. */
  readonly differences?: readonly string[];
  /** Addresses held now, "192.168.1.94/24". */
  readonly addresses: readonly string[];
  /** Ports of the addresses that lead to others of ours; absent: none do. */
  readonly redirects?: RedirectStatus;
  /** Of other nodes that share a key with this one; absent: none has told its time. */
  readonly clocks?: readonly ClockStatus[];
  /** What the nodes tell each other of their clients; absent: nothing. */
  readonly clients?: ClientsStatus;
  readonly scripts: readonly ScriptStatus[];
  readonly configuration: ConfigurationStatus;
  /** What the configuration does without, e.g. what is not verified; no reason to worry the verdict. */
  readonly notes: readonly string[];
};

export type ClockStatus = {
  readonly node: string;
  /** ms by which its clock is ahead of the one here, or behind (negative), as it told last. */
  readonly aheadMs: number;
};

export type ClientsStatus = {
  /** Connections that others are told of, as this node has them at the VIP; and those that others have told of. */
  readonly told: number;
  readonly known: number;
  /** Packets to clients of others that lost their connections, since the start. */
  readonly pokes: number;
  /** What keeps them from learning of it, in words; null: nothing. */
  readonly problem: string | null;
  /** Nodes that are not understood, in sentences. */
  readonly skipped: readonly string[];
};

export type ConfigurationStatus = {
  /** When what runs was read, as ISO 8601 in UTC. */
  readonly loadedAt: string;
  /** Times it was read again and taken over. */
  readonly reloads: number;
  /**
   * The last reload, where it was refused: what runs is not what the files say. No part of the verdict,
   * because nothing works worse for it; the note says it.
   */
  readonly refused: { readonly at: string; readonly reason: string } | null;
};

export type Verdict = 'healthy' | 'degraded' | 'down';

export const VERDICT_EXIT_CODES: Readonly<Record<Verdict, number>> = {
  healthy: 0,
  degraded: 1,
  down: 2,
};

export type BalancerStatus = {
  readonly state: 'starting' | 'serving' | 'restarting' | 'failed' | 'stopping';
  readonly pid: number | null;
  /** The second balancer, which takes over when the first is gone. */
  readonly spare: {
    readonly state: 'none' | 'starting' | 'ready';
    readonly pid: number | null;
  };
  /** Runs the checks that need a key, a token or a password; absent: there are none. */
  readonly checker?: CheckerStatus;
  /** The pid of one in whose place another serves: it finishes its connections. Absent: there is none. */
  readonly retired?: number;
  /** Times a balancer was replaced, and why the last one was. */
  readonly restarts: number;
  readonly lastExit: string | null;
  /** null while the balancer does not answer. */
  readonly report: BalancerReport | null;
};

export type CheckerStatus = {
  readonly state: 'starting' | 'ready' | 'restarting';
  readonly pid: number | null;
  /** Times it was replaced, and why the last one was. */
  readonly restarts: number;
  readonly lastExit: string | null;
};

export type BalancerReport = {
  readonly uptimeMs: number;
  /** Threads of the data plane. */
  readonly relays: number;
  /** What keeps the data plane from moving bytes as it should; absent: nothing. */
  readonly trouble?: string;
  /** Limits that are reached, and clients turned away at one, in sentences; absent: none. */
  readonly full?: readonly string[];
  readonly frontends: readonly FrontendStatus[];
  readonly backends: readonly BackendStatus[];
};

/** Counters are those that the catalogue says status tells. */
export type FrontendStatus = Counts<StatusCounter<typeof FRONTEND>> & {
  readonly name: string;
  readonly connectionsLimit: number;
};

export type BackendStatus = Counts<StatusCounter<typeof BACKEND>> & {
  readonly name: string;
  readonly usableServers: number;
  /** How uneven its connections are, in a sentence; absent: not worth a word. */
  readonly skew?: string;
  readonly servers: readonly ServerStatus[];
};

export type ServerStatus = Counts<StatusCounter<typeof SERVER>> & {
  readonly name: string;
  /** "10.0.0.11:6443"; empty: its name has none, and it is in maintenance until it has. */
  readonly address: string;
  /** The name that it is given by; absent: an address. */
  readonly host?: string;
  readonly admin: AdminState;
  readonly check: CheckState;
  readonly lastCheck: CheckStatus;
  /** Why it is in this state, in words. */
  readonly reason: string;
  /** What its certificate will hurt with, in sentences. */
  readonly warnings: readonly string[];
  /** Whole days until its certificate ends; negative: it has. Absent: no check has seen one. */
  readonly certificateDaysLeft?: number;
  readonly weight: number;
};

/** What every election tells of addresses that have one owner. */
export type OwnershipStatus = {
  readonly name: string;
  readonly interface: string;
  readonly state: 'initialize' | 'backup' | 'master' | 'fault';
  /** `evergate drain node`: until `evergate ready node` it is master only where no other node is. */
  readonly drained: boolean;
  /** Drained and master, because no other node is. */
  readonly lastResort: boolean;
  /** What a backup waits for; null: it is none, or its election does not tell. */
  readonly waitsFor: WaitsFor | null;
  /** Why it is in fault; empty otherwise. */
  readonly faults: readonly string[];
  /** Address of the node that is master as far as this one knows; null: nobody heard. */
  readonly master: string | null;
  /** Its name; absent: the files do not tell, or nobody is heard. */
  readonly masterName?: string;
  readonly addresses: readonly string[];
  readonly held: boolean;
  readonly transitions: number;
  /** Why a master may not be the only one, in sentences that follow "is master, but". Absent: nothing says so. */
  readonly doubts?: readonly string[];
  /** In what others advertise something else than this node would. Absent: nothing. */
  readonly differs?: readonly {
    /** Its address. */
    readonly source: string;
    /** As evergate.yaml calls it. */
    readonly fact: string;
    readonly theirs: string;
    readonly here: string;
  }[];
  /** What is wrong on the wire, in sentences: silent peers, foreign routers and claims. Absent: nothing. */
  readonly warnings?: readonly string[];
};

/** What VRRP tells beside that. */
export type VrrpFigures = {
  readonly virtualRouterId: number;
  readonly version: 2 | 3;
  readonly priority: number;
  readonly effectivePriority: number;
  readonly advertsSent: number;
  readonly advertsReceived: number;
  /** Packets dropped, by named reason. */
  readonly dropped: Readonly<Record<string, number>>;
};

export type VrrpStatus = OwnershipStatus & VrrpFigures;

export type RedirectStatus = {
  /** Of nftables, family inet. */
  readonly table: string;
  readonly ports: readonly {
    /** "192.168.1.94:6443" */
    readonly from: string;
    readonly toPort: number;
  }[];
  /** Why they do not work, in a sentence; null: they do wherever the address is. */
  readonly problem: string | null;
};

/** VRRP's figures are there as a whole, or, in another election, not at all. */
export type InstanceStatus =
  | VrrpStatus
  | (OwnershipStatus & { readonly [Figure in keyof VrrpFigures]?: never });

/** Something tracked: a script, or, as `kind` says, a process or a file. */
export type ScriptStatus = {
  readonly kind?: 'script' | 'process' | 'file';
  readonly name: string;
  readonly passing: boolean | null;
  readonly lastExit: string;
};

/** The verdict over everything but itself: down when nothing works here, degraded when something does not. */
export function judge(
  report: Omit<StatusReport, 'verdict' | 'reasons' | 'notes' | 'configuration'>,
): {
  readonly verdict: Verdict;
  readonly reasons: readonly string[];
} {
  const reasons: string[] = [];
  let down = false;
  if (report.balancer !== null) {
    if (report.balancer.state !== 'serving') {
      down = true;
      reasons.push(`The balancer is ${report.balancer.state}`);
    } else if (report.balancer.report === null) {
      reasons.push('The balancer does not answer');
    }
    const trouble = report.balancer.report?.trouble;
    if (trouble !== undefined) reasons.push(`The data plane is in trouble: ${trouble}`);
    reasons.push(...(report.balancer.report?.full ?? []));
    const { checker } = report.balancer;
    if (checker !== undefined && checker.state !== 'ready') {
      const last = checker.lastExit === null ? '' : ` (${checker.lastExit})`;
      reasons.push(`Checks that need a key do not run: the checker is ${checker.state}${last}`);
    }
    for (const backend of report.balancer.report?.backends ?? []) {
      if (backend.servers.length > 0 && backend.usableServers === 0) {
        down = true;
        reasons.push(`Backend "${backend.name}" has no usable server`);
      }
      for (const server of backend.servers) {
        if (server.address === '' && server.admin !== 'maint') {
          if (isSpare(server, backend)) continue;
          const place = `${backend.name}/${server.name}`;
          reasons.push(`Server "${place}" is in maintenance: ${server.reason}`);
        } else if (server.check === 'down' || server.check === 'going-up') {
          reasons.push(`Server "${backend.name}/${server.name}" is down: ${server.reason}`);
        } else if (server.check === 'stopping') {
          reasons.push(
            `Server "${backend.name}/${server.name}" takes no new connections: ${server.reason}`,
          );
        } else if (server.admin !== 'ready') {
          reasons.push(`Server "${backend.name}/${server.name}" is in ${server.admin}`);
        }
      }
    }
  }
  const certificates = judgeCertificates(report.balancer?.report?.backends ?? []);
  const problem = report.redirects?.problem ?? null;
  if (problem !== null) reasons.push(`The VIP's ports are not redirected: ${problem}`);
  reasons.push(...certificates.reasons, ...judgeOwnership(report.vrrp));
  for (const text of report.differences ?? []) {
    reasons.push(`The files of the nodes differ, and must agree: ${text}`);
  }
  if (down || certificates.down) return { verdict: 'down', reasons };
  return { verdict: reasons.length === 0 ? 'healthy' : 'degraded', reasons };
}

/** Down: clients are sent to a server whose certificate they refuse. */
function judgeCertificates(backends: readonly BackendStatus[]): {
  readonly down: boolean;
  readonly reasons: readonly string[];
} {
  const names = new Map<number, string[]>();
  let down = false;
  for (const { name, servers } of backends) {
    for (const { name: server, admin, check, certificateDaysLeft: days } of servers) {
      if (days === undefined || days >= EXPIRY_URGENT_DAYS) continue;
      const served = admin === 'ready' && check !== 'down' && check !== 'going-up';
      if (days < 0 && served) down = true;
      const left = Math.max(days, -1);
      names.set(left, [...(names.get(left) ?? []), `"${name}/${server}"`]);
    }
  }
  const ends = [...names].sort(([one], [other]) => one - other);
  const reasons = ends.map(([days, servers]) => {
    return `${expiryText(days)}: server${servers.length === 1 ? '' : 's'} ${servers.join(', ')}`;
  });
  return { down, reasons };
}

/** A name may have fewer addresses than there are servers for it (HAProxy: server-template). */
function isSpare({ host }: ServerStatus, { servers }: BackendStatus): boolean {
  return servers.some((other) => other.host === host && other.address !== '');
}

function judgeOwnership(instances: readonly InstanceStatus[]): readonly string[] {
  const reasons: string[] = [];
  if (instances.some(({ lastResort }) => lastResort)) {
    reasons.push(
      'The node is drained, and has the VIP as the last resort because no other node takes it; ' +
        'start Evergate on another one, or "evergate ready node"',
    );
  } else if (instances.some(({ drained }) => drained)) {
    reasons.push(
      'The node is drained and takes the VIP only where no other node does; "evergate ready node" ends that',
    );
  }
  for (const { name, state, faults, master, waitsFor, doubts = [] } of instances) {
    reasons.push(...doubts.map((doubt) => `VRRP instance "${name}" is master, but ${doubt}`));
    if (state === 'fault') {
      reasons.push(`VRRP instance "${name}" is in fault: ${faults.join(', ')}`);
    } else if (waitsFor !== null && master === null) {
      reasons.push(`VRRP instance "${name}" hears no master and waits ${explainWait(waitsFor)}`);
    }
  }
  return reasons;
}
