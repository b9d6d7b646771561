/**
 * What etcd or a Kubernetes Lease would be: one owner at a time, until it gives up or is silent for the
 * lease's time. In memory; the nodes' processes talk to it over their IPC channels.
 */

import type { ChildProcess } from 'node:child_process';

/** Sent again and again. `wants`: takes the lease where it is free, or keeps it. */
export type LeaseClaim = { readonly wants: boolean };
export type LeaseAnswer = { readonly owns: boolean };

export class LeaseKeeper {
  readonly #leaseMs: number;
  #owner: ChildProcess | null = null;
  #renewedAt = 0;

  constructor(leaseMs: number) {
    this.#leaseMs = leaseMs;
  }

  serve(node: ChildProcess): void {
    node.on('message', ({ wants }: LeaseClaim) => {
      const now = performance.now();
      if (now - this.#renewedAt >= this.#leaseMs) this.#owner = null;
      if (this.#owner === node && !wants) this.#owner = null;
      else if (wants && (this.#owner ?? node) === node) {
        this.#owner = node;
        this.#renewedAt = now;
      }
      const answer: LeaseAnswer = { owns: this.#owner === node };
      if (node.connected) node.send(answer, () => {});
    });
  }
}
