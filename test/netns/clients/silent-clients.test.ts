/**
 * Clients that wait for a word and lose their connection: whoever ends or hangs, they hear of it soon, and come back. Those
 * whose connection goes on are not harmed by it.
 */

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Cluster } from '../../../src/lab/cluster.ts';
import type { FaultName } from '../../../src/lab/faults.ts';
import { clientNamespace } from '../../../src/lab/network.ts';
import { missingPrerequisites } from '../../../src/lab/prerequisites.ts';
import { startCluster } from '../../../src/lab/start-cluster.ts';
import { ARTICLE } from '../../../src/lab/topology.ts';
import { commonNow, SilentClients } from '../../kit/clients/silent-clients.ts';
import { lookAtStatus } from '../../kit/status.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const missing = await missingPrerequisites();
const skip = missing.length === 0 ? false : missing.map(({ what }) => what).join('; ');
const CLIENTS = 30;
const VIP = { host: ARTICLE.vip, port: ARTICLE.vipPort };

describe('Silent clients', { skip, timeout: 600_000 }, () => {
  let cluster: Cluster;
  let clients: SilentClients | null = null;

  before(async () => {
    cluster = await startCluster();
  });
  afterEach(() => {
    clients?.close();
    clients = null;
  });
  after(() => cluster?.stop());

  async function open(): Promise<SilentClients> {
    clients?.close();
    clients = await SilentClients.open(
      clientNamespace(cluster.id),
      CLIENTS,
      VIP,
      ARTICLE.clientAddresses,
    );
    return clients;
  }

  /** One owner, all three healthy, and the others know of the owner's clients. */
  async function whole(knownMin: number): Promise<string> {
    let owner = '';
    await waitUntil('a whole cluster', async () => {
      const owners = await cluster.owners();
      owner = owners[0] ?? '';
      const all = await Promise.all(
        cluster.nodes.map(async ({ name, parts }) => {
          const status = await lookAtStatus(parts.runDir);
          const known = name === owner || (status?.clients?.known ?? 0) >= knownMin;
          return status?.verdict === 'healthy' && known;
        }),
      );
      return owners.length === 1 && all.every(Boolean);
    });
    return owner;
  }

  /** For whoever reads of a failure. */
  async function seen(): Promise<string> {
    const each = cluster.nodes.map(async ({ name, parts }) => {
      const { clients: told, vrrp } = (await lookAtStatus(parts.runDir)) ?? {};
      return `${name}: ${vrrp?.map(({ state }) => state)} ${JSON.stringify(told)}`;
    });
    return `owners ${await cluster.owners()}\n${(await Promise.all(each)).join('\n')}`;
  }

  for (const [fault, boundMs] of [
    ['kill-guardian', 1500],
    ['power-off', 1500],
  ] as const satisfies readonly (readonly [FaultName, number])[]) {
    it(`hear of it within ${boundMs} ms: ${fault}`, async (t) => {
      await judged(t, async (attempt) => {
        await whole(0);
        const silent = await open();
        const owner = await whole(CLIENTS);
        assert.equal(silent.closed.length, 0);
        const from = commonNow();
        try {
          await cluster.fault(fault, owner);
          await waitUntil('all of them know', () => silent.closed.length === CLIENTS).catch(
            async (error: unknown) => {
              throw new Error(`${String(error)}: ${silent.closed.length}; ${await seen()}`);
            },
          );
          const last = Math.max(...silent.closed.map(({ at }) => at)) - from;
          t.diagnostic(`${fault}: the last one after ${Math.round(last)} ms`);
          attempt.atMost(last, boundMs, 'the last one knew after');
        } finally {
          await cluster.fault('power-on', owner);
        }
      });
    });
  }

  it('hear of an apiserver that hangs within 1.5 s, and the others keep theirs', async (t) => {
    await judged(t, async (attempt) => {
      await whole(0);
      const silent = await open();
      const from = commonNow();
      try {
        await cluster.fault('hang-apiserver', 'k8s-node2');
        await waitUntil('some know', () => silent.closed.length > 0);
        await waitUntil('it is taken out', async () => {
          return (await lookAtStatus(cluster.node('k8s-master').parts.runDir))?.reasons.some(
            (reason) => reason.includes('k8s-node2'),
          );
        });
        const last = Math.max(...silent.closed.map(({ at }) => at)) - from;
        t.diagnostic(
          `${silent.closed.length} of ${CLIENTS}, the last after ${Math.round(last)} ms`,
        );
        attempt.atMost(last, 1500, 'the last one knew after');
        assert.ok(silent.closed.length < CLIENTS);
      } finally {
        await cluster.fault('power-on', 'k8s-node2');
      }
    });
  });
});
