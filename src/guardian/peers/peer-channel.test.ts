import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test, { type TestContext } from 'node:test';
import { freePort } from '../../../test/kit/free-port.ts';
import { waitUntil } from '../../../test/kit/wait-until.ts';
import { encodePeerMessage, PEER_VERSION, peerKey } from './message.ts';
import { PeerChannel, type PeerChannelOptions } from './peer-channel.ts';

const SECRET = 's'.repeat(32);
const NODES = [
  { name: 'here', addresses: ['127.0.0.1'] },
  { name: 'there', addresses: ['127.0.0.2'] },
];
const ORDER = { backend: 'b', server: 's1', state: 'drain' } as const;

async function peerOf(t: TestContext) {
  const peer = createSocket('udp4');
  t.after(() => peer.close());
  peer.bind(0, '127.0.0.2');
  await once(peer, 'listening');
  return peer;
}

function channelOf(port: number, options: Partial<PeerChannelOptions> = {}) {
  const channel = new PeerChannel({
    log: () => {},
    setServer: async () => null,
    onClock: () => {},
    onFacts: () => {},
    onClients: () => {},
    ...options,
  });
  channel.use({ node: 'here', nodes: NODES, port, secret: SECRET, toleranceMs: 30_000 }, []);
  return channel;
}

test('a reload of the list of nodes while one was asked ended the guardian', async (t) => {
  const peer = await peerOf(t);
  const channel = channelOf(peer.address().port);
  const asked = channel.askAll(ORDER);
  await once(peer, 'message');
  channel.use(null, []);
  const after = performance.now();
  // Nothing is sent again by sockets that are gone, and nobody waits for an answer that cannot come.
  assert.deepEqual(await asked, [{ node: 'there', error: 'no answer within 2 s' }]);
  assert.ok(performance.now() - after < 1000);
});

test('a reload of the list of nodes while one was answered ended the guardian', async (t) => {
  const peer = await peerOf(t);
  const port = await freePort();
  let asked = false;
  const obeyed = Promise.withResolvers<null>();
  const said: string[] = [];
  const channel = channelOf(port, {
    log: (_level, text) => said.push(text),
    setServer: () => {
      asked = true;
      return obeyed.promise;
    },
  });
  t.after(() => channel.close());
  const head = { version: PEER_VERSION, id: randomBytes(16).toString('hex') };
  const question = encodePeerMessage(peerKey(SECRET), {
    ...{ ...head, from: 'there', to: 'here', sentAtMs: Date.now(), kind: 'set-server' },
    ...ORDER,
  });
  assert.ok(question.ok);
  await waitUntil('it is asked', () => {
    peer.send(question.value, port, '127.0.0.1');
    return asked;
  });
  channel.use(null, []);
  obeyed.resolve(null);
  await waitUntil('it is done', () => said.some((text) => text.endsWith(': done')));
  // What comes of the answer comes by then: a rejection that nobody takes fails the test.
  await new Promise((resolve) => setImmediate(resolve));
});
