import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import test from 'node:test';
import { PeerChannel } from './peer-channel.ts';

test('a reload of the list of nodes while one was asked ended the guardian', async (t) => {
  const peer = createSocket('udp4');
  t.after(() => peer.close());
  peer.bind(0, '127.0.0.2');
  await once(peer, 'listening');
  const { port } = peer.address();
  const channel = new PeerChannel({
    log: () => {},
    setServer: async () => null,
    onClock: () => {},
    onFacts: () => {},
    onClients: () => {},
  });
  const nodes = [
    { name: 'here', addresses: ['127.0.0.1'] },
    { name: 'there', addresses: ['127.0.0.2'] },
  ];
  const settings = { node: 'here', nodes, port, secret: 's'.repeat(32), toleranceMs: 30_000 };
  channel.use(settings, []);
  const asked = channel.askAll({ backend: 'b', server: 's1', state: 'drain' });
  await once(peer, 'message');
  channel.use(null, []);
  const after = performance.now();
  // Nothing is sent again by sockets that are gone, and nobody waits for an answer that cannot come.
  assert.deepEqual(await asked, [{ node: 'there', error: 'no answer within 2 s' }]);
  assert.ok(performance.now() - after < 1000);
});
