/** What a checker runs, and where: against real servers, with passwords that must not go elsewhere. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { CheckRunner } from '../../src/balancer/checker/check-runner.ts';
import { TEST_CHECK } from '../../src/balancer/fixture.ts';
import type { CheckTls } from '../../src/config/model/checks.ts';
import type { ApartCheck } from '../../src/health/apart.ts';
import type { CheckResult } from '../../src/health/server-state.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';

const authority = await createAuthority();
const own = await createServerCertificate(authority, ['127.0.0.1']);

const TLS: CheckTls = {
  verify: 'required',
  ca: { path: '/ca', text: authority.pem },
  certificate: null,
  sni: null,
  verifyName: null,
  alpn: [],
  clientNames: [],
};

async function serve(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

function plan(port: number, tls: CheckTls | null): ApartCheck {
  const headers = [{ name: 'Authorization', value: 'Basic YTpi' }];
  const request = {
    method: 'GET',
    uri: '/',
    version: '1.1',
    headers,
    body: '',
    token: null,
  } as const;
  const http = { request, expect: [], drainOn: 'none', keepConnection: true } as const;
  const config = { ...TEST_CHECK, connectTimeoutMs: 10_000, kind: 'http', tls, ...http } as const;
  return { backend: 'b', server: 's', config, host: '127.0.0.1', port };
}

function runner() {
  const waiting = new Map<number, (result: CheckResult) => void>();
  const checks = new CheckRunner((id, result) => waiting.get(id)?.(result));
  let id = 0;
  const ask = (port: number, server = 's'): Promise<CheckResult> =>
    new Promise((resolve) => {
      id += 1;
      waiting.set(id, resolve);
      checks.run(id, 'b', server, { host: '127.0.0.1', port });
    });
  return { checks, ask };
}

test('a password goes nowhere but where the configuration says, whatever a balancer says', async (t) => {
  let told = 0;
  const seen: RequestListener = (request, response) => {
    if (request.headers.authorization !== undefined) told++;
    response.end();
  };
  const right = await serve(t, createServer(seen));
  const wrong = await serve(
    t,
    createServer(() => assert.fail('nobody is to come here')),
  );
  const { checks, ask } = runner();
  checks.take([plan(right, null)]);
  t.after(() => checks.take([]));
  assert.equal((await ask(wrong)).status, 'L7OK');
  assert.equal(told, 1);
});

test('a server that has to prove who it is is followed to another place', async (t) => {
  const { certificatePem: cert, keyPem: key } = own;
  let moved = 0;
  const to = await serve(
    t,
    createTlsServer({ cert, key }, (_, response) => {
      moved++;
      response.end();
    }),
  );
  const { checks, ask } = runner();
  checks.take([plan(1, TLS)]);
  t.after(() => checks.take([]));
  assert.equal((await ask(to)).status, 'L7OK');
  assert.equal(moved, 1);
});

test('what is not there, or runs already, says nothing about a server', async (t) => {
  const port = await serve(
    t,
    createServer((_, response) => response.end()),
  );
  const { checks, ask } = runner();
  checks.take([plan(port, null)]);
  const both = await Promise.all([ask(port), ask(port), ask(port, 'other')]);
  assert.deepEqual(
    both.map(({ inconclusive = false }) => inconclusive),
    [false, true, true],
  );
  const cut = ask(port);
  checks.take([]);
  assert.equal((await cut).inconclusive, true);
});
