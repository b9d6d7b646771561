import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { HttpFrontendConfig, StatsPageConfig } from '../../config/model/traffic.ts';
import { CSV_HEADER } from '../../stats/csv.ts';
import { testBackend, testConfig, testServer } from '../fixture.ts';
import { testContext } from './fixture.ts';
import { newHttpProxyCounts } from './http-counts.ts';
import { createHttpFrontend } from './stats-page.ts';

const URI = '/haproxyadmin?stats';
const AUTHORIZATION = `Basic ${Buffer.from('admin:admin').toString('base64')}`;

async function serve(
  t: TestContext,
  changes: Partial<StatsPageConfig> = {},
  more: Partial<HttpFrontendConfig> = {},
) {
  const [frontend] = testConfig().httpFrontends;
  assert.ok(frontend?.stats);
  const config: HttpFrontendConfig = {
    ...frontend,
    ...more,
    stats: { ...frontend.stats, ...changes },
  };
  const admin = testContext();
  const counts = newHttpProxyCounts();
  const server = createHttpFrontend(config, counts, admin.context);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://${host}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { authorization: AUTHORIZATION, ...init.headers },
    });
  const post = async (body: string, headers: Record<string, string> = {}): Promise<string> => {
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await get(URI, { method: 'POST', body, headers: { ...type, ...headers } });
    assert.equal(answer.status, 303);
    const location = answer.headers.get('location') ?? '';
    assert.ok(location.startsWith(`${URI};st=`), location);
    return location.slice(URI.length + 4);
  };
  return { ...admin, host, counts, get, post };
}

test('without or with wrong credentials the page answers 401 with its realm', async (t) => {
  const { get } = await serve(t);
  const wrong = ['', 'Basic', 'Basic !!!', `Basic ${btoa('admin:')}`, `Basic ${btoa('a:admin')}`];
  for (const authorization of wrong) {
    const answer = await get(URI, { headers: { authorization } });
    assert.equal(answer.status, 401);
    assert.equal(answer.headers.get('www-authenticate'), 'Basic realm="Haproxy Statistics"');
    assert.match(await answer.text(), /<h1>401 Unauthorized<\/h1>/);
  }
});

test('the page shows every proxy, hides the version when told, and takes options', async (t) => {
  const { get } = await serve(t);
  const answer = await get(`${URI};st=DONE`);
  assert.equal(answer.status, 200);
  const page = await answer.text();
  assert.match(page, /uptime = /);
  assert.doesNotMatch(page, /HAProxy version/);
  assert.match(page, /Action processed successfully/);
  assert.match(page, /name="s" value="m1"/);
  assert.match(page, /name="b" value="#3"/);
  assert.equal(answer.headers.get('cache-control'), 'no-cache');
  const open = await serve(t, { hideVersion: false, admin: false, refreshSeconds: 5 });
  const second = await open.get(URI);
  assert.equal(second.headers.get('refresh'), '5');
  const text = await second.text();
  assert.match(text, /HAProxy version [^,]+, released /);
  assert.doesNotMatch(text, /<form/);
  assert.equal((await open.get(`${URI};norefresh`)).headers.get('refresh'), null);
});

test('the CSV has the header and one row per proxy and server', async (t) => {
  const { get } = await serve(t);
  const answer = await get(`${URI};csv;norefresh`);
  assert.equal(answer.headers.get('content-type'), 'text/plain');
  const [header, ...lines] = (await answer.text()).trimEnd().split('\n');
  assert.equal(`${header}\n`, CSV_HEADER);
  assert.deepEqual(
    lines.map((line) => line.split(',', 2).join('/')),
    [
      'kube-api/FRONTEND',
      'kube-master/m1',
      'kube-master/m2',
      'kube-master/BACKEND',
      'stats/FRONTEND',
      'stats/BACKEND',
    ],
  );
  const scoped = await (await get(`${URI}?;csv;scope=kube-m`)).text();
  assert.equal(scoped.trimEnd().split('\n').length, 4);
});

