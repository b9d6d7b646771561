/**
 * The same servers, good and bad, checked by the real HAProxy and by us from the same lines of haproxy.cfg:
 * both must come to the same `check_status` and `check_code`.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { createCheck } from '../../src/balancer/checks/create-check.ts';
import { parseHaproxy } from '../../src/config/haproxy/index.ts';
import type { BackendConfig } from '../../src/config/model/traffic.ts';
import type { CheckResult } from '../../src/health/server-state.ts';
import { createAuthority, createServerCertificate } from '../../src/lab/certificates.ts';
import { readCheckFiles } from '../../src/load-config/read-check-files.ts';
import { freePort } from '../kit/free-port.ts';
import { whyNoHaproxy } from '../kit/haproxy.ts';
import { judged } from '../kit/time-verdict.ts';
import { waitUntil } from '../kit/wait-until.ts';

async function listen(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Answers `/s404` with 404 and so on, `/hang` never. */
const answer: RequestListener = (request, response) => {
  if (request.url === '/hang') return;
  response.statusCode = Number(/^\/s(\d+)$/.exec(request.url ?? '')?.[1] ?? 200);
  response.end('[+]etcd ok\n');
};

const GET = 'option httpchk GET /readyz';
const TLS = 'check-ssl verify none';

/** Name, lines of the backend, address and keywords of its server, and what both must find. */
type Case = readonly [string, string, string, string];

async function createCases(t: TestContext, folder: string): Promise<readonly Case[]> {
  const [authority, stranger] = [await createAuthority(), await createAuthority()];
  const names = ['127.0.0.1', 'kube.test'];
  const valid = await createServerCertificate(authority, names);
  const past = new Date(Date.now() - 60_000);
  const expired = await createServerCertificate(authority, names, past);
  const [ca, other] = [join(folder, 'ca.crt'), join(folder, 'other.crt')];
  writeFileSync(ca, authority.pem);
  writeFileSync(other, stranger.pem);
  const https = ({ certificatePem, keyPem }: typeof valid): Promise<number> =>
    listen(t, createHttpsServer({ cert: certificatePem, key: keyPem }, answer));
  const plain = (react: Parameters<typeof createServer>[1]): Promise<number> =>
    listen(t, createServer(react));
  const tls = await https(valid);
  const old = await https(expired);
  const http = await listen(t, createHttpServer(answer));
  const hung = await plain((socket) => socket.on('error', () => {}).resume());
  const rude = await plain((socket) => socket.on('error', () => {}).resetAndDestroy());
  const closing = await plain((socket) =>
    socket
      .on('error', () => {})
      .resume()
      .end(),
  );
  const closed = await freePort();
  const verify = `check-ssl verify required ca-file ${ca}`;
  const statuses = [200, 204, 302, 401, 404, 500].map((status): Case => {
    const lines = `option httpchk GET /s${status}`;
    return [
      `status-${status}`,
      lines,
      `${tls} ${TLS}`,
      `${status < 400 ? 'L7OK' : 'L7STS'} ${status}`,
    ];
  });
  return [
    ['closed', '', `${closed}`, 'L4CON '],
    ['closed-tls', GET, `${closed} ${TLS}`, 'L4CON '],
    ['tcp-of-hung', '', `${hung}`, 'L4OK '],
    ['tls-of-hung', '', `${hung} ${TLS}`, 'L6TOUT '],
    ['http-of-hung', GET, `${hung}`, 'L7TOUT '],
    ['https-of-hung', GET, `${hung} ${TLS}`, 'L6TOUT '],
    ['unanswered', 'option httpchk GET /hang', `${tls} ${TLS}`, 'L7TOUT '],
    ['tls', '', `${tls} ${TLS}`, 'L6OK '],
    ['tls-of-http', GET, `${http} ${TLS}`, 'L6RSP '],
    ['tls-of-rude', GET, `${rude} ${TLS}`, 'L6RSP '],
    ['http-of-closing', GET, `${closing}`, 'L7RSP '],
    ['http-of-tls', GET, `${tls}`, 'L7RSP '],
    ['http', GET, `${http}`, 'L7OK 200'],
    ...statuses,
    ['drain', 'option httpchk GET /s404\n http-check disable-on-404', `${tls} ${TLS}`, 'L7OKC 404'],
    ['verified', GET, `${tls} ${verify}`, 'L7OK 200'],
    ['stranger', GET, `${tls} check-ssl verify required ca-file ${other}`, 'L6RSP '],
    ['expired', GET, `${old} ${verify}`, 'L6RSP '],
    ['expired-unverified', GET, `${old} ${TLS}`, 'L7OK 200'],
    ['named', GET, `${tls} ${verify} check-sni kube.test`, 'L7OK 200'],
    ['misnamed', GET, `${tls} ${verify} check-sni wrong.test`, 'L6RSP '],
    ['other-host', GET, `${tls} ${verify} verifyhost wrong.test`, 'L6RSP '],
    [
      'expect',
      'option httpchk GET /s401\n http-check expect status 200,401',
      `${tls} ${TLS}`,
      'L7OK 401',
    ],
    ['expect-not', `${GET}\n http-check expect ! string etcd`, `${tls} ${TLS}`, 'L7RSP '],
    ['expect-string', `${GET}\n http-check expect string "etcd ok"`, `${tls} ${TLS}`, 'L7OK 200'],
    ['expect-missing', `${GET}\n http-check expect rstring ^ok`, `${tls} ${TLS}`, 'L7RSP '],
    [
      'rules',
      'option httpchk\n http-check connect ssl\n http-check send meth GET uri /s200',
      `${tls} verify none`,
      'L7OK 200',
    ],
    ['plain-rule', 'option httpchk\n http-check connect', `${tls} ${TLS}`, 'L7RSP '],
    ['tcp-rule', 'option tcp-check\n tcp-check connect ssl', `${tls} verify none`, 'L6OK '],
  ];
}

