/**
 * Which server of a backend gets which address of the name they share: each one of its own, and the one it has as
 * long as that is there, so that an answer in another order moves nobody (HAProxy: resolv_get_ip_from_response).
 */

import type { ServerAddress } from '../balance/snapshot.ts';
import type { NameConfig } from '../config/model/names.ts';
import { networkHolds, parseNetwork } from '../core/network.ts';
import type { Target } from './answer.ts';

export type Claimant = Pick<NameConfig, 'prefer' | 'networks' | 'shares'> & {
  /** Where it is now; null: nowhere. */
  readonly current: ServerAddress | null;
  /** Of its configuration; targets that have a port of their own count with that. */
  readonly port: number;
};

export type Assigned = ServerAddress & { readonly weight: number | null };

/** By claimant; null: there is none left for it. Hosts of targets are addresses. */
export function assign(
  claimants: readonly Claimant[],
  targets: readonly Target[],
): readonly (Assigned | null)[] {
  const taken = new Set<string>();
  const chosen = new Map<Claimant, Assigned>();
  const take = (claimant: Claimant, place: Assigned | undefined): void => {
    if (place === undefined) return;
    chosen.set(claimant, place);
    taken.add(keyOf(place));
  };
  const offered = new Map(claimants.map((one) => [one, offer(one, targets)]));
  // Who has one keeps it: only then are the others free.
  for (const claimant of claimants) {
    const { current } = claimant;
    if (current === null) continue;
    const places = offered.get(claimant) ?? [];
    const same = places.find((place) => keyOf(place) === keyOf(current));
    if (same === undefined || isTaken(claimant, same, taken)) continue;
    const better = places.some(
      (place) => prefers(claimant, place, same) && !isTaken(claimant, place, taken),
    );
    if (!better) take(claimant, same);
  }
  for (const claimant of claimants) {
    if (chosen.has(claimant)) continue;
    const places = offered.get(claimant) ?? [];
    const free = places.filter((place) => !taken.has(keyOf(place)));
    const open = free.length === 0 && claimant.shares === true ? places : free;
    take(claimant, open.find((place) => isNear(claimant, place)) ?? open[0]);
  }
  return claimants.map((claimant) => chosen.get(claimant) ?? null);
}

/** Of the family that it prefers, or else of the other one. */
function offer({ prefer, port }: Claimant, targets: readonly Target[]): readonly Assigned[] {
  const preferred = targets.filter(({ host }) => host.includes(':') === (prefer === 'ipv6'));
  return (preferred.length > 0 ? preferred : targets).map((target) => ({
    host: target.host,
    port: target.port ?? port,
    ...(target.name === undefined ? {} : { name: target.name }),
    weight: target.weight,
  }));
}

function isTaken({ shares }: Claimant, place: Assigned, taken: ReadonlySet<string>): boolean {
  return shares !== true && taken.has(keyOf(place));
}

function prefers(claimant: Claimant, place: Assigned, other: Assigned): boolean {
  return isNear(claimant, place) && !isNear(claimant, other);
}

function isNear({ networks = [] }: Claimant, { host }: Assigned): boolean {
  const address = parseNetwork(host);
  return networks.some((text) => {
    const network = parseNetwork(text);
    return network.ok && address.ok && networkHolds(network.value, address.value.address);
  });
}

function keyOf({ host, port }: ServerAddress): string {
  return `${host} ${port}`;
}
