/** evergate.yaml on this machine: which of its nodes this is, and whether files are there that it may name. */

import { lookup } from 'node:dns/promises';
import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import type { NameAddresses } from '../config/evergate-yaml/draft.ts';
import { type NativeResult, namesOfNodes, parseNative } from '../config/evergate-yaml/index.ts';
import { groupId } from '../linux/identity.ts';
import { nftCommand } from '../linux/nftables.ts';
import { localAddresses } from './local-addresses.ts';

export type NativeInput = {
  readonly file: string;
  /** Name of this node; null: it finds itself by its addresses. */
  readonly node: string | null;
  /** Whether a machine that is none of the nodes is an error; else a warning. */
  readonly mustBeNode: boolean;
  /** Where names led before, for those that nobody answers for now; absent: nowhere. */
  readonly names?: NameAddresses;
};

export type NativeReading = NativeResult & {
  /** Where the names of nodes lead; empty where nobody knows. */
  readonly names: NameAddresses;
};

/** A name server that is not there must not keep the file from being read. */
const LOOKUP_MS_MAX = 3000;

/** What the file says is in the result's diagnostics. */
export async function readNative(
  { file, node, mustBeNode, names: before = {} }: NativeInput,
  text: string,
): Promise<NativeReading> {
  const names = await lookUp(namesOfNodes(file, text), before);
  const result = parseNative(file, text, {
    names,
    node,
    mustBeNode,
    hostName: hostname(),
    localAddresses: localAddresses(),
    canRedirect: nftCommand() !== null,
    fileExists,
    groupExists: (name) => groupId(name) !== null,
  });
  return { ...result, names };
}

/** Where names lead; those that nobody answers for, where they led before. */
async function lookUp(names: readonly string[], before: NameAddresses): Promise<NameAddresses> {
  const found = await Promise.all(names.map((name) => addressesOf(name, before[name] ?? [])));
  return Object.fromEntries(names.map((name, index) => [name, found[index] ?? []]));
}

async function addressesOf(name: string, before: readonly string[]): Promise<readonly string[]> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly string[]>((resolve) => {
    timer = setTimeout(() => resolve(before), LOOKUP_MS_MAX);
  });
  const asked = lookup(name, { all: true, order: 'ipv4first' }).then(
    (found) => {
      const addresses = found.map(({ address }) => address);
      // The one of before, where it is still among them: an answer in another order is no change.
      return [...before.filter((each) => addresses.includes(each)), ...addresses];
    },
    () => before,
  );
  const first = await Promise.race([asked, late]);
  clearTimeout(timer);
  return first;
}

function fileExists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