function configuration(cases: readonly Case[], socket: string, port: number): string {
  const backends = cases.map(
    ([name, lines, server]) =>
      `backend ${name}\n ${lines}\n server s 127.0.0.1:${server} check inter 2s\n`,
  );
  return `global
 stats socket ${socket} level admin
defaults
 mode tcp
 timeout connect 5s
 timeout client 5s
 timeout server 5s
frontend f
 bind 127.0.0.1:${port}
 default_backend closed
${backends.join('')}`;
}

/** "check_status check_code" of every server, as HAProxy has it once each was checked. */
async function askHaproxy(socket: string): Promise<ReadonlyMap<string, string>> {
  const client = createConnection(socket);
  client.end('show stat -1 4 -1\n');
  const [header = '', ...lines] = (await text(client)).trim().split('\n');
  const columns = header.slice(2).split(',');
  const cell = (cells: readonly string[], name: string): string =>
    cells[columns.indexOf(name)] ?? '';
  return new Map(
    lines.map((line) => {
      const cells = line.split(',');
      return [cell(cells, 'pxname'), `${cell(cells, 'check_status')} ${cell(cells, 'check_code')}`];
    }),
  );
}

async function checkOnce({ servers }: BackendConfig): Promise<CheckResult> {
  const [server] = servers;
  assert.ok(server?.check != null);
  const check = createCheck(server.check, { host: server.host, port: server.port });
  const result = await new Promise<CheckResult>((resolve) => check.run(resolve));
  check.close();
  return result;
}

test('our checks find what those of HAProxy 2.6 find', async (t) => {
  const reason = whyNoHaproxy();
  if (reason !== null) return t.skip(reason);
  const folder = mkdtempSync(join(tmpdir(), 'eg-checks-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const cases = await createCases(t, folder);
  const socket = join(folder, 'haproxy.sock');
  const path = join(folder, 'haproxy.cfg');
  const file = configuration(cases, socket, await freePort());
  writeFileSync(path, file);
  const haproxy = spawn('haproxy', ['-db', '-f', path], { stdio: 'ignore' });
  t.after(() => haproxy.kill('SIGKILL'));

  const { config, diagnostics } = parseHaproxy('haproxy.cfg', file, {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  const read = readCheckFiles('haproxy.cfg', config);
  assert.deepEqual(read.diagnostics, []);
  const expected = new Map(cases.map(([name, , , found]) => [name, found]));
  // The interval is what an answer has, as in HAProxy.
  await judged(t, async ({ holds }) => {
    const ours = await Promise.all(
      read.config.backends.map(async (backend) => {
        const { status, code } = await checkOnce(backend);
        return [backend.name, `${status} ${code ?? ''}`] as const;
      }),
    );
    assert.equal(ours.length, expected.size);
    for (const [name, found] of ours) {
      holds(found === expected.get(name), `${name}: "${found}", not "${expected.get(name)}"`);
    }
  });
  // While a check runs, HAProxy shows the last status with a star and no code: each is looked for.
  const theirs = new Map<string, string>();
  await waitUntil('HAProxy shows the same', async () => {
    const shown = await askHaproxy(socket).catch(() => new Map<string, string>());
    for (const [name, found] of shown) {
      if (!found.startsWith('*') && theirs.get(name) !== expected.get(name))
        theirs.set(name, found);
    }
    return [...expected].every(([name, found]) => theirs.get(name) === found);
  }).catch(() => {});
  assert.deepEqual(theirs, expected);
});