test('a script that asked for JSON got the HTML page with status 200', async (t) => {
  const { get } = await serve(t);
  const answer = await get(`${URI};json`);
  assert.equal(answer.status, 501);
  assert.equal(answer.headers.get('content-type'), 'text/plain');
  assert.equal(await answer.text(), 'This format is not available; use ";csv" instead\n');
  assert.equal((await get(`${URI};json`, { headers: { authorization: '' } })).status, 401);
});

test('a health checker that sends HTTP/1.1 without Host was refused with 400', async (t) => {
  const { host } = await serve(t, {}, { monitorUri: '/healthz' });
  const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
  t.after(() => socket.destroy());
  socket.write('GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n');
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk);
  assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 200 OK\r\n/);
});

test('other addresses and methods answer 503, monitor-uri 200, without credentials', async (t) => {
  const { host } = await serve(t, {}, { monitorUri: '/healthz' });
  for (const path of ['/', '/haproxyadmin', '/healthz2']) {
    assert.equal((await fetch(`http://${host}${path}`)).status, 503);
  }
  assert.equal((await fetch(`http://${host}${URI}`, { method: 'PUT' })).status, 503);
  const answer = await fetch(`http://${host}/healthz`);
  assert.equal(answer.status, 200);
  assert.equal(
    await answer.text(),
    '<html><body><h1>200 OK</h1>\nService ready.\n</body></html>\n',
  );
});

