/** What a node waits for that does not own its addresses: nobody is left to guess why it is still backup. */

import { unreachable } from '../core/assert.ts';

/** Times are ms, counted from when the status was told, a second ago at most. */
export type WaitsFor =
  /** Whether a stranger answers for an address. */
  | { readonly event: 'address-probe' }
  /** It could be master, other members of its sync group could not. */
  | { readonly event: 'sync-group' }
  /** A master is heard; once it has been silent for so long, this node is master. */
  | { readonly event: 'master-silence'; readonly inMs: number }
  /** A worse master is heard, and left alone for so long (preempt_delay). */
  | { readonly event: 'preempt-delay'; readonly inMs: number }
  /** No better master is heard; when the time is over this node is master. */
  | { readonly event: 'takeover'; readonly inMs: number }
  /** Drained: until `evergate ready node`, or until no other node has been heard for so long. */
  | { readonly event: 'ready'; readonly inMs: number };

/** In words, to follow "waits". */
export function explainWait(waitsFor: WaitsFor): string {
  switch (waitsFor.event) {
    case 'address-probe':
      return 'until it knows that nobody else has the addresses';
    case 'sync-group':
      return 'for the other members of its sync group';
    case 'master-silence':
      return `for the master to be silent for ${time(waitsFor.inMs)}`;
    case 'preempt-delay':
      return `for the end of preempt_delay in ${time(waitsFor.inMs)}`;
    case 'takeover':
      return `${time(waitsFor.inMs)} for a better master, then takes the addresses`;
    case 'ready':
      return `for "evergate ready node", or for ${time(waitsFor.inMs)} in which no other node is heard`;
    default:
      return unreachable(waitsFor);
  }
}

function time(ms: number): string {
  return ms < 1000 ? `${Math.max(0, Math.ceil(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}
