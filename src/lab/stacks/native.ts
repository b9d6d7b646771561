/** The lab's evergate.yaml: what a newcomer writes, and what the lab's own paths make of it. */

import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EVERGATE } from '../build-node.ts';
import type { Topology } from '../topology.ts';
import type { Stack } from './stack.ts';

const LOGIN = { user: 'lab', password: 'a-password-of-the-lab' } as const;
const SYSLOG = '127.0.0.1';

/** Writes the one file of all nodes and their key into `directory`. */
export function nativeStack(directory: string, topology: Topology, authorityFile: string): Stack {
  const file = join(directory, 'evergate.yaml');
  const keyFile = join(directory, 'vrrp.key');
  writeFileSync(keyFile, `hex:${randomBytes(32).toString('hex')}\n`, { mode: 0o600 });
  const nodes = topology.nodes.map(({ name, address }) => `  ${name}: ${address}\n`).join('');
  const text = `# Made by "evergate lab": the same file on every node
vip: ${topology.vip}/${topology.prefixLength}
listen: ${topology.vipPort}
nodes:
${nodes}check:
  ca: ${authorityFile}
vrrp:
  key: ${keyFile}
logs:
  - to: ${SYSLOG}
${statsBlock(`0.0.0.0:${topology.statsPort}`, topology.statsPath)}`;
  writeFileSync(file, text);
  return {
    name: 'evergate',
    title: 'Evergate with evergate.yaml',
    daemon: 'evergate',
    login: LOGIN,
    nodeCommand: ({ node, runDir }) => {
      const run = [EVERGATE, 'run', '--config', file, '--node', node.name];
      return [...run, '--run-dir', runDir];
    },
    programs: null,
    startAgain: null,
  };
}

export type SinglePorts = { readonly api: number; readonly stats: number };

/** One node on loopback without a VIP, and where its apiservers are. */
export function singleConfig(
  host: string,
  ports: SinglePorts,
  apiservers: readonly { readonly name: string; readonly port: number }[],
  authorityFile: string,
  statsPath: string,
): string {
  const servers = apiservers.map(({ name, port }) => `  ${name}: "${host}:${port}"\n`).join('');
  return `# Made by "evergate lab --single"
listen: ${host}:${ports.api}
nodes:
  local: ${host}
servers:
${servers}check:
  ca: ${authorityFile}
${statsBlock(`${host}:${ports.stats}`, statsPath)}`;
}

export const NATIVE_LOGIN = LOGIN;

function statsBlock(listen: string, path: string): string {
  return `stats:
  listen: ${listen}
  uri: ${path}
  users:
    ${LOGIN.user}: ${LOGIN.password}
  admin: true
`;
}