test('monitor-uri answers a client that sends the whole address, as HAProxy does', async (t) => {
  const ask = async (monitorUri: string, target: string): Promise<string> => {
    const { host } = await serve(t, {}, { monitorUri });
    const socket = connect(Number(host.split(':')[1]), '127.0.0.1');
    socket.end(`GET ${target} HTTP/1.1\r\nhost: www.kube.test\r\nconnection: close\r\n\r\n`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    return Buffer.concat(chunks).toString().slice(9, 12);
  };
  assert.equal(await ask('/alive', 'http://www.kube.test/alive'), '200');
  assert.equal(await ask('/alive', 'http://www.kube.test/aLive'), '503');
  assert.equal(await ask('/alive', '/alive?x'), '503');
  assert.equal(await ask('http://www.kube.test/alive', 'http://www.kube.test/alive'), '200');
  assert.equal(await ask('http://www.kube.test/alive', '/alive'), '503');
});

test('an address where nothing is says where the page is, unless its path is all that hides it', async (t) => {
  const { host } = await serve(t);
  const at = async (where: string) => (await fetch(`http://${where}/`)).text();
  assert.match(
    await at(host),
    /No server is available .*\nThe statistics are at \/haproxyadmin\?stats\.\nMetrics are served where/,
  );
  const open = await serve(t, { users: [] }, { metrics: { path: '/metrics', guarded: false } });
  const text = await at(open.host);
  assert.match(text, /Metrics are at \/metrics\./);
  assert.doesNotMatch(text, /haproxyadmin/);
});

test('monitor-uri answers 503 while too few servers are left', async (t) => {
  const fewer = { backend: 'kube-master', is: 'lt', servers: 2, negated: false } as const;
  const { host, table } = await serve(t, {}, { monitorUri: '/alive', monitorFail: [[fewer]] });
  const status = async (): Promise<number> => (await fetch(`http://${host}/alive`)).status;
  assert.equal(await status(), 200);
  table.setAdmin(0, 0, 'drain');
  assert.equal(await status(), 503);
  table.setAdmin(0, 0, 'ready');
  assert.equal(await status(), 200);
});

test("forms change servers and answer with HAProxy's codes", async (t) => {
  const { post, table, shutdowns } = await serve(t);
  assert.equal(await post('s=m1&action=maint&b=%233'), 'DONE');
  assert.equal(table.entry(0, 0).admin, 'maint');
  assert.equal(await post('s=m1&s=m2&action=drain&b=kube-master'), 'DONE');
  assert.deepEqual([table.entry(0, 0).admin, table.entry(0, 1).admin], ['drain', 'drain']);
  assert.equal(await post('s=m1&s=nope&action=ready&b=%233'), 'PART');
  assert.equal(table.entry(0, 0).admin, 'ready');
  assert.equal(await post('s=nope&action=ready&b=%233'), 'ERRP');
  assert.equal(await post('s=m1&action=explode&b=%233'), 'ERRP');
  assert.equal(await post('s=m1&action=maint&b=%2399'), 'ERRP');
  assert.equal(await post('s=m1&action=maint'), 'ERRP');
  assert.equal(await post('s=m1&b=%233'), 'NONE');
  assert.equal(await post('action=maint&b=%233'), 'NONE');
  assert.equal(await post(''), 'NONE');
  assert.equal(await post('s=m1&action=__proto__&b=%233'), 'ERRP');
  assert.equal(table.entry(0, 0).admin, 'ready');
  assert.equal(await post('s=m2&action=shutdown&b=%233'), 'DONE');
  assert.deepEqual(shutdowns, ['0/1']);
});

test('the old actions still work and say in the log where they came from', async (t) => {
  const { post, log } = await serve(t);
  for (const action of ['disable', 'enable', 'stop', 'start']) {
    assert.equal(await post(`s=m1&b=kube-master&action=${action}`), 'DONE');
  }
  assert.match(log[0] ?? '', /going DOWN for maintenance \('disable' on stats page\)\. 1 active/);
  assert.match(log[2] ?? '', /enters drain state \('stop' on stats page\)\. 1 active/);
});

test('a form from a foreign page, without admin, or too long changes nothing', async (t) => {
  const { post, table, host } = await serve(t);
  const form = 's=m1&action=maint&b=%233';
  assert.equal(await post(form, { origin: 'http://evil.example' }), 'DENY');
  assert.equal(await post(form, { origin: 'null' }), 'DENY');
  assert.equal(await post(form, { referer: 'http://evil.example/x' }), 'DENY');
  assert.equal(await post(`${'s=m1&'.repeat(4000)}action=maint&b=%233`), 'EXCD');
  const readOnly = await serve(t, { admin: false });
  assert.equal(await readOnly.post(form), 'DENY');
  assert.equal(table.entry(0, 0).admin, 'ready');
  assert.equal(await post(form, { origin: `http://${host}` }), 'DONE');
  assert.equal(table.entry(0, 0).admin, 'maint');
});

test('connections, requests and responses are counted', async (t) => {
  const { get, counts } = await serve(t);
  await (await get(URI)).text();
  await (await get('/nothing')).text();
  assert.equal(counts.requests, 2);
  assert.deepEqual(counts.responses, [0, 1, 0, 0, 1, 0]);
  assert.ok(counts.connectionsTotal >= 1 && counts.connectionsMax >= 1);
});

test('names from the configuration are escaped', async (t) => {
  const name = '<b>"x"&';
  const backends = [testBackend({ servers: [testServer(name)] })];
  const { context } = testContext(testConfig({ backends }));
  const [frontend] = testConfig().httpFrontends;
  assert.ok(frontend);
  const server = createHttpFrontend(frontend, newHttpProxyCounts(), context);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const port = (server.address() as AddressInfo).port;
  const headers = { authorization: AUTHORIZATION };
  const page = await (await fetch(`http://127.0.0.1:${port}${URI}`, { headers })).text();
  assert.ok(!page.includes('<b>"x"'));
  assert.ok(page.includes('&lt;b&gt;&quot;x&quot;&amp;'));
});

test('metrics are on their path, for the users of the page where they are guarded', async (t) => {
  const guarded = await serve(t, { uri: '/' }, { metrics: { path: '/metrics', guarded: true } });
  const answer = await guarded.get('/metrics?scope=server');
  assert.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4');
  assert.match(await answer.text(), /^# HELP haproxy_server_\S+ .*\n# TYPE /);
  assert.match(await (await guarded.get('/')).text(), /<html/i);
  assert.match(await (await guarded.get('/metrics/more')).text(), /<html/i);
  const stranger = { headers: { authorization: '' } };
  assert.equal((await guarded.get('/metrics', stranger)).status, 401);
  assert.equal((await guarded.get('/metrics', { method: 'POST' })).status, 303);
  const open = await serve(t, {}, { metrics: { path: null, guarded: false } });
  assert.match(await (await open.get('/anything', stranger)).text(), /^# HELP /);
  assert.equal((await open.get(URI, stranger)).status, 401, 'the page keeps its own path');
});
