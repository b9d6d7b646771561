/** What the checks judge by: gathered once, by gather/, without changing or sending anything but questions. */

import type { Diagnostic } from '../config/diagnostics.ts';
import type { Config } from '../config/model/config.ts';
import type { StatusReport } from '../stats/status.ts';

export type Facts = {
  readonly config: Config;
  readonly diagnostics: readonly Diagnostic[];
  /** How the files are named on a command line: "--config /etc/evergate/evergate.yaml". */
  readonly files: string;
  /** UTC, ms since the epoch. */
  readonly nowMs: number;
  /** Of this command; the mask as below. */
  readonly asker: { readonly capabilities: bigint };
  readonly guardian: GuardianFacts;
  /** Those of a name that says something, in our network namespace as far as that can be seen. */
  readonly processes: readonly ProcessFacts[];
  readonly sockets: readonly SocketFacts[];
  /** Addresses of this machine's interfaces. */
  readonly addresses: readonly HeldAddress[];
  readonly settings: SettingFacts;
  /** Of the balancer that runs (RLIMIT_NOFILE, soft); null: none does, or it is not to be seen. */
  readonly openFilesMax: number | null;
  readonly firewall: FirewallFacts;
  readonly apiservers: readonly ApiserverFacts[];
};

export type GuardianFacts =
  | {
      readonly kind: 'running';
      readonly report: StatusReport;
      /** Mask of those in force (proc(5), CapEff); null: not to be seen. */
      readonly capabilities: bigint | null;
    }
  | { readonly kind: 'not-running'; readonly why: string }
  /** It hangs: what it has and does is unknown. */
  | { readonly kind: 'not-answering'; readonly why: string }
  | { readonly kind: 'no-right'; readonly why: string };

export type ProcessFacts = {
  readonly pid: number;
  /** As the kernel names it, at most 15 characters. */
  readonly name: string;
  readonly command: string;
};

/** A TCP socket that listens, or one of UDP. */
export type SocketFacts = {
  readonly protocol: 'tcp' | 'udp';
  /** As the kernel writes it; "0.0.0.0" and "::" are any. */
  readonly address: string;
  readonly port: number;
  /** Who has it open, as far as that can be seen. */
  readonly owners: readonly ProcessFacts[];
};

export type SettingFacts = {
  /** net.ipv4.conf.all.arp_ignore; null: not to be seen. */
  readonly arpIgnore: number | null;
  /** Interfaces on which what comes by another way than its answer leaves is dropped (rp_filter 1, or that of "all"). */
  readonly strictReversePath: readonly string[];
  /** Interfaces by which default routes of IPv4 leave. */
  readonly defaultInterfaces: readonly string[];
};

export type HeldAddress = { readonly address: string; readonly interface: string };

/** What a tool said; null with why it could not be asked. Not installed: no rules of its kind. */
export type ToolAnswer =
  | { readonly kind: 'said'; readonly text: string }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly why: string };

export type FirewallFacts = {
  /** `nft -j list ruleset`. */
  readonly nft: ToolAnswer;
  readonly iptables: ToolAnswer;
  readonly ip6tables: ToolAnswer;
};

export type ApiserverFacts = {
  /** "kube-apiserver/k8s-master" */
  readonly name: string;
  readonly address: string;
  /** The same without its port. */
  readonly host: string;
  /** Why no connection came about; null: one did. */
  readonly problem: string | null;
  readonly path: string;
  /** Of the answer to a GET of the path; null: it was not asked, or does not speak HTTP over TLS. */
  readonly status: number | null;
  /** ms by which its clock is ahead of ours at least, by the Date of the answer; negative: behind. null: it said none. */
  readonly clockAheadMs: number | null;
  /** null: it does not speak TLS. */
  readonly certificate: {
    readonly expiresAtMs: number;
    /** Of the names by which clients call, those that it lacks. */
    readonly missingNames: readonly string[];
  } | null;
};
