/** What the VRRP machine (vrrp/machine.ts) does when its phase changes. */

import type { MachineEffect } from './machine-types.ts';

type EffectKind = Exclude<MachineEffect['kind'], 'transition'>;

/**
 * Every change of phase there is, with what it does, in this order. `stop` always ends in initialize.
 * An empty list is a change that only touches timers.
 */
export const TRANSITIONS: Readonly<Record<string, readonly EffectKind[]>> = {
  // RFC 9568 6.4.1, start-up; priority 255 goes on to master in the same step.
  'initialize backup': [],
  // Not in the RFC: tracking keeps the instance out from its start.
  'initialize fault': [],
  // Not in the RFC: within its down interval a master that was killed is one that was slow.
  'initialize master': ['add-addresses', 'garp', 'send-advert'],
  // RFC 9568 6.4.2: the Master_Down_Timer fired. The advertisement comes last: whoever serves on until a
  // successor is heard lets go when it comes, and by then the addresses must be there and known.
  'backup master': ['add-addresses', 'garp', 'send-advert'],
  // RFC 9568 6.4.2: shutdown.
  'backup initialize': [],
  'backup fault': [],
  // RFC 9568 6.4.3: somebody better; the farewell is ours, see the head of this file. It comes last: it
  // makes the winner announce the addresses, and by then nobody else may answer for them.
  'master backup': ['remove-addresses', 'send-advert'],
  // RFC 9568 6.4.3: shutdown, and a fault as in keepalived. The priority sent is 0; the addresses go later.
  'master leaving': ['send-advert'],
  'leaving initialize': ['remove-addresses'],
  'leaving fault': ['remove-addresses'],
  // Drained, and another follows.
  'leaving backup': ['remove-addresses'],
  // The fault is gone or the node shall be drained, and nobody has followed.
  'leaving master': ['add-addresses', 'garp', 'send-advert'],
  'fault backup': [],
  'fault initialize': [],
};
