import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TEST_CHECK, testBackend, testConfig, testServer } from '../balancer/fixture.ts';
import type { CheckTls, FileText } from '../config/model/checks.ts';
import { splitChecks } from './apart.ts';
import type { CheckConfig } from './kinds/check-kinds.ts';

const SECRET = 'what nobody may know';
const file = (text: string): FileText => ({ path: '/a/file.pem', text });

const TLS: CheckTls = {
  verify: 'required',
  ca: file('the authority'),
  certificate: null,
  sni: null,
  verifyName: null,
  alpn: [],
  clientNames: [],
};
const KEYED: CheckTls = {
  ...TLS,
  certificate: { cert: file('a certificate'), key: file(SECRET) },
};
const HTTP: CheckConfig = {
  ...TEST_CHECK,
  kind: 'http',
  tls: TLS,
  request: { method: 'GET', uri: '/readyz', version: '1.1', headers: [], body: '', token: null },
  expect: [],
  drainOn: 'none',
  keepConnection: true,
};

function split(check: CheckConfig | null) {
  const servers = [testServer('m1', { host: '10.0.0.1', port: 6443, check })];
  return splitChecks(testConfig({ backends: [testBackend({ servers })] }));
}

test('what needs no secret stays with the balancer, as it is', () => {
  for (const check of [null, TEST_CHECK, HTTP, { ...TEST_CHECK, kind: 'tls', tls: TLS } as const]) {
    const { config, apart } = split(check);
    assert.deepEqual(config.backends[0]?.servers[0]?.check, check);
    assert.deepEqual(apart, []);
  }
});

test('no word of a secret goes to the balancer, and all of it to whoever runs the check', () => {
  const authorization = { name: 'AUTHORIZATION', value: SECRET };
  const checks: readonly CheckConfig[] = [
    { ...HTTP, tls: KEYED },
    { ...HTTP, request: { ...HTTP.request, token: file(SECRET) } },
    { ...HTTP, tls: null, request: { ...HTTP.request, headers: [authorization] } },
    { ...TEST_CHECK, kind: 'tls', tls: KEYED },
  ];
  for (const check of checks) {
    const { config, apart } = split(check);
    assert.ok(!JSON.stringify(config).includes(SECRET));
    const [server] = config.backends[0]?.servers ?? [];
    assert.equal(server?.check?.apart, true);
    assert.equal(server?.check?.intervalMs, check.intervalMs);
    assert.deepEqual(
      apart.map(({ config: run, host, port, server: name }) => [run, host, port, name]),
      [[check, '10.0.0.1', 6443, 'm1']],
    );
  }
});

test('a check may ask elsewhere than its server is', () => {
  const { apart } = split({ ...HTTP, tls: KEYED, host: '10.0.0.9', port: 8080 });
  assert.deepEqual([apart[0]?.host, apart[0]?.port], ['10.0.0.9', 8080]);
});
