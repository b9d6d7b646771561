/** An evergate.yaml whose services share one port: clients are led by the name in their TLS hello. */

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { parseNative } from '../../src/config/evergate-yaml/index.ts';
import { clientHello } from '../../src/planes/relay/fixture/client-hello.ts';
import { startServer } from '../../src/planes/relay/fixture/peers.ts';
import { startBalancer } from '../kit/balancer.ts';

/** A server that says who it is as soon as a client has said something. */
async function startNamed(t: TestContext, name: string): Promise<number> {
  const { port } = await startServer(t, (socket) => {
    socket.once('data', () => socket.end(name));
  });
  return port;
}

/** Who answers a client; it says the second part of its words once the first has had time to be looked at. */
function answerTo(port: number, words: readonly Buffer[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.on('connect', async () => {
      for (const [index, part] of words.entries()) {
        if (index > 0) await new Promise((next) => setTimeout(next, 30));
        socket.write(part);
      }
    });
    socket.once('data', (data) => {
      socket.destroy();
      resolve(String(data));
    });
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('Nobody answers')));
  });
}

test('services of one port have the clients of their names', { timeout: 120_000 }, async (t) => {
  const names = ['rest', 'console', 'tunnel', 'inner'];
  const [rest, console, tunnel, inner] = await Promise.all(
    names.map((each) => startNamed(t, each)),
  );
  const text = `
services:
  tunnel: { listen: 8443, names: "*.k.example.com", servers: { s: "127.0.0.1:${tunnel}" } }
  inner: { listen: 8443, names: "*.in.k.example.com", servers: { s: "127.0.0.1:${inner}" } }
  rest: { listen: 8443, servers: { s: "127.0.0.1:${rest}" } }
  console: { listen: 8443, names: [Console.example.com, c.k.example.com], servers: { s: "127.0.0.1:${console}" } }
nodes: { lb1: 10.0.0.1 }
balancer: { threads: 1 }
`;
  const { config, diagnostics } = parseNative('evergate.yaml', text, {
    localAddresses: [],
    node: 'lb1',
    hostName: null,
    canRedirect: false,
    fileExists: () => false,
    groupExists: () => false,
    mustBeNode: false,
  });
  const balancer = config?.balancer;
  assert.ok(balancer !== null && balancer !== undefined, JSON.stringify(diagnostics));
  const { ports } = await startBalancer(t, balancer);
  assert.deepEqual(Object.keys(ports), ['rest']);
  const port = ports.rest ?? 0;
  const hello = (serverName: string | null): Buffer => clientHello({ serverName });
  const whole = hello('a.k.example.com');
  const clients: readonly (readonly [string, string, readonly Buffer[]])[] = [
    ['console', 'a name, whatever its case', [hello('CONSOLE.example.com')]],
    ['console', 'a name that a wildcard covers, too', [hello('c.k.example.com')]],
    ['tunnel', 'a name that a wildcard covers', [hello('b.K.example.com')]],
    ['tunnel', 'labels in front of it', [hello('a.b.k.example.com')]],
    ['tunnel', 'a hello in two parts', [whole.subarray(0, 100), whole.subarray(100)]],
    ['inner', 'the longer wildcard', [hello('a.in.k.example.com')]],
    ['rest', 'a wildcard needs a label', [hello('k.example.com')]],
    ['rest', 'another name', [hello('other.example.com')]],
    ['rest', 'no name', [hello(null)]],
    ['rest', 'no hello', [Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
    ['rest', 'a hello that never ends', [whole.subarray(0, 100)]],
  ];
  const answers = await Promise.all(clients.map(([, , words]) => answerTo(port, words)));
  for (const [index, [expected, what]] of clients.entries()) {
    assert.equal(answers[index], expected, what);
  }
});
