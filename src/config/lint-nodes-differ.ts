/**
 * What nodes of one cluster should have alike, and their keepalived.conf files do not: the list of VIPs, intervals, who
 * preempts, priorities of their own. Where nodes would not hear each other at all is lint-split-brain.ts.
 */

import type { Diagnostic, DiagnosticCode, Severity } from './diagnostics.ts';
import type { WiredInstance } from './lint-split-brain.ts';
import type { Place } from './place.ts';

export type ComparedInstance = WiredInstance & {
  readonly virtualRouterId: number;
  /** null: the file gives one that is refused. */
  readonly priority: number | null;
  /** Where the priority stands, or the instance that has the default. */
  readonly priorityPlace: Place;
  /** By directive, in the file's words: nothing breaks where nodes differ, but each does something else. */
  readonly better: ReadonlyMap<string, string>;
};

function diagnose(
  { file, line, column }: Place,
  severity: Severity,
  code: DiagnosticCode,
  text: string,
): Diagnostic {
  return { file, line, column, severity, text, code };
}

function at({ file, line }: Place): string {
  return `${file}:${line}`;
}

function listed(addresses: readonly string[]): string {
  return addresses.length === 0 ? '(none)' : addresses.join(', ');
}

function otherAddresses(here: ComparedInstance, other: ComparedInstance): readonly Diagnostic[] {
  const missing = other.addresses.filter((address) => !here.addresses.includes(address));
  const more = here.addresses.filter((address) => !other.addresses.includes(address));
  if (missing.length + more.length === 0) return [];
  const text =
    `"${here.name}" has the VIPs ${listed(here.addresses)} here, and ${listed(other.addresses)} in ` +
    `${at(other.wire.place)}: one that is not in both is nowhere while the other node is master; give all nodes ` +
    'the same';
  return [diagnose(here.wire.place, 'error', 'nodes-differ', text)];
}

function otherValues(here: ComparedInstance, other: ComparedInstance): readonly Diagnostic[] {
  return [...here.better].flatMap(([name, value]) => {
    const theirs = other.better.get(name);
    if (theirs === undefined || theirs === value) return [];
    const text =
      `"${here.name}" has ${name} ${value} here, and ${theirs} in ${at(other.wire.place)}; give all nodes the same, ` +
      'or how long a failover takes depends on which node is master';
    return [diagnose(here.wire.place, 'warning', 'nodes-differ', text)];
  });
}

function tie(here: ComparedInstance, other: ComparedInstance): readonly Diagnostic[] {
  if (here.priority === null || here.priority !== other.priority) return [];
  const text =
    `Priority ${here.priority} is also that of ${at(other.priorityPlace)}: the higher address wins, and two that fail ` +
    'over at once may both hold the VIP for a moment; give each node its own';
  return [diagnose(here.priorityPlace, 'warning', 'equal-priorities', text)];
}

/** One number, and no VIP in common: either a VIP is mistyped, or the number is. */
function stranger(
  here: ComparedInstance,
  others: readonly ComparedInstance[],
): readonly Diagnostic[] {
  const other = others.find(({ virtualRouterId: id }) => id === here.virtualRouterId);
  if (other === undefined) return [];
  const text =
    `The virtual_router_id ${here.virtualRouterId} has the VIPs ${listed(here.addresses)} here, and ` +
    `${listed(other.addresses)} in ${at(other.wire.place)}: each node would take the other's advertisements for its ` +
    'own router; correct the VIP, or give one of them another number';
  return [diagnose(here.wire.place, 'error', 'nodes-differ', text)];
}

/** `nodes`: the instances of one file each, in the order given. Each is held against the first file with its VIP. */
export function lintNodesDiffer(
  nodes: readonly (readonly ComparedInstance[])[],
): readonly Diagnostic[] {
  return nodes.flatMap((instances, index) => {
    const earlier = nodes.slice(0, index).flat();
    return instances.flatMap((here) => {
      const twins = earlier.filter((other) =>
        here.addresses.some((address) => other.addresses.includes(address)),
      );
      const [first] = twins;
      if (first === undefined) return stranger(here, earlier);
      const same = twins.find(({ priority }) => priority !== null && priority === here.priority);
      return [
        ...otherAddresses(here, first),
        ...otherValues(here, first),
        ...(same === undefined ? [] : tie(here, same)),
      ];
    });
  });
}
