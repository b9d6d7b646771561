/** garp_* settings: when the real keepalived 2.2.7 announces its address, and when we do, by the same file. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { hasProgram, Network, NODE_INTERFACE, whyNoNamespaces } from '../kit/network.ts';
import { hearAnnouncements } from '../kit/packets.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('keepalived') ? false : 'The package "keepalived" is missing');
const EVERGATE = resolve('bin/evergate');
const LISTEN_MS = 5600;
/** Of the moments of two programs on a busy machine. */
const TOLERANCE_MS = 250;

const CASES: readonly (readonly [name: string, globals: string, lines: string])[] = [
  ['as they are', '', ''],
  ['repeat and delay', '', 'garp_master_repeat 3\n garp_master_delay 1'],
  [
    'refresh',
    '',
    'garp_master_repeat 1\n garp_master_delay 0\n garp_master_refresh 2\n garp_master_refresh_repeat 2',
  ],
  ['the least', 'vrrp_min_garp', ''],
];

/** When the first node to hold the address announces it, from its first announcement on. */
async function momentsOf(
  t: TestContext,
  commandOf: (config: string, folder: string) => readonly string[],
  globals: string,
  lines: string,
): Promise<readonly number[]> {
  const folder = mkdtempSync(join(tmpdir(), 'eg-garp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const network = await Network.create();
  t.after(() => network.close());
  const node = await network.addNode('one', '10.99.0.1/24');
  const client = await network.addNode('client', '10.99.0.9/24');
  const config = join(folder, 'keepalived.conf');
  writeFileSync(
    config,
    `global_defs {\n router_id one\n ${globals}\n}\nvrrp_instance VI_1 {\n state MASTER\n interface ${NODE_INTERFACE}
 version 3\n advert_int 0.3\n virtual_router_id 51\n priority 200\n ${lines}\n virtual_ipaddress {\n 10.99.0.100/24\n }\n}\n`,
  );
  const hearing = hearAnnouncements(client, NODE_INTERFACE, LISTEN_MS);
  const [command = '', ...args] = commandOf(config, folder);
  node.spawn(command, args, { stdio: 'ignore' });
  return await hearing;
}

describe('gratuitous ARP', { skip, concurrency: 2 }, () => {
  for (const [name, globals, lines] of CASES) {
    test(`${name}: at the same moments as keepalived`, async (t) => {
      const [theirs, ours] = await Promise.all([
        momentsOf(
          t,
          (config, folder) => [
            ...['keepalived', '-P', '-n', '-l', '-f', config],
            ...['-p', join(folder, 'main.pid'), '-r', join(folder, 'vrrp.pid')],
          ],
          globals,
          lines,
        ),
        momentsOf(
          t,
          (config, folder) => [
            ...[EVERGATE, 'run', '--keepalived', config, '--run-dir', join(folder, 'run')],
          ],
          globals,
          lines,
        ),
      ]);
      t.diagnostic(`keepalived: ${theirs.join(' ')}`);
      t.diagnostic(`ours: ${ours.join(' ')}`);
      assert.equal(ours.length, theirs.length);
      for (const [index, moment] of theirs.entries()) {
        const own = ours[index] ?? 0;
        assert.ok(
          Math.abs(own - moment) <= TOLERANCE_MS,
          `announcement ${index}: ${own}, ${moment}`,
        );
      }
    });
  }

  test('paced: one after the other, as keepalived.conf(5) says', async (t) => {
    const ours = await momentsOf(
      t,
      (config, folder) => [
        ...[EVERGATE, 'run', '--keepalived', config, '--run-dir', join(folder, 'run')],
      ],
      'vrrp_garp_interval 0.3',
      'garp_master_repeat 4\n garp_master_delay 3',
    );
    t.diagnostic(`ours: ${ours.join(' ')}`);
    assert.equal(ours.length, 8);
    const pauses = ours.slice(1).map((moment, index) => moment - (ours[index] ?? 0));
    assert.ok(
      pauses.every((pause) => pause >= 280),
      pauses.join(),
    );
  });
});
