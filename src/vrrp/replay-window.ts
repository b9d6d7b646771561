/**
 * Refuses packets that were recorded and are sent again (RFC 2402 section 3.4.3): sequence numbers of one
 * sender must grow. A sender that was silent for a whole down interval may have been started anew and
 * counts from wherever it likes, as keepalived counts from 1.
 */

import type { IpAddress } from '../core/ip-address.ts';

/** Senders remembered; a virtual router has far fewer. */
const SENDERS_MAX = 256;

export class ReplayWindow {
  readonly #silenceMs: number;
  readonly #last = new Map<IpAddress, { readonly sequence: number; readonly at: number }>();

  constructor(silenceMs: number) {
    this.#silenceMs = silenceMs;
  }

  /** Whether the packet is new; `now` in milliseconds. */
  take(sender: IpAddress, sequence: number, now: number): boolean {
    const last = this.#last.get(sender);
    const speaks = last !== undefined && now - last.at <= this.#silenceMs;
    if (speaks && sequence <= last.sequence) return false;
    const [oldest] = this.#last.keys();
    this.#last.delete(sender);
    if (this.#last.size >= SENDERS_MAX && oldest !== undefined) this.#last.delete(oldest);
    this.#last.set(sender, { sequence, at: now });
    return true;
  }
}
