/** What has become of a balancer, for the timeline. */

import type { EventDetail } from '../../contracts/events.ts';

type BalancerEvent = Extract<EventDetail, { readonly kind: 'balancer' }>;

export type BalancerChange = BalancerEvent['to'];

export function balancerDetail(
  to: BalancerChange,
  pid: number | null,
  why: string | undefined,
): BalancerEvent {
  return {
    kind: 'balancer',
    to,
    ...(pid === null ? {} : { pid }),
    ...(why === undefined ? {} : { why }),
  };
}
