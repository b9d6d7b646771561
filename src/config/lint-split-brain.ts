/**
 * What of the files of several nodes keeps them from hearing each other, so that each would hold the virtual
 * IP: another virtual router id, version, interval, authentication, transport, or a peer that is not listed.
 */

import type { Diagnostic } from './diagnostics.ts';
import type { Place } from './place.ts';

/** What an instance sends and believes. */
export type WireFacts = {
  /** Of the virtual_router_id. */
  readonly place: Place;
  /** By directive, in the file's words, what every node must have alike. */
  readonly alike: ReadonlyMap<string, string>;
  /** unicast_src_ip; null: not given. */
  readonly source: string | null;
  /** null: multicast. */
  readonly peers: readonly string[] | null;
};

export type WiredInstance = {
  readonly name: string;
  readonly addresses: readonly string[];
  readonly wire: WireFacts;
};

function error(place: Place, text: string): Diagnostic {
  const { file, line, column } = place;
  return { file, line, column, severity: 'error', text, code: 'split-brain' };
}

/** Names the place of the other node's instance. */
function at({ place: { file, line } }: WireFacts): string {
  return `${file}:${line}`;
}

function differences(vip: string, here: WireFacts, other: WireFacts): readonly Diagnostic[] {
  return [...here.alike].flatMap(([name, value]) => {
    const theirs = other.alike.get(name);
    if (theirs === undefined || theirs === value) return [];
    // Passwords are not told.
    const what = name === 'auth_pass' ? `another ${name}` : `${name} ${value}`;
    const where = name === 'auth_pass' ? `than ${at(other)}` : `here and ${theirs} in ${at(other)}`;
    const text = `The VIP ${vip} has ${what} ${where}: each node would hold it; give all nodes the same`;
    return [error(here.place, text)];
  });
}

/** Whether `from` would not send to `to`, and would not believe it, though both speak unicast. */
function unlisted(vip: string, from: WireFacts, to: WireFacts): readonly Diagnostic[] {
  if (from.peers === null || to.peers === null || to.source === null) return [];
  if (from.peers.includes(to.source)) return [];
  const text =
    `The peers for the VIP ${vip} lack ${to.source}, the unicast_src_ip in ${at(to)}: each of these nodes ` +
    'would hold it; list every other node';
  return [error(from.place, text)];
}

/** `nodes`: the instances of one file each, in the order given. */
export function lintSplitBrain(
  nodes: readonly (readonly WiredInstance[])[],
): readonly Diagnostic[] {
  const diagnostics: Diagnostic[] = [];
  for (const [index, instances] of nodes.entries()) {
    const earlier = nodes.slice(0, index).flat();
    for (const here of instances) {
      const twins = earlier.flatMap((other) => {
        const vip = here.addresses.find((address) => other.addresses.includes(address));
        return vip === undefined ? [] : [{ vip, wire: other.wire }];
      });
      const [first] = twins;
      if (first !== undefined) diagnostics.push(...differences(first.vip, here.wire, first.wire));
      for (const { vip, wire } of twins) {
        diagnostics.push(...unlisted(vip, here.wire, wire), ...unlisted(vip, wire, here.wire));
      }
    }
  }
  return diagnostics;
}
