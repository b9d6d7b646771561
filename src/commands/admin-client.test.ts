import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { OperationalError } from '../core/errors.ts';
import { openAdminServer } from '../guardian/admin-server.ts';
import type { HttpSocket } from '../guardian/http-socket.ts';
import type { StatusReport } from '../stats/status.ts';
import { askGuardian } from './admin-client.ts';

let runDir = '';
let server: HttpSocket;
const asked: string[] = [];

beforeEach(async () => {
  asked.length = 0;
  runDir = mkdtempSync(join(tmpdir(), 'evergate-admin-'));
  server = await openAdminServer(join(runDir, 'admin.sock'), {
    status: async () => ({ node: 'k8s-master' }) as StatusReport,
    reload: () => Promise.resolve({ applied: true, lines: ['Nothing has changed'] }),
    setServer: async ({ backend, server: name, state }) => {
      asked.push(`${backend}/${name} ${state}`);
      return name === 'odd name/1' ? null : `There is no server "${backend}/${name}"`;
    },
    setServerEverywhere: async ({ server: name }) => {
      const error = name === 'm1' ? null : 'There is none';
      return { nodes: [{ node: 'a', error }], owners: [], unasked: null };
    },
    setDrained: async (drained) => {
      asked.push(`drained ${drained}`);
      if (drained) throw new OperationalError('refused', 'No other node took over');
      return { tookMs: null, owners: [] };
    },
  });
});
afterEach(async () => {
  await server.close();
  rmSync(runDir, { recursive: true, force: true });
});

async function refusal(path: string): Promise<string> {
  try {
    await askGuardian(runDir, 'POST', path);
  } catch (error) {
    assert.ok(error instanceof OperationalError && error.code === 'refused');
    return error.message;
  }
  assert.fail('it was not refused');
}

describe('openAdminServer()', () => {
  it('answers with the status, to its own account only', async () => {
    assert.deepEqual(await askGuardian(runDir, 'GET', '/v1/status'), { node: 'k8s-master' });
    assert.equal(statSync(join(runDir, 'admin.sock')).mode & 0o777, 0o600);
  });

  it('sets a server, whatever its name holds', async () => {
    await askGuardian(runDir, 'POST', `/v1/servers/kube/${encodeURIComponent('odd name/1')}/drain`);
    assert.deepEqual(asked, ['kube/odd name/1 drain']);
  });

  it('sets a server on all nodes, unless it cannot here', async () => {
    const answer = await askGuardian(runDir, 'POST', '/v1/cluster/servers/kube/m1/drain');
    assert.deepEqual(answer, { nodes: [{ node: 'a', error: null }], owners: [], unasked: null });
    assert.equal(await refusal('/v1/cluster/servers/kube/m2/drain'), 'There is none');
  });

  it('sets the node', async () => {
    await askGuardian(runDir, 'POST', '/v1/node/ready');
    assert.equal(await refusal('/v1/node/drain'), 'No other node took over');
    assert.deepEqual(asked, ['drained false', 'drained true']);
    assert.match(await refusal('/v1/node/maint'), /"maint" is none of ready, drain/);
  });

  it('says why it does not', async () => {
    assert.equal(await refusal('/v1/servers/kube/m1/drain'), 'There is no server "kube/m1"');
    assert.match(await refusal('/v1/servers/kube/m1/broken'), /"broken" is none of ready, drain/);
    assert.match(await refusal('/v1/servers/kube/%/drain'), /There is no server "kube\/%"/);
    assert.match(await refusal('/v2/anything'), /Not found; GET \/v1\/status/);
  });
});
