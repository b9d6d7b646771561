/**
 * What our VRRP looks like to a stranger: captured on a neighbour, decoded by tshark without a complaint,
 * and byte for byte what keepalived 2.2.7 sends with the same configuration.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import type { VrrpInstanceConfig } from '../../../src/config/model/vrrp.ts';
import { GARP_DEFAULTS } from '../../../src/config/vrrp-defaults.ts';
import { hasProgram, Network, NODE_INTERFACE, whyNoNamespaces } from '../../kit/network.ts';
import { fastInstance, SpeakerProcess, VIP } from '../../kit/speaker-process.ts';
import { waitUntil } from '../../kit/wait-until.ts';

const skip =
  whyNoNamespaces() ?? (hasProgram('tshark') ? false : 'The package "tshark" is missing');

/** Announced when it rises, and not again after a time that a machine may sleep for. */
const SECOND: Partial<VrrpInstanceConfig> = {
  advertIntervalMs: 1000,
  garp: { ...GARP_DEFAULTS, delayMs: 0 },
};
const VECTORS: readonly {
  readonly name: string;
  readonly instance: VrrpInstanceConfig;
  readonly hex: string;
  readonly destination: string;
}[] = [
  {
    name: 'v2 without authentication',
    instance: fastInstance(100, { ...SECOND, version: 2 }),
    hex: '21336401000170030a6300640000000000000000',
    destination: '224.0.0.18',
  },
  {
    name: 'v2 with the password 1111',
    instance: fastInstance(100, { ...SECOND, version: 2, password: '1111' }),
    hex: '2133640101010ca10a6300643131313100000000',
    destination: '224.0.0.18',
  },
  {
    name: 'v3 multicast',
    instance: fastInstance(100, SECOND),
    hex: '31336401006474ad0a630064',
    destination: '224.0.0.18',
  },
  {
    name: 'v3 unicast',
    instance: fastInstance(100, {
      ...SECOND,
      transport: { kind: 'unicast', peers: ['10.99.0.2'] },
    }),
    hex: '3133640100644a5b0a630064',
    destination: '10.99.0.2',
  },
];

/** Runs the speaker to its end on 10.99.0.1; returns the capture file of 10.99.0.2. */
async function capture(t: TestContext, instance: VrrpInstanceConfig): Promise<string> {
  const network = await Network.create();
  t.after(() => network.close());
  const directory = mkdtempSync(join(tmpdir(), 'evergate-tshark-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, 'capture.pcapng');
  const sender = await network.addNode('sender', '10.99.0.1/24');
  const listener = await network.addNode('listener', '10.99.0.2/24');

  // It prints the priority of each packet, so that we know what the file holds.
  const args = ['-i', NODE_INTERFACE, '-f', 'ip proto 112 or arp', '-w', file];
  args.push('-P', '-l', '-T', 'fields', '-e', 'vrrp.prio');
  const tshark = listener.spawn('tshark', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  let priorities = '';
  tshark.stderr?.on('data', (data: Buffer) => {
    said += data.toString();
  });
  tshark.stdout?.on('data', (data: Buffer) => {
    priorities += data.toString();
  });
  // It names the interface before it listens there.
  await waitUntil('tshark captures', () => said.includes('Capture started'));

  const speaker = await SpeakerProcess.start(sender, instance);
  await speaker.reaches('master');
  const sent = async () => (await speaker.status()).advertsSent;
  await waitUntil('three advertisements', async () => (await sent()) >= 3);
  speaker.kill('SIGTERM');
  await speaker.ended();
  await waitUntil('the last packet is captured', () => /^0$/m.test(priorities));
  const exited = once(tshark, 'exit');
  tshark.kill('SIGINT');
  await exited;
  return file;
}

/** One line per packet that passes `filter`, with the fields asked for. */
function read(file: string, filter: string, fields: readonly string[]): readonly string[][] {
  const args = ['-r', file, '-o', 'ip.check_checksum:TRUE', '-Y', filter, '-T', 'fields'];
  for (const field of fields) args.push('-e', field);
  const text = execFileSync('tshark', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t'));
}

/** The VRRP messages themselves, in hex. */
function readMessages(file: string): readonly string[] {
  const args = ['-r', file, '-Y', 'vrrp', '-T', 'json', '-x'];
  const text = execFileSync('tshark', args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const packets: { _source: { layers: { vrrp_raw: [string] } } }[] = JSON.parse(text);
  return packets.map(({ _source }) => _source.layers.vrrp_raw[0]);
}

describe('decoded by tshark', { skip, concurrency: 2 }, () => {
  for (const { name, instance, hex, destination } of VECTORS) {
    test(`${name}: the golden vector, and no complaint`, async (t) => {
      const file = await capture(t, instance);
      assert.deepEqual(read(file, '_ws.expert || _ws.malformed', ['frame.number']), []);

      const messages = readMessages(file);
      assert.ok(messages.length >= 4, `${messages.length} messages`);
      // Who leaves says so until it hears its successor, or for a second (docs/adr/0011).
      const isLeaving = (message: string) => message.slice(4, 6) === '00';
      const leavesAt = messages.findIndex(isLeaving);
      assert.ok(leavesAt >= 3, `${leavesAt} before the first of priority 0`);
      for (const message of messages.slice(0, leavesAt)) assert.equal(message, hex);
      assert.ok(messages.slice(leavesAt).every(isLeaving));

      const header = ['ip.src', 'ip.dst', 'ip.ttl', 'ip.dsfield', 'ip.flags.df'];
      const checks = ['ip.checksum.status', 'vrrp.checksum.status'];
      for (const packet of read(file, 'vrrp', [...header, ...checks])) {
        assert.deepEqual(packet, ['10.99.0.1', destination, '255', '0xc0', '0', '1', '1']);
      }

      const arp = ['eth.dst', 'arp.opcode', 'arp.src.proto_ipv4', 'arp.dst.hw_mac'];
      const broadcast = 'ff:ff:ff:ff:ff:ff';
      const announcements = read(
        file,
        `arp.isgratuitous == 1 && arp.src.proto_ipv4 == ${VIP}`,
        arp,
      );
      assert.equal(announcements.length, 5);
      for (const announcement of announcements) {
        assert.deepEqual(announcement, [broadcast, '1', VIP, broadcast]);
      }
    });
  }
});
