/** The queue of connections of the stats page's socket, as ss(8) shows it: bursts of clients wait in it. */

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AdminSurface } from '../../src/balancer/admin/admin-surface.ts';
import { testContext } from '../../src/balancer/admin/fixture.ts';
import { testConfig } from '../../src/balancer/fixture.ts';
import { LISTEN_BACKLOG, openListener } from '../../src/linux/sockets.ts';
import { freePort } from '../kit/free-port.ts';

const NO_SS =
  spawnSync('ss', ['-V']).error === undefined ? false : 'ss is missing (apt install iproute2)';

test('the queue of the stats page shrank to 511 connections', { skip: NO_SS }, async (t) => {
  const config = testConfig();
  const frontend = config.httpFrontends[0]?.name ?? '';
  const port = await freePort();
  const address = { kind: 'ipv4', host: '127.0.0.1', port } as const;
  const fd = openListener(address, { v6only: false, reusePort: false });
  const surface = new AdminSurface(config, testContext(config).context);
  t.after(() => surface.close());
  await surface.listen([{ id: 1, fd, purpose: { kind: 'http', frontend } }]);
  // State, waiting, longest queue.
  const shown = execFileSync('ss', ['-Hltn', `sport = :${port}`], { encoding: 'utf8' });
  const longest = Number(shown.trim().split(/\s+/)[2]);
  const kernelMax = Number(readFileSync('/proc/sys/net/core/somaxconn', 'utf8'));
  assert.equal(longest, Math.min(LISTEN_BACKLOG, kernelMax), shown);
});
