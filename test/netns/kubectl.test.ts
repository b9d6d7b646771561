/** Debian's kubectl calls the stand-in apiservers through the VIP and trusts the lab's authority. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clientNamespace } from '../../src/lab/network.ts';
import { missingPrerequisites } from '../../src/lab/prerequisites.ts';
import { runCommand } from '../../src/lab/run-command.ts';
import { startCluster } from '../../src/lab/start-cluster.ts';

const missing = (await missingPrerequisites()).map(({ what }) => what);
const kubectlWorks = await runCommand('kubectl', ['version', '--client']).then(
  () => true,
  () => false,
);
if (!kubectlWorks) missing.push('The program "kubectl" (Debian package kubernetes-client)');
const skip = missing.length === 0 ? false : missing.join('; ');

test('kubectl gets /readyz and /version through VIP:8443', { skip }, async (t) => {
  const cluster = await startCluster({ watches: 0, requestIntervalMs: 100 });
  t.after(() => cluster.stop());
  const inside = ['netns', 'exec', clientNamespace(cluster.id), 'kubectl'];
  const config = ['--kubeconfig', cluster.parts.kubeconfigFile, '--context', 'vip'];
  const get = (path: string): Promise<string> =>
    runCommand('ip', [...inside, ...config, 'get', '--raw', path]);
  assert.equal(await get('/readyz'), 'ok');
  const version = JSON.parse(await get('/version'));
  assert.ok(cluster.nodes.some((node) => node.name === version.node));
  assert.match(version.gitVersion, /^v1\./);

  const fromHost = ['--kubeconfig', cluster.parts.kubeconfigFile, '--context', 'host'];
  assert.equal(await runCommand('kubectl', [...fromHost, 'get', '--raw', '/readyz']), 'ok');
});
