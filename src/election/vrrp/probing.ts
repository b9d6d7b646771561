/**
 * Whether strangers hold an instance's addresses: asked before it may be master, and again and again while one does.
 * A stranger may be this cluster's own owner with another router id, until its file is changed, too.
 */

import { AddressProbe, type ProbeVerdict } from '../../address/rules/probe.ts';
import type { VrrpInstanceConfig } from '../../config/model/vrrp.ts';
import { downIntervalMs } from '../../vrrp/timers.ts';
import type { InstanceFaults } from './instance-faults.ts';
import type { Ports } from './ports.ts';

/** ms between the verdict that an address is taken and the next question. */
const ASK_AGAIN_MS = 10_000;

export class Probing {
  readonly #faults: InstanceFaults;
  #probe: AddressProbe | null = null;
  #againAt = Number.POSITIVE_INFINITY;

  constructor(faults: InstanceFaults) {
    this.#faults = faults;
  }

  /** null: nobody is asked. */
  get probe(): AddressProbe | null {
    return this.#probe;
  }

  /** When it asks again. */
  get againAt(): number {
    return this.#againAt;
  }

  begin({ version, priority, advertIntervalMs }: VrrpInstanceConfig, now: number): void {
    this.#probe = new AddressProbe(now, downIntervalMs(version, priority, advertIntervalMs));
    this.#againAt = Number.POSITIVE_INFINITY;
  }

  /** A machine without a carrier has nobody to ask. */
  ask(vips: Ports['vips'], now: number): ProbeVerdict {
    if (this.#probe === null || this.#faults.hasLinkFault) return { kind: 'free' };
    if (this.#probe.takeDue(now)) vips.probe();
    return this.#probe.verdict(now);
  }

  /** A stranger holds an address: it stays out until it does not any more. */
  refuse(text: string, now: number): void {
    this.#faults.stranger = text;
    this.#askLater(now);
  }

  /** No stranger answered where somebody could be asked; whether that is news. */
  end(now: number): boolean {
    if (this.#probe === null || this.#faults.stranger === null) {
      this.#probe = null;
      return false;
    }
    if (this.#faults.hasLinkFault) {
      this.#askLater(now);
      return false;
    }
    this.#probe = null;
    this.#faults.stranger = null;
    return true;
  }

  #askLater(now: number): void {
    this.#probe = null;
    this.#againAt = now + ASK_AGAIN_MS;
  }
}
