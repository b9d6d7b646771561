import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ComparedInstance, lintNodesDiffer } from './lint-nodes-differ.ts';

type Options = {
  readonly priority?: number | null;
  readonly addresses?: readonly string[];
  readonly id?: number;
  readonly better?: Readonly<Record<string, string>>;
};

function node(file: string, options: Options): readonly ComparedInstance[] {
  const { priority = 100, addresses = ['10.0.0.1'], id = 51, better = {} } = options;
  const place = { file, line: 3, column: 5 };
  return [
    {
      name: 'A',
      virtualRouterId: id,
      priority,
      priorityPlace: { ...place, line: 4 },
      addresses,
      better: new Map(Object.entries(better)),
      wire: { place, alike: new Map(), source: null, peers: null },
    },
  ];
}

function said(...nodes: readonly (readonly ComparedInstance[])[]): readonly string[] {
  return lintNodesDiffer(nodes).map(
    ({ file, line, severity, code, text }) => `${file}:${line} ${severity} ${code} ${text}`,
  );
}

test('lintNodesDiffer() says nothing of nodes that are alike, or have nothing in common', () => {
  assert.deepEqual(said(node('a', {}), node('b', { priority: 90 })), []);
  assert.deepEqual(said(node('a', {}), node('b', { addresses: ['10.0.0.2'], id: 52 })), []);
  assert.deepEqual(said(node('a', { priority: null }), node('b', { priority: null })), []);
});

test('lintNodesDiffer() names a VIP that one node does not have', () => {
  const [line, ...rest] = said(
    node('a', { addresses: ['10.0.0.1', '10.0.0.2'] }),
    node('b', { priority: 90 }),
  );
  assert.deepEqual(rest, []);
  assert.match(
    line ?? '',
    /^b:3 error nodes-differ "A" has the VIPs 10\.0\.0\.1 here, and 10\.0\.0\.1, 10\.0\.0\.2 in a:3/,
  );
});

test('lintNodesDiffer() takes one number with two VIPs for a mistake', () => {
  const [line] = said(node('a', {}), node('b', { addresses: ['10.0.0.11'], priority: 90 }));
  assert.match(
    line ?? '',
    /^b:3 error nodes-differ The virtual_router_id 51 has the VIPs 10\.0\.0\.11 here/,
  );
});

test('lintNodesDiffer() names every tie, whichever node it is with', () => {
  const nodes = [100, 90, 90].map((priority, index) => node(`n${index}`, { priority }));
  const [line, ...rest] = said(...nodes);
  assert.deepEqual(rest, []);
  assert.match(line ?? '', /^n2:4 warning equal-priorities Priority 90 is also that of n1:4/);
});

test('lintNodesDiffer() names what differs, once for each directive', () => {
  const lines = said(
    node('a', { better: { advert_int: '1', preemption: 'on' } }),
    node('b', { better: { advert_int: '0.5', preemption: 'on' }, priority: 90 }),
  );
  assert.equal(lines.length, 1);
  assert.match(
    lines[0] ?? '',
    /^b:3 warning nodes-differ "A" has advert_int 0\.5 here, and 1 in a:3/,
  );
});
