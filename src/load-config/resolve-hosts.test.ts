/** resolveHosts(): names get first addresses; what has none is warned of, and keeps nothing from running. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseHaproxy } from '../config/haproxy/index.ts';
import { lookupHost, resolveHosts } from './resolve-hosts.ts';

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

test('resolveHosts() finds the first addresses of servers, and those of log targets', async () => {
  const asked: string[] = [];
  const { config, diagnostics, notes } = await resolveHosts('h.cfg', parse(), async (host) => {
    asked.push(host);
    return ADDRESSES[host] ?? '';
  });
  assert.deepEqual([diagnostics, notes], [[], []]);
  assert.deepEqual(asked.sort(), Object.keys(ADDRESSES).sort());
  const hosts = config.backends[0]?.servers.map(({ resolution }) => resolution?.initialHost);
  assert.deepEqual(hosts, ['10.0.0.1', 'fd00::2', undefined]);
  for (const logs of [config.process.logs, config.frontends[0]?.log.targets]) {
    assert.deepEqual(logs?.[0]?.address, { kind: 'udp', host: '10.0.0.9', port: 514 });
  }
});

test('resolveHosts() warns of what has no address, which starts without, or is left out', async () => {
  const { config, diagnostics, notes } = await resolveHosts('h.cfg', parse(), async (host) => {
    if (host !== 'two.example') throw new Error('not known');
    return '10.0.0.1';
  });
  assert.deepEqual(
    diagnostics.map(({ severity, text }) => `${severity}: ${text}`),
    [
      'warning: The host "one.example" of server "b/one" has no address here (not known); ' +
        'it is in maintenance until there is one',
      'warning: The host "loghost.example" of "log" has no address here (not known); ' +
        'nothing is logged there until a reload finds one',
    ],
  );
  const hosts = config.backends[0]?.servers.map(({ resolution }) => resolution?.initialHost);
  assert.deepEqual(hosts, [null, '10.0.0.1', undefined]);
  assert.deepEqual([config.process.logs, config.frontends[0]?.log.targets], [[], []]);
  assert.deepEqual(notes, [
    'A log target is left out: its host "loghost.example" has no address; reload to look again',
  ]);
});

test('resolveHosts() goes along the ways of init-addr', async () => {
  const ways = ['none', 'libc,none', 'last,libc,10.9.9.9', '10.9.9.9', 'none,libc'];
  const servers = ways.map(
    (way, index) => `  server s${index} s${index}.example:1 init-addr ${way}`,
  );
  const { config } = parseHaproxy('h.cfg', `${TEXT}${servers.join('\n')}\n`, {});
  assert.ok(config !== null);
  const asked: string[] = [];
  const refused = await resolveHosts('h.cfg', config, async (host) => {
    asked.push(host);
    throw new Error('not known');
  });
  const hosts = refused.config.backends[0]?.servers.map(
    ({ resolution }) => resolution?.initialHost,
  );
  assert.deepEqual(hosts?.slice(3), [null, null, '10.9.9.9', '10.9.9.9', null]);
  assert.deepEqual(
    asked.filter((host) => host.startsWith('s')),
    ['s1.example', 's2.example'],
  );
});

test('lookupHost() prefers the family that is asked for', async () => {
  assert.equal(await lookupHost('localhost', 'ipv4'), '127.0.0.1');
});

test('lookupHost() rejects for a name that cannot exist', async () => {
  await assert.rejects(lookupHost('name.invalid', 'ipv4'));
});
