/** evergate.yaml for all of its nodes: read on a machine that need be none of them, and has none of their files. */

import type { Diagnostic } from '../config/diagnostics.ts';
import type { Config } from '../config/model/config.ts';
import { readConfigFile } from './sources.ts';

export type ForAnyNode = {
  /** As its first node has it, but for that node's interface; null exactly when there is an error. */
  readonly config: Config | null;
  /** Errors alone: warnings are of a machine, and told there. */
  readonly errors: readonly Diagnostic[];
};

/** Interfaces that the file names; what else stands behind such a word does no harm. */
const NAMED_INTERFACES = /\binterface:\s*["']?([\w.@-]+)/g;

export async function readForAnyNode(file: string): Promise<ForAnyNode> {
  const errors: Diagnostic[] = [];
  const text = readConfigFile(file, errors);
  if (text === null) return { config: null, errors };
  // Its schema and YAML libraries are loaded only where there is something to read.
  const { namesOfNodes, parseNative } = await import('../config/evergate-yaml/index.ts');
  const names = Object.fromEntries(
    // Where they lead is asked on the nodes; here each leads somewhere (RFC 5737, RFC 3849).
    namesOfNodes(file, text).map((name, at) => [
      name,
      [`192.0.2.${at + 1}`, `2001:db8::${at + 1}`],
    ]),
  );
  const named = [...text.matchAll(NAMED_INTERFACES)].flatMap(([, name]) => name ?? []);
  // In a network that has all addresses.
  const interfaces = named.length > 0 ? [...new Set(named)] : ['any'];
  const parse = (node: string | null, addresses: readonly string[]) =>
    parseNative(file, text, {
      names,
      node,
      mustBeNode: false,
      hostName: null,
      localAddresses: addresses.flatMap((address) =>
        interfaces.map((name) => ({ interface: name, address, prefixLength: 0 })),
      ),
      canRedirect: true,
      fileExists: () => true,
      groupExists: () => true,
    });
  // Which nodes there are is known when it has been read once.
  const [first = { name: null, addresses: [] }] = parse(null, []).config?.nodes ?? [];
  const { config, diagnostics } = parse(first.name, first.addresses);
  return { config, errors: diagnostics.filter(({ severity }) => severity === 'error') };
}
