import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { type TestContext, test } from 'node:test';
import type { BalancerConfig } from '../../config/model/config.ts';
import type { StatsPageConfig } from '../../config/model/traffic.ts';
import type { InheritedListener } from '../../contracts/listeners.ts';
import { closeFd } from '../../linux/files.ts';
import { openListener } from '../../linux/sockets.ts';
import { lastAddress, localAddress } from '../../linux/stream-calls.ts';
import { testConfig } from '../fixture.ts';
import { AdminSurface } from './admin-surface.ts';
import { testContext } from './fixture.ts';

/** The fixture's page, with its password changed or under another name. */
function configOf(change: Partial<StatsPageConfig> = {}, name = 'stats'): BalancerConfig {
  const config = testConfig();
  const [page] = config.httpFrontends;
  assert.ok(page?.stats != null);
  return { ...config, httpFrontends: [{ ...page, name, stats: { ...page.stats, ...change } }] };
}

function openPage(t: TestContext): { readonly fd: number; readonly port: number } {
  const address = { kind: 'ipv4', host: '127.0.0.1', port: 0 } as const;
  const fd = openListener(address, { v6only: false, reusePort: false });
  t.after(() => closeFd(fd));
  localAddress(fd);
  return { fd, port: ((lastAddress[2] ?? 0) << 8) | (lastAddress[3] ?? 0) };
}

function statusOf(port: number, password: string, agent?: Agent): Promise<number> {
  const path = '/haproxyadmin?stats;csv';
  const options = { host: '127.0.0.1', port, path, auth: `admin:${password}`, agent };
  return new Promise((resolve, reject) => {
    const asked = request(options, (answer) => {
      answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
    });
    asked.on('error', reject).end();
  });
}

test('a page goes on through a reload; one with another password asks for that at once', async (t) => {
  const { fd, port } = openPage(t);
  const first = configOf();
  const surface = new AdminSurface(first, testContext(first).context);
  t.after(() => surface.close());
  const listener: InheritedListener = { id: 1, fd, purpose: { kind: 'http', frontend: 'stats' } };
  await surface.listen([listener]);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  assert.equal(await statusOf(port, 'admin', agent), 200);
  // Nothing about it changes: even the connection that is kept goes on.
  surface.reconfigure(configOf());
  await surface.listen([listener]);
  assert.equal(await statusOf(port, 'admin', agent), 200);
  assert.equal(surface.counts[0]?.connectionsTotal, 1);
  surface.reconfigure(configOf({ users: [{ name: 'admin', password: 'other' }] }));
  await surface.listen([listener]);
  assert.equal(await statusOf(port, 'admin'), 401);
  assert.equal(await statusOf(port, 'other'), 200);
  assert.equal(surface.counts[0]?.requests, 4);
});

test('a page that goes closes its port for this process, and one that comes opens', async (t) => {
  const { fd, port } = openPage(t);
  const first = { ...configOf(), httpFrontends: [] };
  const surface = new AdminSurface(first, testContext(first).context);
  t.after(() => surface.close());
  await surface.listen([]);
  surface.reconfigure(configOf({}, 'late'));
  await surface.listen([{ id: 7, fd, purpose: { kind: 'http', frontend: 'late' } }]);
  assert.equal(await statusOf(port, 'admin'), 200);
  surface.reconfigure(first);
  await surface.listen([]);
  assert.deepEqual(surface.counts, []);
});
