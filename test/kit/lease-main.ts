/**
 * A whole guardian whose election is a lease: `node lease-main.ts ADDRESS DIRECTORY`, with an IPC channel to the
 * keeper. The run directory, and the file it tracks ("load"), are in DIRECTORY. Logs on standard error.
 */

import { join } from 'node:path';
import { assert } from '../../src/core/assert.ts';
import { Guardian } from '../../src/guardian/guardian.ts';
import { styleOfProcess } from '../../src/guardian/log.ts';
import { StandardStreams } from '../../src/guardian/output/standard-streams.ts';
import { DescriptorStore } from '../../src/guardian/service/descriptor-store.ts';
import { ServiceManager } from '../../src/guardian/service/service-manager.ts';
import { startPrivilegedRelays } from '../../src/planes/relay/privileged.ts';
import { leaseElections } from './lease-election.ts';
import { HELD_MS, LEASE_MS, LeaseSection, leaseConfig } from './lease-section.ts';
import { NODE_INTERFACE } from './network.ts';

const streams = StandardStreams.take(styleOfProcess());
const [, , address = '', directory = ''] = process.argv;
assert(process.send !== undefined, 'a test starts it');
const config = { balancer: null, vrrp: null };
const wanted = leaseConfig(address, NODE_INTERFACE, join(directory, 'load'));
const guardian = await Guardian.start({
  config,
  elections: leaseElections(new LeaseSection(wanted, LEASE_MS, HELD_MS)),
  startPrivilegedPlane: startPrivilegedRelays,
  node: 'lease',
  read: async () => ({ config, diagnostics: [], node: null }),
  version: 'test',
  runDir: join(directory, 'run'),
  balancerGraceMs: 0,
  spare: false,
  shell: null,
  log: streams.log,
  manager: new ServiceManager(null, streams.log),
  store: new DescriptorStore(null, streams.log),
  outputs: streams,
  cancel: new AbortController().signal,
  onFailure: (text) => process.stderr.write(`failed ${text}\n`),
});
process.once('SIGTERM', async () => {
  await guardian.stop();
  await streams.leave(0);
});
