/** The files and services of one node of the lab, made but not yet started. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ApiserverOptions } from './apiserver/main.ts';
import { type Authority, createServerCertificate } from './certificates.ts';
import { Service } from './service.ts';

export const EVERGATE = fileURLToPath(new URL('../../bin/evergate', import.meta.url));
const APISERVER = fileURLToPath(new URL('apiserver/main.ts', import.meta.url));
const CLIENT = fileURLToPath(new URL('client/main.ts', import.meta.url));

const SERVICE_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'localhost',
  '127.0.0.1',
];

/** How a service's command is made to run where it belongs. */
export type Enter = (command: readonly string[]) => string[];

export type ApiserverPlan = {
  readonly node: string;
  readonly nodes: readonly string[];
  readonly host: string;
  readonly port: number;
  /** Names and addresses beside the usual ones. */
  readonly names: readonly string[];
  readonly directory: string;
  readonly enter: Enter;
};

/** Makes the certificate and its files; the key is readable by the owner only. */
export async function buildApiserver(authority: Authority, plan: ApiserverPlan): Promise<Service> {
  mkdirSync(plan.directory, { recursive: true });
  const certificateFile = join(plan.directory, 'apiserver.crt');
  const keyFile = join(plan.directory, 'apiserver.key');
  const names = [...SERVICE_NAMES, plan.node, ...plan.names];
  const { certificatePem, keyPem } = await createServerCertificate(authority, names);
  writeFileSync(certificateFile, certificatePem);
  writeFileSync(keyFile, keyPem, { mode: 0o600 });
  const options: ApiserverOptions = {
    node: plan.node,
    nodes: plan.nodes,
    host: plan.host,
    port: plan.port,
    certificateFile,
    keyFile,
  };
  return new Service({
    name: `apiserver on ${plan.node}`,
    command: plan.enter([process.execPath, APISERVER, JSON.stringify(options)]),
    logFile: join(plan.directory, 'apiserver.log'),
    channel: true,
  });
}

export function buildClient(directory: string, enter: Enter): Service {
  return new Service({
    name: 'the client',
    command: enter([process.execPath, CLIENT]),
    logFile: join(directory, 'client.log'),
    channel: true,
  });
}
