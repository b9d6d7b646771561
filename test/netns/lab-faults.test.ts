/**
 * Every fault of the lab, really injected into a cluster of three Evergates: in the end the VIP has
 * exactly one owner, a killed node's address is gone within 3 s, and requests succeed again.
 */

import assert from 'node:assert/strict';
import { after, before, type TestContext, test } from 'node:test';
import type { Cluster } from '../../src/lab/cluster.ts';
import { FAULT_NAMES, type FaultName } from '../../src/lab/faults.ts';
import { missingPrerequisites } from '../../src/lab/prerequisites.ts';
import { startCluster } from '../../src/lab/start-cluster.ts';
import { waitUntil } from '../../src/lab/wait-until.ts';
import { lookAtStatus } from '../kit/status.ts';
import { judged } from '../kit/time-verdict.ts';

const STALE_MAX_MS = 3000;
/** Its balancer serves on until another has it: one Master_Down_Interval of priority 1, and a moment. */
const FOLLOWED_MAX_MS = 4500;
/** Guards against hanging; no verdict. */
const HANG_MS = 120_000;
/** So many answers in a row, without a failure between, are "requests succeed again". */
const CALM_REQUESTS = 20;

/** After these the node that was hit may not keep the VIP. */
const LOSES_VIP: ReadonlySet<FaultName> = new Set(['kill-guardian', 'kill-all', 'power-off']);
/** After these it keeps it. */
const KEEPS_VIP: ReadonlySet<FaultName> = new Set(['kill-balancer', 'stop-balancer']);

const missing = await missingPrerequisites();
const skip = missing.length === 0 ? false : missing.map(({ what }) => what).join('; ');
let cluster: Cluster;

before(async () => {
  if (skip === false) cluster = await startCluster({ stack: 'evergate-article' });
});

after(async () => {
  if (skip === false) await cluster?.stop();
});

for (const name of FAULT_NAMES) {
  if (name === 'power-on') continue;
  test(`${name}: one owner, nothing stale, requests succeed again`, { skip }, async (t) => {
    await judged(t, async (attempt) => {
      await whole();
      const [owner = ''] = await cluster.owners();
      // The apiserver of a backup, so that the two kinds of fault stay apart.
      const victim = name.endsWith('-apiserver') ? 'k8s-node2' : owner;
      const start = performance.now();
      try {
        await cluster.fault(name, victim);
        if (LOSES_VIP.has(name)) {
          const boundMs = name === 'kill-guardian' ? FOLLOWED_MAX_MS : STALE_MAX_MS;
          attempt.atMost((await gone(victim)) - start, boundMs, `the VIP was on "${victim}" for`);
        }
        await succeedAgain(name, victim);
        const owners = await cluster.owners();
        assert.equal(owners.length, 1, `owners: ${owners}`);
        const kept = owners[0] === victim;
        assert.equal(kept, KEEPS_VIP.has(name), `${owners} after ${name} on ${victim}`);
        tell(t, name);
      } finally {
        // Also after a failure: the next fault needs a whole cluster.
        await cluster.fault('power-on', victim);
      }
    });
  });
}

/** Every node healthy, and the VIP where the priorities put it. */
async function whole(): Promise<void> {
  let seen = '';
  await waitUntil(
    async () => {
      for (const node of cluster.nodes) node.assertDaemonRuns();
      const owners = await cluster.owners();
      const verdicts = await Promise.all(
        cluster.nodes.map(async ({ parts }) => {
          return (await lookAtStatus(parts.runDir))?.verdict ?? 'no answer';
        }),
      );
      seen = `${owners}: ${verdicts}`;
      return owners.join() === 'k8s-master' && verdicts.every((verdict) => verdict === 'healthy');
    },
    {
      what: 'three healthy nodes, the VIP on k8s-master',
      boundMs: HANG_MS,
      everyMs: 300,
      seen: () => seen,
    },
  );
}

/** When the node's kernel does not answer for the VIP any more: nothing that nobody serves stays for 3 s. */
async function gone(victim: string): Promise<number> {
  await waitUntil(async () => !(await cluster.owners()).includes(victim), {
    what: `the VIP to leave "${victim}"`,
    boundMs: HANG_MS,
    everyMs: 50,
  });
  return performance.now();
}

async function succeedAgain(name: FaultName, victim: string): Promise<void> {
  let from = cluster.requests();
  await waitUntil(
    async () => {
      const now = cluster.requests();
      // A TCP check does not notice a hung server: its share of the clients goes on waiting.
      const hung = name === 'hang-apiserver';
      if (!hung && now.failed > from.failed) from = now;
      const answered = now.ok - from.ok - (now.nodes[victim] ?? 0) + (from.nodes[victim] ?? 0);
      const calm = (hung ? answered : now.ok - from.ok) >= CALM_REQUESTS;
      return calm && (await cluster.owners()).length === 1;
    },
    {
      what: `requests to succeed after ${name}`,
      boundMs: HANG_MS,
      seen: () => JSON.stringify(cluster.requests()),
    },
  );
}

function tell(t: TestContext, name: FaultName): void {
  const { failed, longestGapMs, lastFailureMs } = cluster.requests().sinceMark;
  const last = lastFailureMs === null ? 'none' : `${lastFailureMs} ms after the fault`;
  t.diagnostic(`${name}: ${failed} failed, last one: ${last}, longest gap ${longestGapMs} ms`);
}
