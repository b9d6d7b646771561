/** The stand-in apiserver's answers, as kubectl and a probe read them. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answer, watchEvent } from './api.ts';

const NODES = ['k8s-master', 'k8s-node1'];

test('answer() is "ok" on the three health paths, whatever the query', () => {
  for (const path of ['/readyz', '/livez?verbose', '/healthz']) {
    assert.deepEqual(answer('k8s-master', NODES, path), { kind: 'text', status: 200, body: 'ok' });
  }
});

test('answer() names its node in every JSON answer, errors included', () => {
  const paths = ['/version', '/api', '/apis', '/api/v1', '/api/v1/nodes', '/nothing', '/api/v1/x'];
  for (const path of paths) {
    const result = answer('k8s-node1', NODES, path);
    assert(result.kind === 'json', path);
    const { node } = result.body;
    assert.equal(node, 'k8s-node1', path);
  }
});

test('answer() starts a stream when watch is true and a list when it is not', () => {
  const path = '/api/v1/namespaces';
  assert.equal(answer('k8s-master', NODES, `${path}?watch=true`).kind, 'watch');
  assert.equal(answer('k8s-master', NODES, `${path}?watch=1`).kind, 'watch');
  assert.equal(answer('k8s-master', NODES, `${path}?watch=false`).kind, 'json');
});

test('watchEvent() is one line of JSON', () => {
  const line = watchEvent('k8s-master', 7);
  assert.equal(line.indexOf('\n'), line.length - 1);
  assert.equal(JSON.parse(line).object.metadata.resourceVersion, '7');
});
