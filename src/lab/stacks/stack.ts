/** What runs on a node of the lab: the daemon's command, and how its parts are told apart. */

import type { TopologyNode } from '../topology.ts';

export const STACK_NAMES = ['evergate', 'evergate-article', 'article'] as const;
/** evergate.yaml on Evergate, the article's files on Evergate, the article's files on the daemons they are for. */
export type StackName = (typeof STACK_NAMES)[number];

/** The guardian, or what speaks VRRP; the balancer. */
export type DaemonRole = 'guardian' | 'balancer';

export type NodePaths = {
  readonly node: TopologyNode;
  readonly haproxy: string;
  readonly keepalived: string;
  readonly runDir: string;
  /** Of this node alone. */
  readonly directory: string;
};

/** Of the statistics pages. */
export type Login = { readonly user: string; readonly password: string };

export type Stack = {
  readonly name: StackName;
  readonly title: string;
  /** What a node runs, in the picture. */
  readonly daemon: string;
  readonly login: Login | null;
  readonly nodeCommand: (paths: NodePaths) => string[];
  /** Programs by role, as the kernel names them; null: by the pid files of an Evergate. */
  readonly programs: Readonly<Record<DaemonRole, string>> | null;
  /** Has whatever does not run started again, where the daemon's process is none of these; null: nothing to do. */
  readonly startAgain: ((paths: NodePaths, missing: readonly DaemonRole[]) => void) | null;
};
