import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClusterAnswer } from '../guardian/answers.ts';
import type { StatusReport } from '../stats/status.ts';
import { findServer, renderClusterAnswer, renderDrain } from './administrative-state.ts';

const report = {
  balancer: {
    report: {
      backends: [
        { name: 'api', servers: [{ name: 'm1' }, { name: 'm2' }] },
        { name: 'other', servers: [{ name: 'm2' }] },
      ],
    },
  },
} as unknown as StatusReport;

describe('findServer()', () => {
  it('takes a name that is unique, or one with its backend', () => {
    assert.deepEqual(findServer(report, 'm1'), { backend: 'api', server: 'm1' });
    assert.deepEqual(findServer(report, 'other/m2'), { backend: 'other', server: 'm2' });
  });

  it('lists what there is when the name is unknown or not unique', () => {
    assert.throws(() => findServer(report, 'm9'), /"m9"; there are: api\/m1, api\/m2, other\/m2$/);
    assert.throws(() => findServer(report, 'm2'), /Several .*"m2": api\/m2, other\/m2$/);
  });
});

describe('renderClusterAnswer()', () => {
  const render = (answer: ClusterAnswer) => renderClusterAnswer('api/m1', 'm1', 'drain', answer);

  it('has a line for each node, and says what to do where one failed', () => {
    const nodes = [
      { node: 'k8s-master', error: null },
      { node: 'node1', error: 'no answer within 2 s' },
    ];
    assert.deepEqual(render({ nodes, owners: [], unasked: null }), {
      text:
        'api/m1 in state drain:\n  k8s-master  done\n' +
        '  node1       no answer within 2 s; say it there: evergate drain m1 --only-here\n',
      warning: null,
    });
  });

  it('warns where nobody else was asked, unless there is nobody', () => {
    const nodes = [{ node: 'a', error: null }];
    assert.deepEqual(render({ nodes, owners: [], unasked: [] }), {
      text: 'api/m1 is in state drain on this node\n',
      warning: null,
    });
    const { warning } = render({ nodes, owners: ['b (10.0.0.2)'], unasked: ['b', 'c'] });
    assert.equal(
      warning,
      'No other node was asked; b (10.0.0.2) has the VIP, and sends clients there as before. ' +
        'Say it on b, c, too: evergate drain m1 --only-here. ' +
        'With evergate.yaml and a "vrrp.key" the command asks all nodes',
    );
    assert.match(
      render({ nodes, owners: ['10.0.0.2'], unasked: [] }).warning ?? '',
      /Say it on every other node, too/,
    );
  });
});

describe('renderDrain()', () => {
  it('says who has the VIP, and after how long it did', () => {
    const end = 'it takes the VIP only where no other node can';
    for (const [answer, said] of [
      [{ tookMs: 112, owners: ['b (10.0.0.2)'] }, 'b (10.0.0.2) took the VIP over after 112 ms'],
      [{ tookMs: 112, owners: [] }, 'another node took the VIP over after 112 ms'],
      [{ tookMs: null, owners: ['b'] }, 'it did not have the VIP, b has'],
      [{ tookMs: null, owners: [] }, 'it did not have the VIP'],
    ] as const) {
      assert.equal(renderDrain(answer), `This node is drained: ${said}; ${end}`);
    }
  });
});
