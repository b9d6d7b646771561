import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lintNodes, type NodeFacts } from './lint.ts';

type Options = {
  readonly priority: number | null;
  readonly weights?: readonly number[];
  readonly routerId?: string;
  readonly address?: string;
  readonly nopreempt?: boolean;
  readonly virtualRouterId?: number;
};

function node(file: string, options: Options): NodeFacts {
  const {
    priority,
    weights = [],
    routerId = file,
    address = '10.0.0.1',
    nopreempt = false,
    virtualRouterId = 51,
  } = options;
  const place = { file, line: 3, column: 5 };
  return {
    routerId: { ...place, value: routerId },
    instances: [
      {
        name: 'A',
        virtualRouterId,
        priority,
        priorityPlace: place,
        interface: null,
        better: new Map(),
        addresses: [address],
        nopreempt: nopreempt ? place : null,
        weights: weights.map((weight, index) => ({ script: `s${index}`, weight, place })),
        wire: { place, alike: new Map(), source: null, peers: null },
      },
    ],
    scripts: [],
    interfaces: [],
    peers: [],
  };
}

function codes(nodes: readonly NodeFacts[]): readonly string[] {
  return lintNodes(nodes).map(({ file, code }) => `${file} ${code}`);
}

test('lintNodes() says nothing of weights beside a priority that was refused', () => {
  const refused = node('a', { priority: null, weights: [2] });
  assert.deepEqual(codes([refused]), []);
  const others = [100, 90].map((priority) => node(`n${priority}`, { priority, weights: [2] }));
  assert.deepEqual(codes([...others, refused]), []);
});

test('lintNodes() says that 2 never decides among 100, 90 and 80', () => {
  const nodes = [100, 90, 80].map((priority, index) =>
    node(`n${index}`, { priority, weights: [2] }),
  );
  const diagnostics = lintNodes(nodes);
  assert.equal(diagnostics.length, 3);
  assert.match(diagnostics[0]?.text ?? '', /priorities 100, 90 and 80.*more than 10$/);
});

test('lintNodes() finds that a weight decides exactly when it bridges the gap', () => {
  const pair = (weight: number) => [
    node('a', { priority: 100, weights: [weight] }),
    node('b', { priority: 90, weights: [weight] }),
  ];
  for (const weight of [-30, -11, -10, 10, 11, 30]) assert.deepEqual(codes(pair(weight)), []);
  for (const weight of [-9, -1, 1, 9]) {
    assert.deepEqual(codes(pair(weight)), ['a weight-never-decides', 'b weight-never-decides']);
  }
});

test('lintNodes() counts the other scripts of a node', () => {
  const weights = [-9, -2];
  const nodes = [node('a', { priority: 100, weights }), node('b', { priority: 90 })];
  assert.deepEqual(codes(nodes), []);
});

test('lintNodes() knows that 255 never changes', () => {
  const nodes = [node('a', { priority: 255, weights: [-200] }), node('b', { priority: 254 })];
  assert.deepEqual(codes(nodes), ['a weight-never-decides']);
  assert.deepEqual(codes([node('a', { priority: 255, weights: [-200] })]), [
    'a weight-never-decides',
  ]);
});

test('lintNodes() of one node warns of small weights only', () => {
  assert.deepEqual(codes([node('a', { priority: 100, weights: [9] })]), ['a weight-never-decides']);
  assert.deepEqual(codes([node('a', { priority: 100, weights: [10] })]), []);
});

test('lintNodes() does not compare instances with different addresses', () => {
  const nodes = [
    node('a', { priority: 100, weights: [-30] }),
    node('b', { priority: 200, address: '10.0.0.2', virtualRouterId: 52 }),
  ];
  assert.deepEqual(codes(nodes), []);
});

test('lintNodes() warns of nopreempt beside a weight', () => {
  const options = { priority: 100, weights: [-30], nopreempt: true };
  assert.deepEqual(codes([node('a', options)]), ['a weight-never-decides']);
  assert.deepEqual(codes([node('a', { priority: 100, nopreempt: true })]), []);
});

test('lintNodes() names each file that repeats a router_id', () => {
  const nodes = ['a', 'b', 'c'].map((file, index) =>
    node(file, { priority: 100 - index, routerId: 'NodeA' }),
  );
  assert.deepEqual(codes(nodes), ['b shared-router-id', 'c shared-router-id']);
  assert.match(lintNodes(nodes)[0]?.text ?? '', /also that of a:3/);
});

test('lintNodes() warns of nopreempt beside the weight of another node', () => {
  const nodes = [
    node('a', { priority: 100, weights: [-30] }),
    node('b', { priority: 90, nopreempt: true }),
  ];
  assert.deepEqual(codes(nodes), ['b weight-never-decides']);
});
