/** What an election tells, in the words of the log and of the timeline. */

import type { ElectionConfig } from '../../config/model/election.ts';
import type { ElectionEvent } from '../../contracts/election.ts';
import type { EventDetail, VipDetail } from '../../contracts/events.ts';
import type { LogLevel } from '../log.ts';
import { withNames } from '../peers/named-addresses.ts';

type News = {
  readonly level: LogLevel;
  readonly text: string;
  readonly detail: EventDetail;
};

type NodeView = {
  /** Names of nodes by their addresses. */
  readonly names: ReadonlyMap<string, string>;
  readonly instances: ElectionConfig['instances'];
  /** Whether the node counts as one that balances; undefined: it has no balancer. */
  readonly serving: boolean | undefined;
};

type Transition = Extract<ElectionEvent, { readonly kind: 'transition' }>;

/** null: it says nothing of that kind. */
export function electionNews(event: ElectionEvent, view: NodeView): News | null {
  switch (event.kind) {
    case 'transition':
      return transitionNews(event, view);
    case 'group': {
      const { group, to } = event;
      const text = `VRRP sync group ${group}: ${to}`;
      return { level: 'info', text, detail: { kind: 'group', group, to } };
    }
    case 'own-address-moved':
      return warning(`The node's address has moved from "${event.from}" to "${event.to}"`);
    case 'warning':
      return warning(event.text);
    default:
      return null;
  }
}

function warning(text: string): News {
  return { level: 'warning', text, detail: { kind: 'warning', why: text } };
}

function transitionNews(
  { instance, from, to, why, priority, facts }: Transition,
  { names, instances, serving }: NodeView,
): News {
  const cause = withNames(why, names);
  const { heardFrom } = facts;
  const detail: VipDetail = {
    ...facts,
    kind: 'vip',
    instance,
    addresses: addressesOf(instance, instances),
    from,
    to,
    why: cause,
    priority,
    ...(serving === undefined ? {} : { serving }),
    ...(heardFrom === undefined ? {} : { heardFrom: withNames(heardFrom, names) }),
  };
  return { level: 'info', text: `VRRP ${instance}: ${from} -> ${to} (${cause})`, detail };
}

function addressesOf(name: string, instances: ElectionConfig['instances']): readonly string[] {
  const addresses = instances.find((one) => one.name === name)?.addresses ?? [];
  return addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
}
