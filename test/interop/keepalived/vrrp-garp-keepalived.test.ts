/** garp_* settings: when the real keepalived 2.2.7 announces its address, and when we do, by the same file. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { hasProgram, Network, NODE_INTERFACE, whyNoNamespaces } from '../../kit/network.ts';
import { ClaimWatch } from '../../kit/packets.ts';
import { judged } from '../../kit/time-verdict.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('keepalived') ? false : 'The package "keepalived" is missing');
const EVERGATE = resolve('bin/evergate');
/** Of the moments of two programs: keepalived waits for its next advertisement. */
const TOLERANCE_MS = 250;
/** So long nothing more may come after the last one. */
const SILENCE_MS = 600;

type Case = {
  readonly globals: string;
  readonly lines: string;
  /** Announcements that are compared. */
  readonly count: number;
  /** How long nothing follows them; 0: they go on. */
  readonly silenceMs: number;
};

const CASES: Readonly<Record<string, Case>> = {
  'as they are': { globals: '', lines: '', count: 10, silenceMs: SILENCE_MS },
  'repeat and delay': {
    globals: '',
    lines: 'garp_master_repeat 3\n garp_master_delay 1',
    count: 6,
    silenceMs: SILENCE_MS,
  },
  refresh: {
    globals: '',
    lines:
      'garp_master_repeat 1\n garp_master_delay 0\n garp_master_refresh 2\n garp_master_refresh_repeat 2',
    count: 5,
    silenceMs: 0,
  },
  // Without it the second ones come after five seconds.
  'the least': { globals: 'vrrp_min_garp', lines: '', count: 1, silenceMs: 5600 },
};

/** When the first node to hold the address announces it, from its first announcement on. */
async function momentsOf(
  t: TestContext,
  commandOf: CommandOf,
  { globals, lines, count, silenceMs }: Case,
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
 version 3\n advert_int 0.1\n virtual_router_id 51\n priority 200\n ${lines}\n virtual_ipaddress {\n 10.99.0.100/24\n }\n}\n`,
  );
  const watch = await ClaimWatch.start(client);
  const [command = '', ...args] = commandOf(config, folder);
  node.spawn(command, args, { stdio: 'ignore' });
  const heard = () => watch.heard.filter(({ kind }) => kind === 'garp').map(({ at }) => at);
  await waitUntil(`${count} announcements of ${command}`, () => heard().length >= count);
  const last = heard()[count - 1] ?? 0;
  // By the advertisements, which go on: the same clock as that of the announcements.
  await waitUntil('time passes', () => (watch.heard.at(-1)?.at ?? 0) >= last + silenceMs);
  watch.close();
  network.close();
  const moments = silenceMs === 0 ? heard().slice(0, count) : heard();
  return moments.map((at) => Math.round(at - (moments[0] ?? 0)));
}

describe('gratuitous ARP', { skip, concurrency: 2 }, () => {
  for (const [name, one] of Object.entries(CASES)) {
    test(`${name}: at the same moments as keepalived`, async (t) => {
      await judged(t, async (attempt) => {
        const [theirs, ours] = await Promise.all([
          momentsOf(t, keepalived, one),
          momentsOf(t, evergate, one),
        ]);
        t.diagnostic(`keepalived: ${theirs.join(' ')}`);
        t.diagnostic(`ours: ${ours.join(' ')}`);
        attempt.holds(theirs.length === one.count, `${theirs.length} of keepalived`);
        attempt.holds(ours.length === theirs.length, `${ours.length} of ours`);
        for (const [index, moment] of theirs.entries()) {
          const apartMs = Math.abs((ours[index] ?? 0) - moment);
          attempt.atMost(apartMs, TOLERANCE_MS, `announcement ${index} is apart by`);
        }
      });
    });
  }

  test('paced: one after the other, as keepalived.conf(5) says', async (t) => {
    await judged(t, async (attempt) => {
      const ours = await momentsOf(t, evergate, {
        globals: 'vrrp_garp_interval 0.3',
        lines: 'garp_master_repeat 4\n garp_master_delay 3',
        count: 8,
        silenceMs: SILENCE_MS,
      });
      t.diagnostic(`ours: ${ours.join(' ')}`);
      assert.equal(ours.length, 8);
      const pauses = ours.slice(1).map((moment, index) => moment - (ours[index] ?? 0));
      // When they are read; the pause before it may have been read late.
      const [first = 0, last = 0] = [ours[0], ours[3]];
      attempt.holds(last - first >= 3 * 280, pauses.join());
    });
  });
});

type CommandOf = (config: string, folder: string) => readonly string[];

const keepalived: CommandOf = (config, folder) => [
  ...['keepalived', '-P', '-n', '-l', '-f', config],
  ...['-p', join(folder, 'main.pid'), '-r', join(folder, 'vrrp.pid')],
];

const evergate: CommandOf = (config, folder) => [
  ...[EVERGATE, 'run', '--keepalived', config, '--run-dir', join(folder, 'run')],
];
