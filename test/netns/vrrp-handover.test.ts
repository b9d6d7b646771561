/**
 * Who leaves serves on until the successor is heard (ADR 11). So when the successor is heard, clients must
 * know the way to it already: they lost a packet where its advertisement came first.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  hasProgram,
  Network,
  type NetworkNode,
  NODE_INTERFACE,
  whyNoNamespaces,
} from '../kit/network.ts';
import { ClaimWatch } from '../kit/packets.ts';
import { fastInstance, SpeakerProcess, VIP } from '../kit/speaker-process.ts';
import { judged } from '../kit/time-verdict.ts';
import { block, createPair } from '../kit/vrrp-pair.ts';
import { waitUntil } from '../kit/wait-until.ts';

const skip = whyNoNamespaces() ?? false;
const PORT = 8443;

const SERVER = `require('node:net').createServer((s) => s.on('error', () => {}).end()).listen(${PORT})`;
/** Connects every 5 ms; prints when each attempt began that failed before its SYN was sent again, and "up" after the 20th. */
const CLIENT = `
const { connect } = require('node:net');
let attempts = 0;
setInterval(() => {
  const since = performance.now();
  const socket = connect({ host: '${VIP}', port: ${PORT} });
  const timer = setTimeout(() => { console.log(Math.round(since)); socket.destroy(); }, 900);
  socket.on('connect', () => { clearTimeout(timer); if (++attempts === 20) console.log('up'); socket.destroy(); });
  socket.on('error', () => {});
}, 5);
process.stdin.on('end', () => setTimeout(() => process.exit(), 1000)).resume();`;

test('a client lost its SYN as the VIP moved: the next owner says so before it is there', {
  skip,
}, async (t) => {
  const { network, two, first, owned } = await createPair(t);
  const client = await network.addNode('client', '10.99.0.9/24');
  const watch = await ClaimWatch.start(client);
  t.after(() => watch.close());
  const mac = await macOf(two);
  first.kill('SIGTERM');
  await owned('two');
  const own = () => watch.heard.filter((claim) => claim.mac === mac);
  await waitUntil('the new owner is heard', () => own().some(({ kind }) => kind === 'advert'));
  const [announced] = own();
  assert.deepEqual([announced?.kind, announced?.address], ['garp', VIP]);
  const left = watch.heard.findIndex(({ priority }) => priority === 0);
  assert.ok(left !== -1 && left < watch.heard.findIndex((claim) => claim.mac === mac));
});

test('clients lost connections where two backups rose at once, and the weaker one spoke last', {
  skip: skip || (hasProgram('nft') ? false : 'The program "nft" (Debian: nftables) is missing'),
}, async (t) => {
  await judged(t, async (attempt) => {
    const network = await Network.create();
    try {
      const one = await network.addNode('one', '10.99.0.1/24');
      const two = await network.addNode('two', '10.99.0.2/24');
      const three = await network.addNode('three', '10.99.0.3/24');
      const client = await network.addNode('client', '10.99.0.9/24');
      for (const node of [one, two, three]) node.spawn(process.execPath, ['-e', SERVER]);
      const first = await SpeakerProcess.start(one, fastInstance(250));
      await waitUntil('the first has it', async () => one.holds(VIP));
      const second = await SpeakerProcess.start(two, fastInstance(230));
      const third = await SpeakerProcess.start(three, fastInstance(210));
      // One packet is lost: the advertisement by which the third would know that it is not needed.
      await block(three, `ip saddr ${two.address} ip protocol 112 quota until 40 bytes`);
      const connecting = await connectOn(client);
      first.kill('SIGTERM');
      await second.reaches('master');
      await waitUntil('the third was master, too, and is no more', () => {
        const went = third.lines.flatMap((line) => (line.kind === 'transition' ? [line.to] : []));
        return went.join().endsWith('master,backup');
      });
      const lostAt = await connecting();
      const lostMs = lostAt.length === 0 ? 0 : Math.max(...lostAt) - Math.min(...lostAt) + 5;
      attempt.atMost(lostMs, 0, `${lostAt.length} connections failed, all within`);
    } finally {
      network.close();
    }
  });
});

/** Resolves once a client connects; the function returned ends it, and says when attempts began that failed. */
async function connectOn(client: NetworkNode): Promise<() => Promise<readonly number[]>> {
  const child = client.spawn(process.execPath, ['-e', CLIENT], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  let hasEnded = false;
  child.stdout?.setEncoding('utf8').on('data', (text: string) => said.push(text));
  child.stdout?.once('end', () => {
    hasEnded = true;
  });
  await waitUntil('the client connects', () => said.join('').includes('up'));
  return async () => {
    child.stdin?.end();
    await waitUntil('it reports', () => hasEnded);
    return (said.join('').match(/\d+/g) ?? []).map(Number);
  };
}

async function macOf(node: NetworkNode): Promise<string> {
  const text = await node.ip('link', 'show', NODE_INTERFACE);
  return /ether (\S+)/.exec(text)?.[1] ?? '';
}
