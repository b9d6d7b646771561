import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testBackend, testConfig, testServer } from '../balancer/fixture.ts';
import { lintLoops, type OwnAddress } from './lint-loops.ts';
import type { BindConfig } from './model/traffic.ts';

const OWN: readonly OwnAddress[] = [
  { address: '192.168.1.94', what: 'the VIP' },
  { address: 'fd00::94', what: 'the VIP' },
  { address: '127.0.0.1', what: 'an address of this machine' },
];

function said(address: BindConfig['address'], host: string, port = 8443): readonly string[] {
  const [frontend] = testConfig().frontends;
  assert.ok(frontend !== undefined);
  const config = testConfig({
    frontends: [{ ...frontend, binds: [{ address, origin: 'haproxy.cfg:7' }] }],
    backends: [testBackend({ servers: [testServer('m1', { host, port })] })],
  });
  return lintLoops('haproxy.cfg', config, OWN).map(({ line, text }) => `${line} ${text}`);
}

const ANY = { kind: 'ipv4', host: '0.0.0.0', port: 8443 } as const;
const ANY6 = { kind: 'ipv6', host: '::', port: 8443, v6only: false } as const;

test('a server that is our own listener is refused, by the VIP and by the machine', () => {
  assert.deepEqual(said(ANY, '192.168.1.94'), [
    '7 Server "m1" is the listener of "kube-api" itself, as 192.168.1.94 is the VIP: connections would run ' +
      "in a circle; name the apiserver's own address or port",
  ]);
  assert.match(said(ANY, '127.0.0.1')[0] ?? '', /an address of this machine/);
  assert.equal(said({ ...ANY, host: '192.168.1.94' }, '192.168.1.94').length, 1);
  assert.equal(said(ANY6, '192.168.1.94').length, 1);
  assert.equal(said(ANY6, 'fd00:0::94').length, 1);
});

test('another port, another address or another family is no loop', () => {
  assert.deepEqual(said(ANY, '192.168.1.94', 6443), []);
  assert.deepEqual(said(ANY, '192.168.1.92'), []);
  assert.deepEqual(said({ ...ANY, host: '10.0.0.1' }, '192.168.1.94'), []);
  assert.deepEqual(said(ANY, 'fd00::94'), []);
  assert.deepEqual(said({ ...ANY6, v6only: true }, '192.168.1.94'), []);
  assert.deepEqual(said({ kind: 'unix', path: '/run/x.sock' }, '127.0.0.1'), []);
});

test('a port that the apiserver beside us needs, too, is told of', () => {
  const [line] = said({ ...ANY, host: '10.0.0.1' }, '127.0.0.1');
  assert.match(
    line ?? '',
    /^7 Server "m1" is on this machine and has port 8443, as this listener does/,
  );
  assert.deepEqual(said({ ...ANY, host: '10.0.0.1' }, '127.0.0.1', 6443), []);
});
