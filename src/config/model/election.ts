/**
 * The model of what every election has, whatever protocol it speaks: virtual addresses, what is tracked, who
 * is told.
 */

import type { AddressesConfig } from './addresses.ts';

export type ElectionConfig<Instance extends ElectionInstanceConfig = ElectionInstanceConfig> = {
  readonly scripts: readonly TrackScriptConfig[];
  readonly processes: readonly TrackProcessConfig[];
  readonly files: readonly TrackFileConfig[];
  readonly syncGroups: readonly SyncGroupConfig[];
  readonly notifyFifos: readonly NotifyFifoConfig[];
  readonly instances: readonly Instance[];
};

/** keepalived: `vrrp_script`. */
export type TrackScriptConfig = {
  readonly name: string;
  readonly argv: readonly string[];
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** -253..253; 0: failing means FAULT. */
  readonly weight: number;
  readonly rise: number;
  readonly fall: number;
  /** Account it runs as; null: the guardian's own. */
  readonly user: string | null;
  readonly group: string | null;
  readonly guarded?: Guarded;
};

/**
 * It does not run as root unless the file names root, nor where somebody else can change what would run (keepalived:
 * enable_script_security). Absent: it does.
 */
type Guarded = true;

/** keepalived: `vrrp_track_process`. The weight stands where it is tracked. */
export type TrackProcessConfig = {
  readonly name: string;
  /** As the kernel names the process (proc(5), /proc/PID/comm), or the first word it was started by. */
  readonly command: string;
  /** Words after the command, all of them; null: any. */
  readonly parameters: readonly string[] | null;
  /** true: `command` is the first word of the command line, e.g. a whole path. */
  readonly fullCommand: boolean;
  /** So many must run; at least 1. */
  readonly quorum: number;
  /** How long they must run before they count, and be gone before they do not. */
  readonly startDelayMs: number;
  readonly endDelayMs: number;
};

/** keepalived: `track_file`: a number in a file. The weight stands where it is tracked. */
export type TrackFileConfig = {
  readonly name: string;
  readonly path: string;
  /** Written at the start where there is no file; null: nothing is written. */
  readonly initialValue: number | null;
  /** Written at the start whatever there is. */
  readonly overwrite: boolean;
};

/** keepalived: `vrrp_sync_group`: instances that are master together or not at all. */
export type SyncGroupConfig = {
  readonly name: string;
  readonly instances: readonly string[];
  readonly notify: NotifyConfig;
};

/** A command to run on a change of state; null where there is none. */
export type NotifyConfig = {
  readonly master: NotifyCommand | null;
  readonly backup: NotifyCommand | null;
  readonly fault: NotifyCommand | null;
  readonly stop: NotifyCommand | null;
  /** After the others, with four words more: INSTANCE or GROUP, the name, the state, the priority. */
  readonly any: NotifyCommand | null;
  /** No change: a master hears one of lower priority (keepalived: notify_master_rx_lower_pri). */
  readonly rival: NotifyCommand | null;
};

export type NotifyCommand = {
  readonly argv: readonly string[];
  /** Account it runs as; null: the guardian's own. */
  readonly user: string | null;
  readonly group: string | null;
  readonly guarded?: Guarded;
};

/** keepalived: `notify_fifo`: every change of state as a line in a named pipe. */
export type NotifyFifoConfig = {
  readonly path: string;
  /** Owner of the pipe; null: the guardian. */
  readonly user: string | null;
  readonly group: string | null;
  /** Runs as long as the guardian, with the pipe's path as its last word. */
  readonly reader: NotifyCommand | null;
};

/** Something an instance tracks. Weight 0: its failure means FAULT. */
export type TrackConfig = { readonly name: string; readonly weight: number };

/** Addresses with one owner, and what this node's claim to them depends on. */
export type ElectionInstanceConfig = AddressesConfig & {
  readonly trackScripts: readonly TrackConfig[];
  /** Interfaces that must be up, beside those the instance uses. */
  readonly trackInterfaces: readonly TrackConfig[];
  readonly trackProcesses: readonly TrackConfig[];
  /** The weight multiplies what the file holds; with 0 any number but 0 means FAULT. */
  readonly trackFiles: readonly TrackConfig[];
  readonly notify: NotifyConfig;
  /** Changes of the priority are lines in the notify FIFOs, too. Absent: only changes of state are. */
  readonly notifyPriority?: true;
  /**
   * Follow the local balancer: not serving means FAULT (weight 0) or a priority change. null where none
   * runs here.
   */
  readonly trackBalancer: { readonly weight: number } | null;
};
