/** resolveHosts(): names become addresses; what has none is warned of and refused by a run. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHaproxy } from '../config/haproxy/index.ts';
import { lookupHost, refuseNames, resolveHosts } from './resolve-hosts.ts';

const TEXT = `global
  log loghost.example local0
defaults
  log global
  timeout connect 1s
  timeout client 1h
  timeout server 1h
frontend f
  bind 127.0.0.1:8443
  default_backend b
backend b
  server one one.example:6443 check
  server two two.example:6443
  server three 10.0.0.3:6443
`;

const ADDRESSES: Readonly<Record<string, string>> = {
  'loghost.example': '10.0.0.9',
  'one.example': '10.0.0.1',
  'two.example': 'fd00::2',
};

function parse() {
  const { config, diagnostics } = parseHaproxy('h.cfg', TEXT, {});
  assert.ok(config !== null, JSON.stringify(diagnostics));
  return config;
}

test('resolveHosts() puts addresses in the place of names', async () => {
  const asked: string[] = [];
  const { config, diagnostics } = await resolveHosts('h.cfg', parse(), async (host) => {
    asked.push(host);
    return ADDRESSES[host] ?? '';
  });
  assert.deepEqual(diagnostics, []);
  assert.deepEqual(asked.sort(), Object.keys(ADDRESSES).sort());
  const hosts = config.backends[0]?.servers.map(({ host }) => host);
  assert.deepEqual(hosts, ['10.0.0.1', 'fd00::2', '10.0.0.3']);
  for (const logs of [config.process.logs, config.frontends[0]?.log.targets]) {
    assert.deepEqual(logs?.[0]?.address, { kind: 'udp', host: '10.0.0.9', port: 514 });
  }
});

test('resolveHosts() warns of the host that has no address, and refuseNames() refuses it', async () => {
  const { config, diagnostics } = await resolveHosts('h.cfg', parse(), async (host) => {
    if (host === 'one.example') throw new Error('not known');
    return '10.0.0.1';
  });
  assert.deepEqual(
    diagnostics.map(({ severity, text }) => `${severity}: ${text}`),
    ['warning: The host "one.example" of server "b/one" has no address here (not known)'],
  );
  assert.throws(() => refuseNames({ balancer: config, vrrp: null }), {
    name: 'OperationalError',
    code: 'cannot-resolve',
    message: /"one\.example" of server "b\/one" has no address; write a numeric one/,
  });
});

test('refuseNames() takes a configuration of addresses, or none', async () => {
  const { config } = await resolveHosts('h.cfg', parse(), async () => '10.0.0.1');
  refuseNames({ balancer: config, vrrp: null });
  refuseNames({ balancer: null, vrrp: null });
});

test('lookupHost() prefers IPv4', async () => {
  assert.equal(await lookupHost('localhost'), '127.0.0.1');
});

test('lookupHost() rejects for a name that cannot exist', async () => {
  await assert.rejects(lookupHost('name.invalid'));
});
