import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../config/model/config.ts';
import {
  differencesOf,
  FACTS_CHARS_MAX,
  type Fact,
  factsDigest,
  factsOf,
  factsText,
  parseFacts,
} from './facts.ts';

function config(vip: string, nodes = 3): Config {
  const instance = {
    virtualRouterId: 94,
    advertIntervalMs: 100,
    version: 3,
    transport: { kind: 'unicast', peers: [] },
    addresses: [{ address: vip, prefixLength: 24 }],
  };
  const binds = ['0.0.0.0', '::'].map((host) => ({ address: { kind: 'ipv4', host, port: 8443 } }));
  const all = Array.from({ length: nodes }, (_, index) => {
    return { name: `k8s-node${index}`, addresses: [`192.168.1.${index}`] };
  });
  const parts = {
    vrrp: { instances: [instance] },
    balancer: { frontends: [{ binds }] },
    nodes: all,
  };
  return parts as unknown as Config;
}

function told(facts: readonly Fact[]): readonly Fact[] {
  const parsed = parseFacts(factsText(facts));
  assert.ok(parsed.ok);
  return parsed.value;
}

test('what one tells another reads, and it says in what the two differ', () => {
  const here = factsOf(config('192.168.1.94'));
  assert.deepEqual(told(here), here);
  assert.deepEqual(differencesOf('k8s-node1', told(here), here), []);
  assert.deepEqual(differencesOf('k8s-node1', told(factsOf(config('192.168.1.95'))), here), [
    'k8s-node1 has vip 192.168.1.95/24, here 192.168.1.94/24',
  ]);
  assert.deepEqual(differencesOf('k8s-node1', told(factsOf(config('192.168.1.94', 2))), here), [
    'k8s-node1 has nodes k8s-node0 192.168.1.0, k8s-node1 192.168.1.1, ' +
      'here k8s-node0 192.168.1.0, k8s-node1 192.168.1.1, k8s-node2 192.168.1.2',
  ]);
  assert.equal(here.find(({ name }) => name === 'listen port')?.value, '8443');
});

test('what is too long to be told differs all the same', () => {
  const here = factsOf(config('192.168.1.94', 60));
  const text = factsText(here);
  assert.ok(text.length <= FACTS_CHARS_MAX);
  assert.deepEqual(differencesOf('b', told(here), here), []);
  assert.deepEqual(differencesOf('b', told(factsOf(config('192.168.1.94', 61))), here), [
    'b has other nodes than here',
  ]);
});

test('another version is named and not compared, a fact more or less is left aside', () => {
  const here = factsOf(config('192.168.1.94'));
  const later = parseFacts(JSON.stringify({ version: 2, of: 'something else' }));
  assert.deepEqual(later, { ok: false, reason: 'in version 2, which is not known here' });
  const more = [...here.slice(1), { name: 'colour', digest: 'x', value: 'red' }];
  assert.deepEqual(differencesOf('b', told(more), here), []);
  assert.notEqual(factsDigest(factsText(more)), factsDigest(factsText(here)));
});

test('any text is read or refused, and nothing is thrown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.equal(parseFacts(text).ok, false);
    }),
  );
});
