/** Nodes that are given by names: their addresses are those that the names lead to when the file is read. */

import { parseIpAddress } from '../../core/ip-address.ts';
import type { Report } from '../haproxy/report.ts';
import type { NameAddresses, NativeContext } from './draft.ts';
import { familyOf } from './networks.ts';
import type { NativeFile, NativeText, NodeEntry } from './schema.ts';
import { keyPlace, type Tree } from './tree.ts';

function isName(text: string): boolean {
  return !parseIpAddress(text).ok;
}

/** The names that nodes of the file are given by, each once. */
export function nodeNames({ nodes }: NativeText): readonly string[] {
  const all = Object.values(nodes).flatMap(({ address }) => address.filter(isName));
  return [...new Set(all)];
}

/** The file with addresses in the place of names; tells of those that lead nowhere. */
export function placeNodes(
  file: NativeText,
  tree: Tree,
  report: Report,
  { names = {}, localAddresses }: Pick<NativeContext, 'names' | 'localAddresses'>,
): NativeFile {
  const own = new Set(localAddresses.map(({ address }) => address));
  const entries = Object.entries(file.nodes).map(([name, node]): [string, NodeEntry] => {
    const hosts = node.address.filter(isName);
    const lost = hosts.filter((host) => addressesOf(host, names).length === 0);
    for (const host of lost) {
      const speaks = file.vip !== undefined && file.vrrp.transport === 'unicast';
      const otherwise = speaks ? '; VRRP is in FAULT until it has one' : '';
      const text = `Node "${name}" is given by "${host}", a name that has no address here${otherwise}`;
      report.warning(keyPlace(tree, ['nodes', name]), 'unknown-name', text);
    }
    const address = node.address.flatMap((each) =>
      isName(each) ? oneOfEach(addressesOf(each, names), own) : [each],
    );
    return [name, { ...node, address, hosts, lost }];
  });
  return { ...file, nodes: Object.fromEntries(entries) };
}

function addressesOf(host: string, names: NameAddresses): readonly string[] {
  return Object.hasOwn(names, host) ? (names[host] ?? []) : [];
}

/** The first of each family, but this machine's own where they are among them. */
function oneOfEach(addresses: readonly string[], own: ReadonlySet<string>): readonly string[] {
  const sorted = addresses.toSorted((one, other) => Number(own.has(other)) - Number(own.has(one)));
  return sorted.filter(
    (address, index) => sorted.findIndex((each) => familyOf(each) === familyOf(address)) === index,
  );
}
