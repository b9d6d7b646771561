/** evergate.yaml on this machine: which of its nodes this is, and whether files are there that it may name. */

import { statSync } from 'node:fs';
import { hostname } from 'node:os';
import { type NativeResult, parseNative } from '../config/evergate-yaml/index.ts';
import { groupId } from '../linux/identity.ts';
import { nftCommand } from '../linux/nftables.ts';
import { localAddresses } from './local-addresses.ts';

export type NativeInput = {
  readonly file: string;
  /** Name of this node; null: it finds itself by its addresses. */
  readonly node: string | null;
  /** Whether a machine that is none of the nodes is an error; else a warning. */
  readonly mustBeNode: boolean;
};

/** What the file says is in the result's diagnostics. */
export function readNative({ file, node, mustBeNode }: NativeInput, text: string): NativeResult {
  return parseNative(file, text, {
    node,
    mustBeNode,
    hostName: hostname(),
    localAddresses: localAddresses(),
    canRedirect: nftCommand() !== null,
    fileExists,
    groupExists: (name) => groupId(name) !== null,
  });
}

function fileExists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}
