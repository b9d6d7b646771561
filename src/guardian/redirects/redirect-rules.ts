/**
 * The table that leads ports of virtual addresses to listeners of ours, as nft(8) reads it. Pure; docs/adr/0022 has the
 * reasons.
 */

import type { RedirectConfig } from '../../config/model/addresses.ts';

/**
 * Before the destinations that kube-proxy and container runtimes translate at -100 (nft: dstnat): the first chain
 * that gives a connection a destination decides.
 */
const PRIORITY = -110;

/** From the network and from pods; from the node itself. */
const HOOKS = ['prerouting', 'output'] as const;

/**
 * A packet to a virtual address that is not here goes on to the node that has it (`fib daddr type local`): the table
 * may be there before and after the address. The address stays as it is, and only the port changes, so that it works
 * from the node itself, and the local listener on the port sees nothing of it on other addresses.
 */
function ruleOf({ address, port, toPort }: RedirectConfig): string {
  const family = address.includes(':') ? 'ip6' : 'ip';
  const to = family === 'ip6' ? `[${address}]` : address;
  return (
    `${family} daddr ${address} tcp dport ${port} fib daddr type local ` +
    `dnat ${family} to ${to}:${toPort}`
  );
}

/** Puts the table in, in place of one of its name: one transaction, so that there is always one. */
export function putScript(table: string, redirects: readonly RedirectConfig[]): string {
  const rules = redirects.map((redirect) => `    ${ruleOf(redirect)}`);
  const chains = HOOKS.flatMap((hook) => [
    `  chain ${hook} {`,
    `    type nat hook ${hook} priority ${PRIORITY}; policy accept;`,
    ...rules,
    '  }',
  ]);
  return [removeScript(table), `table inet ${table} {`, ...chains, '}', ''].join('\n');
}

/** Removes the table where there is one. */
export function removeScript(table: string): string {
  // Deleting what is not there is an error; making it first makes it none.
  return `table inet ${table}\ndelete table inet ${table}\n`;
}
