/** The HTTP check against real servers, over TLS with certificates of the lab's authority. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import type { Check } from '../../src/balancer/checks/check.ts';
import { createHttpCheck } from '../../src/balancer/checks/check-http.ts';
import { TEST_CHECK } from '../../src/balancer/fixture.ts';
import type { CheckTls, FileText } from '../../src/config/model/checks.ts';
import type { HttpCheckConfig } from '../../src/health/kinds/http.ts';
import type { CheckResult } from '../../src/health/server-state.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import { judged } from '../kit/time-verdict.ts';

const DAY_MS = 86_400_000;
const authority = await createAuthority();
const certificate = await createServerCertificate(authority, ['127.0.0.1', 'kube.test']);

const file = (text: string): FileText => ({ path: '/a/file.pem', text });

const TLS: CheckTls = {
  verify: 'required',
  ca: file(authority.pem),
  certificate: null,
  sni: null,
  verifyName: '127.0.0.1',
  alpn: [],
  clientNames: [],
};

const CONFIG: HttpCheckConfig = {
  ...TEST_CHECK,
  kind: 'http',
  // Guards against hanging.
  connectTimeoutMs: 60_000,
  tls: TLS,
  request: { method: 'GET', uri: '/readyz', version: '1.1', headers: [], body: '', token: null },
  expect: [],
  drainOn: 'none',
  keepConnection: true,
};

type Listening = { readonly port: number; readonly sockets: Set<Socket>; accepted: number };

/** The sockets open on the server's side, which tell what a check leaves behind. */
async function listen(t: TestContext, server: Server): Promise<Listening> {
  const listening = { port: 0, sockets: new Set<Socket>(), accepted: 0 };
  server.on('connection', (socket: Socket) => {
    listening.accepted++;
    listening.sockets.add(socket);
    socket.on('error', () => {}).on('close', () => listening.sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of listening.sockets) socket.destroy();
    server.close();
  });
  listening.port = (server.address() as AddressInfo).port;
  return listening;
}

function httpsServer(answer: RequestListener, options: ServerOptions = {}): Server {
  const { certificatePem, keyPem } = certificate;
  return createHttpsServer({ cert: certificatePem, key: keyPem, ...options }, answer);
}

function createOne(t: TestContext, port: number, changes: Partial<HttpCheckConfig> = {}): Check {
  const check = createHttpCheck({ ...CONFIG, ...changes }, { host: '127.0.0.1', port });
  t.after(() => check.close());
  return check;
}

const run = (check: Check): Promise<CheckResult> => new Promise((done) => check.run(done));

async function gone(listening: Listening): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (listening.sockets.size > 0) {
    assert.ok(performance.now() < deadline, 'a connection stays open');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const OK: RequestListener = (_request, response) => {
  response.end('ok');
};

test('many checks go over one connection, which ends in the orderly way', async (t) => {
  const errors: Error[] = [];
  const server = httpsServer(OK).on('tlsClientError', (error) => errors.push(error));
  const listening = await listen(t, server);
  const check = createOne(t, listening.port);
  for (let round = 0; round < 5; round++) assert.equal((await run(check)).status, 'L7OK');
  assert.equal(listening.accepted, 1);
  check.close();
  await gone(listening);
  assert.deepEqual(errors, []);
});

test('a kept connection that the server closed is no failure', async (t) => {
  const listening = await listen(t, httpsServer(OK));
  const check = createOne(t, listening.port);
  assert.equal((await run(check)).status, 'L7OK');
  for (const socket of listening.sockets) socket.destroy();
  // At once, before the check can have heard of it.
  assert.equal((await run(check)).status, 'L7OK');
  assert.equal(listening.accepted, 2);
});

test('without a kept connection every check has its own and leaves none', async (t) => {
  const listening = await listen(t, httpsServer(OK));
  const check = createOne(t, listening.port, { keepConnection: false });
  for (let round = 0; round < 3; round++) assert.equal((await run(check)).status, 'L7OK');
  assert.equal(listening.accepted, 3);
  await gone(listening);
});

test('a server that hangs over a kept connection times out, and is dialled anew', async (t) => {
  let hang = false;
  const answer: RequestListener = (request, response) => {
    if (!hang) OK(request, response);
  };
  // Those that pass have to be quicker than the one that does not.
  await judged(t, async ({ holds }) => {
    hang = false;
    const listening = await listen(t, httpsServer(answer));
    const check = createOne(t, listening.port, { connectTimeoutMs: 300 });
    const first = await run(check);
    holds(first.status === 'L7OK', `the first check: ${first.status}`);
    hang = true;
    const result = await run(check);
    assert.equal(result.status, 'L7TOUT');
    assert.equal(result.passed, false);
    hang = false;
    const next = await run(check);
    holds(next.status === 'L7OK', `the check after it: ${next.status}`);
    assert.equal(listening.accepted, 2);
  });
});

test('the request carries host, token and headers, and the client certificate is shown', async (t) => {
  const client = await createServerCertificate(authority, ['checker']);
  const seen: { headers: IncomingMessage['headers']; names: string | undefined }[] = [];
  const answer: RequestListener = (request, response) => {
    const shown = (request.socket as TLSSocket).getPeerX509Certificate();
    seen.push({ headers: request.headers, names: shown?.subjectAltName });
    OK(request, response);
  };
  const options = { requestCert: true, rejectUnauthorized: false };
  const { port } = await listen(t, httpsServer(answer, options));
  const tls = {
    ...TLS,
    certificate: { cert: file(client.certificatePem), key: file(client.keyPem) },
  };
  const headers = [{ name: 'X-Check', value: 'a b' }];
  const request = { ...CONFIG.request, headers, token: file('secret\n') };
  assert.equal((await run(createOne(t, port, { tls, request }))).status, 'L7OK');
  assert.equal(seen[0]?.names, 'DNS:checker');
  assert.equal(seen[0]?.headers.host, `127.0.0.1:${port}`);
  assert.equal(seen[0]?.headers.authorization, 'Bearer secret');
  assert.equal(seen[0]?.headers['x-check'], 'a b');
});

test('the token stays here when the certificate is not the right one', async (t) => {
  let requests = 0;
  const answer: RequestListener = (request, response) => {
    requests++;
    OK(request, response);
  };
  const { port } = await listen(t, httpsServer(answer));
  const stranger = await createAuthority();
  const tls = { ...TLS, ca: file(stranger.pem) };
  const result = await run(createOne(t, port, { tls }));
  assert.equal(result.status, 'L6RSP');
  assert.match(result.info, /^SSL handshake failure \([A-Z_]+\)$/);
  assert.equal(requests, 0);
});

test('certificates that end soon or lack a name of clients are warnings, of passes too', async (t) => {
  const soon = await createServerCertificate(
    authority,
    ['127.0.0.1'],
    new Date(Date.now() + 5.5 * DAY_MS),
  );
  const options = { cert: soon.certificatePem, key: soon.keyPem };
  const { port } = await listen(t, httpsServer(OK, options));
  const tls = { ...TLS, clientNames: ['192.168.1.94', '127.0.0.1'] };
  const check = createOne(t, port, { tls });
  for (const result of [await run(check), await run(check)]) {
    assert.equal(result.status, 'L7OK');
    assert.deepEqual(result.warnings, [
      'The certificate does not carry "192.168.1.94", by which clients call; renew it with that name',
      'The certificate expires in 5 days; renew it',
    ]);
  }
});

test('a status that is not expected drains where that is wanted', async (t) => {
  const answer: RequestListener = (_request, response) => {
    response.statusCode = 500;
    response.end('[-]shutdown failed');
  };
  const { port } = await listen(t, httpsServer(answer));
  const result = await run(createOne(t, port, { drainOn: 'unexpected-status' }));
  assert.deepEqual(
    [result.status, result.passed, result.code, result.info],
    ['L7OKC', true, 500, 'Internal Server Error'],
  );
});

test('an endless answer ends at the bound, and its connection is not kept', async (t) => {
  const server = createServer((socket) => {
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(200_000)}`);
    });
  });
  const listening = await listen(t, server);
  const expect = [{ kind: 'string', negated: false, text: 'nowhere' }] as const;
  const check = createOne(t, listening.port, { tls: null, expect });
  assert.equal((await run(check)).status, 'L7RSP');
  await gone(listening);
});

test('files that were not read, or hold nothing usable, are this side\u2019s fault', async (t) => {
  const tls = { ...TLS, ca: { path: '/etc/ca.crt', text: null } };
  const result = await run(createOne(t, 1, { tls }));
  assert.deepEqual(
    [result.status, result.info],
    ['SOCKERR', 'The file "/etc/ca.crt" was not read'],
  );
});

test('close() in any phase says nothing more and leaves nothing', async (t) => {
  const silent = await listen(
    t,
    createServer((socket) => socket.resume()),
  );
  const hanging = await listen(
    t,
    createHttpServer(() => {}),
  );
  for (const [port, tls] of [
    [silent.port, TLS],
    [hanging.port, null],
  ] as const) {
    const check = createOne(t, port, { tls });
    check.run(() => assert.fail('closed'));
    const listening = tls === null ? hanging : silent;
    const deadline = performance.now() + 60_000;
    while (listening.accepted === 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    check.close();
    await gone(listening);
  }
});
